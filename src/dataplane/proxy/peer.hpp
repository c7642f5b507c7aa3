#pragma once
// One TCP connection, to a client or to a replica, on one I/O thread. Only this folder's .cpp files include it; it
// brings Asio.
#include <array>
#include <string_view>

#include "platform/http/byte_stream.hpp"

namespace modelops::proxy {

namespace asio = boost::asio;
using http::Socket;
using http::SteadyTime;
using http::Task;

class IoThread;

class Peer {
 public:
  /// `tls` is of the port where it was accepted; null: plain.
  Peer(IoThread& thread, Socket socket, std::size_t capacity, http::Tls* tls = nullptr);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// Received and not consumed yet; valid until the next `fill`.
  std::string_view unread() const { return {buffer_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t count) { begin_ += count; }
  std::size_t capacity() const { return capacity_; }

  /// Under TLS: false when the other side does not come to speak it.
  Task<bool> shake_hands(SteadyTime deadline);
  /// Says that nothing follows. True when the other side may still send, and is not waited for.
  Task<bool> end(SteadyTime deadline);
  Task<bool> connect(const asio::ip::tcp::endpoint& endpoint, SteadyTime deadline);
  /// Takes what has come already, without waiting. False when there is nothing, or it ended: `fill` tells.
  bool fill_now();
  /// Receives more. False when the other side ended it, it failed, was cancelled, or (`timed_out`) it took too long.
  Task<bool> fill(SteadyTime deadline);
  /// Sends all parts, in one system call when they are small. False as above; `timed_out` when no byte was taken for
  /// `idle`, or at `limit`.
  using Parts = std::array<std::string_view, 5>;
  Task<bool> write(Parts parts, std::chrono::milliseconds idle, SteadyTime limit);

  bool timed_out() const { return read_timed_out_ || write_timed_out_; }
  bool ended() const { return ended_; }  ///< by the other side, in good order
  std::uint64_t sent() const { return sent_; }
  /// True when something came, or the other side ended it, while nothing was expected.
  bool is_stale();
  /// True when the other side may have read something that was sent since `sent()` was `since`.
  bool may_have_received(std::uint64_t since);

  /// Ends what waits now.
  void interrupt();
  /// Ends what waits now and whatever is tried later.
  void cancel();
  void close();
  /// Ends a wait whose deadline has passed.
  void sweep(SteadyTime now);
  Socket& socket() { return stream_.socket(); }

  // While it waits for its next request.
  SteadyTime idle_since{};
  bool may_be_closed = false;  ///< by a replica that did not announce it

 private:
  bool make_room();

  IoThread& thread_;
  http::ByteStream stream_;
  const std::size_t capacity_;
  std::unique_ptr<char[]> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t sent_ = 0;
  SteadyTime read_deadline_ = SteadyTime::max();
  SteadyTime write_deadline_ = SteadyTime::max();
  bool read_timed_out_ = false;
  bool write_timed_out_ = false;
  bool cancelled_ = false;
  bool ended_ = false;
};

}  // namespace modelops::proxy
