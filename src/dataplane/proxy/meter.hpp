#pragma once
// What a deployment's requests amount to, for the control plane: counted here between two reports.
#include <chrono>
#include <mutex>

#include "monitoring/wire.hpp"

namespace modelops::proxy {

/// Thread-safe. Holds its lock for moments only.
class Meter {
 public:
  using Duration = std::chrono::steady_clock::duration;

  /// A request that has ended; `broken` when its answer had begun and did not arrive whole.
  void count_request(int status, bool broken, Duration duration);
  void observe_first_token(Duration after);
  void observe_token_gap(Duration gap);
  /// `out` may be negative, to correct what was counted while it streamed.
  void count_tokens(std::int64_t in, std::int64_t out);
  /// So many requests were under way and waited for the last `elapsed`.
  void sample(double in_flight, double queued, Duration elapsed);

  /// What was counted since the last time, and begins anew; false when there is nothing.
  bool take(monitoring::Traffic& out);

 private:
  std::mutex mutex_;
  bool counted_ = false;
  monitoring::Traffic traffic_;
};

}  // namespace modelops::proxy
