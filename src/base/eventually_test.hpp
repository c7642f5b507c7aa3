#pragma once
#include <poll.h>

#include <chrono>

namespace modelops::testing {

/// For what another thread or process brings about and tells nobody: asks again and again until `condition` holds.
/// False when it did not within `patience`: then the test has failed.
template <class Condition>
bool eventually(Condition condition, std::chrono::seconds patience = std::chrono::seconds(60)) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, 2);
  }
  return true;
}

}  // namespace modelops::testing
