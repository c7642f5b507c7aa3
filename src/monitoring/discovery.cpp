#include "monitoring/discovery.hpp"

#include "monitoring/store.hpp"
#include "platform/metrics/metrics.hpp"

namespace modelops::monitoring {
namespace {

/// A gateway that is silent for longer is not looked for any more.
constexpr std::chrono::hours gateway_silence_max{1};
/// Agents report every ten seconds.
constexpr std::chrono::seconds sample_age_max{45};

metrics::Labels labels_of(const deployments::ServingReplica& replica) {
  return {{"organization", replica.organization},
          {"deployment", replica.deployment},
          {"deployment_id", replica.deployment_id},
          {"environment", replica.environment},
          {"target", replica.target},
          {"engine", replica.engine},
          {"replica", replica.replica_id}};
}

void expose(metrics::Registry& registry, const SampleRow& row, const metrics::Labels& labels) {
  registry.gauge("modelops_replica_memory_bytes", "Resident memory of a replica's processes.", labels)
      .set(static_cast<double>(row.memory_bytes));
  registry.counter("modelops_replica_cpu_seconds_total", "Processor time of a replica's processes.", labels)
      .add(static_cast<double>(row.cpu_us) / 1e6);
  for (const targets::EngineSample& sample : row.engine) {
    const std::string name = "modelops_engine_" + sample.name;
    const std::string help = "As the engine tells it: see the vocabulary of engine metrics.";
    switch (engine_kind(sample.name, sample.divisor.has_value())) {
      case EngineKind::level: registry.gauge(name, help, labels).set(sample.value); break;
      case EngineKind::rate: registry.counter(name, help, labels).add(sample.value); break;
      case EngineKind::mean:
        registry.counter(name + "_sum_total", help, labels).add(sample.value);
        registry.counter(name + "_count_total", help, labels).add(*sample.divisor);
        break;
    }
  }
}

}  // namespace

std::vector<ScrapeTarget> Discovery::targets(const Context& ctx, const DiscoverTargets& request) {
  const std::string local = request.local ? request.local->str() : std::string();
  return database_.read([&](db::Tx& tx) {
    std::vector<ScrapeTarget> out;
    const bool all = gateway_.runs_installation(tx, ctx.org_id);
    if (all) {
      const bool is_tls = server_url_.starts_with("https:");
      std::string host = server_url_.substr(std::min(server_url_.find("://") + 3, server_url_.size()));
      host = host.substr(0, host.find('/'));
      if (host.find(':') == std::string::npos) host += is_tls ? ":443" : ":80";
      out.push_back({{host}, {{"component", "server"}, {"__scheme__", is_tls ? "https" : "http"}}});
    }
    for (const ReporterRow& reporter : store::reporters(tx, clock_.now() - gateway_silence_max)) {
      if (reporter.address.empty() || (!all && reporter.org_id != ctx.org_id)) continue;
      const auto name = targets_.gateway_name(tx, reporter.org_id, reporter.machine_id);
      if (!name) continue;
      const bool is_local = !local.empty() && reporter.org_id == ctx.org_id && *name == local;
      if (is_loopback(reporter.address) && !is_local) continue;
      ScrapeTarget target{{reporter.address}, {{"component", "gateway"}, {"gateway", *name}}};
      // What an organisation's own gateway exposes can only ever count for that organisation: Prometheus lets this
      // label win over the gateway's.
      if (!gateway_.runs_installation(tx, reporter.org_id))
        target.labels.emplace("organization", gateway_.organization_name(tx, reporter.org_id));
      out.push_back(std::move(target));
    }
    for (const deployments::ServingReplica& replica : deployments_.serving_replicas(tx)) {
      if (!all && replica.org_id != ctx.org_id) continue;
      const auto endpoint = deployments_.metrics_of(replica.engine);
      if (!endpoint) continue;
      const bool is_local = !local.empty() && replica.org_id == ctx.org_id && replica.target == local;
      std::string address = replica.address;
      if (is_loopback(address) && !is_local) continue;
      if (endpoint->port != 0) address = fmt::format("{}:{}", address.substr(0, address.rfind(':')), endpoint->port);
      ScrapeTarget target{{std::move(address)}, labels_of(replica)};
      target.labels.emplace("component", "engine");
      target.labels.emplace("__metrics_path__", endpoint->path);
      out.push_back(std::move(target));
    }
    return out;
  });
}

http::Answer Discovery::engines(const Context& ctx, const identity::Nothing&) {
  metrics::Registry registry;
  database_.read([&](db::Tx& tx) {
    const bool all = gateway_.runs_installation(tx, ctx.org_id);
    std::map<std::string, metrics::Labels> replicas;
    for (const deployments::ServingReplica& replica : deployments_.serving_replicas(tx))
      if (all || replica.org_id == ctx.org_id) replicas.emplace(replica.replica_id, labels_of(replica));
    for (const SampleRow& row : store::latest_samples(tx, clock_.now() - sample_age_max))
      if (const auto found = replicas.find(row.replica_id); found != replicas.end())
        expose(registry, row, found->second);
  });
  http::Response response;
  response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  response.body = registry.expose();
  return response;
}

}  // namespace modelops::monitoring
