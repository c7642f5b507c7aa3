#pragma once
#include <atomic>
#include <mutex>
#include <stop_token>

#include "platform/events/topics.hpp"
#include "platform/jobs/store.hpp"

namespace modelops::jobs {

inline constexpr std::size_t log_line_bytes_max = 8 * 1024;
inline constexpr std::int64_t log_lines_max = 100'000;

/// One attempt at a job, as its handler sees it. Thread-safe but for `complete`.
class JobRun {
 public:
  JobRun(db::Database& database, events::Topics& topics, const Clock& clock, store::JobRow job, HeldLease& lease,
         std::int64_t log_seq, std::stop_token stop);

  const std::string& org_id() const { return job_.org_id; }
  const OperationId& operation_id() const { return job_.operation_id; }
  const boost::json::value& payload() const { return job_.payload; }
  /// From 1.
  std::int64_t attempt() const { return job_.attempt; }
  /// To be checked in each write transaction of the handler.
  const Fence& fence() const { return lease_.fence(); }
  /// For service calls: the program itself, in the organisation of the job.
  Context context() const;

  /// What people see; written a few times a second. `fraction` is from 0 to 1.
  void progress(std::optional<double> fraction, std::string_view step);
  /// Appends to the operation's log, one entry for each line of `text`. Bytes that are not UTF-8 become '?'.
  void log(std::string_view text, LineLevel level = LineLevel::info);

  /// True when the work should stop: somebody cancelled it, the server shuts down, or the lease was lost. Ask every
  /// few seconds at least; it costs little.
  bool cancelled();
  /// Throws when `cancelled()`; let it pass.
  void throw_if_cancelled();

  /// Ends the operation as succeeded in the handler's own transaction, which need not check the fence besides. What
  /// `run` returns is not used then.
  void complete(db::Tx& tx, const boost::json::value& result);

  // For the runner.
  void flush();
  bool completed() const { return completed_; }
  bool cancel_seen() const { return cancel_seen_; }
  const store::JobRow& job() const { return job_; }

 private:
  void flush_locked();

  db::Database& database_;
  events::Topics& topics_;
  const Clock& clock_;
  const store::JobRow job_;
  HeldLease& lease_;
  const std::string topic_;
  const std::stop_token stop_;
  std::atomic<bool> completed_ = false;
  std::atomic<bool> cancel_seen_ = false;

  std::mutex mutex_;  // guards what follows
  std::vector<OperationLogLine> lines_;
  std::int64_t log_seq_;
  std::optional<double> fraction_;
  std::string step_;
  bool progressed_ = false;

  std::mutex look_mutex_;  // guards what follows
  std::uint64_t seen_ = 0;
  std::chrono::steady_clock::time_point looked_at_;
};

}  // namespace modelops::jobs
