#pragma once
#include <span>

#include "platform/tracing/span.hpp"

namespace modelops::tracing {

/// Who tells.
struct Resource {
  std::string service;   ///< "modelops-server"
  std::string version;   ///< of the program
  std::string instance;  ///< names this process
};

/// The body of an OTLP export request, ExportTraceServiceRequest in JSON (opentelemetry-proto 1.x: lowerCamelCase, ids
/// in hexadecimal, 64-bit numbers as text). Text is made fit to be shown.
std::string otlp_json(const Resource& resource, std::span<const Span> spans);

/// How many of the spans a collector says it has not taken, in a successful answer; nothing but 0 for what cannot be
/// read.
std::size_t rejected_spans(std::string_view answer);

}  // namespace modelops::tracing
