#pragma once
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <thread>

#include "dataplane/machine/session.hpp"
#include "monitoring/wire.hpp"

namespace modelops::proxy {

/// What was counted and is not told yet. Bounded: the oldest buckets of time go first.
class PendingTraffic {
 public:
  explicit PendingTraffic(std::size_t deployments_max = 50'000, std::size_t buckets_max = 720)
      : deployments_max_(deployments_max), buckets_max_(buckets_max) {}

  /// What was counted up to `now`. Without any traffic it still says, once, that this gateway was there.
  void add(Time now, const std::vector<monitoring::DeploymentTraffic>& traffic);
  /// The oldest buckets, as many as one report may hold; they are out of here then. Empty when nothing waits.
  std::vector<monitoring::TrafficBucket> take();
  bool empty() const { return buckets_.empty(); }

 private:
  using Deployments = std::map<std::string, monitoring::Traffic>;

  std::size_t deployments_max_;
  std::size_t buckets_max_;
  std::map<Time, Deployments> buckets_;
  std::optional<Time> begun_;    // the bucket that was last in here
  std::size_t deployments_ = 0;  // in all buckets
};

/// Tells the control plane what was counted, on threads of its own, from construction to destruction. While the server
/// is away it keeps counting.
class MetricsFeed {
 public:
  struct Options {
    std::chrono::milliseconds collect_interval{250};
    std::chrono::milliseconds report_interval{2'000};
    std::chrono::milliseconds retry_longest{15'000};
    std::string address = {};  ///< where this gateway listens, with the port
  };
  using Take = std::function<std::vector<monitoring::DeploymentTraffic>(std::chrono::steady_clock::duration elapsed)>;
  using TakeRequests = std::function<std::vector<monitoring::RequestTrace>(std::size_t count_max)>;
  using FindSession = std::function<std::shared_ptr<machine::Session>()>;
  /// `session` is null until this gateway is enrolled. All of it outlives this.
  MetricsFeed(Options options, const Clock& clock, Take take, TakeRequests take_requests, FindSession session);
  ~MetricsFeed();  ///< tries once more to tell what is left
  MetricsFeed(const MetricsFeed&) = delete;

 private:
  void collect(const std::stop_token& stop);
  void collect_now();
  void deliver(const std::stop_token& stop);
  /// Sends one report; false when there was nothing to tell. Throws Error when it could not.
  bool send_next(machine::Session& session, std::chrono::milliseconds timeout, const std::stop_token& stop);

  const Options options_;
  const Clock& clock_;
  const Take take_;
  const TakeRequests take_requests_;
  const FindSession session_;
  std::mutex mutex_;
  PendingTraffic pending_;                           // guarded by mutex_
  std::optional<monitoring::ReportMetrics> unsent_;  // of the deliverer only: repeated unchanged until it is answered
  const std::string run_;
  std::int64_t sequence_ = 0;
  bool refusal_told_ = false;
  std::chrono::steady_clock::time_point collected_at_ = std::chrono::steady_clock::now();  // of the collector
  std::jthread collector_;
  std::jthread deliverer_;
};

}  // namespace modelops::proxy
