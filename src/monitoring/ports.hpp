#pragma once
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "monitoring/types.hpp"

namespace modelops::monitoring {

/// One metric of one deployment, `count` points that begin at `first` and are `step` long each. Names, ids and the
/// metric are the product's own, never a caller's text.
struct HistoryQuery {
  std::string organization;  ///< its name
  std::string deployment_id;
  std::string metric;
  Time first;
  std::chrono::seconds step{};
  std::int64_t count = 0;
};

struct HistorySeries {
  std::string replica_id;  ///< empty: of the deployment
  Values values;           ///< as many as there are points
};

/// One metric of every deployment of an organisation, over the time before `until`.
struct SummaryQuery {
  std::string organization;
  std::string metric;
  Time until;
  std::chrono::seconds window{};
};

/// Where metrics are kept for longer than a day: answered by an adapter. Thread-safe. Each call throws
/// Error(unavailable) when there is no usable answer before `deadline`.
class History {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  virtual ~History() = default;
  /// No series when nothing was kept.
  virtual std::vector<HistorySeries> range(const HistoryQuery& query, Deadline deadline) = 0;
  /// By the deployments' ids; without those that nothing was kept of.
  virtual std::map<std::string, double> summary(const SummaryQuery& query, Deadline deadline) = 0;
};

}  // namespace modelops::monitoring
