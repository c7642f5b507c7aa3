#pragma once
#include <string>
#include <thread>

#include "platform/events/topics.hpp"

namespace modelops::jobs {

/// The PostgreSQL channel of `announce`; the payload is the topic.
inline constexpr const char* notify_channel = "modelops_topics";

/// Passes what other replicas `announce` on to this process's topics, over a libpq connection of its own, which it
/// makes again when it breaks. On SQLite, which has one process, it does nothing.
class Listener {
 public:
  /// `url` is that of the database; `topics` outlives this.
  Listener(std::string url, events::Topics& topics);
  ~Listener();
  Listener(const Listener&) = delete;

 private:
  void listen(const std::stop_token& stop);

  std::string url_;
  events::Topics& topics_;
  int stop_fd_ = -1;  // readable from the moment the thread should end: what poll(2) can wait for
  std::jthread thread_;
};

}  // namespace modelops::jobs
