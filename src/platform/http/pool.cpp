#include "platform/http/pool.hpp"

#include <algorithm>

namespace modelops::http {

using std::chrono::steady_clock;

Pool::Pool(unsigned threads, std::size_t queue_max, std::chrono::milliseconds wait_max)
    : queue_max_(queue_max), wait_max_(wait_max) {
  for (unsigned i = 0; i < std::max(threads, 1u); ++i) {
    threads_.emplace_back([this] { run(); });
  }
}

void Pool::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool Pool::try_submit(Job job) {
  const auto now = steady_clock::now();
  {
    std::lock_guard lock(mutex_);
    if (queue_.size() >= queue_max_) return false;
    if (!queue_.empty() && now - queue_.front().since > wait_max_) return false;
    queue_.push_back({std::move(job), now});
  }
  wake_.notify_one();
  return true;
}

void Pool::submit(Job job) {
  const auto now = steady_clock::now();
  {
    std::lock_guard lock(mutex_);
    queue_.push_back({std::move(job), now});
  }
  wake_.notify_one();
}

std::size_t Pool::queued() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

void Pool::run() {
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      job = std::move(queue_.front().job);
      queue_.pop_front();
    }
    job();
  }
}

}  // namespace modelops::http
