#include "platform/jobs/reconciler.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/log.hpp"
#include "platform/jobs/waiting.hpp"

namespace modelops::jobs {

Rest rest_after(std::chrono::milliseconds took, std::chrono::milliseconds interval) {
  using std::chrono::milliseconds;
  // Bounded, since what took long may have waited for something outside.
  const milliseconds at_least = std::min(took, milliseconds(5'000));
  return {at_least, std::max(interval, std::min(9 * took, milliseconds(60'000))) - at_least};
}

ReconcilerRunner::ReconcilerRunner(events::Topics& topics, LeaseKeeper& keeper, std::vector<Reconciler*> reconcilers)
    : topics_(topics), keeper_(keeper) {
  for (Reconciler* reconciler : reconcilers)
    threads_.emplace_back([this, reconciler](const std::stop_token& stop) { run(stop, *reconciler); });
}

ReconcilerRunner::~ReconcilerRunner() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

void ReconcilerRunner::run(const std::stop_token& stop, Reconciler& reconciler) {
  const std::string topic = reconciler.topic();
  std::unique_ptr<HeldLease> lease;
  int failures = 0;
  while (!stop.stop_requested()) {
    const std::uint64_t seen = topics_.version(topic);
    const auto began = std::chrono::steady_clock::now();
    try {
      if (lease && lease->lost()) lease.reset();
      if (!lease) lease = keeper_.try_hold(fmt::format("reconciler/{}", reconciler.name()));
      if (lease) reconciler.reconcile(lease->fence());
      failures = 0;
    } catch (...) {
      Log().warning("a reconciler failed; it is tried again",
                    {{"reconciler", std::string(reconciler.name())}, {"error", describe_current_exception()}});
      lease.reset();
      pause_for(back_off(++failures, std::chrono::milliseconds(500), std::chrono::minutes(1)), stop);
      continue;
    }
    if (lease) {
      const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
      const Rest rest = rest_after(took, reconciler.interval());
      pause_for(rest.at_least, stop);
      wait_for(topics_, topic, seen, rest.until_timer, stop);
    } else {
      pause_for(std::min(reconciler.interval(), keeper_.ttl() / 3), stop);
    }
  }
}

}  // namespace modelops::jobs
