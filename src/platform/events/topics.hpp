#pragma once
// Wake-ups between the threads of one process. A topic is a name; a notification carries nothing: whoever
// waits reads the database again. So a doubled wake-up costs time, never correctness.
#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace modelops::events {

/// Thread-safe.
class Topics {
 public:
  using WaiterId = std::uint64_t;

  /// A number that grows with every notification of `topic` (and now and then without one, since topics share
  /// counters). Read it *before* looking for news, then wait for more than it: so no news is missed.
  std::uint64_t version(std::string_view topic) const;
  void notify(std::string_view topic);
  /// For when news may have come by a way that notifies nobody.
  void notify_all();
  /// Calls `wake` once: from the notifying thread, or at once when `seen` is already outdated. `wake` runs under
  /// a lock: it must be quick, must not throw, and must not call this object.
  WaiterId wait(std::string_view topic, std::uint64_t seen, std::function<void()> wake);
  /// After this returns `wake` will not be called any more.
  void cancel(WaiterId id);
  /// How many wait now; for metrics.
  std::size_t waiters() const;

 private:
  struct Waiter {
    WaiterId id;
    std::string topic;
    std::function<void()> wake;
  };
  // Topics with the same hash share a slot: the memory does not grow with the number of names ever notified.
  struct Slot {
    std::uint64_t version = 0;
    std::vector<Waiter> waiters;
  };
  static constexpr std::size_t slot_count = 4096;
  static std::size_t slot_of(std::string_view topic);

  mutable std::mutex mutex_;
  std::array<Slot, slot_count> slots_;
  std::uint64_t next_ = 1;
  std::size_t waiting_ = 0;
};

}  // namespace modelops::events
