#include "dataplane/proxy/route_metrics.hpp"

namespace modelops::proxy {
namespace {

metrics::Labels with(metrics::Labels labels, const std::string& name, std::string value) {
  labels.emplace(name, std::move(value));
  return labels;
}

double seconds(RouteMetrics::Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

RouteMetrics::RouteMetrics(metrics::Registry& registry, const std::string& organization, const std::string& deployment,
                           const std::string& deployment_id)
    : RouteMetrics(registry,
                   metrics::Labels{
                       {"organization", organization}, {"deployment", deployment}, {"deployment_id", deployment_id}}) {}

RouteMetrics::RouteMetrics(metrics::Registry& registry, const metrics::Labels& labels)
    : scope_(registry),
      first_byte(scope_.histogram("modelops_gateway_time_to_first_byte_seconds",
                                  "From a request's first byte to the first of its answer.", metrics::latency_bounds(),
                                  labels)),
      in_flight(scope_.gauge("modelops_gateway_requests_in_flight", "Requests being served.", labels)),
      queued(scope_.gauge("modelops_gateway_queue_depth", "Requests that wait for a replica.", labels)),
      retries(scope_.counter("modelops_gateway_retries_total", "Requests sent to a replica again.", labels)),
      duration_(scope_.histogram("modelops_gateway_request_duration_seconds",
                                 "From a request's first byte to its answer's last.", metrics::latency_bounds(),
                                 labels)),
      first_token_(scope_.histogram("modelops_gateway_time_to_first_token_seconds",
                                    "From a request's first byte to the first event of its stream.",
                                    metrics::latency_bounds(), labels)),
      token_gap_(scope_.histogram("modelops_gateway_inter_token_seconds", "Between two events of a stream.",
                                  metrics::latency_bounds(), labels)),
      meter_(std::make_unique<Meter>()),
      broken_(scope_.counter("modelops_gateway_broken_answers_total",
                             "Answers below 500 that had begun and did not arrive whole.", labels)),
      tokens_in_(token_counter(labels, "in")),
      tokens_out_(token_counter(labels, "out")),
      requests_{request_counter(labels, "1xx"), request_counter(labels, "1xx"), request_counter(labels, "2xx"),
                request_counter(labels, "3xx"), request_counter(labels, "4xx"), request_counter(labels, "5xx")},
      faults_{fault_counter(labels, "connect"), fault_counter(labels, "reset"), fault_counter(labels, "timeout"),
              fault_counter(labels, "malformed"), fault_counter(labels, "truncated")} {}

void RouteMetrics::finished(int status, bool broken, Duration duration) const {
  requests_.at(static_cast<std::size_t>(status / 100)).add();
  if (broken && status < 500) broken_.add();
  duration_.observe(seconds(duration));
  meter_->count_request(status, broken, duration);
}

void RouteMetrics::first_token(Duration after) const {
  first_token_.observe(seconds(after));
  meter_->observe_first_token(after);
}

void RouteMetrics::token_gap(Duration gap) const {
  token_gap_.observe(seconds(gap));
  meter_->observe_token_gap(gap);
}

void RouteMetrics::tokens(std::int64_t in, std::int64_t out) const {
  meter_->count_tokens(in, out);
  tokens_in_.add(static_cast<double>(in));
  std::int64_t owed = tokens_owed_->load();
  while (!tokens_owed_->compare_exchange_weak(owed, std::max<std::int64_t>(owed - out, 0))) {}
  tokens_out_.add(static_cast<double>(std::max<std::int64_t>(out - owed, 0)));
}

metrics::Counter RouteMetrics::token_counter(const metrics::Labels& labels, std::string direction) {
  return scope_.counter("modelops_gateway_tokens_total", "Tokens, as engines tell in `usage`.",
                        with(labels, "direction", std::move(direction)));
}

metrics::Counter RouteMetrics::request_counter(const metrics::Labels& labels, std::string status) {
  return scope_.counter("modelops_gateway_requests_total", "Requests answered.",
                        with(labels, "status", std::move(status)));
}

metrics::Counter RouteMetrics::fault_counter(const metrics::Labels& labels, std::string kind) {
  return scope_.counter("modelops_gateway_upstream_errors_total", "Replicas that did not answer as they should.",
                        with(labels, "kind", std::move(kind)));
}

}  // namespace modelops::proxy
