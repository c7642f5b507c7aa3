#include "dataplane/proxy/io_thread.hpp"

namespace modelops::proxy {
namespace {

constexpr std::chrono::milliseconds believed_for{100};

}  // namespace

Shared::Shared(GatewayOptions gateway_options, const Clock& wall_clock, metrics::Registry& metrics_registry)
    : options(std::move(gateway_options)),
      clock(wall_clock),
      registry(metrics_registry),
      routing(metrics_registry),
      no_route(metrics_registry, "", "", ""),
      open(metrics_registry.gauge("modelops_gateway_connections", "Open connections of clients.")),
      version(metrics_registry.gauge("modelops_gateway_snapshot_version", "The routing snapshot in force.")),
      connections(options.connections_max, options.connections_per_client_max) {}

IoThread::IoThread(Shared& gateway)
    : http::IoThread(gateway.connections, gateway.options.sweep_interval), shared(gateway), routing(gateway.routing) {}

IoThread::~IoThread() { idle_.clear(); }  // they leave `peers`

void IoThread::sweep(SteadyTime now) {
  routing.table();  // an idle thread must not keep an old one alive
  for (Peer* peer : peers) peer->sweep(now);
  http::IoThread::sweep(now);
  for (auto entry = idle_.begin(); entry != idle_.end();) {
    // The oldest stand in front.
    auto& kept = entry->second;
    const auto fresh = std::ranges::find_if(
        kept, [&](const auto& peer) { return now - peer->idle_since < shared.options.replica_keep_alive; });
    kept.erase(kept.begin(), fresh);
    entry = kept.empty() ? idle_.erase(entry) : std::next(entry);
  }
}

std::shared_ptr<Peer> IoThread::take_idle(const std::string& address, bool sure) {
  const auto entry = idle_.find(address);
  if (entry == idle_.end()) return nullptr;
  auto& kept = entry->second;
  const auto now = http::coarse_now();
  while (!kept.empty()) {
    std::shared_ptr<Peer> peer = std::move(kept.back());
    kept.pop_back();
    const auto age = now - peer->idle_since;
    if (age >= shared.options.replica_keep_alive) continue;
    if (!(sure || age > believed_for) || !peer->is_stale()) return peer;
  }
  return nullptr;
}

void IoThread::keep_idle(const std::string& address, std::shared_ptr<Peer> peer) {
  auto& kept = idle_[address];
  if (aborting() || kept.size() >= shared.options.idle_per_replica_max) return;
  peer->idle_since = http::coarse_now();
  kept.push_back(std::move(peer));
}

void IoThread::abort() {
  http::IoThread::abort();
  idle_.clear();
}

}  // namespace modelops::proxy
