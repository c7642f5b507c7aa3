#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>

namespace modelops::http {

/// Whether work of one kind is brief, as told by how long it took lately: 64 runs in a row took no longer than
/// `run_max`, which is what it costs to wake a thread for it twice, and since then at most one in 32 took longer. One
/// alone proves nothing: whatever runs can lose its core to another thread for milliseconds. Thread-safe.
class BriefRuns {
 public:
  explicit BriefRuns(std::chrono::microseconds run_max = std::chrono::microseconds(200)) : run_max_(run_max) {}

  bool are_brief() const { return credit_.load(std::memory_order_relaxed) >= enough; }
  void count(std::chrono::steady_clock::duration took) {
    // A count that is lost to another thread's does not matter.
    const int credit = credit_.load(std::memory_order_relaxed);
    const int after = took > run_max_ ? std::max(credit - 32, 0) : std::min(credit + 1, 2 * enough);
    if (after != credit) credit_.store(after, std::memory_order_relaxed);
  }

 private:
  static constexpr int enough = 64;
  const std::chrono::microseconds run_max_;
  std::atomic<int> credit_ = 0;
};

}  // namespace modelops::http
