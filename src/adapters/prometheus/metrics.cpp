#include "adapters/prometheus/metrics.hpp"

#include <map>
#include <optional>
#include <string_view>

namespace modelops::adapters::prometheus {
namespace {

const std::string requests_total = "modelops_gateway_requests_total";

Matchers with(Matchers matchers, const std::string& label, const std::string& value) {
  matchers.push_back({label, value});
  return matchers;
}

Expression traffic(Expression (*over)(const std::string&, const Matchers&, std::chrono::seconds),
                   const std::string& metric, const Scope& scope) {
  return sum_by(scope.by, over(metric, scope.matchers, scope.window));
}

/// Answers with 5xx, and those that broke off.
Expression errors(Expression (*over)(const std::string&, const Matchers&, std::chrono::seconds), const Scope& scope) {
  return sum(sum_by(scope.by, over(requests_total, with(scope.matchers, "status", "5xx"), scope.window)),
             traffic(over, "modelops_gateway_broken_answers_total", scope));
}

Expression percentile_ms(const std::string& histogram, double rank, const Scope& scope) {
  LabelNames by = scope.by;
  by.push_back("le");
  return times(quantile(rank, sum_by(by, per_second(histogram + "_bucket", scope.matchers, scope.window))), 1000);
}

Expression of_engine(const std::string& name, const Scope& scope) {
  const std::string metric = "modelops_engine_" + name;
  if (name.ends_with("_total")) return traffic(per_second, metric, scope);
  // One engine tells a level, another a sum and what it is over.
  return either(traffic(average, metric, scope), divided(traffic(per_second, metric + "_sum_total", scope),
                                                         traffic(per_second, metric + "_count_total", scope)));
}

using Make = Expression (*)(const Scope&);

const std::map<std::string, Make, std::less<>>& traffic_metrics() {
  static const std::map<std::string, Make, std::less<>> table = {
      {"requests", [](const Scope& s) { return traffic(increase, requests_total, s); }},
      {"errors", [](const Scope& s) { return errors(increase, s); }},
      {"requests_per_second", [](const Scope& s) { return traffic(per_second, requests_total, s); }},
      {"error_ratio",
       [](const Scope& s) { return divided(errors(per_second, s), traffic(per_second, requests_total, s)); }},
      {"client_error_ratio",
       [](const Scope& s) {
         return divided(sum_by(s.by, per_second(requests_total, with(s.matchers, "status", "4xx"), s.window)),
                        traffic(per_second, requests_total, s));
       }},
      {"tokens_in_per_second",
       [](const Scope& s) {
         return sum_by(s.by,
                       per_second("modelops_gateway_tokens_total", with(s.matchers, "direction", "in"), s.window));
       }},
      {"tokens_out_per_second",
       [](const Scope& s) {
         return sum_by(s.by,
                       per_second("modelops_gateway_tokens_total", with(s.matchers, "direction", "out"), s.window));
       }},
      {"in_flight", [](const Scope& s) { return traffic(average, "modelops_gateway_requests_in_flight", s); }},
      {"queue_depth", [](const Scope& s) { return traffic(average, "modelops_gateway_queue_depth", s); }},
  };
  return table;
}

/// "duration_p95_ms" and its like: the histogram, and the rank.
struct Percentile {
  std::string histogram;
  double rank = 0;
};
std::optional<Percentile> percentile_of(std::string_view metric) {
  constexpr std::pair<std::string_view, double> ranks[] = {{"_p50_ms", 0.5}, {"_p95_ms", 0.95}, {"_p99_ms", 0.99}};
  static const std::map<std::string, std::string, std::less<>> histograms = {
      {"duration", "modelops_gateway_request_duration_seconds"},
      {"first_token", "modelops_gateway_time_to_first_token_seconds"},
      {"inter_token", "modelops_gateway_inter_token_seconds"}};
  for (const auto& [ending, rank] : ranks) {
    if (!metric.ends_with(ending)) continue;
    const auto found = histograms.find(metric.substr(0, metric.size() - ending.size()));
    if (found != histograms.end()) return Percentile{found->second, rank};
  }
  return std::nullopt;
}

}  // namespace

Expression expression_of(const std::string& metric, const Scope& scope) {
  if (const auto percentile = percentile_of(metric))
    return percentile_ms(percentile->histogram, percentile->rank, scope);
  if (const auto found = traffic_metrics().find(metric); found != traffic_metrics().end()) return found->second(scope);
  if (metric == "cpu_cores") return traffic(per_second, "modelops_replica_cpu_seconds_total", scope);
  if (metric == "memory_bytes") return traffic(average, "modelops_replica_memory_bytes", scope);
  return of_engine(metric, scope);
}

bool is_of_deployment(const std::string& metric) { return percentile_of(metric) || traffic_metrics().contains(metric); }

}  // namespace modelops::adapters::prometheus
