#pragma once
// Inside the server: one connection as one coroutine on one I/O thread. Only server.cpp and connection.cpp include
// this; it brings Asio.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <unordered_set>

#include "platform/http/pool.hpp"
#include "platform/http/server.hpp"
#include "platform/http/wire.hpp"

namespace modelops::http {

namespace asio = boost::asio;
using SteadyTime = std::chrono::steady_clock::time_point;
using Executor = asio::io_context::executor_type;
/// The one place to change for TLS.
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;
template <class T>
using Task = asio::awaitable<T, Executor>;
inline constexpr asio::as_tuple_t<asio::use_awaitable_t<Executor>> as_tuple_await{};

/// What all connections of a server share.
struct Shared {
  Shared(ServerOptions server_options, Handler& request_handler, events::Topics& wake_ups, metrics::Registry* registry);

  const ServerOptions options;
  Handler& handler;
  events::Topics& topics;
  metrics::Registry* const registry;
  std::optional<metrics::Gauge> in_flight;
  std::optional<metrics::Gauge> open;
  std::optional<metrics::Gauge> queued;
  Pool pool;

  std::mutex mutex;
  std::condition_variable changed;
  std::size_t connections = 0;  ///< guarded by `mutex`
};

class Connection;

/// One I/O thread's own state: touched by that thread only.
struct IoThread {
  explicit IoThread(Shared& server) : shared(server), acceptor(io.get_executor()), timer(io.get_executor()) {}

  void start_accepting();
  void schedule_sweep();
  void begin_drain();
  void close_idle();
  void abort();
  const std::string& date();
  void count(const AccessRecord& record, bool timed);

  Shared& shared;
  asio::io_context io{1};
  Acceptor acceptor;
  Timer timer;
  std::unordered_set<Connection*> connections;
  bool draining = false;      ///< no request follows the current one
  bool closing_idle = false;  ///< nor is one waited for
  bool aborting = false;

 private:
  Task<void> accept();
  void admit(Socket socket);

  std::int64_t date_second_ = -1;
  std::string date_;
  // The series this thread has used, so that counting a request takes no lock.
  std::map<std::tuple<std::string_view, Method, int>, metrics::Counter> counters_;
  std::map<std::string_view, metrics::Histogram> latencies_;
};

/// Something that one coroutine of an I/O thread waits for. `set` and `wait` run on that thread only.
class Signal {
 public:
  explicit Signal(Executor executor) : executor_(executor) {}
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

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Socket socket, std::string remote_address, IoThread& thread);
  ~Connection();

  /// The life of the connection; holds it.
  static Task<void> run(std::shared_ptr<Connection> self);

  void sweep(SteadyTime now);  ///< ends a wait whose deadline has passed
  void wake() { signal_.set(); }
  void close_if_idle();
  void abort();

 private:
  struct ClientGone {};

  /// The request being served.
  struct Exchange {
    Head head;
    Plan plan;
    Method method = Method::get;
    std::string path;
    std::string request_id;
    SteadyTime start{};
    SteadyTime deadline{};
    ChunkDecoder decoder;
    std::uint64_t body_left = 0;
    bool body_done = false;
    bool counted_in_flight = false;
    bool timed = true;  ///< false for streams and long polls, whose duration says nothing about the server
    int status = 499;
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
  };

  /// Progress against the slowest accepted pace.
  struct Pace {
    SteadyTime start;
    std::uint64_t bytes = 0;
    SteadyTime deadline(SteadyTime now, std::chrono::milliseconds timeout, std::uint64_t bytes_per_second_min) const;
  };

  Task<bool> serve();
  Task<bool> serve_started(std::size_t head_size);
  Task<std::size_t> read_head();
  Task<void> exchange();
  Task<bool> read_part(std::string_view& part, Pace& pace);
  Task<Answer> take_buffered();
  Task<Answer> take_streamed();
  Task<void> deliver(Response response);
  Task<void> deliver(Download download);
  Task<void> deliver(Stream stream);
  Task<void> deliver(LongPoll poll);
  Task<void> deliver(Deferred deferred);
  Task<void> linger();

  Task<bool> fill(SteadyTime deadline);
  Task<void> write(std::string_view first, std::string_view second = {});
  template <class Work>
  Task<std::optional<Response>> on_pool(Work& work, bool is_new);
  Task<void> park(SteadyTime until, bool heed_drain);
  void watch();
  void on_readable(const boost::system::error_code& error);
  std::function<void()> waker();
  void dispose(std::shared_ptr<void> object);

  /// Decides whether the connection outlives this answer and writes the head to `out_`.
  Response begin(Response head, std::optional<std::uint64_t> length, bool chunked);
  bool sends_body() const;
  void finish_exchange();
  std::string_view unread() const { return {buffer_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t count) { begin_ += count; }
  const ServerOptions& options() const { return thread_.shared.options; }

  IoThread& thread_;
  Socket socket_;
  const std::string remote_address_;
  Signal signal_;
  const std::size_t capacity_;
  std::unique_ptr<char[]> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::string out_;
  std::string decoded_;
  Exchange exchange_;
  bool keep_ = true;
  bool first_request_ = true;

  SteadyTime deadline_ = SteadyTime::max();
  bool expired_ = false;
  bool idle_ = false;      ///< waiting for the first byte of a request
  bool parked_ = false;    ///< waiting for `signal_`, not for the socket
  bool watching_ = false;  ///< a wait for readability is pending
  bool gone_ = false;
  bool notified_ = false;
  bool pool_done_ = false;
};

}  // namespace modelops::http
