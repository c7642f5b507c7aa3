#pragma once
// The listening sockets of a process. No Asio here.
#include <cstdint>
#include <map>
#include <string>

#include "base/descriptor.hpp"

namespace modelops::http {

/// A new listening socket. Throws Error(conflict) when the port is taken, Error(invalid) when `address` is not an IP
/// address of this machine.
Descriptor open_listener(const std::string& address, std::uint16_t port);
/// Throws Error(unavailable) when the process is out of descriptors.
Descriptor copy_of(const Descriptor& descriptor);
/// The port that a listening socket has. Throws Error(invalid) when it is none.
std::uint16_t port_of(int listener);

/// Listening sockets by name ("api", "web", "gateway"). One that was given, by systemd or by the process that ran
/// before (hand_over.hpp), is used instead of opening another: it was never closed, so nobody was turned away.
class Listeners {
 public:
  /// Takes what systemd gives by LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES (sd_listen_fds(3)), once in the process.
  static Listeners of_process();

  void give(const std::string& name, Descriptor socket);
  /// A descriptor of the socket `name`: the one that was given, if it is systemd's or listens there, else a new one.
  /// Throws as open_listener.
  Descriptor open(const std::string& name, const std::string& address, std::uint16_t port);
  /// Those that were opened here.
  const std::map<std::string, Descriptor>& all() const { return open_; }
  /// Closes what was given and is not used: nobody would accept there.
  void drop_unused() { given_.clear(); }
  void close() { open_.clear(); }

 private:
  bool from_systemd_ = false;
  std::map<std::string, Descriptor> given_;
  std::map<std::string, Descriptor> open_;
};

}  // namespace modelops::http
