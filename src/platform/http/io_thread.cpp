#include "platform/http/io_thread.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include "base/error.hpp"
#include "base/log.hpp"
#include "platform/http/wire.hpp"

namespace modelops::http {
namespace {

using asio::ip::tcp;
using boost::system::error_code;

constexpr std::string_view busy =
    "HTTP/1.1 503 Service Unavailable\r\nServer: ModelOps\r\nConnection: close\r\nRetry-After: 1\r\n"
    "Content-Type: text/plain\r\nContent-Length: 37\r\n\r\nToo many connections are open; wait.\n";

Acceptor open_acceptor(asio::io_context& io, const ListenAt& at) {
  Acceptor acceptor(io.get_executor());
  error_code error;
  if (at.listen_fd >= 0) {
    sockaddr_storage name{};
    socklen_t length = sizeof name;
    const bool known = ::getsockname(at.listen_fd, reinterpret_cast<sockaddr*>(&name), &length) == 0;
    acceptor.assign(name.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), at.listen_fd, error);
    if (!known || error)
      fail(ErrorCode::invalid, "The socket handed over is not a listening TCP socket.", error.message());
    return acceptor;
  }
  const auto address = asio::ip::make_address(at.address, error);
  if (error) fail(ErrorCode::invalid, "\"" + at.address + "\" is not an IP address to listen at.");
  const tcp::endpoint endpoint(address, at.port);
  const std::string name =
      fmt::format("{}{}{}:{}", address.is_v6() ? "[" : "", at.address, address.is_v6() ? "]" : "", at.port);
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

}  // namespace

// ---- how many are open -------------------------------------------------------------------------------------------

bool OpenConnections::add() {
  const std::lock_guard lock(mutex_);
  if (count_ >= max_) return false;
  ++count_;
  return true;
}

void OpenConnections::remove() {
  const std::lock_guard lock(mutex_);
  --count_;
  changed_.notify_all();
}

std::size_t OpenConnections::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

bool OpenConnections::await_none(SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline, [&] { return count_ == 0; });
}

Session::Session(IoThread& thread) : io_thread_(thread) { io_thread_.sessions_.insert(this); }

Session::~Session() {
  io_thread_.sessions_.erase(this);
  io_thread_.connections_.remove();
}

// ---- one thread --------------------------------------------------------------------------------------------------

IoThread::IoThread(OpenConnections& connections, std::chrono::milliseconds sweep_interval)
    : connections_(connections), sweep_interval_(sweep_interval) {}

void IoThread::start() {
  schedule_sweep();
  thread_ = std::thread([this] { io_.run(); });
}

void IoThread::join() {
  if (thread_.joinable()) thread_.join();
}

void IoThread::listen(Acceptor acceptor, Open open) {
  if (draining_) return;
  Listener& listener = listeners_.emplace_back(std::move(acceptor), std::move(open));
  asio::co_spawn(io_, accept(listener), asio::detached);
}

Task<void> IoThread::accept(Listener& listener) {
  Timer pause(io_.get_executor());
  while (listener.acceptor.is_open()) {
    auto [error, socket] = co_await listener.acceptor.async_accept(as_tuple_await);
    if (!error) {
      admit(listener, std::move(socket));
    } else if (error != asio::error::operation_aborted && error != asio::error::connection_aborted) {
      Log().warning("cannot accept a connection", {{"error", error.message()}});
      // Out of file descriptors: wait until some are closed.
      pause.expires_after(std::chrono::milliseconds(50));
      co_await pause.async_wait(as_tuple_await);
    }
  }
}

void IoThread::admit(const Listener& listener, Socket socket) {
  error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) return;
  if (!connections_.add()) {
    [[maybe_unused]] const auto sent =
        ::send(socket.native_handle(), busy.data(), busy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    socket.shutdown(Socket::shutdown_send, error);
    return;
  }
  socket.set_option(tcp::no_delay(true), error);
  listener.open(std::move(socket), remote.address().to_string());
}

void IoThread::schedule_sweep() {
  timer_.expires_after(sweep_interval_);
  timer_.async_wait([this](const error_code& error) {
    if (error || aborting_) return;
    sweep(std::chrono::steady_clock::now());
    schedule_sweep();
  });
}

void IoThread::sweep(SteadyTime now) {
  for (Session* session : sessions_) session->sweep(now);
}

void IoThread::begin_drain() {
  if (draining_) return;
  draining_ = true;
  for (Listener& listener : listeners_) {
    // Who has connected by now is still served.
    error_code error;
    listener.acceptor.cancel(error);
    listener.acceptor.non_blocking(true, error);
    while (!error) {
      Socket socket(io_.get_executor());
      listener.acceptor.accept(socket, error);
      if (!error) admit(listener, std::move(socket));
    }
    listener.acceptor.close(error);
  }
  for (Session* session : sessions_) session->begin_drain();
}

void IoThread::close_idle() {
  closing_idle_ = true;
  for (Session* session : sessions_) session->close_if_idle();
}

void IoThread::abort() {
  draining_ = closing_idle_ = aborting_ = true;
  error_code ignored;
  for (Listener& listener : listeners_) listener.acceptor.close(ignored);
  timer_.cancel();
  for (Session* session : sessions_) session->abort();
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

// ---- listening ---------------------------------------------------------------------------------------------------

std::vector<Acceptor> open_acceptors(const ListenAt& at, std::span<IoThread* const> threads) {
  std::vector<Acceptor> out;
  out.push_back(open_acceptor(threads.front()->io(), at));
  const auto protocol = out.front().local_endpoint().protocol();
  for (IoThread* thread : threads.subspan(1)) {
    const int fd = ::fcntl(out.front().native_handle(), F_DUPFD_CLOEXEC, 0);
    if (fd < 0) fail(ErrorCode::unavailable, "The program is out of file descriptors.");
    out.emplace_back(thread->io(), protocol, fd);
  }
  return out;
}

}  // namespace modelops::http
