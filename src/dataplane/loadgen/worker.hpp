#pragma once
// One thread of the load generator; touched by that thread only. Brings Asio.
#include <deque>

#include "dataplane/loadgen/load.hpp"
#include "dataplane/loadgen/response.hpp"
#include "platform/http/io.hpp"

namespace modelops::loadgen {

namespace asio = boost::asio;
using http::SteadyTime;
using http::Task;

class Worker {
 public:
  /// `share`: which of `options.threads` it is. Options and request outlive it.
  Worker(const LoadOptions& options, const RequestText& request, asio::ip::tcp::endpoint server, unsigned share,
         SteadyTime start);
  /// Until all is answered or given up. Rethrows what went wrong inside.
  Tally run();

 private:
  struct Job {
    SteadyTime intended;
    std::uint64_t number = 0;
    bool waited = false;  ///< for a connection
  };
  /// A connection, with the coroutine that uses it.
  struct Lane {
    explicit Lane(http::Executor executor) : socket(executor), given(executor), buffer(new char[read_bytes_max]) {}
    static constexpr std::size_t read_bytes_max = 16 << 10;
    http::Socket socket;
    http::Signal given;
    std::unique_ptr<char[]> buffer;  // not zeroed: untouched pages cost nothing
    std::optional<Job> job;
    SteadyTime deadline = SteadyTime::max();
    SteadyTime last_used{};
    bool timed_out = false;
  };

  void spawn(Task<void> task);
  void open_lane(std::optional<Job> job);
  Task<void> send_on_time();
  Task<void> sweep();
  void give(Job job);
  std::optional<Job> take(Lane& lane);
  Task<void> serve(Lane& lane);
  /// What went wrong, as the report calls it; empty when the answer is whole.
  Task<std::string_view> exchange(Lane& lane, const Job& job);
  Task<std::string_view> read_answer(Lane& lane, const Job& job);
  Task<bool> connect(Lane& lane);
  bool is_measured(const Job& job) const { return job.intended >= measured_from_; }
  void stop_when_done();
  void stop();

  const LoadOptions& options_;
  const RequestText& request_;
  const asio::ip::tcp::endpoint server_;
  const unsigned share_;
  const unsigned lanes_max_;
  const SteadyTime start_;
  const SteadyTime measured_from_;
  const SteadyTime end_;
  asio::io_context io_{1};
  http::Timer timer_{io_.get_executor()};
  http::Timer sweep_timer_{io_.get_executor()};
  std::deque<Lane> lanes_;
  std::vector<Lane*> idle_;
  std::deque<Job> backlog_;
  std::uint64_t number_;
  bool all_sent_ = false;
  bool stopping_ = false;
  std::exception_ptr failure_;
  Tally tally_;
};

}  // namespace modelops::loadgen
