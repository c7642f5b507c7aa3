#include "dataplane/machine/backoff.hpp"

#include <condition_variable>
#include <mutex>
#include <random>

namespace modelops::machine {

bool wait_for(const std::stop_token& stop, std::chrono::milliseconds duration) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  return !never.wait_for(lock, stop, duration, [&] { return stop.stop_requested(); });
}

std::chrono::milliseconds Backoff::next() {
  thread_local std::minstd_rand random{std::random_device()()};
  const auto full = next_;
  next_ = std::min(next_ * 2, longest_);
  return std::chrono::milliseconds(std::uniform_int_distribution(full.count() / 2, full.count())(random));
}

}  // namespace modelops::machine
