#include "dataplane/proxy/metrics_feed.hpp"

#include "base/id.hpp"
#include "base/log.hpp"
#include "dataplane/machine/backoff.hpp"
#include "reflect/json.hpp"

namespace modelops::proxy {
namespace {

constexpr std::chrono::seconds report_timeout{20};
constexpr std::chrono::seconds last_timeout{2};  // a gateway that ends does not wait for a server that hangs

/// A report that will never be taken, whatever is tried.
bool is_refused(const Error& error) {
  const int status = http_status(error.code);
  return status >= 400 && status < 500 && !machine::is_final(error) && error.code != ErrorCode::timeout &&
         error.code != ErrorCode::too_many_requests;
}

}  // namespace

void PendingTraffic::add(Time now, const std::vector<monitoring::DeploymentTraffic>& traffic) {
  const Time start = monitoring::bucket_start(now, monitoring::fine_step);
  if (traffic.empty() && begun_ == start) return;
  begun_ = start;
  Deployments& bucket = buckets_[start];
  for (const auto& [deployment_id, counted] : traffic) {
    const auto [at, is_new] = bucket.try_emplace(deployment_id);
    monitoring::add(at->second, counted);
    deployments_ += is_new ? 1 : 0;
  }
  while (buckets_.size() > buckets_max_ || (deployments_ > deployments_max_ && buckets_.size() > 1)) {
    deployments_ -= buckets_.begin()->second.size();
    buckets_.erase(buckets_.begin());
  }
}

std::vector<monitoring::TrafficBucket> PendingTraffic::take() {
  std::vector<monitoring::TrafficBucket> out;
  std::size_t left = monitoring::deployments_per_report_max;
  while (!buckets_.empty() && left > 0 && out.size() < monitoring::buckets_per_report_max) {
    auto& [start, deployments] = *buckets_.begin();
    monitoring::TrafficBucket& bucket = out.emplace_back(monitoring::TrafficBucket{start, {}});
    while (!deployments.empty() && left > 0) {
      auto node = deployments.extract(deployments.begin());
      bucket.deployments.push_back({std::move(node.key()), std::move(node.mapped())});
      --deployments_;
      --left;
    }
    if (deployments.empty()) buckets_.erase(buckets_.begin());
  }
  return out;
}

MetricsFeed::MetricsFeed(Options options, const Clock& clock, Take take, TakeRequests take_requests,
                         FindSession session)
    : options_(options),
      clock_(clock),
      take_(std::move(take)),
      take_requests_(std::move(take_requests)),
      session_(std::move(session)),
      run_(new_uuid7()),
      collector_([this](const std::stop_token& stop) { collect(stop); }),
      deliverer_([this](const std::stop_token& stop) { deliver(stop); }) {}

MetricsFeed::~MetricsFeed() {
  collector_ = {};
  deliverer_ = {};
  const std::shared_ptr<machine::Session> session = session_();
  if (!session) return;
  try {
    collect_now();
    const auto until = std::chrono::steady_clock::now() + last_timeout;
    while (std::chrono::steady_clock::now() < until && send_next(*session, last_timeout, {})) {}
  } catch (const Error& error) {
    Log().info("what was counted last was not told", {{"error", describe_exception(error)}});
  }
}

void MetricsFeed::collect(const std::stop_token& stop) {
  while (machine::wait_for(stop, options_.collect_interval)) collect_now();
}

void MetricsFeed::collect_now() {
  const auto now = std::chrono::steady_clock::now();
  const auto traffic = take_(now - std::exchange(collected_at_, now));
  std::lock_guard lock(mutex_);
  pending_.add(clock_.now(), traffic);
}

bool MetricsFeed::send_next(machine::Session& session, std::chrono::milliseconds timeout, const std::stop_token& stop) {
  if (!unsent_) {
    std::lock_guard lock(mutex_);
    auto buckets = pending_.take();
    auto requests = take_requests_(monitoring::requests_per_report_max);
    if (buckets.empty() && requests.empty()) return false;
    unsent_ = monitoring::ReportMetrics{{monitoring::protocol_version},
                                        {run_},
                                        {++sequence_},
                                        std::move(buckets),
                                        options_.address,
                                        std::move(requests)};
  }
  try {
    session.send({.method = http::Method::post,
                  .target = "/api/v1/machines/metrics",
                  .body = reflect::to_json(*unsent_),
                  .timeout = timeout,
                  .stop = stop});
  } catch (const Error& error) {
    if (!is_refused(error)) throw;
    if (!std::exchange(refusal_told_, true))
      Log().warning("the control plane does not take what this gateway counts", {{"error", describe_exception(error)}});
  }
  unsent_.reset();
  return true;
}

void MetricsFeed::deliver(const std::stop_token& stop) {
  machine::Backoff backoff(options_.report_interval, options_.retry_longest);
  std::chrono::milliseconds pause = options_.report_interval;
  while (machine::wait_for(stop, pause)) {
    pause = options_.report_interval;
    const std::shared_ptr<machine::Session> session = session_();
    if (!session) continue;
    try {
      while (send_next(*session, report_timeout, stop)) {}
      backoff.reset();
    } catch (const Error&) {
      // That the control plane is away is said, and acted on, by whoever follows its routes.
      pause = backoff.next();
    } catch (const std::exception& error) {
      Log().error("reporting what was counted failed", {{"error", error.what()}});
      pause = backoff.next();
    }
  }
}

}  // namespace modelops::proxy
