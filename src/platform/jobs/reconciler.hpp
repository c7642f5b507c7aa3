#pragma once
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "platform/events/topics.hpp"
#include "platform/jobs/lease.hpp"

namespace modelops::jobs {

/// Brings the world closer to what the database says, over and over. It takes no input, may be stopped and repeated
/// at any point, and calls `fence.check(tx)` in each of its write transactions.
class Reconciler {
 public:
  virtual ~Reconciler() = default;
  /// Unique in the program: the name of its lease.
  virtual std::string_view name() const = 0;
  /// The longest time between two runs, unless they take long (`rest_after`).
  virtual std::chrono::milliseconds interval() const = 0;
  /// A notification of this topic starts a run at once.
  virtual std::string topic() const { return std::string(name()); }
  /// One bounded run. What it throws is logged, and it is tried again later and later, perhaps by another replica.
  virtual void reconcile(const Fence& fence) = 0;
};

/// How long a reconciler rests after a run: `at_least` whatever is notified, then `until_timer` for a notification.
/// A long run rests in proportion: the timer alone takes a tenth of a core, notifications without end take a half.
struct Rest {
  std::chrono::milliseconds at_least;
  std::chrono::milliseconds until_timer;
};
Rest rest_after(std::chrono::milliseconds took, std::chrono::milliseconds interval);

/// Runs each reconciler on a thread of its own, while this replica holds its lease.
class ReconcilerRunner {
 public:
  /// All of it outlives the runner.
  ReconcilerRunner(events::Topics& topics, LeaseKeeper& keeper, std::vector<Reconciler*> reconcilers);
  /// Waits for the runs under way, then gives the leases back.
  ~ReconcilerRunner();
  ReconcilerRunner(const ReconcilerRunner&) = delete;

 private:
  void run(const std::stop_token& stop, Reconciler& reconciler);

  events::Topics& topics_;
  LeaseKeeper& keeper_;
  std::vector<std::jthread> threads_;
};

}  // namespace modelops::jobs
