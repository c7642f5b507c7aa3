#pragma once
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "dataplane/agent/probe.hpp"
#include "platform/http/client.hpp"

namespace modelops::agent {

/// What `rules` find in an engine's exposition, a text that is not trusted. Left out: what is not there, and what is
/// not a finite number.
std::vector<targets::EngineSample> translate(const std::vector<targets::MetricRule>& rules, std::string_view text);

/// Asks engines for their metrics in a thread of its own, so that one that hangs holds up nothing but this.
class Scraper {
 public:
  explicit Scraper(std::chrono::milliseconds interval);

  /// Any thread. The newest counts.
  void want(const targets::DesiredState& desired);
  using Observed = std::function<std::vector<targets::ObservedReplica>()>;
  void run(std::stop_token stop, const Observed& observed);
  /// Any thread. Adds what was read last of each replica.
  void add_to(std::vector<targets::ObservedReplica>& replicas) const;

 private:
  void scrape(const targets::ObservedReplica& replica, const std::stop_token& stop);

  const std::chrono::milliseconds interval_;
  http::Client client_;
  std::map<std::string, Instant> due_;  // of the running thread
  mutable std::mutex mutex_;
  std::map<std::string, targets::MetricsSource> sources_;
  std::map<std::string, std::vector<targets::EngineSample>> samples_;
};

}  // namespace modelops::agent
