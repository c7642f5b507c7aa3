#include "dataplane/proxy/routing.hpp"

#include <set>

namespace modelops::proxy {
namespace {

template <class Map>
auto* find_in(Map& map, std::string_view name) {
  const auto found = map.find(name);
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

const RoutingTable::Organization* RoutingTable::find_organization(std::string_view name) const {
  return find_in(organizations_, name);
}

const Caller* RoutingTable::find_caller(std::string_view digest) const { return find_in(callers_, digest); }

const Target* RoutingTable::find_deployment(std::string_view organization, std::string_view deployment) const {
  const Organization* own = find_organization(organization);
  const auto* found = own == nullptr ? nullptr : find_in(own->deployments, deployment);
  return found == nullptr ? nullptr : *found;
}

const Target* RoutingTable::find_model(std::string_view organization, std::string_view model) const {
  const Organization* own = find_organization(organization);
  const auto* found = own == nullptr ? nullptr : find_in(own->models, model);
  return found == nullptr ? nullptr : *found;
}

std::vector<std::string_view> RoutingTable::models(std::string_view organization) const {
  std::vector<std::string_view> out;
  if (const Organization* own = find_organization(organization)) {
    for (const auto& [name, target] : own->models) out.push_back(name);
  }
  std::ranges::sort(out);
  return out;
}

std::shared_ptr<const RouteMetrics> Routing::metrics_of(const gateway::Route& route) {
  auto& made = metrics_[route.deployment_id];
  if (!made)
    made = std::make_shared<const RouteMetrics>(registry_, route.organization, route.deployment, route.deployment_id);
  return made;
}

void Routing::publish(gateway::Snapshot snapshot) {
  std::lock_guard lock(mutex_);
  const auto table = std::make_shared<RoutingTable>();
  table->version = snapshot.version;
  table->issued_at_ = snapshot.issued_at;
  table->cors_origins_.insert(snapshot.cors_origins.begin(), snapshot.cors_origins.end());

  std::map<std::string, std::shared_ptr<Endpoint>> endpoints;
  std::map<std::string, std::shared_ptr<RateLimit>> limits;
  if (table_) {
    for (const Target& target : table_->targets_) endpoints.emplace(target.route.deployment_id, target.endpoint);
    for (const auto& [digest, caller] : table_->callers_) limits.emplace(caller.key.id, caller.limit);
  }
  std::set<std::string> stay;
  for (gateway::Route& route : snapshot.routes) {
    stay.insert(route.deployment_id);
    std::shared_ptr<Endpoint>& endpoint = endpoints[route.deployment_id];
    if (!endpoint) endpoint = std::make_shared<Endpoint>(metrics_of(route));
    endpoint->update(route);
    const Target& target = table->targets_.emplace_back(std::move(route), endpoint);
    RoutingTable::Organization& own = table->organizations_[target.route.organization];
    own.deployments.emplace(target.route.deployment, &target);
    for (const std::string& name : target.route.model_names) {
      const Target*& chosen = own.models[name];
      if (chosen == nullptr || (chosen->route.replicas.empty() && !target.route.replicas.empty())) chosen = &target;
    }
  }
  // Who waits for a deployment that is gone must not wait on.
  for (const auto& [id, endpoint] : endpoints) {
    if (!stay.contains(id)) endpoint->update({});
  }
  for (gateway::Key& key : snapshot.keys) {
    std::shared_ptr<RateLimit>& limit = limits[key.id];
    if (limit) {
      limit->set(key.requests_per_second, key.burst);
    } else {
      limit = std::make_shared<RateLimit>(key.requests_per_second, key.burst);
    }
    std::string digest = key.digest;
    table->callers_.insert_or_assign(std::move(digest), Caller{std::move(key), limit});
  }
  table_ = table;
  changes_.fetch_add(1, std::memory_order_release);
}

std::vector<monitoring::DeploymentTraffic> Routing::take_traffic(Meter::Duration elapsed) {
  std::vector<monitoring::DeploymentTraffic> out;
  std::lock_guard lock(mutex_);
  for (auto entry = metrics_.begin(); entry != metrics_.end();) {
    const auto& [deployment_id, metrics] = *entry;
    // No endpoint holds it, and only `publish`, which waits for the lock, can give it one again. Asked before the meter
    // is read: what the last request counted is in it then.
    const bool is_gone = metrics.use_count() == 1;
    metrics->meter().sample(metrics->in_flight.value(), metrics->queued.value(), elapsed);
    monitoring::DeploymentTraffic traffic{deployment_id, {}};
    if (metrics->meter().take(traffic.traffic)) out.push_back(std::move(traffic));
    entry = is_gone ? metrics_.erase(entry) : std::next(entry);
  }
  return out;
}

const std::shared_ptr<const RoutingTable>& Routing::View::table() {
  if (routing_.changes_.load(std::memory_order_acquire) != seen_) {
    std::lock_guard lock(routing_.mutex_);
    seen_ = routing_.changes_.load(std::memory_order_relaxed);
    table_ = routing_.table_;
  }
  return table_;
}

}  // namespace modelops::proxy
