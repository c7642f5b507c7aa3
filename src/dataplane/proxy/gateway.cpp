#include "dataplane/proxy/gateway.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "dataplane/proxy/connection.hpp"

namespace modelops::proxy {

struct Gateway::State {
  State(GatewayOptions options, const Clock& clock, metrics::Registry& registry)
      : shared(std::move(options), clock, registry), threads(shared.options.threads, shared) {}

  Shared shared;
  http::IoThreads<IoThread> threads;
  std::uint16_t port = 0;
};

Gateway::Gateway(GatewayOptions options, const Clock& clock, metrics::Registry& registry)
    : state_(std::make_unique<State>(std::move(options), clock, registry)) {}

Gateway::~Gateway() = default;

void Gateway::publish(gateway::Snapshot snapshot) {
  state_->shared.version.set(static_cast<double>(snapshot.version));
  state_->shared.routing.publish(std::move(snapshot));
}

std::vector<monitoring::DeploymentTraffic> Gateway::take_traffic(std::chrono::steady_clock::duration elapsed) {
  return state_->shared.routing.take_traffic(elapsed);
}

std::vector<monitoring::RequestTrace> Gateway::take_requests(std::size_t count_max) {
  return state_->shared.sample.take(count_max);
}

void Gateway::listen() {
  const GatewayOptions& options = state_->shared.options;
  Descriptor listener = options.listeners != nullptr ? options.listeners->open("gateway", options.address, options.port)
                                                     : http::open_listener(options.address, options.port);
  state_->port =
      state_->threads.listen(std::move(listener), [](IoThread& thread, Socket socket, std::string remote_address) {
        auto connection = std::make_shared<Connection>(std::move(socket), std::move(remote_address), thread);
        asio::co_spawn(thread.io(), Connection::run(std::move(connection)), asio::detached);
      });
}

std::uint16_t Gateway::port() const { return state_->port; }

std::size_t Gateway::connections() const { return state_->shared.connections.count(); }

bool Gateway::drain(std::chrono::milliseconds timeout, std::optional<std::chrono::milliseconds> linger) {
  return state_->threads.drain(timeout, linger.value_or(state_->shared.options.drain_linger));
}

}  // namespace modelops::proxy
