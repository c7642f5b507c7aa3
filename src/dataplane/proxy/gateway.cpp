#include "dataplane/proxy/gateway.hpp"

#include <fcntl.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include "base/error.hpp"
#include "dataplane/proxy/connection.hpp"

namespace modelops::proxy {
namespace {

using asio::ip::tcp;
using boost::system::error_code;

/// A socket that listens at the options' address, with its errors in words.
http::Acceptor listen(asio::io_context& io, const GatewayOptions& options) {
  http::Acceptor acceptor(io.get_executor());
  error_code error;
  const auto address = asio::ip::make_address(options.address, error);
  if (error) fail(ErrorCode::invalid, "\"" + options.address + "\" is not an IP address to listen at.");
  const tcp::endpoint endpoint(address, options.port);
  acceptor.open(endpoint.protocol(), error);
  // Without SO_REUSEPORT: with it a second gateway would share the port unnoticed.
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error && address.is_v6()) acceptor.set_option(asio::ip::v6_only(false), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(4096, error);
  if (error == asio::error::address_in_use) {
    fail(ErrorCode::conflict, fmt::format("{} port {} is already in use: stop the program that listens there, or "
                                          "choose another port.",
                                          options.address, options.port));
  }
  if (error) {
    fail(ErrorCode::invalid,
         fmt::format("Cannot listen at {} port {}: {}.", options.address, options.port, error.message()));
  }
  return acceptor;
}

}  // namespace

struct Gateway::State {
  struct Thread {
    explicit Thread(Shared& shared) : io(shared), work(asio::make_work_guard(io.io)) {}
    IoThread io;
    asio::executor_work_guard<http::Executor> work;
    std::thread thread;
  };

  State(GatewayOptions options, const Clock& clock, metrics::Registry& registry)
      : shared(std::move(options), clock, registry) {}

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
  }

  Shared shared;
  std::vector<std::unique_ptr<Thread>> threads;
  std::uint16_t port = 0;
  bool stopped = false;
};

Gateway::Gateway(GatewayOptions options, const Clock& clock, metrics::Registry& registry)
    : state_(std::make_unique<State>(std::move(options), clock, registry)) {
  const unsigned count = std::max(state_->shared.options.threads, 1u);
  for (unsigned i = 0; i < count; ++i) state_->threads.push_back(std::make_unique<State::Thread>(state_->shared));
  IoThread& first = state_->threads.front()->io;
  first.acceptor = listen(first.io, state_->shared.options);
  const auto endpoint = first.acceptor.local_endpoint();
  state_->port = endpoint.port();
  // All threads wait at one listening socket, each through its own descriptor.
  for (unsigned i = 1; i < count; ++i) {
    const int fd = ::fcntl(first.acceptor.native_handle(), F_DUPFD_CLOEXEC, 0);
    if (fd < 0) fail(ErrorCode::unavailable, "The gateway is out of file descriptors.");
    state_->threads[i]->io.acceptor.assign(endpoint.protocol(), fd);
  }
  for (const auto& thread : state_->threads) {
    thread->io.start_accepting();
    thread->io.schedule_sweep();
    thread->thread = std::thread([&io = thread->io.io] { io.run(); });
  }
}

Gateway::~Gateway() { state_->stop(); }

void Gateway::publish(gateway::Snapshot snapshot) {
  state_->shared.version.set(static_cast<double>(snapshot.version));
  state_->shared.routing.publish(std::move(snapshot));
}

std::uint16_t Gateway::port() const { return state_->port; }

std::size_t Gateway::connections() const {
  std::lock_guard lock(state_->shared.mutex);
  return state_->shared.connections;
}

bool Gateway::drain(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  Shared& shared = state_->shared;
  const auto empty = [&] { return shared.connections == 0; };
  state_->tell(&IoThread::begin_drain);
  {
    std::unique_lock lock(shared.mutex);
    const auto linger = std::chrono::steady_clock::now() + shared.options.drain_linger;
    shared.changed.wait_until(lock, std::min(deadline, linger), empty);
  }
  state_->tell(&IoThread::close_idle);
  bool complete = false;
  {
    std::unique_lock lock(shared.mutex);
    complete = shared.changed.wait_until(lock, deadline, empty);
  }
  state_->stop();
  return complete;
}

}  // namespace modelops::proxy
