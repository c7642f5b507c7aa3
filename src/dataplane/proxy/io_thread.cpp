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
    auto& kept = entry->second;
    // What a replica has closed is not held open.
    std::erase_if(kept, [&](const auto& peer) {
      return now - peer->idle_since >= shared.options.replica_keep_alive || peer->is_stale();
    });
    entry = kept.empty() ? idle_.erase(entry) : std::next(entry);
  }
}

std::shared_ptr<Peer> IoThread::take_idle(const std::string& address, bool sure) {
  const auto entry = idle_.find(address);
  if (entry == idle_.end()) return nullptr;
  auto& kept = entry->second;
  const auto now = http::coarse_now();
  for (std::size_t i = kept.size(); i-- > 0;) {
    const auto age = now - kept[i]->idle_since;
    if (kept[i]->may_be_closed && age <= believed_for) continue;
    std::shared_ptr<Peer> peer = std::move(kept[i]);
    kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(i));
    if (age >= shared.options.replica_keep_alive) continue;
    if (!(sure || age > believed_for) || !peer->is_stale()) return peer;
  }
  return nullptr;
}

void IoThread::keep_idle(const std::string& address, std::shared_ptr<Peer> peer, bool may_be_closed) {
  auto& kept = idle_[address];
  if (aborting() || kept.size() >= shared.options.idle_per_replica_max) return;
  peer->idle_since = http::coarse_now();
  peer->may_be_closed = may_be_closed;
  kept.push_back(std::move(peer));
}

void IoThread::abort() {
  http::IoThread::abort();
  idle_.clear();
}

}  // namespace modelops::proxy
