#include "platform/http/server.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include "base/error.hpp"
#include "platform/http/connection.hpp"

namespace modelops::http {
namespace {

using asio::ip::tcp;
using boost::system::error_code;

/// A socket that listens at the options' address, with its errors in words.
Acceptor listen(asio::io_context& io, const ServerOptions& options) {
  Acceptor acceptor(io.get_executor());
  error_code error;
  if (options.listen_fd >= 0) {
    sockaddr_storage name{};
    socklen_t length = sizeof name;
    const bool known = ::getsockname(options.listen_fd, reinterpret_cast<sockaddr*>(&name), &length) == 0;
    acceptor.assign(name.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), options.listen_fd, error);
    if (!known || error)
      fail(ErrorCode::invalid, "The socket handed over is not a listening TCP socket.", error.message());
    return acceptor;
  }
  const auto address = asio::ip::make_address(options.address, error);
  if (error) fail(ErrorCode::invalid, "\"" + options.address + "\" is not an IP address to listen at.");
  const tcp::endpoint endpoint(address, options.port);
  const std::string name =
      fmt::format("{}{}{}:{}", address.is_v6() ? "[" : "", options.address, address.is_v6() ? "]" : "", options.port);
  acceptor.open(endpoint.protocol(), error);
  // Without SO_REUSEPORT: with it a second server would share the port unnoticed.
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error && address.is_v6()) acceptor.set_option(asio::ip::v6_only(false), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(4096, error);
  if (error == asio::error::address_in_use) {
    fail(ErrorCode::conflict,
         name + " is already in use: stop the program that listens there, or choose another port.");
  }
  if (error) fail(ErrorCode::invalid, "Cannot listen at " + name + ": " + error.message() + ".");
  return acceptor;
}

constexpr std::string_view busy =
    "HTTP/1.1 503 Service Unavailable\r\nServer: ModelOps\r\nConnection: close\r\nRetry-After: 1\r\n"
    "Content-Type: text/plain\r\nContent-Length: 41\r\n\r\nThe server has too many connections open.";

}  // namespace

Shared::Shared(ServerOptions server_options, Handler& request_handler, events::Topics& wake_ups,
               metrics::Registry* metrics_registry)
    : options(std::move(server_options)),
      handler(request_handler),
      topics(wake_ups),
      registry(metrics_registry),
      pool(options.pool_threads, options.pool_queue_max) {
  if (!registry) return;
  const metrics::Labels labels{{"server", options.name}};
  in_flight = registry->gauge("modelops_http_requests_in_flight", "Requests being served.", labels);
  open = registry->gauge("modelops_http_connections", "Open connections.", labels);
  queued = registry->gauge("modelops_http_pool_queue", "Jobs that wait for a thread of the pool.", labels);
}

// ---- one I/O thread ----------------------------------------------------------------------------------------------

void IoThread::start_accepting() { asio::co_spawn(io, accept(), asio::detached); }

Task<void> IoThread::accept() {
  Timer pause(io.get_executor());
  while (acceptor.is_open()) {
    auto [error, socket] = co_await acceptor.async_accept(as_tuple_await);
    if (!error) {
      admit(std::move(socket));
    } else if (error != asio::error::operation_aborted && error != asio::error::connection_aborted) {
      Log().warning("cannot accept a connection", {{"error", error.message()}});
      // Out of file descriptors: wait until some are closed.
      pause.expires_after(std::chrono::milliseconds(50));
      co_await pause.async_wait(as_tuple_await);
    }
  }
}

void IoThread::admit(Socket socket) {
  error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) return;
  {
    std::lock_guard lock(shared.mutex);
    if (shared.connections < shared.options.connections_max) {
      ++shared.connections;
    } else {
      error = asio::error::no_descriptors;
    }
  }
  if (error) {
    [[maybe_unused]] const auto sent =
        ::send(socket.native_handle(), busy.data(), busy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    socket.shutdown(Socket::shutdown_send, error);
    return;
  }
  if (shared.open) shared.open->add(1);
  socket.set_option(tcp::no_delay(true), error);
  auto connection = std::make_shared<Connection>(std::move(socket), remote.address().to_string(), *this);
  asio::co_spawn(io, Connection::run(std::move(connection)), asio::detached);
}

/// One timer for all connections of the thread: a timer per operation costs a quarter of a small request.
void IoThread::schedule_sweep() {
  timer.expires_after(shared.options.sweep_interval);
  timer.async_wait([this](const error_code& error) {
    if (error || aborting) return;
    const auto now = std::chrono::steady_clock::now();
    for (Connection* connection : connections) connection->sweep(now);
    if (shared.queued) shared.queued->set(static_cast<double>(shared.pool.queued()));
    schedule_sweep();
  });
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
  for (Connection* connection : connections) connection->wake();
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
}

