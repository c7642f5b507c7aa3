#pragma once
// The HTTP/1.1 server. No Asio here: a caller sees options, a handler (types.hpp) and a life cycle.
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.hpp"
#include "platform/events/topics.hpp"
#include "platform/http/listeners.hpp"
#include "platform/http/tls.hpp"
#include "platform/http/types.hpp"
#include "platform/metrics/metrics.hpp"

namespace modelops::http {

/// One answered (or abandoned) request.
struct AccessRecord {
  Method method;
  std::string_view path;
  std::string_view route_name;
  std::string_view remote_address;
  std::string_view request_id;
  int status;  ///< 499: the client went away first
  std::uint64_t bytes_received;
  std::uint64_t bytes_sent;
  std::chrono::microseconds duration;
};

struct ServerOptions {
  std::string name = "api";  ///< the label of its metrics
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;          ///< 0: any free one
  Listeners* listeners = nullptr;  ///< where sockets for all ports may have been given; outlives the server
  std::shared_ptr<Tls> tls;        ///< of the first port; null: plain HTTP

  unsigned io_threads = 2;
  unsigned pool_threads = 8;
  std::size_t pool_queue_max = 1024;               ///< waiting requests; beyond: 503 with Retry-After
  std::chrono::milliseconds pool_wait_max{2'000};  ///< of the first in that queue; beyond: 503 with Retry-After
  unsigned slow_threads = 2;                       ///< a pool for what takes long, with a queue of any length
  std::size_t connections_max = 10'000;            ///< beyond: 503 and close
  std::size_t connections_per_client_max = 0;      ///< from one address; 0: as many as there may be
  std::uint64_t buffered_bytes_max = 256 << 20;    ///< of all bodies that are being kept; beyond: 503

  std::size_t head_bytes_max = 16 * 1024;   ///< beyond: 431
  std::size_t target_bytes_max = 8 * 1024;  ///< beyond: 431

  std::chrono::milliseconds head_timeout{10'000};     ///< from its first byte to its last
  std::chrono::milliseconds idle_timeout{60'000};     ///< between requests
  std::chrono::milliseconds body_timeout{30'000};     ///< without any byte of a body
  std::chrono::milliseconds write_timeout{30'000};    ///< without any byte taken by the client
  std::chrono::milliseconds request_timeout{60'000};  ///< Request::deadline of a buffered request
  std::uint64_t bytes_per_second_min = 1024;          ///< slower bodies and readers end, beyond those time-outs
  std::chrono::milliseconds linger_timeout{2'000};    ///< for the client to read the last answer and to close
  std::uint64_t linger_bytes_max = 16 << 20;          ///< of an unwanted body, read and dropped meanwhile
  std::chrono::milliseconds drain_linger{500};        ///< for requests already under way on idle connections
  std::chrono::milliseconds sweep_interval{250};      ///< the grain of all time-outs

  std::function<void(const AccessRecord&)> access_log;  ///< called on the I/O threads: quick, no exceptions
};

/// Listens and serves from construction to destruction. `handler`, `topics` and `registry` outlive it.
/// Requests run on its own bounded pool; a parked long poll or stream holds a connection, but no thread.
class Server {
 public:
  /// Throws Error(conflict) when the port is taken, Error(invalid) when the address is not one of this machine.
  Server(ServerOptions options, Handler& handler, events::Topics& topics, metrics::Registry* registry = nullptr);
  /// Ends what `drain` has not: connections are cut, running handlers are waited for.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Listens at one more port for another handler, which outlives the server too. `name` labels its metrics; threads,
  /// pool, limits and `drain` are shared. Returns the port. Throws as the constructor does.
  std::uint16_t listen(const std::string& name, const std::string& address, std::uint16_t port, Handler& handler,
                       std::shared_ptr<Tls> tls = nullptr);

  std::uint16_t port() const;  ///< the first
  std::size_t connections() const;

  /// Stops accepting, lets running requests finish with `Connection: close`, asks parked long polls for their last
  /// answer, ends streams, then stops. Connections without a request are closed after `linger`, by default that of the
  /// options. False when `timeout` passed first and connections were cut. Idempotent.
  bool drain(std::chrono::milliseconds timeout, std::optional<std::chrono::milliseconds> linger = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace modelops::http
