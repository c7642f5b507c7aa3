#pragma once
#include <map>
#include <thread>

#include "platform/jobs/job_run.hpp"
#include "platform/tracing/exporter.hpp"

namespace modelops::jobs {

/// Does the jobs of one kind. `run` may be called again after any failure, on any replica, even while an earlier
/// attempt has not noticed yet that it lost its lease: outside effects carry a deterministic name.
class JobHandler {
 public:
  virtual ~JobHandler() = default;
  virtual std::string_view kind() const = 0;
  /// What is tried again: Error of code unavailable, internal, bad_gateway or gateway_timeout, and a worker that died.
  virtual std::int64_t attempts_max() const { return 5; }
  /// Returns the operation's result. Any other Error ends the operation as failed.
  virtual boost::json::value run(JobRun& run) = 0;
};

struct JobRunnerOptions {
  int threads = 4;
  std::chrono::milliseconds poll_interval{1'000};  ///< for jobs that no notification tells of
  std::chrono::milliseconds flush_interval{250};   ///< of logs and progress
  std::chrono::milliseconds back_off_first{1'000};
  std::chrono::milliseconds back_off_longest{std::chrono::minutes(5)};
  tracing::Exporter* exporter = nullptr;  ///< where the span of each attempt goes; null: nowhere. Outlives the runner
};

/// Takes jobs that are due and runs them, each under a lease of its own. Any number of runners may share a database.
class JobRunner {
 public:
  /// All of it outlives the runner.
  JobRunner(db::Database& database, events::Topics& topics, const Clock& clock, LeaseKeeper& keeper,
            const std::vector<JobHandler*>& handlers, JobRunnerOptions options = {});
  /// Asks the jobs under way to stop, waits for them, and gives back those that did not end.
  ~JobRunner();
  JobRunner(const JobRunner&) = delete;

 private:
  class Flushed;
  struct Claim {
    store::JobRow job;
    Fence fence;
    std::int64_t log_seq = 0;
  };
  void work(const std::stop_token& stop);
  /// Takes the next job. False when none is due; true without a claim when one was ended instead.
  bool claim(std::optional<Claim>& claimed);
  void attempt(Claim claim, const std::stop_token& stop);
  /// The span of an attempt that begins; it becomes the trace of what the job does.
  tracing::Span begin_span(store::JobRow& job) const;
  void end_span(tracing::Span span, std::optional<ErrorCode> failure) const;
  /// In a catch block: how a failed attempt goes on.
  void settle_failure(JobRun& run, bool stopping);
  void write_outcome(JobRun& run, const std::function<void(db::Tx&)>& outcome);

  db::Database& database_;
  events::Topics& topics_;
  const Clock& clock_;
  LeaseKeeper& keeper_;
  std::map<std::string, JobHandler*, std::less<>> handlers_;
  std::vector<std::string> kinds_;
  const JobRunnerOptions options_;
  std::stop_source stop_;  // of all workers at once: none takes what another gives back
  std::mutex runs_mutex_;
  std::vector<JobRun*> runs_;
  std::jthread flusher_;
  std::vector<std::jthread> workers_;
};

}  // namespace modelops::jobs
