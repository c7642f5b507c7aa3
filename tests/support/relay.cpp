#include "tests/support/relay.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <list>
#include <vector>

namespace modelops::testing {
namespace {

sockaddr_in loopback(int port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  out.sin_port = htons(static_cast<std::uint16_t>(port));
  return out;
}

struct Link {
  Descriptor client;
  Descriptor server;
};

/// False at the end of the stream.
bool pass(int from, int to) {
  std::array<char, 65536> buffer;
  const ssize_t got = ::recv(from, buffer.data(), buffer.size(), 0);
  return got > 0 && ::send(to, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) == got;
}

}  // namespace

Relay::Relay(int to_port) : to_port_(to_port), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = loopback(0);
  ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  ::listen(listener_.get(), 64);
  socklen_t length = sizeof address;
  ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

Relay::~Relay() {
  stopping_ = true;
  thread_.join();
}

void Relay::run() {
  std::list<Link> links;
  while (!stopping_) {
    std::vector<pollfd> waiting{{listener_.get(), POLLIN, 0}};
    for (const Link& link : links)
      waiting.insert(waiting.end(), {{link.client.get(), POLLIN, 0}, {link.server.get(), POLLIN, 0}});
    // Short, so that a thaw and the end are noticed.
    if (frozen_) waiting.clear();
    if (::poll(waiting.data(), waiting.size(), 5) <= 0 || waiting.empty()) continue;
    auto ready = waiting.begin() + 1;
    std::erase_if(links, [&](const Link& link) {
      const bool asked = (ready++)->revents == 0 || pass(link.client.get(), link.server.get());
      const bool answered = (ready++)->revents == 0 || pass(link.server.get(), link.client.get());
      return !asked || !answered;
    });
    if (waiting[0].revents == 0) continue;
    Link link{Descriptor(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)),
              Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
    const sockaddr_in address = loopback(to_port_);
    if (::connect(link.server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
      links.push_back(std::move(link));
  }
}

}  // namespace modelops::testing
