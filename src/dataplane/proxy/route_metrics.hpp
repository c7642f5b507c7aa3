#pragma once
#include <array>
#include <atomic>
#include <memory>
#include <string>

#include "dataplane/proxy/meter.hpp"
#include "platform/metrics/metrics.hpp"

namespace modelops::proxy {

/// Why a replica did not answer as it should.
enum class UpstreamFault { connect, reset, timeout, malformed, truncated };

/// What is counted of one deployment: its series for Prometheus, which leave the registry with it, and for the control
/// plane. Made once, so that counting takes no look-up.
class RouteMetrics {
  metrics::Scope scope_;  // before what is made through it

 public:
  using Duration = Meter::Duration;
  /// The id keeps a deployment's series apart from those of another that had its name before.
  RouteMetrics(metrics::Registry& registry, const std::string& organization, const std::string& deployment,
               const std::string& deployment_id);

  /// A request that has ended; `broken` when its answer had begun and did not arrive whole.
  void finished(int status, bool broken, Duration duration) const;
  void first_token(Duration after) const;
  void token_gap(Duration gap) const;
  /// `out` may be negative, to correct what was counted while it streamed.
  void tokens(std::int64_t in, std::int64_t out) const;
  void count(UpstreamFault fault) const { faults_[static_cast<std::size_t>(fault)].add(); }
  Meter& meter() const { return *meter_; }

  metrics::Histogram first_byte;  ///< from the request's first byte to the answer's
  metrics::Gauge in_flight;
  metrics::Gauge queued;
  metrics::Counter retries;

 private:
  RouteMetrics(metrics::Registry& registry, const metrics::Labels& labels);
  metrics::Counter token_counter(const metrics::Labels& labels, std::string direction);
  metrics::Counter request_counter(const metrics::Labels& labels, std::string status);
  metrics::Counter fault_counter(const metrics::Labels& labels, std::string kind);

  metrics::Histogram duration_;
  metrics::Histogram first_token_;  // from the request's first byte to the first event of a stream
  metrics::Histogram token_gap_;    // between two pieces of a stream of events
  std::unique_ptr<Meter> meter_;
  metrics::Counter broken_;
  metrics::Counter tokens_in_, tokens_out_;
  // Corrections that are still to be made: Prometheus' counters only grow.
  std::unique_ptr<std::atomic<std::int64_t>> tokens_owed_ = std::make_unique<std::atomic<std::int64_t>>(0);
  std::array<metrics::Counter, 6> requests_;  // by the first digit of the status
  std::array<metrics::Counter, 5> faults_;
};

}  // namespace modelops::proxy
