#pragma once
#include <atomic>
#include <thread>

#include "base/descriptor.hpp"

namespace modelops::testing {

/// A TCP port of the loopback interface that passes bytes on to another one until it is frozen: then connections stay
/// open and nothing comes through, as with a network or a server that has died without a word.
class Relay {
 public:
  explicit Relay(int to_port);
  ~Relay();
  Relay(const Relay&) = delete;

  int port() const { return port_; }
  void freeze() { frozen_ = true; }
  void thaw() { frozen_ = false; }

 private:
  void run();

  const int to_port_;
  int port_ = 0;
  Descriptor listener_;
  std::atomic<bool> frozen_ = false;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace modelops::testing
