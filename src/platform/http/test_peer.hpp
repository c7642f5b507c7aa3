#pragma once
// For the tests of this folder: a server with routes made of lambdas, and a raw socket to speak to it.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include "base/text.hpp"
#include "platform/http/server.hpp"
#include "platform/http/wire.hpp"

namespace modelops::http {

/// A socket of a client that may misbehave. Waits at most half a minute for anything: then the test has failed.
class Peer {
 public:
  struct Reply {
    int status = 0;  ///< 0: the connection ended instead
    Headers headers;
    std::string body;
    bool complete = false;
  };

  explicit Peer(std::uint16_t port, int receive_buffer_bytes = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{30, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (receive_buffer_bytes > 0) {
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Peer() { close(); }
  Peer(Peer&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_), buffer_(std::move(other.buffer_)) {}
  Peer& operator=(Peer&&) = delete;

  bool connected() const { return connected_; }
  int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  /// False when the server does not take it all.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  bool get(const std::string& target, const std::string& fields = {}) {
    return send("GET " + target + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n");
  }

  /// One whole answer: its head, and its body as framed.
  Reply read(bool of_head = false) {
    Reply reply = read_head();
    if (reply.status == 0) return reply;
    if (of_head || reply.status == 204 || reply.status == 304 || reply.status < 200) {
      reply.complete = true;
    } else if (reply.headers.get("Transfer-Encoding") == "chunked") {
      ChunkDecoder decoder;
      for (;;) {
        buffer_.erase(0, decoder.feed(buffer_, reply.body));
        if (decoder.done()) break;
        if (!receive()) return reply;
      }
      reply.complete = true;
    } else if (const auto length = parse_int(reply.headers.get("Content-Length"))) {
      while (buffer_.size() < static_cast<std::size_t>(*length)) {
        if (!receive()) return reply;
      }
      reply.body = buffer_.substr(0, static_cast<std::size_t>(*length));
      buffer_.erase(0, static_cast<std::size_t>(*length));
      reply.complete = true;
    } else {
      while (receive()) {}
      reply.body = std::exchange(buffer_, {});
      reply.complete = true;
    }
    return reply;
  }

  Reply read_head() {
    Reply reply;
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == buffer_.npos) {
      if (!receive()) return reply;
    }
    const std::string head = buffer_.substr(0, end);
    buffer_.erase(0, end + 4);
    reply.status = static_cast<int>(parse_int(head.substr(9, 3)).value_or(0));
    for (std::size_t at = head.find("\r\n"); at != head.npos;) {
      const std::size_t next = head.find("\r\n", at + 2);
      const std::string line = head.substr(at + 2, next == head.npos ? next : next - at - 2);
      const auto colon = line.find(':');
      reply.headers.add(line.substr(0, colon), trim(std::string_view(line).substr(colon + 1)));
      at = next;
    }
    return reply;
  }

  /// Reads on until `text` has come.
  bool await(std::string_view text) {
    while (buffer_.find(text) == buffer_.npos) {
      if (!receive()) return false;
    }
    buffer_.erase(0, buffer_.find(text) + text.size());
    return true;
  }

  /// True when the server closes (or has closed) the connection, whatever it sends before.
  bool await_close() {
    while (receive()) {}
    return errno != EAGAIN;
  }

 private:
  bool receive() {
    char bytes[16 * 1024];
    errno = 0;
    const auto count = ::recv(fd_, bytes, sizeof bytes, 0);
    if (count <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }

  int fd_;
  bool connected_ = false;
  std::string buffer_;
};

/// A number that a test waits for.
class Count {
 public:
  void add(int by = 1) {
    std::lock_guard lock(mutex_);
    value_ += by;
    changed_.notify_all();
  }
  bool await(int at_least) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return value_ >= at_least; });
  }
  int value() const {
    std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int value_ = 0;
};

/// Routes by path. "/upload…" streams its body into what `sink` makes.
class Routes final : public Handler {
 public:
  Plan plan(const Request& head) noexcept override {
    planned_on = std::this_thread::get_id();
    Plan plan;
    plan.mode = head.path.starts_with("/upload") ? BodyMode::stream : BodyMode::buffer;
    plan.body_bytes_max = plan.mode == BodyMode::stream ? upload_bytes_max : body_bytes_max;
    plan.route_name = "test";
    plan.is_brief = head.path.starts_with("/brief");
    return plan;
  }
  Answer handle(const Plan&, Request&& request) override {
    const auto route = routes.find(request.path);
    if (route == routes.end()) fail(ErrorCode::not_found, "There is nothing here.");
    return route->second(request);
  }
  std::unique_ptr<BodySink> receive(const Plan&, const Request& head) override { return sink(head); }

  std::map<std::string, std::function<Answer(Request&)>> routes;
  std::function<std::unique_ptr<BodySink>(const Request&)> sink;
  std::atomic<std::thread::id> planned_on;  ///< the I/O thread of the last request
  std::uint64_t body_bytes_max = 1 << 20;
  std::uint64_t upload_bytes_max = 1 << 30;
};

inline Response text(std::string body, int status = 200) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", "text/plain");
  response.body = std::move(body);
  return response;
}

}  // namespace modelops::http
