#include "platform/http/io_thread.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "platform/http/address.hpp"
#include "platform/http/listeners.hpp"
#include "platform/http/wire.hpp"

namespace modelops::http {
namespace {

using asio::ip::tcp;
using boost::system::error_code;

constexpr std::string_view busy =
    "HTTP/1.1 503 Service Unavailable\r\nServer: ModelOps\r\nConnection: close\r\nRetry-After: 1\r\n"
    "Content-Type: text/plain\r\nContent-Length: 37\r\n\r\nToo many connections are open; wait.\n";
// A close with unread input resets the connection and could take the answer with it.
constexpr std::chrono::milliseconds refused_for{1'000};
constexpr std::size_t refused_max = 256;

std::uint64_t seed() {
  std::uint64_t value = 0;
  std::memcpy(&value, random_bytes(sizeof value).data(), sizeof value);
  return value;
}

}  // namespace

// ---- how many are open -------------------------------------------------------------------------------------------

bool OpenConnections::add(const std::string& remote_address) {
  const std::lock_guard lock(mutex_);
  if (count_ >= max_) return false;
  if (per_client_max_ > 0) {
    std::size_t& of_client = by_client_[client_network(remote_address)];
    if (of_client >= per_client_max_) return false;
    ++of_client;
  }
  ++count_;
  return true;
}

void OpenConnections::remove(const std::string& remote_address) {
  const std::lock_guard lock(mutex_);
  --count_;
  if (per_client_max_ > 0) {
    const auto of_client = by_client_.find(client_network(remote_address));
    if (--of_client->second == 0) by_client_.erase(of_client);
  }
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

Session::Session(IoThread& thread, std::string remote_address)
    : io_thread_(thread), remote_address_(std::move(remote_address)) {
  io_thread_.sessions_.insert(this);
}

Session::~Session() {
  io_thread_.sessions_.erase(this);
  io_thread_.connections_.remove(remote_address_);
}

// ---- one thread --------------------------------------------------------------------------------------------------

IoThread::IoThread(OpenConnections& connections, std::chrono::milliseconds sweep_interval)
    : connections_(connections), sweep_interval_(sweep_interval), random_(seed()) {}

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
  std::string remote_address = remote.address().to_string();
  if (!connections_.add(remote_address)) {
    [[maybe_unused]] const auto sent =
        ::send(socket.native_handle(), busy.data(), busy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    socket.shutdown(Socket::shutdown_send, error);
    if (refused_.size() >= refused_max) refused_.pop_front();
    refused_.emplace_back(std::chrono::steady_clock::now() + refused_for, std::move(socket));
    return;
  }
  socket.set_option(tcp::no_delay(true), error);
  listener.open(std::move(socket), std::move(remote_address));
}

/// It goes into logs and answers: letters, digits and "-._" only.
std::string IoThread::request_id(const Headers& headers) {
  const std::string_view given = headers.get("X-Request-Id");
  const bool well_formed = !given.empty() && given.size() <= 64 && std::ranges::all_of(given, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  });
  if (well_formed) return std::string(given);
  std::string made;
  made.reserve(32);
  append_hex(made, random_());
  append_hex(made, random_());
  return made;
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
  while (!refused_.empty() && refused_.front().first <= now) refused_.pop_front();
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
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != date_second_) {
    date_second_ = now.tv_sec;
    date_ = http_date(now.tv_sec);
  }
  return date_;
}

// ---- listening ---------------------------------------------------------------------------------------------------

std::vector<Acceptor> open_acceptors(Descriptor listener, std::span<IoThread* const> threads) {
  port_of(listener.get());
  std::vector<Acceptor> out;
  for (IoThread* thread : threads) {
    sockaddr_storage name{};
    socklen_t length = sizeof name;
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name), &length);
    out.emplace_back(thread->io(), name.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), copy_of(listener).release());
  }
  return out;
}

}  // namespace modelops::http
