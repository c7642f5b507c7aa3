#pragma once
// W3C Trace Context, version 00: which trace a piece of work belongs to, and which span it is.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace modelops::tracing {

/// All zero: none.
struct SpanContext {
  std::uint64_t trace_high = 0;
  std::uint64_t trace_low = 0;
  std::uint64_t span = 0;
  bool sampled = false;

  bool operator==(const SpanContext&) const = default;
  bool valid() const { return (trace_high != 0 || trace_low != 0) && span != 0; }
  /// 32 lowercase hexadecimal digits.
  std::string trace_id() const;
  /// 16 lowercase hexadecimal digits.
  std::string span_id() const { return span_id_text(span); }
  /// "00-{trace}-{span}-{flags}".
  std::string trace_parent() const;
  void append_trace_parent(std::string& out) const;

  static std::string span_id_text(std::uint64_t span);
};

/// A `traceparent` as somebody else sent it; nothing when it is not exactly one of version 00, or has a zero id.
std::optional<SpanContext> parse_trace_parent(std::string_view text);

/// A random id that is not zero. Ids only have to differ: no secret is made of them.
std::uint64_t new_id();

}  // namespace modelops::tracing
