#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "dataplane/runtime/tensor.hpp"
#include "platform/http/brief_runs.hpp"
#include "platform/metrics/metrics.hpp"

namespace modelops::runtime {

struct BatchOptions {
  std::int64_t batch_max = 1;                    ///< rows of one run; 1: nothing is merged
  std::chrono::microseconds queue_delay{0};      ///< how long the oldest job may wait for others to join it
  std::size_t queue_max = 1024;                  ///< waiting jobs; beyond: refused
  unsigned workers = 1;                          ///< runs at the same time
  std::chrono::microseconds brief_run_max{200};  ///< a run that takes no longer is brief
};

/// What became of a job: its outputs, or why not.
struct Outcome {
  std::vector<Tensor> outputs;  ///< in the order of Job::outputs
  std::exception_ptr error;
  std::chrono::steady_clock::duration queued{};    ///< from arrival to the start of the run
  std::chrono::steady_clock::duration computed{};  ///< the run, with all that it was merged with
};

struct Job {
  std::vector<Tensor> inputs;        ///< in the model's order
  std::vector<std::size_t> outputs;  ///< indices, ascending
  /// Size of dimension 0 of every input when that is a batch; nothing: the job runs alone.
  std::optional<std::int64_t> rows;
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  std::shared_ptr<std::atomic<bool>> cancelled;  ///< may be null; true: nobody waits for it any more
  /// Called once, on a worker or on the submitting thread. Must not throw.
  std::function<void(Outcome)> done;

  std::chrono::steady_clock::time_point submitted;  ///< set by the batcher, as is the next
  std::chrono::steady_clock::duration queued{};
};

/// The series of one model.
struct BatchMetrics {
  BatchMetrics(metrics::Registry& registry, const metrics::Labels& labels);

  metrics::Counter succeeded, failed, rejected, expired, cancelled;
  metrics::Histogram queue_seconds, compute_seconds, batch_rows;
  metrics::Gauge queue_depth;
};

/// A bounded queue in front of a model. Workers take the oldest job and, in order, those that fit to it (the same
/// shapes but for dimension 0), concatenate them, run once, and give each its own rows. A run that fails for several
/// jobs is repeated for each alone, so that nobody pays for another's input. Thread-safe.
class Batcher {
 public:
  /// Runs a model; called by several threads.
  using Run = std::function<std::vector<Tensor>(std::span<const Tensor> inputs, std::span<const std::size_t> outputs)>;

  Batcher(Run run, BatchOptions options, BatchMetrics metrics);
  /// Finishes what is queued.
  ~Batcher();
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  /// Throws Error(unavailable) with a Retry-After, and does not call `done`, when the queue is full. When a worker is
  /// free, or runs are brief, and nothing can be gained by waiting, the job runs on the calling thread if `may_block`:
  /// that saves a switch.
  void submit(Job job, bool may_block = false);
  std::size_t queued() const;
  /// Whether the last runs were all so short that to wake a thread for one would cost more.
  bool is_brief() const { return runs_.are_brief(); }

 private:
  void work();
  std::vector<Job> take_batch();
  std::int64_t rows_ready() const;
  void execute(std::vector<Job> batch);
  void run_merged(std::vector<Job>& batch);
  void run_alone(Job& job);
  std::vector<Tensor> timed_run(std::span<const Tensor> inputs, std::span<const std::size_t> outputs, std::int64_t rows,
                                std::chrono::steady_clock::duration& took);

  const Run run_;
  const BatchOptions options_;
  const BatchMetrics metrics_;

  http::BriefRuns runs_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  unsigned running_ = 0;  ///< runs under way, on workers and on submitting threads
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace modelops::runtime
