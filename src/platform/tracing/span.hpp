#pragma once
#include <chrono>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "platform/tracing/trace_context.hpp"

namespace modelops::tracing {

/// By OpenTelemetry's numbers.
enum class SpanKind { internal = 1, server = 2, client = 3, producer = 4, consumer = 5 };
enum class SpanStatus { unset = 0, ok = 1, error = 2 };

struct Attribute {
  std::string key;
  std::variant<std::string, std::int64_t, double, bool> value;
};

/// One piece of work, once it has ended.
struct Span {
  SpanContext context;
  std::uint64_t parent = 0;  ///< span id; 0: the first of its trace
  std::string name;
  SpanKind kind = SpanKind::internal;
  Time start;
  std::chrono::microseconds duration{};
  SpanStatus status = SpanStatus::unset;
  std::string message;  ///< of an error
  std::vector<Attribute> attributes;
};

}  // namespace modelops::tracing
