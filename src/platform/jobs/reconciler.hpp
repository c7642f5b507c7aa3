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
  /// The longest time between two runs.
  virtual std::chrono::milliseconds interval() const = 0;
  /// A notification of this topic starts a run at once.
  virtual std::string topic() const { return std::string(name()); }
  /// One bounded run. What it throws is logged, and it is tried again later and later, perhaps by another replica.
  virtual void reconcile(const Fence& fence) = 0;
};

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
