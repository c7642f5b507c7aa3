#pragma once
// Model servers for tests: one made of lambdas on the real HTTP server, one that does to its socket what it is told.
#include <poll.h>

#include "base/listener_test.hpp"
#include "platform/http/test_peer.hpp"

namespace modelops::proxy {

struct FakeEngine {
  explicit FakeEngine(std::string engine_name = "engine") : name(std::move(engine_name)) {
    handler.upload_bytes_max = std::uint64_t{1} << 30;
  }
  std::string start() {
    http::ServerOptions options;
    options.pool_threads = 16;
    options.drain_linger = std::chrono::milliseconds(20);
    server.emplace(options, handler, topics);
    return address();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(server->port()); }

  std::string name;
  events::Topics topics;
  http::Routes handler;
  std::optional<http::Server> server;
};

/// Calls `serve` with each connection it accepts, each on a thread of its own.
class RawEngine {
 public:
  explicit RawEngine(std::function<void(int fd, int number)> serve) : serve_(std::move(serve)) {
    thread_ = std::thread([this] { run(); });
  }
  ~RawEngine() {
    ::shutdown(listener_.fd(), SHUT_RDWR);
    thread_.join();
    listener_.close();
    {
      std::lock_guard lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : connections_) thread.join();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(listener_.port()); }

  /// Reads until the end of a head has come. Empty when the connection ended.
  static std::string read_head(int fd) {
    std::string out;
    char bytes[4096];
    while (out.find("\r\n\r\n") == out.npos) {
      const auto count = ::recv(fd, bytes, sizeof bytes, 0);
      if (count <= 0) return {};
      out.append(bytes, static_cast<std::size_t>(count));
    }
    return out;
  }
  static void write(int fd, std::string_view text) {
    [[maybe_unused]] const auto sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
  }
  /// Closes with a reset.
  static void reset(int fd) {
    const linger abort{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  }
  http::Count accepted, ended;

 private:
  void run() {
    for (int number = 0;; ++number) {
      const int fd = ::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      accepted.add();
      {
        std::lock_guard lock(mutex_);
        open_.insert(fd);
      }
      connections_.emplace_back([this, fd, number] {
        serve_(fd, number);
        std::lock_guard lock(mutex_);
        open_.erase(fd);
        ::close(fd);
        ended.add();
      });
    }
  }

  std::function<void(int, int)> serve_;
  modelops::testing::Listener listener_;
  std::mutex mutex_;
  std::set<int> open_;
  std::vector<std::thread> connections_;
  std::thread thread_;
};

}  // namespace modelops::proxy
