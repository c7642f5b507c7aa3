#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "base/descriptor.hpp"
#include "targets/wire.hpp"

namespace modelops::agent {

using Instant = std::chrono::steady_clock::time_point;

/// Asks an engine again and again, without ever waiting for it: each `tick` does what can be done at once. One GET on
/// a connection of its own; a 2xx answer within the time-out is good.
class Prober {
 public:
  Prober(targets::Probe probe, std::string host, int port, Instant first)
      : probe_(std::move(probe)), host_(std::move(host)), port_(port), next_(first) {}

  /// Whether a probe that has just ended was good; nothing when none has.
  std::optional<bool> tick(Instant now);
  /// How many in a row were not.
  std::int64_t failures() const { return failures_; }
  bool has_failed() const { return failures_ >= probe_.failures_max; }
  const std::string& path() const { return probe_.path; }

 private:
  bool start();
  std::optional<bool> advance();

  targets::Probe probe_;
  std::string host_;
  int port_;
  Instant next_;
  Instant deadline_;
  std::optional<Descriptor> socket_;
  bool sent_ = false;
  std::string head_;
  std::int64_t failures_ = 0;
};

}  // namespace modelops::agent
