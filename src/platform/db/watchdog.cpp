#include "platform/db/watchdog.hpp"

#include <sys/socket.h>

namespace modelops::db {

Watchdog::~Watchdog() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Watchdog::Guard::Guard(Watchdog& dog, int socket) : dog_(dog) {
  bool first = false;
  {
    std::lock_guard lock(dog_.mutex_);
    id_ = dog_.next_id_++;
    dog_.watched_.emplace(id_, Watched{socket, Clock::now() + dog_.patience_});
    first = dog_.watched_.size() == 1;
  }
  if (first) dog_.changed_.notify_all();
}

Watchdog::Guard::~Guard() {
  std::lock_guard lock(dog_.mutex_);
  dog_.watched_.erase(id_);
}

void Watchdog::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (watched_.empty()) {
      changed_.wait(lock);
    } else if (const auto until = watched_.begin()->second.until; until > Clock::now()) {
      // What is added meanwhile ends later.
      changed_.wait_until(lock, until);
    } else {
      // Under the lock, so that the number cannot belong to another connection by now.
      ::shutdown(watched_.begin()->second.socket, SHUT_RDWR);
      watched_.erase(watched_.begin());
    }
  }
}

}  // namespace modelops::db
