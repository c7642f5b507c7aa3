#pragma once
// The I/O threads of a server: each accepts at every listening socket, sweeps the time-outs of its connections, and
// ends in steps. For the server and for the gateway; brings Asio.
#include <boost/asio/executor_work_guard.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <latch>
#include <list>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/descriptor.hpp"
#include "platform/http/io.hpp"
#include "platform/http/types.hpp"

namespace modelops::http {

/// How many connections are open, in all threads. Thread-safe.
class OpenConnections {
 public:
  /// `per_client_max`: from one IPv4 address or one IPv6 network of 64 bits; 0: as many as there may be.
  OpenConnections(std::size_t max, std::size_t per_client_max) : max_(max), per_client_max_(per_client_max) {}
  bool add(const std::string& remote_address);  ///< false when there are enough
  void remove(const std::string& remote_address);
  std::size_t count() const;
  /// False when `deadline` passes first.
  bool await_none(SteadyTime deadline);

 private:
  const std::size_t max_;
  const std::size_t per_client_max_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t count_ = 0;
  std::unordered_map<std::string, std::size_t> by_client_;
};

class IoThread;

/// A connection as its I/O thread sees it, from when it is accepted; its destruction frees its place.
class Session {
 public:
  Session(IoThread& thread, std::string remote_address);
  virtual ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  virtual void sweep(SteadyTime now) = 0;  ///< ends a wait whose deadline has passed
  virtual void begin_drain() {}
  virtual void close_if_idle() = 0;
  virtual void abort() = 0;
  const std::string& remote_address() const { return remote_address_; }  ///< numeric, without the port

 private:
  IoThread& io_thread_;
  const std::string remote_address_;
};

/// One I/O thread's own state: touched by that thread only.
class IoThread {
 public:
  /// Starts a session on this thread.
  using Open = std::function<void(Socket socket, std::string remote_address)>;

  IoThread(OpenConnections& connections, std::chrono::milliseconds sweep_interval);
  virtual ~IoThread() = default;
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  // From the thread that made it.
  void start();
  void end() { work_.reset(); }  ///< it ends when nothing is left to do
  void join();
  asio::io_context& io() { return io_; }

  // On this thread.
  void listen(Acceptor acceptor, Open open);
  void begin_drain();
  void close_idle();
  virtual void abort();

  const std::string& date();  ///< of the Date field, now
  /// The caller's X-Request-Id when it is well-formed, else a new one.
  std::string request_id(const Headers& headers);
  bool draining() const { return draining_; }          ///< no request follows the current one
  bool closing_idle() const { return closing_idle_; }  ///< nor is one waited for
  bool aborting() const { return aborting_; }

 protected:
  /// Now and then: one timer for all time-outs, since a timer per operation costs a quarter of a small request.
  virtual void sweep(SteadyTime now);

 private:
  friend class Session;
  struct Listener {
    Acceptor acceptor;
    Open open;
  };

  void schedule_sweep();
  Task<void> accept(Listener& listener);
  void admit(const Listener& listener, Socket socket);

  OpenConnections& connections_;
  const std::chrono::milliseconds sweep_interval_;
  std::unordered_set<Session*> sessions_;  // outlives `io_`, whose coroutines hold them
  asio::io_context io_{1};
  asio::executor_work_guard<Executor> work_{io_.get_executor()};
  Timer timer_{io_.get_executor()};
  std::list<Listener> listeners_;
  std::deque<std::pair<SteadyTime, Socket>> refused_;  // closed a moment later, so that they can read why
  bool draining_ = false;
  bool closing_idle_ = false;
  bool aborting_ = false;
  std::mt19937_64 random_;  // for ids that only have to differ
  std::int64_t date_second_ = -1;
  std::string date_;
  std::thread thread_;
};

/// `listener` for each thread, with a descriptor of its own. Throws Error(invalid) when it is no listening TCP socket.
std::vector<Acceptor> open_acceptors(Descriptor listener, std::span<IoThread* const> threads);

/// The threads of one server, running from construction to `stop`. `Thread` is an IoThread made of a `Shared&`, which
/// outlives them.
template <class Thread>
class IoThreads {
 public:
  template <class Shared>
  IoThreads(unsigned count, Shared& shared) : connections_(shared.connections) {
    for (unsigned i = 0; i < std::max(count, 1u); ++i) threads_.push_back(std::make_unique<Thread>(shared));
    for (const auto& thread : threads_) thread->start();
  }
  ~IoThreads() { stop(); }
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  /// `start_session(thread, socket, remote_address)` starts a session on `thread`. Returns the port. See
  /// `open_acceptors`.
  template <class F>
  std::uint16_t listen(Descriptor listener, F start_session) {
    std::vector<IoThread*> all;
    all.reserve(threads_.size());
    for (const auto& thread : threads_) all.push_back(thread.get());
    std::vector<Acceptor> acceptors = open_acceptors(std::move(listener), all);
    const std::uint16_t port = acceptors.front().local_endpoint().port();
    for (std::size_t i = 0; i < threads_.size(); ++i) {
      Thread& thread = *threads_[i];
      asio::post(thread.io(), [&thread, acceptor = std::move(acceptors[i]), start_session]() mutable {
        thread.listen(std::move(acceptor), [&thread, start_session](Socket socket, std::string remote_address) {
          start_session(thread, std::move(socket), std::move(remote_address));
        });
      });
    }
    return port;
  }

  /// Stops accepting, waits for the connections to end, closes idle ones after `linger`, then stops. False when
  /// `timeout` passed first and connections were cut.
  bool drain(std::chrono::milliseconds timeout, std::chrono::milliseconds linger) {
    if (stopped_) return true;
    const SteadyTime now = std::chrono::steady_clock::now();
    // Once every thread has closed its acceptors, none open means none to come.
    const auto closed = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(threads_.size()));
    for (const auto& thread : threads_) {
      asio::post(thread->io(), [closed, &thread = *thread] {
        thread.begin_drain();
        closed->count_down();
      });
    }
    closed->wait();
    connections_.await_none(std::min(now + timeout, now + linger));
    tell(&IoThread::close_idle);
    const bool complete = connections_.await_none(now + timeout);
    stop();
    return complete;
  }

  /// Cuts what is open. Idempotent.
  void stop() {
    if (std::exchange(stopped_, true)) return;
    tell(&IoThread::abort);
    for (const auto& thread : threads_) thread->end();
    for (const auto& thread : threads_) thread->join();
  }

 private:
  /// Runs `what` on every thread; returns at once.
  void tell(void (IoThread::*what)()) {
    for (const auto& thread : threads_) asio::post(thread->io(), [&thread = *thread, what] { (thread.*what)(); });
  }

  OpenConnections& connections_;
  std::vector<std::unique_ptr<Thread>> threads_;
  bool stopped_ = false;
};

}  // namespace modelops::http
