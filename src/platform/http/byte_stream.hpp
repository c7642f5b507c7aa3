#pragma once
// The bytes of one TCP connection, plain or under TLS. Brings Asio, but not its SSL part.
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

  Task<IoResult> read_some(asio::mutable_buffer into) {
    return tls_ ? tls_->read_some(into) : socket_.async_read_some(asio::buffer(into), as_tuple_await);
  }
  template <std::size_t N>
  Task<IoResult> write_some(const std::array<asio::const_buffer, N>& parts) {
    return tls_ ? tls_->write_some(parts) : socket_.async_write_some(parts, as_tuple_await);
  }
  Task<IoResult> write_some(asio::const_buffer part) {
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
};

}  // namespace modelops::http
