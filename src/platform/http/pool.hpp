#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace modelops::http {

/// A fixed number of threads and a bounded queue: where all synchronous code of requests runs.
class Pool {
 public:
  using Job = std::function<void()>;  ///< must not throw

  /// `wait_max`: when what stands first has waited longer, all threads are busy with slow work and new work would wait
  /// at least as long.
  Pool(unsigned threads, std::size_t queue_max, std::chrono::milliseconds wait_max);
  ~Pool() { stop(); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// For new work: false when the queue is full, or too slow.
  bool try_submit(Job job);
  /// For going on with work that was accepted before (the next part of an upload, a woken poll). Never refused: a
  /// connection has at most one job, so the queue is bounded by the number of connections.
  void submit(Job job);
  std::size_t queued() const;
  /// Runs what is queued, then joins. Nothing may be submitted any more.
  void stop();

 private:
  void run();

  struct Waiting {
    Job job;
    std::chrono::steady_clock::time_point since;
  };

  const std::size_t queue_max_;
  const std::chrono::milliseconds wait_max_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Waiting> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace modelops::http
