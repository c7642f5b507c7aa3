#pragma once
// What the coroutines of a connection are made of, in the server and in the gateway. Brings Asio.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <ctime>
#include <memory>
#include <utility>

namespace modelops::http {

namespace asio = boost::asio;
using SteadyTime = std::chrono::steady_clock::time_point;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;
template <class T>
using Task = asio::awaitable<T, Executor>;
inline constexpr asio::as_tuple_t<asio::use_awaitable_t<Executor>> as_tuple_await{};

/// For time-outs: some milliseconds early, and much cheaper than the exact time.
inline SteadyTime coarse_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return SteadyTime(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

/// Something that one coroutine of an I/O thread waits for. `set` and `wait` run on that thread only.
class Signal {
 public:
  explicit Signal(Executor executor) : executor_(std::move(executor)) {}
  void set() {
    set_ = true;
    if (waiter_) {
      auto waiter = std::move(waiter_);
      waiter->resume(executor_);
    }
  }
  /// Returns after `set` was called at least once since the last return. The caller checks what it waits for.
  Task<void> wait() {
    if (!set_) {
      co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(
          [this](auto handler) { waiter_ = std::make_unique<WaiterOf<decltype(handler)>>(std::move(handler)); },
          token_);
    }
    set_ = false;
  }

 private:
  struct Waiter {
    virtual ~Waiter() = default;
    virtual void resume(Executor executor) = 0;
  };
  template <class H>
  struct WaiterOf final : Waiter {
    explicit WaiterOf(H h) : handler(std::move(h)) {}
    // Posted: the caller of `set` may be walking over the connections.
    void resume(Executor executor) override { asio::post(executor, std::move(handler)); }
    H handler;
  };

  static constexpr asio::use_awaitable_t<Executor> token_{};
  Executor executor_;
  bool set_ = false;
  std::unique_ptr<Waiter> waiter_;
};

}  // namespace modelops::http
