#pragma once
// The inference data plane. No Asio here: a caller sees options, `publish` and a life cycle.
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "dataplane/proxy/access_log.hpp"
#include "gateway/wire.hpp"
#include "monitoring/wire.hpp"
#include "platform/http/listeners.hpp"
#include "platform/http/tls.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/tracing/exporter.hpp"

namespace modelops::proxy {

struct GatewayOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 18088;            ///< 0: any free one
  http::Listeners* listeners = nullptr;  ///< where the socket "gateway" may have been given; outlives the gateway
  std::shared_ptr<http::Tls> tls;        ///< null: plain HTTP
  unsigned threads = 2;
  std::size_t connections_max = 10'000;        ///< beyond: 503 and close
  std::size_t connections_per_client_max = 0;  ///< from one address; 0: as many as there may be

  std::size_t head_bytes_max = 16 * 1024;
  std::size_t target_bytes_max = 8 * 1024;
  std::uint64_t model_body_bytes_max = 16 << 20;         ///< of the OpenAI-compatible API, where "model" is looked for
  std::uint64_t buffered_bytes_max = 512 << 20;          ///< of all such bodies together; beyond: 503
  std::chrono::milliseconds head_timeout{10'000};        ///< from a request's first byte to its head's last
  std::chrono::milliseconds keep_alive_timeout{75'000};  ///< between a client's requests
  std::chrono::milliseconds body_timeout{30'000};        ///< without any byte of a request's body
  std::chrono::milliseconds write_timeout{30'000};       ///< without any byte taken by the other side
  std::chrono::milliseconds connect_timeout{2'000};      ///< to a replica
  std::chrono::milliseconds first_byte_timeout{0};       ///< of a replica's answer; 0: the route's whole time
  std::chrono::milliseconds idle_timeout{60'000};        ///< between two bytes of a replica's answer
  /// How long an unused connection to a replica is kept: less than servers commonly do (5 s), so that it is not closed
  /// from the other end while a request is on its way.
  std::chrono::milliseconds replica_keep_alive{4'000};
  std::size_t idle_per_replica_max = 64;  ///< and per thread
  unsigned attempts_max = 3;              ///< replicas asked for one request

  std::chrono::milliseconds linger_timeout{2'000};  ///< for a client to read its last answer and to close
  std::uint64_t linger_bytes_max = 16 << 20;        ///< of an unwanted body, read and dropped meanwhile
  std::chrono::milliseconds drain_linger{500};      ///< for requests already under way on idle connections
  std::chrono::milliseconds sweep_interval{100};    ///< the grain of all time-outs

  AccessLog* access_log = nullptr;        ///< outlives the gateway
  tracing::Exporter* exporter = nullptr;  ///< where spans go; null: nowhere. Outlives the gateway
};

/// Serves from `listen` to destruction. `clock` and `registry` outlive it.
class Gateway {
 public:
  Gateway(GatewayOptions options, const Clock& clock, metrics::Registry& registry);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// From now on requests are routed by `snapshot`; those under way go on. Thread-safe.
  void publish(gateway::Snapshot snapshot);

  /// What was counted of each deployment since the last time (Routing::take_traffic). Thread-safe.
  std::vector<monitoring::DeploymentTraffic> take_traffic(std::chrono::steady_clock::duration elapsed);

  /// The newest of the chosen requests (RequestSample) since the last time. Thread-safe.
  std::vector<monitoring::RequestTrace> take_requests(std::size_t count_max);

  /// To be called once, when there are routes if they are to be had: without, requests get 503. Throws Error(conflict)
  /// when the port is taken, Error(invalid) when the address is not one of this machine.
  void listen();
  std::uint16_t port() const;
  std::size_t connections() const;

  /// Stops accepting, lets requests finish with `Connection: close`, then stops. Connections without a request are
  /// closed after `linger`, by default that of the options. False when `timeout` passed first and connections were cut.
  /// Idempotent.
  bool drain(std::chrono::milliseconds timeout, std::optional<std::chrono::milliseconds> linger = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace modelops::proxy
