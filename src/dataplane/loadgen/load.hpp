#pragma once
#include <chrono>
#include <optional>

#include "dataplane/loadgen/report.hpp"
#include "dataplane/loadgen/request.hpp"
#include "dataplane/loadgen/schedule.hpp"

namespace modelops::loadgen {

struct LoadOptions {
  /// Open loop: requests per second, whatever the server does. Nothing: closed loop, each connection sends its next
  /// request when it has its answer.
  std::optional<double> rate;
  Arrivals arrivals = Arrivals::constant;
  unsigned connections = 64;  ///< at most; in the closed loop always so many
  unsigned threads = 1;
  std::chrono::nanoseconds warm_up{std::chrono::seconds(1)};
  std::chrono::nanoseconds duration{std::chrono::seconds(10)};
  std::chrono::nanoseconds timeout{std::chrono::seconds(30)};  ///< of one request, from its intended send time
  std::size_t backlog_max = 100'000;  ///< requests that wait for a connection; more are not sent and counted so
  bool stream = false;
  std::uint64_t seed = 1;
};

/// Sends `request` to `url` for a time and tells what happened. Blocks. Throws Error(invalid) when so many connections
/// cannot be had, Error(unavailable) when the host has no address.
Report run_load(const LoadOptions& options, const Url& url, const RequestText& request);

}  // namespace modelops::loadgen
