#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>

#include "base/descriptor.hpp"

namespace modelops::testing {

/// A socket that listens at a port of the loopback interface that was free, for a test that speaks for itself.
class Listener {
 public:
  /// `flags`: SOCK_NONBLOCK, or none.
  explicit Listener(int flags = 0) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size);
    ::listen(fd_.get(), 64);
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  int fd() const { return fd_.get(); }
  std::uint16_t port() const { return port_; }
  Descriptor take() { return std::move(fd_); }
  void close() { fd_.close(); }

 private:
  Descriptor fd_;
  std::uint16_t port_ = 0;
};

}  // namespace modelops::testing
