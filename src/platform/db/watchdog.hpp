#pragma once
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace modelops::db {

/// Cuts connections whose other side has fallen silent: libpq waits for ever where a network or a server has died
/// without a word, and a statement's time-out is the server's own. Thread-safe.
class Watchdog {
 public:
  explicit Watchdog(std::chrono::milliseconds patience) : patience_(patience), thread_([this] { run(); }) {}
  ~Watchdog();

  /// While it lives, `socket` is shut down once `patience` has passed; the call that waits on it then fails.
  class Guard {
   public:
    Guard(Watchdog& dog, int socket);
    ~Guard();
    Guard(const Guard&) = delete;

   private:
    Watchdog& dog_;
    std::uint64_t id_;
  };

 private:
  using Clock = std::chrono::steady_clock;
  struct Watched {
    int socket;
    Clock::time_point until;
  };
  void run();

  const std::chrono::milliseconds patience_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, Watched> watched_;  // in the order of their ends, as all have the same patience
  std::uint64_t next_id_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace modelops::db
