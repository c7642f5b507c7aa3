#include "dataplane/proxy/request_trace.hpp"

#include <charconv>

#include "base/text.hpp"

namespace modelops::proxy {
namespace {

using std::chrono::microseconds;
using tracing::Span;
using tracing::SpanKind;

constexpr std::size_t server_timing_max = 8;
constexpr std::size_t timing_name_max = 64;
constexpr std::size_t text_bytes_max = 512;
constexpr int failed_per_second = 20;
constexpr int usual_per_second = 3;
constexpr int slow_per_second = 5;

bool is_set(SteadyTime time) { return time != SteadyTime{}; }

microseconds between(SteadyTime from, SteadyTime to) {
  return std::max(std::chrono::duration_cast<microseconds>(to - from), microseconds(0));
}

double ms(microseconds duration) { return static_cast<double>(duration.count()) / 1000; }

/// The operation's name of the conventions for generative AI; empty for other calls.
std::string_view operation_of(std::string_view path) {
  if (path.ends_with("/v1/chat/completions")) return "chat";
  if (path.ends_with("/v1/completions")) return "text_completion";
  if (path.ends_with("/v1/embeddings")) return "embeddings";
  return {};
}

std::string shortened(std::string_view text) { return display_text(text, text_bytes_max); }

std::string port_of(std::string_view address) { return std::string(address.substr(address.rfind(':') + 1)); }

Span request_span(const EndedRequest& request) {
  const gateway::Route& route = request.route;
  const RequestTrace& trace = request.trace;
  Span span;
  span.context = trace.context;
  span.parent = trace.parent;
  span.kind = SpanKind::server;
  span.start = request.started_at;
  span.duration = between(request.start, request.end);
  const std::string_view operation = operation_of(request.path);
  const std::string model = trace.model.empty() ? route.deployment : trace.model;
  span.name = operation.empty() ? fmt::format("{} /serve/{}/{}", request.method, route.organization, route.deployment)
                                : fmt::format("{} {}", operation, model);
  span.attributes = {{"http.request.method", std::string(request.method)},
                     {"url.path", shortened(request.path)},
                     {"http.response.status_code", std::int64_t{request.status}},
                     {"modelops.request_id", std::string(request.request_id)},
                     {"modelops.organization", route.organization},
                     {"modelops.deployment", route.deployment},
                     {"modelops.deployment_id", route.deployment_id}};
  const auto add = [&](std::string key, auto value) { span.attributes.push_back({std::move(key), std::move(value)}); };
  if (!operation.empty()) {
    add("gen_ai.operation.name", std::string(operation));
    add("gen_ai.provider.name", route.engine);
    add("gen_ai.request.model", shortened(model));
    if (!route.engine_model.empty()) add("gen_ai.response.model", route.engine_model);
    add("modelops.gen_ai_conventions", std::string(gen_ai_conventions));
  }
  if (trace.tokens_in) add("gen_ai.usage.input_tokens", *trace.tokens_in);
  if (trace.tokens_out) add("gen_ai.usage.output_tokens", *trace.tokens_out);
  if (is_set(trace.first_token))
    add("gen_ai.server.time_to_first_token", ms(between(request.start, trace.first_token)) / 1000);
  if (request.failed) {
    span.status = tracing::SpanStatus::error;
    add("error.type", request.status >= 500 ? std::to_string(request.status) : std::string("broken_answer"));
  }
  return span;
}

}  // namespace

std::vector<Timing> parse_server_timing(std::string_view header) {
  std::vector<Timing> out;
  // What stands in quotes is for people, whatever it holds.
  std::string text;
  bool quoted = false;
  for (const char c : header) {
    if (c == '"') quoted = !quoted;
    if (!quoted) text += c;
  }
  for (const std::string_view entry : split(text, ',')) {
    const auto parts = split(entry, ';');
    const std::string_view name = trim(parts.front());
    const bool named =
        !name.empty() && name.size() <= timing_name_max &&
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == name.npos;
    for (std::size_t i = 1; named && i < parts.size() && out.size() < server_timing_max; ++i) {
      const std::string_view parameter = trim(parts[i]);
      if (!parameter.starts_with("dur=")) continue;
      double value = -1;
      const std::string_view digits = parameter.substr(4);
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
      const bool whole = error == std::errc() && end == digits.data() + digits.size();
      if (whole && value >= 0 && value < 1e9)
        out.push_back({std::string(name), microseconds(static_cast<std::int64_t>(value * 1000))});
      break;
    }
  }
  return out;
}

std::vector<Span> spans_of(const EndedRequest& request) {
  const RequestTrace& trace = request.trace;
  std::vector<Span> out{request_span(request)};
  const auto at = [&](SteadyTime time) { return request.started_at + between(request.start, time); };
  const auto child = [&](std::string name, SpanKind kind, std::uint64_t id, std::uint64_t parent, Time start,
                         microseconds duration) -> Span& {
    Span& span = out.emplace_back();
    span.context = {trace.context.trace_high, trace.context.trace_low, id, trace.context.sampled};
    span.parent = parent;
    span.name = std::move(name);
    span.kind = kind;
    span.start = start;
    span.duration = duration;
    return span;
  };
  if (is_set(trace.queued)) {
    const SteadyTime until = is_set(trace.granted) ? trace.granted : request.end;
    child("queue", SpanKind::internal, tracing::new_id(), trace.context.span, at(trace.queued),
          between(trace.queued, until));
  }
  for (const Attempt& attempt : trace.attempts) {
    const SteadyTime ended = is_set(attempt.ended) ? attempt.ended : request.end;
    Span& span = child("replica", SpanKind::client, attempt.span, trace.context.span, at(attempt.began),
                       between(attempt.began, ended));
    const std::string& address = attempt.replica->address;
    span.attributes = {{"server.address", address.substr(0, address.rfind(':'))},
                       {"server.port", port_of(address)},
                       {"modelops.replica_id", attempt.replica->id}};
    if (is_set(attempt.first_byte))
      span.attributes.push_back({"modelops.time_to_first_byte_ms", ms(between(attempt.began, attempt.first_byte))});
    if (!attempt.failure.empty()) {
      span.status = tracing::SpanStatus::error;
      span.attributes.push_back({"error.type", std::string(attempt.failure)});
    }
    if (is_set(trace.first_token) && &attempt == &trace.attempts.back()) {
      child("first token", SpanKind::internal, tracing::new_id(), attempt.span, at(attempt.began),
            between(attempt.began, trace.first_token));
      child("next tokens", SpanKind::internal, tracing::new_id(), attempt.span, at(trace.first_token),
            between(trace.first_token, ended));
    }
    // The header tells how long, not when: one after the other, in its order.
    Time start = at(attempt.began);
    for (const Timing& timing : parse_server_timing(attempt.server_timing)) {
      const microseconds duration = std::min(timing.duration, at(ended) - start);
      child("engine " + timing.name, SpanKind::internal, tracing::new_id(), attempt.span, start, duration)
          .attributes = {{"modelops.source", std::string("Server-Timing")}};
      start = start + duration;
    }
  }
  return out;
}

monitoring::RequestTrace told_of(const EndedRequest& request, const std::vector<Span>& spans) {
  const RequestTrace& trace = request.trace;
  monitoring::RequestTrace out;
  out.deployment_id = request.route.deployment_id;
  out.key_id = request.key_id;
  monitoring::RecentRequest& told = out.request;
  told.request_id = request.request_id;
  told.trace_id = trace.context.trace_id();
  told.started_at = request.started_at;
  told.duration_ms = ms(between(request.start, request.end));
  told.status = request.status;
  told.failed = request.failed;
  told.name = shortened(spans.front().name);
  told.method = request.method;
  told.path = shortened(request.path);
  told.replica_id = trace.attempts.empty() ? std::string() : trace.attempts.back().replica->id;
  told.streamed = trace.streamed;
  if (is_set(request.first_byte)) told.first_byte_ms = ms(between(request.start, request.first_byte));
  if (is_set(trace.first_token)) told.first_token_ms = ms(between(request.start, trace.first_token));
  told.tokens_in = trace.tokens_in;
  told.tokens_out = trace.tokens_out;
  told.attempts = static_cast<int>(trace.attempts.size());
  constexpr std::array<std::string_view, 6> kinds{"", "internal", "server", "client", "producer", "consumer"};
  for (const Span& span : spans) {
    if (out.spans.size() >= monitoring::spans_per_request_max) break;
    monitoring::RequestSpan& made = out.spans.emplace_back();
    made.span_id = span.context.span_id();
    if (span.parent != 0) made.parent_span_id = tracing::SpanContext::span_id_text(span.parent);
    made.name = shortened(span.name);
    made.kind = kinds.at(static_cast<std::size_t>(span.kind));
    made.start_ms = ms(span.start - request.started_at);
    made.duration_ms = ms(span.duration);
    made.failed = span.status == tracing::SpanStatus::error;
    for (const tracing::Attribute& attribute : span.attributes)
      made.attributes[attribute.key] = std::visit(
          [](const auto& value) {
            using V = std::remove_cvref_t<decltype(value)>;
            if constexpr (std::is_same_v<V, std::string>)
              return shortened(value);
            else if constexpr (std::is_same_v<V, double>)
              return fmt::format("{:.6g}", value);
            else
              return fmt::format("{}", value);
          },
          attribute.value);
  }
  return out;
}

bool RequestSample::wants(const std::string& deployment_id, bool failed, SteadyTime now, SteadyTime::duration took) {
  std::lock_guard lock(mutex_);
  if (now - second_ >= std::chrono::seconds(1)) {
    second_ = now;
    chosen_.clear();
  }
  Chosen& chosen = chosen_[deployment_id];
  if (failed) return chosen.failed++ < failed_per_second;
  const bool is_slowest = took > chosen.slowest;
  chosen.slowest = std::max(chosen.slowest, took);
  if (chosen.usual < usual_per_second) return ++chosen.usual, true;
  return is_slowest && chosen.slow++ < slow_per_second;
}

void RequestSample::add(monitoring::RequestTrace request) {
  std::lock_guard lock(mutex_);
  if (kept_.size() >= kept_max_) kept_.pop_front();
  kept_.push_back(std::move(request));
}

std::vector<monitoring::RequestTrace> RequestSample::take(std::size_t count_max) {
  std::lock_guard lock(mutex_);
  std::vector<monitoring::RequestTrace> out;
  const std::size_t count = std::min(count_max, kept_.size());
  for (std::size_t i = kept_.size() - count; i < kept_.size(); ++i) out.push_back(std::move(kept_[i]));
  kept_.resize(kept_.size() - count);
  return out;
}

}  // namespace modelops::proxy
