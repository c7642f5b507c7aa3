#pragma once
#include <atomic>
#include <chrono>

namespace modelops::proxy {

/// A token bucket without a timer (the generic cell rate algorithm): one number says when the bucket would be full
/// again. Thread-safe, without a lock.
class RateLimit {
 public:
  using Clock = std::chrono::steady_clock;

  /// `per_second` at or below 0: no limit. At least one request always fits into the bucket.
  RateLimit(double per_second, double burst) { set(per_second, burst); }
  void set(double per_second, double burst);

  /// Zero when the request may pass, which it then counts as; else how long to wait.
  std::chrono::nanoseconds take(Clock::time_point now);

 private:
  std::atomic<std::int64_t> interval_ns_{0};   // between two requests at the steady rate
  std::atomic<std::int64_t> tolerance_ns_{0};  // how far ahead of that a burst may run
  std::atomic<std::int64_t> full_at_ns_{0};
};

}  // namespace modelops::proxy
