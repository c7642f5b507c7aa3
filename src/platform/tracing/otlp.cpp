#include "platform/tracing/otlp.hpp"

#include <boost/json.hpp>

#include "base/text.hpp"

namespace modelops::tracing {
namespace {

namespace json = boost::json;

/// The semantic conventions that attributes follow: those of HTTP are stable since 1.23.
constexpr std::size_t text_bytes_max = 4096;
constexpr std::string_view schema_url = "https://opentelemetry.io/schemas/1.37.0";

std::string nanoseconds(Time time) { return std::to_string(time.us) + "000"; }

json::object value_of(const std::string& value) { return {{"stringValue", display_text(value, text_bytes_max)}}; }
json::object value_of(std::int64_t value) { return {{"intValue", std::to_string(value)}}; }
json::object value_of(double value) { return {{"doubleValue", value}}; }
json::object value_of(bool value) { return {{"boolValue", value}}; }

json::object attribute(std::string_view key, json::object value) { return {{"key", key}, {"value", std::move(value)}}; }

json::object one(const Span& span) {
  json::object out{{"traceId", span.context.trace_id()},
                   {"spanId", span.context.span_id()},
                   {"name", display_text(span.name, text_bytes_max)},
                   {"kind", static_cast<int>(span.kind)},
                   {"startTimeUnixNano", nanoseconds(span.start)},
                   {"endTimeUnixNano", nanoseconds(span.start + span.duration)}};
  if (span.parent != 0) out["parentSpanId"] = SpanContext::span_id_text(span.parent);
  json::array attributes;
  for (const Attribute& given : span.attributes)
    attributes.push_back(
        std::visit([&](const auto& value) { return attribute(given.key, value_of(value)); }, given.value));
  if (!attributes.empty()) out["attributes"] = std::move(attributes);
  if (span.status != SpanStatus::unset) {
    json::object status{{"code", static_cast<int>(span.status)}};
    if (!span.message.empty()) status["message"] = display_text(span.message, text_bytes_max);
    out["status"] = std::move(status);
  }
  return out;
}

}  // namespace

std::size_t rejected_spans(std::string_view answer) {
  boost::system::error_code error;
  const json::value body = json::parse({answer.data(), answer.size()}, error);
  if (error) return 0;
  const json::value* count = body.find_pointer("/partialSuccess/rejectedSpans", error);
  if (count == nullptr) return 0;
  if (count->is_int64()) return static_cast<std::size_t>(std::max<std::int64_t>(count->as_int64(), 0));
  if (!count->is_string()) return 0;
  return static_cast<std::size_t>(parse_count(count->as_string()).value_or(0));
}

std::string otlp_json(const Resource& resource, std::span<const Span> spans) {
  json::array told;
  for (const Span& span : spans) told.push_back(one(span));
  const json::object scope{{"name", "modelops"}, {"version", resource.version}};
  const json::array about{attribute("service.name", value_of(resource.service)),
                          attribute("service.version", value_of(resource.version)),
                          attribute("service.instance.id", value_of(resource.instance))};
  const json::object of_scope{{"scope", scope}, {"spans", std::move(told)}, {"schemaUrl", schema_url}};
  return json::serialize(
      json::object{{"resourceSpans", json::array{json::object{{"resource", json::object{{"attributes", about}}},
                                                              {"scopeSpans", json::array{of_scope}}}}}});
}

}  // namespace modelops::tracing
