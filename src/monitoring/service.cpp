#include "monitoring/service.hpp"

#include "monitoring/requests.hpp"
#include "monitoring/store.hpp"

namespace modelops::monitoring {
namespace {

/// Agents report every ten seconds; with the coarse grain one sample a minute is left.
std::chrono::seconds sample_gap_max(const Grain& grain) { return std::max(3 * grain.step, std::chrono::seconds(30)); }

/// One deployment's window.
struct Sums {
  std::int64_t requests = 0;
  std::int64_t server_errors = 0;
  std::int64_t tokens_in = 0;
  std::int64_t tokens_out = 0;
  std::map<std::size_t, std::int64_t> by_point;
  Histogram duration;
};

}  // namespace

http::Answer Service::report(const Context&, const ReportMetrics& request, const http::Request& raw) {
  return access_.answer(raw, targets::MachineKind::gateway, [&](const targets::Machine& machine) {
    const Time now = clock_.now();
    check(request, now);
    database_.write([&](db::Tx& tx) {
      if (!store::advance_reporter(tx, {machine.org_id, machine.id, *request.run, *request.sequence,
                                        scrape_address(request.address, raw.remote_address), now}))
        return;
      const bool serves_all = gateway_.serves_all(tx, machine);
      std::map<std::string, std::optional<std::string>> organizations;
      // Nothing for a deployment that is gone, or that this gateway has no business with.
      const auto organization_of = [&](const std::string& deployment_id) -> const std::optional<std::string>& {
        const auto [known, is_new] = organizations.try_emplace(deployment_id);
        if (is_new) {
          known->second = deployments_.organization_of(tx, deployment_id);
          if (known->second && !serves_all && *known->second != machine.org_id) known->second.reset();
        }
        return known->second;
      };
      for (const TrafficBucket& bucket : request.buckets) {
        for (const Grain& grain : grains) {
          if (bucket.start < now - grain.kept) continue;
          store::add_coverage(tx, serves_all ? std::string() : machine.org_id, grain, bucket.start);
        }
        for (const DeploymentTraffic& told : bucket.deployments) {
          const auto& organization = organization_of(told.deployment_id);
          if (!organization) continue;
          for (const Grain& grain : grains)
            if (bucket.start >= now - grain.kept)
              store::add_traffic(tx, *organization, told.deployment_id, grain, {bucket.start, told.traffic});
        }
      }
      std::set<std::string> called;
      for (const RequestTrace& told : request.requests) {
        const auto& organization = organization_of(told.deployment_id);
        if (!organization || told.request.started_at < now - recent_requests_kept) continue;
        store::add_recent_request(tx, *organization, told);
        called.insert(told.deployment_id);
      }
      for (const std::string& id : called)
        store::trim_recent_requests(tx, *organization_of(id), id, recent_requests_max);
    });
    return http::Response{204, {}, {}};
  });
}

void Service::add_sources(std::vector<targets::DesiredReplica>& replicas) const {
  for (targets::DesiredReplica& replica : replicas)
    if (const auto endpoint = deployments_.metrics_of(replica.engine))
      replica.metrics = {endpoint->path, endpoint->port, vocabulary_.rules(replica.engine)};
}

void Service::observed(db::Tx& tx, const targets::Machine& agent, const targets::ReportObserved& report) {
  const Time now = clock_.now();
  const auto deployment_of = deployments_.replicas_on(tx, agent.org_id, agent.target_id);
  for (const targets::ObservedReplica& replica : report.replicas) {
    const auto found = deployment_of.find(replica.replica_id);
    // Before it is measured for the first time an agent says 0.
    if (found == deployment_of.end() || replica.pid == 0 || replica.memory_bytes <= 0) continue;
    const Sample sample{now, replica.memory_bytes,
                        static_cast<std::int64_t>(std::clamp(replica.cpu_seconds, 0.0, 1e12) * 1e6),
                        checked(replica.engine, vocabulary_)};
    for (const Grain& grain : grains)
      store::put_sample(tx, agent.org_id, found->second, replica.replica_id, grain, sample);
  }
}

DeploymentMetrics Service::deployment(const Context& ctx, const GetDeploymentMetrics& request) {
  const Chart chart =
      chart_of(request.window, request.step ? std::optional(request.step->number()) : std::nullopt, clock_.now());
  const Points& points = chart.points;
  DeploymentMetrics out;
  out.window = request.window.str();
  out.step = points.step.count();
  out.times = points.times();
  database_.read([&](db::Tx& tx) {
    const deployments::DeploymentKey key = deployments_.key_of(tx, ctx, request.deployment);
    out.deployment_id = key.id;
    const std::string& id = key.id.str();
    out.traffic = traffic_series(chart, store::traffic(tx, key.org_id, id, chart),
                                 store::coverage(tx, key.org_id, chart.grain, points.first, points.end()));
    // What was seen shortly before the window holds on at its beginning.
    const auto gap_max = sample_gap_max(chart.grain);
    std::map<std::string, std::vector<Sample>> samples;
    for (const SampleRow& row : store::samples(tx, key.org_id, id, chart.grain, points.first - gap_max, points.end()))
      samples[row.replica_id].push_back({row.sampled_at, row.memory_bytes, row.cpu_us, row.engine});
    out.replicas.clear();
    for (const auto& [replica_id, seen] : samples)
      out.replicas.push_back(replica_series(points, replica_id, seen, gap_max, vocabulary_));
  });
  return out;
}

DeploymentMetricsPage Service::list(const Context& ctx, const ListDeploymentMetrics& request) {
  const deployments::DeploymentPage page = deployments_.list(
      ctx, {*query::PageSize::parse(request.page_size.number()), request.page_token, request.filter, request.order_by});
  std::vector<std::string> ids;
  ids.reserve(page.items.size());
  for (const deployments::Deployment& deployment : page.items) ids.push_back(deployment.id.str());
  const Points points = sparkline_of(request.window, clock_.now());
  std::map<std::string, Sums> sums;
  std::vector<Time> covered;
  database_.read([&](db::Tx& tx) {
    sums.clear();
    covered = store::coverage(tx, ctx.org_id, fine, points.first, points.end());
    for (const PointRow& row : store::points(tx, ctx.org_id, ids, points)) {
      Sums& sum = sums[row.deployment_id];
      sum.requests += row.requests;
      sum.server_errors += row.server_errors;
      sum.tokens_in += row.tokens_in;
      sum.tokens_out += row.tokens_out;
      sum.by_point[static_cast<std::size_t>(row.point)] = row.requests;
    }
    for (const LatencyRow& row : store::latencies(tx, ctx.org_id, ids, bucket_start(points.first, coarse.step)))
      add(sums[row.deployment_id].duration, row.duration);
  });

  const auto per_second = [](std::int64_t count, std::int64_t buckets) {
    return rounded(static_cast<double>(count) / static_cast<double>(buckets * fine.step.count()));
  };
  const auto covered_buckets = std::ssize(covered);
  std::vector<std::int64_t> covered_by_point(static_cast<std::size_t>(points.count));
  for (const Time start : covered) ++covered_by_point[points.at(start).value()];
  DeploymentMetricsPage out;
  out.window = request.window.str();
  out.step = points.step.count();
  out.times = points.times();
  out.next_page_token = page.next_page_token;
  for (const deployments::Deployment& deployment : page.items) {
    const Sums& sum = sums[deployment.id.str()];
    DeploymentMetricsSummary row;
    row.deployment_id = deployment.id;
    row.name = deployment.name;
    row.sparkline.resize(covered_by_point.size());
    for (std::size_t i = 0; i < covered_by_point.size(); ++i) {
      if (covered_by_point[i] == 0) continue;
      const auto found = sum.by_point.find(i);
      row.sparkline[i] = per_second(found == sum.by_point.end() ? 0 : found->second, covered_by_point[i]);
    }
    if (covered_buckets > 0) {
      row.requests_per_second = per_second(sum.requests, covered_buckets);
      row.tokens_in_per_second = per_second(sum.tokens_in, covered_buckets);
      row.tokens_out_per_second = per_second(sum.tokens_out, covered_buckets);
    }
    row.error_ratio = ratio(sum.server_errors, sum.requests);
    row.duration_p95_ms = percentile_ms(sum.duration, 0.95);
    out.items.push_back(std::move(row));
  }
  return out;
}

}  // namespace modelops::monitoring
