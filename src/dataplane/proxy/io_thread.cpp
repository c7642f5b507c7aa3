#include "dataplane/proxy/io_thread.hpp"

#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "base/error.hpp"
#include "base/id.hpp"
#include "dataplane/proxy/connection.hpp"

namespace modelops::proxy {
namespace {

using boost::system::error_code;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds believed_for{100};
constexpr std::string_view refusal =
    "HTTP/1.1 503 Service Unavailable\r\nServer: ModelOps\r\nConnection: close\r\nRetry-After: 1\r\n"
    "Content-Type: text/plain\r\nContent-Length: 42\r\n\r\nThe gateway has too many connections open.";

std::uint64_t seed() {
  std::uint64_t value = 0;
  std::memcpy(&value, random_bytes(sizeof value).data(), sizeof value);
  return value;
}

}  // namespace

Shared::Shared(GatewayOptions gateway_options, const Clock& wall_clock, metrics::Registry& metrics_registry)
    : options(std::move(gateway_options)),
      clock(wall_clock),
      registry(metrics_registry),
      routing(metrics_registry),
      no_route(metrics_registry, "", ""),
      open(metrics_registry.gauge("modelops_gateway_connections", "Open connections of clients.")),
      version(metrics_registry.gauge("modelops_gateway_snapshot_version", "The routing snapshot in force.")) {}

IoThread::IoThread(Shared& gateway)
    : shared(gateway),
      acceptor(io.get_executor()),
      timer(io.get_executor()),
      routing(gateway.routing),
      random(seed()) {}

IoThread::~IoThread() { idle_.clear(); }  // they leave `peers`

void IoThread::start_accepting() { asio::co_spawn(io, accept(), asio::detached); }

Task<void> IoThread::accept() {
  http::Timer pause(io.get_executor());
  while (acceptor.is_open()) {
    auto [error, socket] = co_await acceptor.async_accept(http::as_tuple_await);
    if (!error) {
      admit(std::move(socket));
    } else if (error != asio::error::operation_aborted && error != asio::error::connection_aborted) {
      Log().warning("cannot accept a connection", {{"error", error.message()}});
      // Out of file descriptors: wait until some are closed.
      pause.expires_after(std::chrono::milliseconds(50));
      co_await pause.async_wait(http::as_tuple_await);
    }
  }
}

void IoThread::admit(Socket socket) {
  error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) return;
  bool full = false;
  {
    std::lock_guard lock(shared.mutex);
    full = shared.connections >= shared.options.connections_max;
    if (!full) ++shared.connections;
  }
  if (full) {
    [[maybe_unused]] const auto sent =
        ::send(socket.native_handle(), refusal.data(), refusal.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    socket.shutdown(Socket::shutdown_send, error);
    return;
  }
  shared.open.add(1);
  socket.set_option(asio::ip::tcp::no_delay(true), error);
  auto connection = std::make_shared<Connection>(std::move(socket), remote.address().to_string(), *this);
  asio::co_spawn(io, Connection::run(std::move(connection)), asio::detached);
}

/// One timer for all connections of the thread: a timer per operation costs a quarter of a small request.
void IoThread::schedule_sweep() {
  timer.expires_after(shared.options.sweep_interval);
  timer.async_wait([this](const error_code& error) {
    if (error || aborting) return;
    const auto now = steady_clock::now();
    for (Peer* peer : peers) peer->sweep(now);
    for (Connection* connection : connections) connection->sweep(now);
    for (auto entry = idle_.begin(); entry != idle_.end();) {
      // The oldest stand in front.
      auto& kept = entry->second;
      const auto fresh = std::ranges::find_if(
          kept, [&](const auto& peer) { return now - peer->idle_since < shared.options.replica_keep_alive; });
      kept.erase(kept.begin(), fresh);
      entry = kept.empty() ? idle_.erase(entry) : std::next(entry);
    }
    schedule_sweep();
  });
}

std::shared_ptr<Peer> IoThread::take_idle(const std::string& address, bool sure) {
  const auto entry = idle_.find(address);
  if (entry == idle_.end()) return nullptr;
  auto& kept = entry->second;
  const auto now = steady_clock::now();
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
  if (aborting || kept.size() >= shared.options.idle_per_replica_max) return;
  peer->idle_since = steady_clock::now();
  kept.push_back(std::move(peer));
}

void IoThread::begin_drain() {
  if (draining) return;
  draining = true;
  // Who has connected by now is still served.
  error_code error;
  acceptor.cancel(error);
  acceptor.non_blocking(true, error);
  while (!error) {
    Socket socket(io.get_executor());
    acceptor.accept(socket, error);
    if (!error) admit(std::move(socket));
  }
  acceptor.close(error);
}

void IoThread::close_idle() {
  closing_idle = true;
  for (Connection* connection : connections) connection->close_if_idle();
}

void IoThread::abort() {
  error_code ignored;
  draining = closing_idle = aborting = true;
  acceptor.close(ignored);
  timer.cancel();
  for (Connection* connection : connections) connection->abort();
  idle_.clear();
}

const std::string& IoThread::date() {
  const auto second =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  if (second != date_second_) {
    date_second_ = second;
    date_ = http::http_date(second);
  }
  return date_;
}

}  // namespace modelops::proxy
