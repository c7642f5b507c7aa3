#pragma once
#include <string>

#include "monitoring/ports.hpp"
#include "platform/http/client.hpp"

namespace modelops::adapters::prometheus {

/// Metrics that a Prometheus keeps, over its HTTP API. Each series that it is asked for carries the organisation's name
/// and the deployment's id.
class PrometheusHistory final : public monitoring::History {
 public:
  /// `url` is the operator's: http or https, with a path where one is needed.
  explicit PrometheusHistory(std::string url);

  std::vector<monitoring::HistorySeries> range(const monitoring::HistoryQuery& query, Deadline deadline) override;
  std::map<std::string, double> summary(const monitoring::SummaryQuery& query, Deadline deadline) override;

 private:
  std::string ask(const std::string& path, const std::string& form, Deadline deadline);

  const std::string url_;
  http::Client client_;
};

}  // namespace modelops::adapters::prometheus
