#pragma once
#include <array>
#include <string>

#include "platform/metrics/metrics.hpp"

namespace modelops::proxy {

/// Why a replica did not answer as it should.
enum class UpstreamFault { connect, reset, timeout, malformed, truncated };

/// The series of one deployment; made once, so that counting takes no look-up.
class RouteMetrics {
 public:
  RouteMetrics(metrics::Registry& registry, const std::string& organization, const std::string& deployment);

  void count(int status) const { requests_.at(static_cast<std::size_t>(status / 100)).add(); }
  void count(UpstreamFault fault) const { faults_[static_cast<std::size_t>(fault)].add(); }

  metrics::Histogram duration;
  metrics::Histogram first_byte;   ///< from the request's first byte to the answer's
  metrics::Histogram first_token;  ///< the same to the first event of a stream
  metrics::Histogram token_gap;    ///< between two pieces of a stream of events
  metrics::Gauge in_flight;
  metrics::Gauge queued;
  metrics::Counter retries;

 private:
  RouteMetrics(metrics::Registry& registry, const metrics::Labels& labels);
  static metrics::Counter request_counter(metrics::Registry& registry, const metrics::Labels& labels,
                                          std::string status);
  static metrics::Counter fault_counter(metrics::Registry& registry, const metrics::Labels& labels, std::string kind);

  std::array<metrics::Counter, 6> requests_;  // by the first digit of the status
  std::array<metrics::Counter, 5> faults_;
};

}  // namespace modelops::proxy
