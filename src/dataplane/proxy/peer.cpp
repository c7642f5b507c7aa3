#include "dataplane/proxy/peer.hpp"

#include <sys/socket.h>

#include <boost/asio/buffer.hpp>

#include "dataplane/proxy/acknowledged.hpp"
#include "dataplane/proxy/io_thread.hpp"

namespace modelops::proxy {
namespace {

constexpr std::size_t slice_bytes_max = 1 << 20;

}  // namespace

Peer::Peer(IoThread& thread, Socket socket, std::size_t capacity, http::Tls* tls)
    : thread_(thread),
      stream_(std::move(socket), tls),
      capacity_(capacity),
      buffer_(new char[capacity]) {  // not zeroed: untouched pages cost nothing
  thread_.peers.insert(this);
}

Peer::~Peer() { thread_.peers.erase(this); }

Task<bool> Peer::shake_hands(SteadyTime deadline) {
  if (!stream_.secure()) co_return true;
  read_deadline_ = deadline;
  const auto [error] = co_await stream_.tls().handshake();
  read_deadline_ = SteadyTime::max();
  co_return !error && !cancelled_ && !read_timed_out_;
}

Task<bool> Peer::end(SteadyTime deadline) {
  if (stream_.secure()) {
    read_deadline_ = deadline;
    co_await stream_.tls().shutdown();
    read_deadline_ = SteadyTime::max();
    co_return false;
  }
  boost::system::error_code error;
  socket().shutdown(Socket::shutdown_send, error);
  co_return !error;
}

Task<bool> Peer::connect(const asio::ip::tcp::endpoint& endpoint, SteadyTime deadline) {
  write_deadline_ = deadline;
  const auto [error] = co_await socket().async_connect(endpoint, http::as_tuple_await);
  write_deadline_ = SteadyTime::max();
  if (error || cancelled_ || write_timed_out_) co_return false;
  boost::system::error_code ignored;
  socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  co_return true;
}

/// False when nobody takes what is there.
bool Peer::make_room() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (end_ == capacity_) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return end_ < capacity_;
}

bool Peer::fill_now() {
  if (cancelled_ || !make_room()) return false;
  read_timed_out_ = false;
  const std::size_t count = stream_.read_now(asio::buffer(buffer_.get() + end_, capacity_ - end_));
  end_ += count;
  return count > 0;
}

Task<bool> Peer::fill(SteadyTime deadline) {
  if (cancelled_ || !make_room()) co_return false;
  read_timed_out_ = false;
  read_deadline_ = deadline;
  const auto [error, count] = co_await stream_.read_some(asio::buffer(buffer_.get() + end_, capacity_ - end_));
  read_deadline_ = SteadyTime::max();
  ended_ = error == asio::error::eof;
  if (error || cancelled_ || read_timed_out_) co_return false;
  end_ += count;
  co_return true;
}

Task<bool> Peer::write(Parts parts, std::chrono::milliseconds idle, SteadyTime limit) {
  std::size_t first = 0;
  write_timed_out_ = false;
  for (;;) {
    while (first < parts.size() && parts[first].empty()) ++first;
    if (first == parts.size()) co_return true;
    if (cancelled_) co_return false;
    // A large part goes in slices, and what follows it waits.
    std::array<asio::const_buffer, std::tuple_size_v<Parts>> buffers{};
    std::size_t used = 0;
    for (std::size_t i = first; i < parts.size(); ++i) {
      if (parts[i].empty()) continue;
      buffers[used++] = asio::buffer(parts[i].data(), std::min(parts[i].size(), slice_bytes_max));
      if (parts[i].size() > slice_bytes_max) break;
    }
    write_deadline_ = std::min(http::coarse_now() + idle, limit);
    // One buffer takes the cheaper system call.
    const auto [error, count] =
        used == 1 ? co_await stream_.write_some(buffers[0]) : co_await stream_.write_some(buffers);
    write_deadline_ = SteadyTime::max();
    if (error || cancelled_ || write_timed_out_) co_return false;
    sent_ += count;
    std::size_t left = count;
    for (std::size_t i = first; i < parts.size() && left > 0; ++i) {
      const std::size_t taken = std::min(left, parts[i].size());
      parts[i].remove_prefix(taken);
      left -= taken;
    }
  }
}

bool Peer::is_stale() {
  char byte = 0;
  const auto count = ::recv(stream_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count >= 0 || (errno != EAGAIN && errno != EINTR);
}

bool Peer::may_have_received(std::uint64_t since) {
  // The opening of the connection counts as one byte on some kernels.
  return acknowledged_bytes(stream_.native_handle()) > since + 1;
}

void Peer::interrupt() { stream_.cancel(); }

void Peer::cancel() {
  cancelled_ = true;
  interrupt();
}

void Peer::close() {
  cancelled_ = true;
  stream_.close();
}

void Peer::sweep(SteadyTime now) {
  if (now < read_deadline_ && now < write_deadline_) return;
  read_timed_out_ = now >= read_deadline_;
  write_timed_out_ = now >= write_deadline_;
  read_deadline_ = write_deadline_ = SteadyTime::max();
  interrupt();
}

}  // namespace modelops::proxy
