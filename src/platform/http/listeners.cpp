#include "platform/http/listeners.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/error.hpp"
#include "base/text.hpp"
#include "platform/http/address.hpp"

namespace modelops::http {
namespace {

constexpr int backlog = 4096;
constexpr int first_given_fd = 3;  // SD_LISTEN_FDS_START

/// The socket address of "127.0.0.1" or "::1"; its length is 0 when it is none.
socklen_t parse(const std::string& address, std::uint16_t port, sockaddr_storage& out) {
  auto& in4 = reinterpret_cast<sockaddr_in&>(out);
  auto& in6 = reinterpret_cast<sockaddr_in6&>(out);
  if (::inet_pton(AF_INET, address.c_str(), &in4.sin_addr) == 1) {
    in4.sin_family = AF_INET;
    in4.sin_port = htons(port);
    return sizeof in4;
  }
  if (::inet_pton(AF_INET6, address.c_str(), &in6.sin6_addr) == 1) {
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(port);
    return sizeof in6;
  }
  return 0;
}

bool listens_at(int listener, const std::string& address, std::uint16_t port) {
  sockaddr_storage wanted{};
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  parse(address, port, wanted);
  if (::getsockname(listener, reinterpret_cast<sockaddr*>(&name), &length) != 0) return false;
  return wanted.ss_family == name.ss_family &&
         address_text(reinterpret_cast<const sockaddr&>(wanted)) ==
             address_text(reinterpret_cast<const sockaddr&>(name)) &&
         (port == 0 || port == port_of(listener));
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread is started
  return value == nullptr ? "" : value;
}

}  // namespace

Descriptor open_listener(const std::string& address, std::uint16_t port) {
  sockaddr_storage at{};
  const socklen_t length = parse(address, port, at);
  if (length == 0) fail(ErrorCode::invalid, "\"" + address + "\" is not an IP address to listen at.");
  const bool v6 = at.ss_family == AF_INET6;
  const std::string name = fmt::format("{}{}{}:{}", v6 ? "[" : "", address, v6 ? "]" : "", port);
  Descriptor socket(::socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  const int no = 0;
  // Without SO_REUSEPORT: with it a second server would share the port unnoticed.
  const bool listens =
      socket.get() >= 0 && ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
      (!v6 || ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) == 0) &&
      ::bind(socket.get(), reinterpret_cast<sockaddr*>(&at), length) == 0 && ::listen(socket.get(), backlog) == 0;
  if (!listens && errno == EADDRINUSE) {
    fail(ErrorCode::conflict,
         name + " is already in use: stop the program that listens there, or choose another port.");
  }
  if (!listens) fail(ErrorCode::invalid, fmt::format("Cannot listen at {}: {}.", name, std::strerror(errno)));
  return socket;
}

Descriptor copy_of(const Descriptor& descriptor) {
  Descriptor copy(::fcntl(descriptor.get(), F_DUPFD_CLOEXEC, 0));
  if (copy.get() < 0) fail(ErrorCode::unavailable, "The program is out of file descriptors.");
  return copy;
}

std::uint16_t port_of(int listener) {
  int listens = 0;
  socklen_t size = sizeof listens;
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  if (::getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0 &&
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&name), &length) == 0) {
    if (name.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(name).sin_port);
    if (name.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(name).sin6_port);
  }
  fail(ErrorCode::invalid, "The socket handed over is not a listening TCP socket.");
}

Listeners Listeners::of_process() {
  Listeners out;
  out.from_systemd_ = true;
  const auto count = parse_int(variable("LISTEN_FDS"));
  if (!count || parse_int(variable("LISTEN_PID")) != ::getpid()) return out;
  const std::string names = variable("LISTEN_FDNAMES");
  const auto each = split(names, ':');
  for (std::size_t i = 0; i < static_cast<std::size_t>(*count); ++i) {
    Descriptor socket(first_given_fd + static_cast<int>(i));
    ::fcntl(socket.get(), F_SETFD, FD_CLOEXEC);
    port_of(socket.get());
    if (i >= each.size() || each[i].empty())
      fail(ErrorCode::invalid, "systemd gives a socket without a name: set FileDescriptorName= in its socket unit.");
    out.give(std::string(each[i]), std::move(socket));
  }
  // Not for the processes that this one starts, nor for another call.
  for (const char* name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"})
    ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe): as above
  return out;
}

void Listeners::give(const std::string& name, Descriptor socket) { given_.emplace(name, std::move(socket)); }

Descriptor Listeners::open(const std::string& name, const std::string& address, std::uint16_t port) {
  auto given = given_.extract(name);
  const bool use = given && (from_systemd_ || listens_at(given.mapped().get(), address, port));
  const auto [entry, added] = open_.emplace(name, use ? std::move(given.mapped()) : open_listener(address, port));
  if (!added) fail(ErrorCode::internal, "Two listening sockets have the name " + name + ".");
  return copy_of(entry->second);
}

}  // namespace modelops::http
