#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/loadgen/histogram.hpp"
#include "reflect/describe.hpp"

namespace modelops::loadgen {

/// What one thread counted, in nanoseconds. Warm-up is left out, but for `answered_total`.
struct Tally {
  Histogram latency;      ///< of whole answers, from the intended send time
  Histogram send_lag;     ///< from the intended to the true send time, when a connection was free
  Histogram first_token;  ///< of a stream, from the intended send time to its first event
  Histogram inter_token;  ///< between events of a stream
  std::uint64_t answered_total = 0;
  std::uint64_t answered_in_time = 0;  ///< before the end of the measured time
  std::uint64_t tokens_in_time = 0;
  std::uint64_t body_bytes = 0;
  std::uint64_t waited = 0;  ///< requests for which no connection was free
  std::uint64_t connections = 0;
  std::map<std::string, std::uint64_t> statuses;
  std::map<std::string, std::uint64_t> errors;  ///< connect, send, closed, timeout, bad_answer, unsent
  double cpu_seconds = 0;
  double busiest_thread = 0;  ///< CPU seconds per second

  void add(const Tally& other);
};

struct Percentiles {
  std::uint64_t count = 0;
  double min = 0, mean = 0, p50 = 0, p90 = 0, p99 = 0, p99_9 = 0, max = 0;
};
MODELOPS_DESCRIBE(Percentiles, count, min, mean, p50, p90, p99, p99_9, max);
Percentiles percentiles_us(const Histogram& nanoseconds);

/// What was asked for, as far as the result depends on it.
struct Asked {
  std::string url;
  std::string loop;  ///< "open" or "closed"
  std::optional<double> requests_per_second;
  unsigned connections = 0;
  unsigned threads = 1;
  double seconds = 0;
  bool stream = false;
};
MODELOPS_DESCRIBE(Asked, url, loop, requests_per_second, connections, threads, seconds, stream);

struct Report {
  Asked asked;
  std::uint64_t answered_total = 0;  ///< with those of the warm-up
  double requests_per_second = 0;
  double body_bytes_per_second = 0;
  std::map<std::string, std::uint64_t> statuses;
  std::map<std::string, std::uint64_t> errors;
  Percentiles latency_us;
  std::optional<Percentiles> send_lag_us;     ///< open loop
  std::optional<Percentiles> first_token_us;  ///< streams
  std::optional<Percentiles> inter_token_us;
  std::optional<double> tokens_per_second;
  std::uint64_t waited_for_connection = 0;
  std::uint64_t connections_opened = 0;
  double generator_cpu_cores = 0;
  std::vector<std::string> warnings;
};
MODELOPS_DESCRIBE(Report, asked, answered_total, requests_per_second, body_bytes_per_second, statuses, errors,
                  latency_us, send_lag_us, first_token_us, inter_token_us, tokens_per_second, waited_for_connection,
                  connections_opened, generator_cpu_cores, warnings);

/// `wall_seconds`: of the whole run. Says in `warnings` when the figures are not the server's alone.
Report report(const Asked& asked, const Tally& tally, double wall_seconds);
std::string as_table(const Report& report);

}  // namespace modelops::loadgen
