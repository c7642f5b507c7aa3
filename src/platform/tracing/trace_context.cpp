#include "platform/tracing/trace_context.hpp"

#include <charconv>
#include <random>

#include "base/text.hpp"

namespace modelops::tracing {
namespace {

/// Exactly `text`, in lowercase hexadecimal digits.
std::optional<std::uint64_t> parse_hex(std::string_view text) {
  if (text.find_first_not_of("0123456789abcdef") != text.npos) return std::nullopt;
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

}  // namespace

std::string SpanContext::trace_id() const {
  std::string out;
  append_hex(out, trace_high);
  append_hex(out, trace_low);
  return out;
}

std::string SpanContext::span_id_text(std::uint64_t span) {
  std::string out;
  append_hex(out, span);
  return out;
}

std::string SpanContext::trace_parent() const {
  std::string out;
  out.reserve(55);
  append_trace_parent(out);
  return out;
}

void SpanContext::append_trace_parent(std::string& out) const {
  out += "00-";
  append_hex(out, trace_high);
  append_hex(out, trace_low);
  out += '-';
  append_hex(out, span);
  out += sampled ? "-01" : "-00";
}

std::optional<SpanContext> parse_trace_parent(std::string_view text) {
  if (text.size() != 55 || !text.starts_with("00-") || text[35] != '-' || text[52] != '-') return std::nullopt;
  const auto high = parse_hex(text.substr(3, 16)), low = parse_hex(text.substr(19, 16));
  const auto span = parse_hex(text.substr(36, 16)), flags = parse_hex(text.substr(53));
  if (!high || !low || !span || !flags) return std::nullopt;
  const SpanContext context{*high, *low, *span, (*flags & 1) != 0};
  return context.valid() ? std::optional(context) : std::nullopt;
}

std::uint64_t new_id() {
  thread_local std::mt19937_64 random = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  for (;;)
    if (const std::uint64_t id = random()) return id;
}

}  // namespace modelops::tracing
