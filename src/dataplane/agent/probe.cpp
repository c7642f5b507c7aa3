#include "dataplane/agent/probe.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

namespace modelops::agent {

std::optional<bool> Prober::tick(Instant now) {
  if (!socket_) {
    if (now < next_) return std::nullopt;
    next_ = now + std::chrono::milliseconds(probe_.period_ms);
    deadline_ = now + std::chrono::milliseconds(probe_.timeout_ms);
    if (!start()) {
      socket_.reset();
      ++failures_;
      return false;
    }
  }
  std::optional<bool> good = advance();
  if (!good && now >= deadline_) good = false;
  if (!good) return std::nullopt;
  socket_.reset();
  failures_ = *good ? 0 : failures_ + 1;
  return good;
}

bool Prober::start() {
  socket_.emplace(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sent_ = false;
  head_.clear();
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port_));
  ::inet_pton(AF_INET, host_.c_str(), &address.sin_addr);
  return ::connect(socket_->get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 || errno == EINPROGRESS;
}

/// Nothing while the answer is still to come.
std::optional<bool> Prober::advance() {
  pollfd ready{socket_->get(), static_cast<short>(sent_ ? POLLIN : POLLOUT), 0};
  if (::poll(&ready, 1, 0) <= 0) return std::nullopt;
  if (!sent_) {
    const std::string request =
        fmt::format("GET {} HTTP/1.1\r\nHost: {}:{}\r\nConnection: close\r\n\r\n", probe_.path, host_, port_);
    // So little fits at once into an empty socket; an error of connect shows here too.
    if (::send(socket_->get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
      return false;
    sent_ = true;
    return std::nullopt;
  }
  char bytes[64];
  const ssize_t got = ::recv(socket_->get(), bytes, sizeof bytes, 0);
  if (got < 0 && errno == EAGAIN) return std::nullopt;
  if (got <= 0) return false;
  head_.append(bytes, static_cast<std::size_t>(got));
  if (head_.size() < 12) return std::nullopt;
  return head_.starts_with("HTTP/1.") && head_[8] == ' ' && head_[9] == '2';  // "HTTP/1.1 200"
}

}  // namespace modelops::agent
