#pragma once
// Heads on their way through: what is passed on, what is dropped, what is added. Pure functions.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "platform/http/wire.hpp"
#include "platform/tracing/trace_context.hpp"

namespace modelops::proxy {

/// True for fields that concern one connection only (RFC 9110, 7.6.1), by themselves or because Connection lists them.
bool is_hop_by_hop(const http::Headers& headers, std::string_view name);

/// What the gateway says of a request to a replica.
struct Passing {
  std::string_view method;
  std::string_view path;
  std::string_view query;    ///< after '?'; empty: none
  std::string_view address;  ///< of the replica: its Host
  std::string_view request_id;
  tracing::SpanContext span;     ///< the gateway's own
  bool continues_trace = false;  ///< that of the caller: its tracestate goes along
  std::string_view remote_address;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
};

/// Appends the head that a replica gets. Credentials, cookies and whatever could be taken for the gateway's own word
/// stay behind.
void append_upstream_head(std::string& out, const http::Headers& received, const Passing& passing);

/// A replica's answer as far as the head tells.
struct UpstreamHead {
  http::Response response;  ///< status, and the fields that are passed on
  bool keep_alive = true;
  bool chunked = false;
  std::optional<std::uint64_t> length;  ///< nothing and not chunked: until the connection ends
  bool has_body = true;
  bool is_event_stream = false;
};

/// Parses one whole head as found by http::HeadScanner. Throws Error(bad_gateway) for anything ambiguous.
UpstreamHead parse_upstream_head(std::string_view bytes, http::Method method);

}  // namespace modelops::proxy
