#pragma once
// How a process gives its listening sockets to the one that replaces it, over a Unix socket in the folder that both
// work on. The sockets are never closed, so that no client is turned away. No Asio here.
//
//   next     running
//     ---------->   connects
//     <----------   names and descriptors of the listening sockets (SCM_RIGHTS)
//   becomes ready
//     ---------->   "finish" or "stop"
//                   stops accepting, answers what it has read, ends; then the connection ends
//
// A next process that fails before it says so leaves the running one as it is.
#include <chrono>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "platform/http/listeners.hpp"

namespace modelops::http {

enum class Farewell {
  finish,  ///< the next process serves already: take the time that clients need
  stop,    ///< it waits for the end of this one
};

/// The process that runs already, as the next one sees it.
class Predecessor {
 public:
  /// Asks the process that listens at `path` and takes its listening sockets; nothing when there is none. Throws
  /// Error(conflict) when it does not answer.
  static std::optional<Predecessor> find(const std::filesystem::path& path);

  Listeners take_listeners() { return std::move(listeners_); }
  void say(Farewell farewell);
  /// False when `timeout` passes before it has ended.
  bool await_end(std::chrono::milliseconds timeout) const;

 private:
  Predecessor(Descriptor connection, Listeners listeners)
      : connection_(std::move(connection)), listeners_(std::move(listeners)) {}
  Descriptor connection_;
  Listeners listeners_;
};

/// The process whose HandOver is at `path`; nothing when there is none.
std::optional<int> pid_at(const std::filesystem::path& path);

/// Waits for the next process on a thread of its own, from construction to destruction, which that process sees as the
/// end of this one. Whoever comes must be of the same user, or root.
class HandOver {
 public:
  /// `changed` is called from that thread when the next process is ready, and again when it has ended before this one.
  /// Makes the folder of `path`, for this user only. Throws Error(unavailable) when it cannot.
  HandOver(const std::filesystem::path& path, const Listeners& listeners, std::function<void()> changed);
  ~HandOver();
  HandOver(const HandOver&) = delete;

  /// What the next process said; nothing while there is none.
  std::optional<Farewell> farewell() const;

 private:
  void run();
  bool wait_for(int fd) const;
  std::optional<Farewell> serve(int connection) const;

  const std::function<void()> changed_;
  std::map<std::string, Descriptor> listeners_;
  const Descriptor stop_;
  Descriptor socket_;
  mutable std::mutex mutex_;
  std::optional<Farewell> farewell_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace modelops::http
