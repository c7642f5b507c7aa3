#include "platform/jobs/waiting.hpp"

#include <condition_variable>
#include <mutex>

#include "base/id.hpp"
#include "platform/jobs/listener.hpp"

namespace modelops::jobs {
namespace {

class Bell {
 public:
  void ring() {
    std::lock_guard lock(mutex_);
    rung_ = true;
    wake_.notify_all();
  }
  void wait(std::chrono::milliseconds timeout, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, timeout, [&] { return rung_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool rung_ = false;
};

}  // namespace

void wait_for(events::Topics& topics, std::string_view topic, std::uint64_t seen, std::chrono::milliseconds timeout,
              const std::stop_token& stop) {
  Bell bell;
  const auto waiter = topics.wait(topic, seen, [&] { bell.ring(); });
  bell.wait(timeout, stop);
  topics.cancel(waiter);
}

void pause_for(std::chrono::milliseconds timeout, const std::stop_token& stop) { Bell().wait(timeout, stop); }

void announce(db::Tx& tx, events::Topics& topics, std::string topic) {
  if (tx.dialect() == db::Dialect::postgres)
    tx.query("SELECT pg_notify('" + std::string(notify_channel) + "', ?)", {topic}, 1, [](const auto&) {});
  tx.after_commit([&topics, topic = std::move(topic)] { topics.notify(topic); });
}

std::chrono::milliseconds back_off(int failures, std::chrono::milliseconds first, std::chrono::milliseconds longest) {
  const auto whole = std::min(longest, first * (std::int64_t{1} << std::clamp(failures - 1, 0, 20)));
  const auto part = static_cast<unsigned char>(random_bytes(1)[0]);
  return whole - whole / 2 * part / 255;
}

}  // namespace modelops::jobs
