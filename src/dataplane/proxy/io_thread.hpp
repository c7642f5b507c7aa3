#pragma once
// One I/O thread's own state: touched by that thread only, but for `Shared`.
#include <random>
#include <unordered_set>

#include "dataplane/proxy/gateway.hpp"
#include "dataplane/proxy/peer.hpp"
#include "dataplane/proxy/routing.hpp"

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

  std::mutex mutex;
  std::condition_variable changed;
  std::size_t connections = 0;  ///< guarded by `mutex`
};

class Connection;

struct IoThread {
  explicit IoThread(Shared& gateway);
  ~IoThread();

  void start_accepting();
  void schedule_sweep();
  void begin_drain();
  void close_idle();
  void abort();
  const std::string& date();

  /// An idle connection to `address`; null when there is none. One that was used just now is believed to stand, unless
  /// `sure`: who can repeat a request finds out by itself.
  std::shared_ptr<Peer> take_idle(const std::string& address, bool sure);
  void keep_idle(const std::string& address, std::shared_ptr<Peer> peer);

  Shared& shared;
  std::unordered_set<Peer*> peers;
  std::unordered_set<Connection*> connections;
  asio::io_context io{1};
  http::Acceptor acceptor;
  http::Timer timer;
  Routing::View routing;
  std::mt19937_64 random;     ///< for request and trace ids, which only have to differ
  bool draining = false;      ///< no request follows the current one
  bool closing_idle = false;  ///< nor is one waited for
  bool aborting = false;

 private:
  Task<void> accept();
  void admit(Socket socket);

  ByName<std::vector<std::shared_ptr<Peer>>> idle_;
  std::int64_t date_second_ = -1;
  std::string date_;
};

}  // namespace modelops::proxy
