#pragma once
// One I/O thread's own state: touched by that thread only, but for `Shared`.

#include "dataplane/proxy/gateway.hpp"
#include "dataplane/proxy/peer.hpp"
#include "dataplane/proxy/request_trace.hpp"
#include "dataplane/proxy/routing.hpp"
#include "platform/http/io_thread.hpp"

namespace modelops::proxy {

/// What all connections of a gateway share.
struct Shared {
  Shared(GatewayOptions gateway_options, const Clock& wall_clock, metrics::Registry& metrics_registry);

  const GatewayOptions options;
  const Clock& clock;
  metrics::Registry& registry;
  Routing routing;
  const RouteMetrics no_route;  ///< of requests that reach no deployment
  const metrics::Gauge open;
  const metrics::Gauge version;
  std::atomic<std::uint64_t> buffered_bytes{0};
  RequestSample sample;
  http::OpenConnections connections;
};

class IoThread final : public http::IoThread {
 public:
  explicit IoThread(Shared& gateway);
  ~IoThread() override;

  void abort() override;

  /// An idle connection to `address`; null when there is none. One that was used just now is believed to stand, unless
  /// `sure`: who can repeat a request finds out by itself.
  std::shared_ptr<Peer> take_idle(const std::string& address, bool sure);
  /// `may_be_closed`: the replica may close it now without having said so; it is used again once that would be known.
  void keep_idle(const std::string& address, std::shared_ptr<Peer> peer, bool may_be_closed);

  Shared& shared;
  std::unordered_set<Peer*> peers;
  Routing::View routing;

 private:
  void sweep(SteadyTime now) override;

  ByName<std::vector<std::shared_ptr<Peer>>> idle_;
};

}  // namespace modelops::proxy