const std::string& IoThread::date() {
  const auto second =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  if (second != date_second_) {
    date_second_ = second;
    date_ = http_date(second);
  }
  return date_;
}

void IoThread::count(const AccessRecord& record, bool timed) {
  if (shared.options.access_log) shared.options.access_log(record);
  if (!shared.registry) return;
  const auto key = std::tuple(record.route_name, record.method, record.status);
  auto counter = counters_.find(key);
  if (counter == counters_.end()) {
    const auto series = shared.registry->counter("modelops_http_requests_total", "Requests answered.",
                                                 {{"server", shared.options.name},
                                                  {"route", std::string(record.route_name)},
                                                  {"method", std::string(method_name(record.method))},
                                                  {"status", std::to_string(record.status)}});
    counter = counters_.emplace(key, series).first;
  }
  counter->second.add();
  if (!timed) return;
  auto latency = latencies_.find(record.route_name);
  if (latency == latencies_.end()) {
    const auto series = shared.registry->histogram(
        "modelops_http_request_duration_seconds", "From a request's first byte to its answer's last.",
        metrics::latency_bounds(), {{"server", shared.options.name}, {"route", std::string(record.route_name)}});
    latency = latencies_.emplace(record.route_name, series).first;
  }
  latency->second.observe(std::chrono::duration<double>(record.duration).count());
}

// ---- the server --------------------------------------------------------------------------------------------------

struct Server::State {
  struct Thread {
    explicit Thread(Shared& shared) : io(shared), work(asio::make_work_guard(io.io)) {}
    IoThread io;
    asio::executor_work_guard<Executor> work;
    std::thread thread;
  };

  State(ServerOptions options, Handler& handler, events::Topics& topics, metrics::Registry* registry)
      : shared(std::move(options), handler, topics, registry) {}

  /// Runs `what` on every I/O thread; returns at once.
  void tell(void (IoThread::*what)()) {
    for (const auto& thread : threads) {
      asio::post(thread->io.io, [&io = thread->io, what] { (io.*what)(); });
    }
  }

  void stop() {
    if (stopped) return;
    stopped = true;
    tell(&IoThread::abort);
    for (const auto& thread : threads) thread->work.reset();
    for (const auto& thread : threads) {
      if (thread->thread.joinable()) thread->thread.join();
    }
    // A job may still be on its way out of posting to an io_context, so those end after the pool.
    shared.pool.stop();
  }

  Shared shared;
  std::vector<std::unique_ptr<Thread>> threads;
  std::uint16_t port = 0;
  bool stopped = false;
};

Server::Server(ServerOptions options, Handler& handler, events::Topics& topics, metrics::Registry* registry)
    : state_(std::make_unique<State>(std::move(options), handler, topics, registry)) {
  const unsigned count = std::max(state_->shared.options.io_threads, 1u);
  for (unsigned i = 0; i < count; ++i) state_->threads.push_back(std::make_unique<State::Thread>(state_->shared));
  IoThread& first = state_->threads.front()->io;
  first.acceptor = listen(first.io, state_->shared.options);
  const auto endpoint = first.acceptor.local_endpoint();
  state_->port = endpoint.port();
  // All threads wait at one listening socket, each through its own descriptor.
  for (unsigned i = 1; i < count; ++i) {
    const int fd = ::fcntl(first.acceptor.native_handle(), F_DUPFD_CLOEXEC, 0);
    if (fd < 0) fail(ErrorCode::unavailable, "The server is out of file descriptors.");
    state_->threads[i]->io.acceptor.assign(endpoint.protocol(), fd);
  }
  for (const auto& thread : state_->threads) {
    thread->io.start_accepting();
    thread->io.schedule_sweep();
    thread->thread = std::thread([&io = thread->io.io] { io.run(); });
  }
}

Server::~Server() { state_->stop(); }

std::uint16_t Server::port() const { return state_->port; }

std::size_t Server::connections() const {
  std::lock_guard lock(state_->shared.mutex);
  return state_->shared.connections;
}

bool Server::drain(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  Shared& shared = state_->shared;
  bool complete = false;
  state_->tell(&IoThread::begin_drain);
  {
    std::unique_lock lock(shared.mutex);
    const auto empty = [&] { return shared.connections == 0; };
    const auto linger = std::chrono::steady_clock::now() + shared.options.drain_linger;
    complete = shared.changed.wait_until(lock, std::min(deadline, linger), empty);
  }
  state_->tell(&IoThread::close_idle);
  {
    std::unique_lock lock(shared.mutex);
    complete = shared.changed.wait_until(lock, deadline, [&] { return shared.connections == 0; });
  }
  state_->stop();
  return complete;
}

}  // namespace modelops::http
