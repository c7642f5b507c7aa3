#pragma once
// Inside the server: one connection as one coroutine on one I/O thread. server.cpp and the files of its members
// include this: connection.cpp takes requests, answer.cpp answers, waiting.cpp is what both wait for. It brings Asio.
#include <map>
#include <mutex>

#include "platform/http/byte_stream.hpp"
#include "platform/http/io_thread.hpp"
#include "platform/http/pool.hpp"
#include "platform/http/server.hpp"
#include "platform/http/wire.hpp"

namespace modelops::http {

/// What all connections of a server share.
struct Shared {
  Shared(ServerOptions server_options, events::Topics& wake_ups, metrics::Registry* metrics_registry);

  const ServerOptions options;
  events::Topics& topics;
  metrics::Registry* const registry;
  OpenConnections connections;
  std::atomic<std::uint64_t> buffered_bytes{0};
  std::optional<metrics::Gauge> queued;
  std::optional<metrics::Gauge> slow_queued;
  Pool pool;
  Pool slow_pool;  ///< of work that takes minutes, and must not take the threads of what takes milliseconds
};

/// Who answers the connections of one listening socket, with metrics of their own.
struct Site {
  Site(std::string site_name, Handler& request_handler, std::shared_ptr<Tls> certificates, metrics::Registry* registry);

  const std::string name;
  Handler& handler;
  const std::shared_ptr<Tls> tls;  ///< null: plain
  std::optional<metrics::Gauge> in_flight;
  std::optional<metrics::Gauge> open;
};

/// One I/O thread's own state: touched by that thread only.
class ServerThread final : public IoThread {
 public:
  explicit ServerThread(Shared& server) : IoThread(server.connections, server.options.sweep_interval), shared(server) {}

  void count(const Site& site, const AccessRecord& record, bool timed);

  Shared& shared;

 private:
  void sweep(SteadyTime now) override;

  // The series this thread has used, so that counting a request takes no lock.
  std::map<std::tuple<const Site*, std::string_view, Method, int>, metrics::Counter> counters_;
  std::map<std::pair<const Site*, std::string_view>, metrics::Histogram> latencies_;
};

/// What a client is told that comes when there is too much to do.
Error overloaded();

class Connection final : public Session, public std::enable_shared_from_this<Connection> {
 public:
  Connection(Socket socket, std::string remote_address, ServerThread& thread, const Site& site);
  ~Connection() override;

  /// The life of the connection; holds it.
  static Task<void> run(std::shared_ptr<Connection> self);

  void sweep(SteadyTime now) override;
  void begin_drain() override { signal_.set(); }
  void close_if_idle() override;
  void abort() override;

 private:
  struct ClientGone {};

  /// What a deferred answer is left in until the connection takes it.
  struct Pending {
    std::mutex mutex;
    std::function<void()> wake;  ///< empty while `start` runs, and when nobody waits any more
    std::optional<Response> response;
    bool is_over = false;  ///< it was answered, or nobody waits

    std::optional<Response> take();
    void forget();
  };

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
    std::uint64_t held = 0;  ///< of the body, counted against the limit of all buffered bodies
    std::shared_ptr<Pending> pending;
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
  Task<Response> pour_into(std::unique_ptr<BodySink>& sink);
  Task<void> deliver(Response response);
  Task<void> deliver(Download download);
  Task<void> deliver(Stream stream);
  Task<void> deliver(LongPoll poll);
  Task<void> deliver(Deferred deferred);
  void start(Deferred& deferred);
  Task<void> deliver(Slow slow);
  Task<void> linger();

  Task<bool> fill(SteadyTime deadline);
  Task<void> write(std::string_view first, std::string_view second = {});
  /// Runs `work` on the pool and comes back: with nothing, or with the problem that it threw. `is_new` work is refused
  /// when the pool has too much to do, or when its turn comes after its deadline.
  template <class Work>
  Task<std::optional<Response>> on_pool(Work& work, bool is_new) {
    // A reference only: std::function does not allocate for it.
    return run_on_pool(thread_.shared.pool, [&work] { work(); }, is_new);
  }
  /// The same for work that takes long, which waits its turn however long that takes.
  template <class Work>
  Task<std::optional<Response>> on_slow_pool(Work& work) {
    return run_on_pool(thread_.shared.slow_pool, [&work] { work(); }, false);
  }
  Task<std::optional<Response>> run_on_pool(Pool& pool, std::function<void()> work, bool is_new);
  Task<bool> shake_hands();
  void hold(std::size_t bytes);
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

  ServerThread& thread_;
  const Site& site_;
  ByteStream stream_;
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
