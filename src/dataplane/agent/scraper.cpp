#include "dataplane/agent/scraper.hpp"

#include <cmath>

#include "base/error.hpp"
#include "dataplane/machine/backoff.hpp"
#include "platform/metrics/exposition.hpp"

namespace modelops::agent {
namespace {

constexpr std::chrono::milliseconds round_interval{500};
constexpr std::chrono::seconds failure_pause{30};
constexpr std::chrono::seconds timeout{2};
constexpr std::uint64_t exposition_bytes_max = 4 << 20;

bool has_labels(const metrics::ExposedSample& sample, const std::map<std::string, std::string>& labels) {
  return std::ranges::all_of(labels, [&](const auto& label) {
    const auto found = sample.labels.find(label.first);
    return found != sample.labels.end() && found->second == label.second;
  });
}

/// Nothing when there is no such series.
std::optional<double> total(const std::vector<metrics::ExposedSample>& samples, const std::string& name,
                            const std::map<std::string, std::string>& labels, bool average) {
  double sum = 0;
  int count = 0;
  for (const metrics::ExposedSample& sample : samples) {
    if (sample.name != name || !has_labels(sample, labels)) continue;
    sum += sample.value;
    ++count;
  }
  if (count == 0) return std::nullopt;
  return average ? sum / count : sum;
}

/// Empty when the source cannot be asked.
std::string url_of(const targets::ObservedReplica& replica, const targets::MetricsSource& source) {
  const std::size_t colon = replica.address.rfind(':');
  const bool is_path = source.path.starts_with('/') && source.path.size() <= 1024 &&
                       std::ranges::all_of(source.path, [](char c) { return c > 0x20 && c < 0x7f; });
  if (colon == std::string::npos || !is_path || source.port < 0 || source.port > 65535) return {};
  if (source.port == 0) return "http://" + replica.address + source.path;
  return fmt::format("http://{}:{}{}", replica.address.substr(0, colon), source.port, source.path);
}

}  // namespace

std::vector<targets::EngineSample> translate(const std::vector<targets::MetricRule>& rules, std::string_view text) {
  std::set<std::string, std::less<>> wanted;
  for (const targets::MetricRule& rule : rules) {
    wanted.insert(rule.metric);
    if (!rule.divisor.empty()) wanted.insert(rule.divisor);
  }
  const auto samples = metrics::read_exposition(text, wanted);
  std::vector<targets::EngineSample> out;
  for (const targets::MetricRule& rule : rules) {
    if (out.size() == targets::engine_samples_max) break;
    const auto value = total(samples, rule.metric, rule.labels, rule.average);
    if (!value || !std::isfinite(*value * rule.scale)) continue;
    targets::EngineSample sample{rule.name, *value * rule.scale, {}};
    if (!rule.divisor.empty()) {
      sample.divisor = total(samples, rule.divisor, rule.labels, false);
      if (!sample.divisor || !std::isfinite(*sample.divisor)) continue;
    }
    out.push_back(std::move(sample));
  }
  return out;
}

Scraper::Scraper(std::chrono::milliseconds interval)
    : interval_(interval),
      client_({.addresses = http::AddressPolicy::any,
               .connect_timeout = timeout,
               .total_timeout = timeout,
               .response_bytes_max = exposition_bytes_max}) {}

void Scraper::want(const targets::DesiredState& desired) {
  std::lock_guard lock(mutex_);
  sources_.clear();
  for (const targets::DesiredReplica& replica : desired.replicas)
    if (replica.metrics) sources_.emplace(replica.replica_id, *replica.metrics);
}

void Scraper::run(std::stop_token stop, const Observed& observed) {
  do {
    const auto replicas = observed();
    std::set<std::string> ready;
    for (const targets::ObservedReplica& replica : replicas) {
      if (replica.state != targets::ReplicaState::ready) continue;
      ready.insert(replica.replica_id);
      if (std::chrono::steady_clock::now() >= due_[replica.replica_id]) scrape(replica, stop);
      if (stop.stop_requested()) return;
    }
    std::erase_if(due_, [&](const auto& entry) { return !ready.contains(entry.first); });
    std::lock_guard lock(mutex_);
    std::erase_if(samples_, [&](const auto& entry) { return !ready.contains(entry.first); });
  } while (machine::wait_for(stop, std::min(interval_, round_interval)));
}

void Scraper::scrape(const targets::ObservedReplica& replica, const std::stop_token& stop) {
  targets::MetricsSource source;
  {
    std::lock_guard lock(mutex_);
    if (const auto found = sources_.find(replica.replica_id); found != sources_.end()) source = found->second;
  }
  std::vector<targets::EngineSample> samples;
  bool failed = false;
  const std::string url = url_of(replica, source);
  if (!url.empty() && !source.rules.empty()) {
    try {
      const http::Response answer = client_.send({.url = url, .stop = stop});
      failed = answer.status != 200;
      if (!failed) samples = translate(source.rules, answer.body);
    } catch (const Error&) {
      failed = true;  // whether the engine lives is said by its probes
    }
  }
  due_[replica.replica_id] = std::chrono::steady_clock::now() +
                             (failed ? std::max<std::chrono::milliseconds>(interval_, failure_pause) : interval_);
  std::lock_guard lock(mutex_);
  samples_.insert_or_assign(replica.replica_id, std::move(samples));
}

void Scraper::add_to(std::vector<targets::ObservedReplica>& replicas) const {
  std::lock_guard lock(mutex_);
  for (targets::ObservedReplica& replica : replicas)
    if (const auto found = samples_.find(replica.replica_id); found != samples_.end()) replica.engine = found->second;
}

}  // namespace modelops::agent
