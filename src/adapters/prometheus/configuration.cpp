#include "adapters/prometheus/configuration.hpp"

#include "adapters/prometheus/metrics.hpp"
#include "platform/http/types.hpp"
#include "reflect/describe.hpp"

namespace modelops::adapters::prometheus {
namespace {

// As Prometheus' own documentation names them: configuration.md, recording_rules.md.

struct Global {
  std::string scrape_interval;
  std::string evaluation_interval;
};
MODELOPS_DESCRIBE(Global, scrape_interval, evaluation_interval);
struct Authorization {
  std::string credentials_file;
  std::string type = "Bearer";  // service discovery of Prometheus 2.42 has no default for it
};
MODELOPS_DESCRIBE(Authorization, credentials_file, type);
struct HttpDiscovery {
  std::string url;
  std::string refresh_interval;
  Authorization authorization;
};
MODELOPS_DESCRIBE(HttpDiscovery, url, refresh_interval, authorization);
struct Static {
  std::vector<std::string> targets;
};
MODELOPS_DESCRIBE(Static, targets);
struct Job {
  std::string job_name;
  std::optional<std::string> scheme;
  std::optional<std::string> metrics_path;
  std::optional<Authorization> authorization;
  std::vector<HttpDiscovery> http_sd_configs;
  std::vector<Static> static_configs;
  // An engine's exposition is not trusted.
  std::string body_size_limit = "16MB";
  std::int64_t sample_limit = 100'000;
  std::int64_t label_limit = 64;
  std::int64_t label_value_length_limit = 1024;
};
MODELOPS_DESCRIBE(Job, job_name, scheme, metrics_path, authorization, http_sd_configs, static_configs, body_size_limit,
                  sample_limit, label_limit, label_value_length_limit);
struct Configuration {
  Global global;
  std::vector<std::string> rule_files;
  std::vector<Job> scrape_configs;
};
MODELOPS_DESCRIBE(Configuration, global, rule_files, scrape_configs);

struct Rule {
  std::string record;
  std::string expr;
};
MODELOPS_DESCRIBE(Rule, record, expr);
struct Group {
  std::string name;
  std::vector<Rule> rules;
};
MODELOPS_DESCRIBE(Group, name, rules);
struct Rules {
  std::vector<Group> groups;
};
MODELOPS_DESCRIBE(Rules, groups);

}  // namespace

boost::json::value configuration(const Surroundings& surroundings) {
  const Authorization authorization{.credentials_file = surroundings.token_file};
  const std::size_t host_at = surroundings.server.find("://") + 3;
  Configuration out;
  out.global = {surroundings.scrape_interval, surroundings.scrape_interval};
  out.rule_files = {surroundings.rules_file};
  Job found;
  found.job_name = "modelops";
  found.http_sd_configs = {
      {surroundings.server + "/api/v1/monitoring/targets?local=" + http::percent_encode(surroundings.local),
       surroundings.scrape_interval, authorization}};
  // The token goes to the server alone, never to what is found.
  Job engines;
  engines.job_name = "modelops-engines";
  engines.scheme = surroundings.server.substr(0, host_at - 3);
  engines.metrics_path = "/api/v1/monitoring/engines";
  engines.authorization = authorization;
  engines.static_configs.push_back(Static{{surroundings.server.substr(host_at)}});
  out.scrape_configs = {std::move(found), std::move(engines)};
  return reflect::parse_json_value(reflect::to_json(out));
}

boost::json::value recording_rules() {
  const Scope scope{{}, {"organization", "deployment", "deployment_id"}, std::chrono::minutes(2)};
  std::vector<std::string> metrics = {"requests_per_second", "error_ratio", "client_error_ratio",
                                      "tokens_in_per_second", "tokens_out_per_second"};
  for (const char* latency : {"duration", "first_token", "inter_token"})
    for (const char* percentile : {"p50", "p95", "p99"})
      metrics.push_back(fmt::format("{}_{}_ms", latency, percentile));
  Group group{"modelops", {}};
  for (const std::string& metric : metrics)
    group.rules.push_back({fmt::format("deployment:modelops_{}:2m", metric), expression_of(metric, scope).text()});
  return reflect::parse_json_value(reflect::to_json(Rules{{std::move(group)}}));
}

}  // namespace modelops::adapters::prometheus
