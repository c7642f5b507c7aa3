#pragma once
// The bytes of one TCP connection, plain or under TLS. Brings Asio, but not its SSL part.
#include <sys/socket.h>

#include <span>
#include <tuple>

#include "platform/http/io.hpp"
#include "platform/http/tls.hpp"

namespace modelops::http {

using IoResult = std::tuple<boost::system::error_code, std::size_t>;

/// TLS on a connection that was accepted.
class TlsSession {
 public:
  virtual ~TlsSession() = default;
  virtual Task<std::tuple<boost::system::error_code>> handshake() = 0;
  virtual Task<std::tuple<boost::system::error_code>> shutdown() = 0;
  virtual Task<IoResult> read_some(asio::mutable_buffer into) = 0;
  virtual Task<IoResult> write_some(std::span<const asio::const_buffer> parts) = 0;

  /// `socket` outlives it.
  static std::unique_ptr<TlsSession> over(Socket& socket, Tls& tls);
};

class ByteStream {
 public:
  /// `tls` may be null; then the stream is plain.
  explicit ByteStream(Socket socket, Tls* tls = nullptr) : socket_(std::move(socket)) {
    if (tls != nullptr) tls_ = TlsSession::over(socket_, *tls);
  }

  bool secure() const { return tls_ != nullptr; }
  TlsSession& tls() { return *tls_; }
  Socket& socket() { return socket_; }
  int native_handle() { return socket_.native_handle(); }

  /// What has come already, without waiting: how many bytes. 0: wait for it with `read_some`. Under load the answer to
  /// what was written is most often here by now. For what follows it the other connections get their turn first.
  std::size_t read_now(asio::mutable_buffer into) {
    if (!std::exchange(wrote_, false) || tls_) return 0;
    if (in_vain_ > 0) {
      --in_vain_;
      return 0;
    }
    const auto count = ::recv(socket_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
    if (count > 0) return static_cast<std::size_t>(count);
    in_vain_ = 15;
    return 0;
  }
  Task<IoResult> read_some(asio::mutable_buffer into) {
    return tls_ ? tls_->read_some(into) : socket_.async_read_some(asio::buffer(into), as_tuple_await);
  }
  template <std::size_t N>
  Task<IoResult> write_some(const std::array<asio::const_buffer, N>& parts) {
    wrote_ = true;
    return tls_ ? tls_->write_some(parts) : socket_.async_write_some(parts, as_tuple_await);
  }
  Task<IoResult> write_some(asio::const_buffer part) {
    wrote_ = true;
    return tls_ ? tls_->write_some({&part, 1}) : socket_.async_write_some(asio::buffer(part), as_tuple_await);
  }

  void cancel() {
    boost::system::error_code ignored;
    socket_.cancel(ignored);
  }
  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  Socket socket_;
  std::unique_ptr<TlsSession> tls_;
  bool wrote_ = false;  // and read nothing since
  int in_vain_ = 0;     // how often `read_now` does not try, after it came to nothing
};

}  // namespace modelops::http
