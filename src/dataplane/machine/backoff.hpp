#pragma once
#include <chrono>
#include <stop_token>

namespace modelops::machine {

/// Waits until `duration` has passed (true) or `stop` is requested (false).
bool wait_for(const std::stop_token& stop, std::chrono::milliseconds duration);

/// The pauses between failed attempts: doubling from `first` to `longest`, each shortened at random by up to a half,
/// so that machines do not come back all at once. Not thread-safe.
class Backoff {
 public:
  explicit Backoff(std::chrono::milliseconds first = std::chrono::seconds(1),
                   std::chrono::milliseconds longest = std::chrono::seconds(60))
      : first_(first), longest_(longest), next_(first) {}

  std::chrono::milliseconds next();
  void reset() { next_ = first_; }

 private:
  std::chrono::milliseconds first_;
  std::chrono::milliseconds longest_;
  std::chrono::milliseconds next_;
};

}  // namespace modelops::machine
