#include "platform/http/server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "platform/http/connection.hpp"

namespace modelops::http {

Shared::Shared(ServerOptions server_options, events::Topics& wake_ups, metrics::Registry* metrics_registry)
    : options(std::move(server_options)),
      topics(wake_ups),
      registry(metrics_registry),
      connections(options.connections_max, options.connections_per_client_max),
      pool(options.pool_threads, options.pool_queue_max, options.pool_wait_max),
      slow_pool(options.slow_threads, options.pool_queue_max, options.pool_wait_max) {
  if (!registry) return;
  queued = registry->gauge("modelops_http_pool_queue", "Jobs that wait for a thread of the pool.",
                           {{"server", options.name}});
  slow_queued = registry->gauge("modelops_http_slow_pool_queue",
                                "Jobs that wait for a thread of the pool for slow work.", {{"server", options.name}});
}

Site::Site(std::string site_name, Handler& request_handler, std::shared_ptr<Tls> certificates,
           metrics::Registry* registry)
    : name(std::move(site_name)), handler(request_handler), tls(std::move(certificates)) {
  if (!registry) return;
  const metrics::Labels labels{{"server", name}};
  in_flight = registry->gauge("modelops_http_requests_in_flight", "Requests being served.", labels);
  open = registry->gauge("modelops_http_connections", "Open connections.", labels);
}

void ServerThread::sweep(SteadyTime now) {
  IoThread::sweep(now);
  if (shared.queued) shared.queued->set(static_cast<double>(shared.pool.queued()));
  if (shared.slow_queued) shared.slow_queued->set(static_cast<double>(shared.slow_pool.queued()));
}

void ServerThread::count(const Site& site, const AccessRecord& record, bool timed) {
  if (shared.options.access_log) shared.options.access_log(record);
  if (!shared.registry) return;
  const auto key = std::tuple(&site, record.route_name, record.method, record.status);
  auto counter = counters_.find(key);
  if (counter == counters_.end()) {
    const auto series = shared.registry->counter("modelops_http_requests_total", "Requests answered.",
                                                 {{"server", site.name},
                                                  {"route", std::string(record.route_name)},
                                                  {"method", std::string(method_name(record.method))},
                                                  {"status", std::to_string(record.status)}});
    counter = counters_.emplace(key, series).first;
  }
  counter->second.add();
  if (!timed) return;
  auto latency = latencies_.find({&site, record.route_name});
  if (latency == latencies_.end()) {
    const auto series = shared.registry->histogram(
        "modelops_http_request_duration_seconds", "From a request's first byte to its answer's last.",
        metrics::latency_bounds(), {{"server", site.name}, {"route", std::string(record.route_name)}});
    latency = latencies_.emplace(std::pair(&site, record.route_name), series).first;
  }
  latency->second.observe(std::chrono::duration<double>(record.duration).count());
}

struct Server::State {
  State(ServerOptions options, events::Topics& topics, metrics::Registry* registry)
      : shared(std::move(options), topics, registry), threads(shared.options.io_threads, shared) {}
  ~State() { stop(); }

  std::uint16_t listen(const std::string& name, const std::string& address, std::uint16_t at_port, Handler& handler,
                       std::shared_ptr<Tls> tls) {
    Listeners* given = shared.options.listeners;
    Descriptor listener = given != nullptr ? given->open(name, address, at_port) : open_listener(address, at_port);
    const Site& site = sites.emplace_back(name, handler, std::move(tls), shared.registry);
    return threads.listen(
        std::move(listener), [&site](ServerThread& thread, Socket socket, std::string remote_address) {
          auto connection = std::make_shared<Connection>(std::move(socket), std::move(remote_address), thread, site);
          asio::co_spawn(thread.io(), Connection::run(std::move(connection)), asio::detached);
        });
  }

  void stop() {
    threads.stop();
    // A job may still be on its way out of posting to an io_context, so those end after the pools.
    shared.slow_pool.stop();
    shared.pool.stop();
  }

  Shared shared;
  std::list<Site> sites;  // by reference in `threads`
  IoThreads<ServerThread> threads;
  std::uint16_t port = 0;
};

Server::Server(ServerOptions options, Handler& handler, events::Topics& topics, metrics::Registry* registry)
    : state_(std::make_unique<State>(std::move(options), topics, registry)) {
  const ServerOptions& given = state_->shared.options;
  state_->port = state_->listen(given.name, given.address, given.port, handler, given.tls);
}

Server::~Server() = default;

std::uint16_t Server::listen(const std::string& name, const std::string& address, std::uint16_t port, Handler& handler,
                             std::shared_ptr<Tls> tls) {
  return state_->listen(name, address, port, handler, std::move(tls));
}

std::uint16_t Server::port() const { return state_->port; }

std::size_t Server::connections() const { return state_->shared.connections.count(); }

bool Server::drain(std::chrono::milliseconds timeout, std::optional<std::chrono::milliseconds> linger) {
  const bool complete = state_->threads.drain(timeout, linger.value_or(state_->shared.options.drain_linger));
  state_->stop();
  return complete;
}

}  // namespace modelops::http
