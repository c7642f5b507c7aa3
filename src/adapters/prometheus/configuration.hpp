#pragma once
// What a Prometheus beside ModelOps is started with, as values: whoever writes the files makes YAML of them.
#include <string>

#include "reflect/json.hpp"

namespace modelops::adapters::prometheus {

struct Surroundings {
  std::string server;      ///< "http://localhost:18087"
  std::string token_file;  ///< holds an API key that may monitoring:discover; sent to the server only
  std::string local;       ///< the target and gateway on this machine
  std::string rules_file;
  std::string scrape_interval = "15s";
};

/// prometheus.yml.
boost::json::value configuration(const Surroundings& surroundings);
/// The recording rules, by deployment, over the last two minutes: `deployment:modelops_duration_p95_ms:2m` and so on.
boost::json::value recording_rules();

}  // namespace modelops::adapters::prometheus
