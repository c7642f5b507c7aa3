#pragma once
#include "deployments/types.hpp"
#include "monitoring/wire.hpp"

namespace modelops::monitoring {

using identity::Reference;
using reflect::Doc;

inline constexpr Permission monitoring_read{"monitoring:read"};
/// Finds what Prometheus scrapes, and what it scrapes of engines: of one's organisation, or, for the organisation that
/// runs the installation, of all.
inline constexpr Permission monitoring_discover{"monitoring:discover"};

/// How far a latency may be from the true one, as a part of it: half of the widest bucket over its least value.
inline constexpr double latency_relative_error = 1.0 / 32;

struct WindowRule {
  static bool accepts(std::string_view text) { return text == "15m" || text == "1h" || text == "6h" || text == "24h"; }
  static std::string says() { return "must be 15m, 1h, 6h or 24h"; }
  static constexpr std::string_view pattern = "^(15m|1h|6h|24h)$";
  static constexpr std::string_view format = "";
  static constexpr std::size_t min = 2;
  static constexpr std::size_t max = 3;
};
using WindowName = reflect::Text<WindowRule>;
struct ShortWindowRule {
  static bool accepts(std::string_view text) { return text == "15m" || text == "1h"; }
  static std::string says() { return "must be 15m or 1h"; }
  static constexpr std::string_view pattern = "^(15m|1h)$";
  static constexpr std::string_view format = "";
  static constexpr std::size_t min = 2;
  static constexpr std::size_t max = 3;
};
using ShortWindowName = reflect::Text<ShortWindowRule>;

struct GetDeploymentMetrics {
  Reference deployment;
  WindowName window = *WindowName::parse("15m");
  std::optional<reflect::Ranged<5, 8640>> step;
  static constexpr Doc docs[] = {
      {"window", "15m, 1h, 6h or 24h, up to the newest point that is complete; earlier times: get_deployment_history"},
      {"step",
       "Seconds between two points: a divisor of the window that makes 10 to 1440 points, and a multiple of 5 "
       "(6h and 24h: of 60). Without it 5 for 15m, 15 for 1h, 60 for 6h, 300 for 24h"}};
};
MODELOPS_DESCRIBE(GetDeploymentMetrics, deployment, window, step);

/// One value of a chart; nothing where nobody measured, or there was nothing to measure.
using Values = std::vector<std::optional<double>>;

/// Each as long as `times`.
struct TrafficSeries {
  Values requests_per_second;
  Values error_ratio;
  Values client_error_ratio;
  Values duration_p50_ms;
  Values duration_p95_ms;
  Values duration_p99_ms;
  Values first_token_p50_ms;
  Values first_token_p95_ms;
  Values first_token_p99_ms;
  Values inter_token_p50_ms;
  Values inter_token_p95_ms;
  Values inter_token_p99_ms;
  Values tokens_in_per_second;
  Values tokens_out_per_second;
  Values in_flight;
  Values queue_depth;
  static constexpr Doc docs[] = {
      {"error_ratio", "Answers with 5xx, and those that broke off, among all; null without a request"},
      {"client_error_ratio", "Answers with 4xx among all"},
      {"duration_p50_ms", "From a request's first byte to its answer's last, as its gateway saw it"},
      {"first_token_p50_ms", "From a request's first byte to the first event of its stream"},
      {"inter_token_p50_ms", "Between two pieces of a stream"},
      {"tokens_in_per_second", "As engines tell it in `usage`"},
      {"tokens_out_per_second", "As engines tell it in `usage`; of a stream that tells none, its events"},
      {"in_flight", "Requests under way, on average"},
      {"queue_depth", "Requests that waited for a replica, on average"}};
};
MODELOPS_DESCRIBE(TrafficSeries, requests_per_second, error_ratio, client_error_ratio, duration_p50_ms, duration_p95_ms,
                  duration_p99_ms, first_token_p50_ms, first_token_p95_ms, first_token_p99_ms, inter_token_p50_ms,
                  inter_token_p95_ms, inter_token_p99_ms, tokens_in_per_second, tokens_out_per_second, in_flight,
                  queue_depth);

/// What an engine says of itself.
struct EngineSeries {
  std::string name;
  std::string unit;
  Values values;
  static constexpr Doc docs[] = {
      {"name", "Of the vocabulary that all engines share: requests_running, requests_waiting, kv_usage_ratio…"},
      {"unit", "s, token, By (bytes), W or 1; of a name that ends in _total this is per second"}};
};
MODELOPS_DESCRIBE(EngineSeries, name, unit, values);

struct ReplicaSeries {
  std::string replica_id;
  Values cpu_cores;
  Values memory_bytes;
  std::vector<EngineSeries> engine;
  static constexpr Doc docs[] = {{"cpu_cores", "1: one core all the time"},
                                 {"engine", "By name; empty when its engine exposes no metrics"}};
};
MODELOPS_DESCRIBE(ReplicaSeries, replica_id, cpu_cores, memory_bytes, engine);

struct DeploymentMetrics {
  deployments::DeploymentId deployment_id;
  std::string window;
  std::int64_t step = 0;
  std::vector<Time> times;
  TrafficSeries traffic;
  std::vector<ReplicaSeries> replicas;
  double latency_error = latency_relative_error;
  static constexpr Doc docs[] = {
      {"step", "Seconds between two points"},
      {"times", "Where each point begins; the last one has ended a moment ago"},
      {"traffic", "Null where no gateway reported"},
      {"replicas", "As their agent observed them, also of replicas that ended within the window"},
      {"latency_error", "How far a latency may be from the true one, as a part of it"}};
};
MODELOPS_DESCRIBE(DeploymentMetrics, deployment_id, window, step, times, traffic, replicas, latency_error);

struct ListDeploymentMetrics {
  ShortWindowName window = *ShortWindowName::parse("15m");
  reflect::Ranged<1, 200> page_size = reflect::Ranged<1, 200>::of<50>();
  std::string page_token;
  std::string filter;
  std::string order_by;
  static constexpr Doc docs[] = {{"window", "15m or 1h"},
                                 {"filter", "Of deployments, as in their list"},
                                 {"order_by", "Of deployments, as in their list: equal requests give equal pages"}};
};
MODELOPS_DESCRIBE(ListDeploymentMetrics, window, page_size, page_token, filter, order_by);

struct DeploymentMetricsSummary {
  deployments::DeploymentId deployment_id;
  std::string name;
  std::optional<double> requests_per_second;
  std::optional<double> error_ratio;
  std::optional<double> duration_p95_ms;
  std::optional<double> tokens_in_per_second;
  std::optional<double> tokens_out_per_second;
  Values sparkline;
  static constexpr Doc docs[] = {
      {"requests_per_second", "Over the window, as far as a gateway reported; absent when none did"},
      {"error_ratio", "Absent without a request, as is duration_p95_ms"},
      {"sparkline", "Requests per second, 30 points over the window"}};
};
MODELOPS_DESCRIBE(DeploymentMetricsSummary, deployment_id, name, requests_per_second, error_ratio, duration_p95_ms,
                  tokens_in_per_second, tokens_out_per_second, sparkline);
struct DeploymentMetricsPage {
  std::string window;
  std::int64_t step = 0;
  std::vector<Time> times;
  std::vector<DeploymentMetricsSummary> items;
  std::optional<std::string> next_page_token;
  static constexpr Doc docs[] = {{"step", "Seconds between two points of a sparkline"},
                                 {"times", "Where each point of a sparkline begins"}};
};
MODELOPS_DESCRIBE(DeploymentMetricsPage, window, step, times, items, next_page_token);

struct DiscoverTargets {
  std::optional<reflect::Slug> local;
  static constexpr Doc docs[] = {
      {"local",
       "The name of the target and the gateway (of your organization) on Prometheus's own machine: those that listen "
       "on a loopback address are listed only there"}};
};
MODELOPS_DESCRIBE(DiscoverTargets, local);
/// As Prometheus' HTTP service discovery wants it.
struct ScrapeTarget {
  std::vector<std::string> targets;
  std::map<std::string, std::string> labels;
};
MODELOPS_DESCRIBE(ScrapeTarget, targets, labels);

struct GetDeploymentHistory {
  Reference deployment;
  std::optional<Time> from;
  std::optional<Time> to;
  std::optional<reflect::Ranged<15, 86400>> step;
  reflect::Bounded<0, 2000> metrics = *reflect::Bounded<0, 2000>::parse("");
  static constexpr Doc docs[] = {
      {"from", "An hour before `to` unless it is given; 31 days at most"},
      {"to", "Now unless it is given; rounded down to a multiple of the step"},
      {"step", "Seconds between two points, which must not be more than 1500; without it about 300 points"},
      {"metrics",
       "Names, with commas between them: those of the live charts' traffic, cpu_cores, memory_bytes, and of the "
       "vocabulary of engines. Empty: all that this deployment may have"}};
};
MODELOPS_DESCRIBE(GetDeploymentHistory, deployment, from, to, step, metrics);

struct MetricSeries {
  std::string metric;
  std::string unit;
  std::optional<std::string> replica_id;
  Values values;
  static constexpr Doc docs[] = {
      {"unit", "ms, s, token, By, W, cores, 1 (a number or a share), or one of them per second"},
      {"replica_id", "Absent: of the whole deployment"}};
};
MODELOPS_DESCRIBE(MetricSeries, metric, unit, replica_id, values);
struct DeploymentHistory {
  deployments::DeploymentId deployment_id;
  std::int64_t step = 0;
  std::vector<Time> times;
  std::vector<MetricSeries> series;
  static constexpr Doc docs[] = {
      {"step", "Seconds between two points"},
      {"times", "Where each point begins"},
      {"series",
       "Without those that nothing is known of; null where nothing was measured. Percentiles are interpolated "
       "between the bounds of Prometheus' buckets"}};
};
MODELOPS_DESCRIBE(DeploymentHistory, deployment_id, step, times, series);

struct PerformanceWindowRule {
  static bool accepts(std::string_view text) {
    return text == "15m" || text == "1h" || text == "6h" || text == "24h" || text == "7d";
  }
  static std::string says() { return "must be 15m, 1h, 6h, 24h or 7d"; }
  static constexpr std::string_view pattern = "^(15m|1h|6h|24h|7d)$";
  static constexpr std::string_view format = "";
  static constexpr std::size_t min = 2;
  static constexpr std::size_t max = 3;
};
using PerformanceWindow = reflect::Text<PerformanceWindowRule>;

struct ListPerformance {
  PerformanceWindow window = *PerformanceWindow::parse("1h");
  reflect::Ranged<1, 100> page_size = reflect::Ranged<1, 100>::of<50>();
  std::string page_token;
  std::string filter;
  std::string order_by;
  static constexpr Doc docs[] = {
      {"window", "Up to now. 15m and 1h are the control plane's own measurements; 6h, 24h and 7d need Prometheus"},
      {"filter", "Of deployments, as in their list"},
      {"order_by", "Of deployments, as in their list"}};
};
MODELOPS_DESCRIBE(ListPerformance, window, page_size, page_token, filter, order_by);

/// How a deployment did over a window. What is absent was not measured.
struct DeploymentPerformance {
  deployments::DeploymentId deployment_id;
  std::string name;
  std::optional<double> requests;
  std::optional<double> errors;
  std::optional<double> requests_per_second;
  std::optional<double> error_ratio;
  std::optional<double> duration_p50_ms;
  std::optional<double> duration_p95_ms;
  std::optional<double> duration_p99_ms;
  std::optional<double> first_token_p50_ms;
  std::optional<double> first_token_p95_ms;
  std::optional<double> first_token_p99_ms;
  std::optional<double> inter_token_p50_ms;
  std::optional<double> inter_token_p95_ms;
  std::optional<double> inter_token_p99_ms;
  std::optional<double> tokens_in_per_second;
  std::optional<double> tokens_out_per_second;
  static constexpr Doc docs[] = {{"requests", "From Prometheus an estimate: it interpolates between samples"},
                                 {"errors", "Answers with 5xx, and those that broke off"},
                                 {"first_token_p50_ms", "Time to the first event of a stream (TTFT)"},
                                 {"inter_token_p50_ms", "Between two pieces of a stream (ITL)"}};
};
MODELOPS_DESCRIBE(DeploymentPerformance, deployment_id, name, requests, errors, requests_per_second, error_ratio,
                  duration_p50_ms, duration_p95_ms, duration_p99_ms, first_token_p50_ms, first_token_p95_ms,
                  first_token_p99_ms, inter_token_p50_ms, inter_token_p95_ms, inter_token_p99_ms, tokens_in_per_second,
                  tokens_out_per_second);
struct PerformancePage {
  std::string window;
  Time until;
  std::vector<DeploymentPerformance> items;
  std::optional<std::string> next_page_token;
};
MODELOPS_DESCRIBE(PerformancePage, window, until, items, next_page_token);

struct ListRecentRequests {
  Reference deployment;
  query::PageSize page_size = query::default_page_size();
  std::string page_token;
  std::string filter;
  std::string order_by;
  static constexpr Doc docs[] = {
      {"filter", "For example: failed = true, duration_ms > 500, status >= 400, or request_id = '…'"},
      {"order_by", "started_at or status, with desc for descending; the newest first unless it is given"}};
};
MODELOPS_DESCRIBE(ListRecentRequests, deployment, page_size, page_token, filter, order_by);
struct RecentRequestPage {
  std::vector<RecentRequest> items;
  std::optional<std::string> next_page_token;
};
MODELOPS_DESCRIBE(RecentRequestPage, items, next_page_token);

struct GetRecentRequest {
  Reference deployment;
  reflect::Bounded<1, 64> request_id;
};
MODELOPS_DESCRIBE(GetRecentRequest, deployment, request_id);
struct RecentRequestDetail {
  deployments::DeploymentId deployment_id;
  RecentRequest request;
  std::string key_id;
  std::optional<std::string> trace_url;
  std::vector<RequestSpan> spans;
  static constexpr Doc docs[] = {
      {"key_id", "The API key that called"},
      {"trace_url", "The same trace in the viewer that the operator set (telemetry.trace_url)"},
      {"spans", "The whole request first"}};
};
MODELOPS_DESCRIBE(RecentRequestDetail, deployment_id, request, key_id, trace_url, spans);

}  // namespace modelops::monitoring
