#include "dataplane/loadgen/worker.hpp"

#include <sys/socket.h>
#include <time.h>

#include <boost/asio/co_spawn.hpp>

#include "base/error.hpp"

namespace modelops::loadgen {
namespace {

using std::chrono::steady_clock;
constexpr std::chrono::milliseconds sweep_interval{20};
/// A connection that was idle for longer is looked at before it is used: servers end idle ones, and that is no failure.
constexpr std::chrono::milliseconds believed_for{100};

std::uint64_t ns(steady_clock::duration time) {
  return time.count() < 0 ? 0 : static_cast<std::uint64_t>(std::chrono::nanoseconds(time).count());
}

double thread_cpu_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

bool has_ended(http::Socket& socket) {
  char byte = 0;
  const auto count = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count >= 0 || (errno != EAGAIN && errno != EINTR);
}

void close(http::Socket& socket) {
  boost::system::error_code ignored;
  socket.close(ignored);
}

}  // namespace

Worker::Worker(const LoadOptions& options, const RequestText& request, asio::ip::tcp::endpoint server, unsigned share,
               SteadyTime start)
    : options_(options),
      request_(request),
      server_(std::move(server)),
      share_(share),
      lanes_max_(options.connections / options.threads + (share < options.connections % options.threads ? 1 : 0)),
      start_(start),
      measured_from_(start + options.warm_up),
      end_(measured_from_ + options.duration),
      number_(share) {}

Tally Worker::run() {
  const auto begin = steady_clock::now();
  const double cpu_before = thread_cpu_seconds();
  if (options_.rate) {
    spawn(send_on_time());
  } else {
    all_sent_ = true;
    for (unsigned i = 0; i < lanes_max_; ++i) open_lane(std::nullopt);
  }
  spawn(sweep());
  io_.run();
  if (failure_) std::rethrow_exception(failure_);
  tally_.cpu_seconds = thread_cpu_seconds() - cpu_before;
  const std::chrono::duration<double> wall = steady_clock::now() - begin;
  tally_.busiest_thread = wall.count() > 0 ? tally_.cpu_seconds / wall.count() : 0;
  return std::move(tally_);
}

void Worker::spawn(Task<void> task) {
  asio::co_spawn(io_, std::move(task), [this](std::exception_ptr failure) {
    if (!failure) return;
    failure_ = failure;
    io_.stop();
  });
}

void Worker::open_lane(std::optional<Job> job) {
  Lane& lane = lanes_.emplace_back(io_.get_executor());
  lane.job = job;
  spawn(serve(lane));
}

Task<void> Worker::send_on_time() {
  Schedule schedule(options_.arrivals, *options_.rate, share_, options_.threads, options_.seed);
  for (;;) {
    const SteadyTime intended = start_ + schedule.next();
    if (intended >= end_) break;
    if (steady_clock::now() < intended) {
      timer_.expires_at(intended);
      co_await timer_.async_wait(http::as_tuple_await);
      if (stopping_) co_return;
    }
    give({.intended = intended, .number = number_});
    number_ += options_.threads;
  }
  all_sent_ = true;
  stop_when_done();
}

void Worker::give(Job job) {
  if (!idle_.empty()) {
    Lane& lane = *idle_.back();
    idle_.pop_back();
    lane.job = job;
    lane.given.set();
  } else if (lanes_.size() < lanes_max_) {
    open_lane(job);
  } else if (backlog_.size() < options_.backlog_max) {
    job.waited = true;
    if (is_measured(job)) ++tally_.waited;
    backlog_.push_back(job);
  } else if (is_measured(job)) {
    ++tally_.errors["unsent"];
  }
}

std::optional<Worker::Job> Worker::take(Lane& lane) {
  if (lane.job) return std::exchange(lane.job, std::nullopt);
  if (!options_.rate) {
    const SteadyTime now = steady_clock::now();
    if (now >= end_) return std::nullopt;
    const Job job{.intended = now, .number = number_};
    number_ += options_.threads;
    return job;
  }
  if (backlog_.empty()) return std::nullopt;
  const Job job = backlog_.front();
  backlog_.pop_front();
  return job;
}

Task<void> Worker::serve(Lane& lane) {
  while (!stopping_) {
    const std::optional<Job> job = take(lane);
    if (!job) {
      idle_.push_back(&lane);
      stop_when_done();
      co_await lane.given.wait();
      continue;
    }
    lane.timed_out = false;
    lane.deadline = job->intended + options_.timeout;
    std::string_view error;
    try {
      error = co_await exchange(lane, *job);
    } catch (const Error&) {
      error = "bad_answer";
    }
    lane.deadline = SteadyTime::max();
    if (error.empty()) continue;
    close(lane.socket);
    if (lane.timed_out) error = "timeout";
    if (is_measured(*job)) ++tally_.errors[std::string(error)];
  }
}

Task<std::string_view> Worker::exchange(Lane& lane, const Job& job) {
  const SteadyTime begun = steady_clock::now();
  if (is_measured(job) && !job.waited) tally_.send_lag.add(ns(begun - job.intended));
  if (lane.socket.is_open() && begun - lane.last_used > believed_for && has_ended(lane.socket)) close(lane.socket);
  if (!lane.socket.is_open() && !co_await connect(lane)) co_return "connect";

  std::array<asio::const_buffer, 4> parts;
  std::size_t left = 0;
  for (std::size_t i = 0; const std::string_view part : {request_.before_target(), request_.target(job.number),
                                                         request_.after_target(), request_.body()}) {
    parts[i++] = asio::buffer(part.data(), part.size());
    left += part.size();
  }
  for (;;) {
    const auto [error, count] = co_await lane.socket.async_write_some(parts, http::as_tuple_await);
    if (error) co_return "send";
    left -= count;
    if (left == 0) break;
    std::size_t sent = count;
    for (asio::const_buffer& part : parts) {
      const std::size_t gone = std::min(sent, part.size());
      part += gone;
      sent -= gone;
    }
  }
  co_return co_await read_answer(lane, job);
}

Task<std::string_view> Worker::read_answer(Lane& lane, const Job& job) {
  ResponseReader reader(request_.is_head());
  std::optional<SteadyTime> last_token;
  SteadyTime now;
  for (bool whole = false; !whole;) {
    const auto [error, count] = co_await lane.socket.async_read_some(
        asio::buffer(lane.buffer.get(), Lane::read_bytes_max), http::as_tuple_await);
    now = steady_clock::now();
    if (error) {
      if (error != asio::error::eof || lane.timed_out || !reader.end()) co_return "closed";
      break;
    }
    whole = reader.feed({lane.buffer.get(), count});
    if (!options_.stream || reader.new_tokens() == 0) continue;
    auto more = static_cast<std::uint64_t>(reader.new_tokens());
    if (now >= measured_from_ && now < end_) tally_.tokens_in_time += more;
    if (is_measured(job)) {
      // What comes together came one after another without time between.
      (last_token ? tally_.inter_token : tally_.first_token).add(ns(now - last_token.value_or(job.intended)));
      tally_.inter_token.add(0, more - 1);
    }
    last_token = now;
  }
  lane.last_used = now;
  if (!reader.keep_alive()) close(lane.socket);
  ++tally_.answered_total;
  if (now >= measured_from_ && now < end_) {
    ++tally_.answered_in_time;
    tally_.body_bytes += reader.body_bytes();
  }
  if (is_measured(job)) {
    tally_.latency.add(ns(now - job.intended));
    ++tally_.statuses[std::to_string(reader.status())];
  }
  co_return "";
}

Task<bool> Worker::connect(Lane& lane) {
  const auto [error] = co_await lane.socket.async_connect(server_, http::as_tuple_await);
  if (error) co_return false;
  boost::system::error_code ignored;
  lane.socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  ++tally_.connections;
  co_return true;
}

Task<void> Worker::sweep() {
  while (!stopping_) {
    sweep_timer_.expires_after(sweep_interval);
    co_await sweep_timer_.async_wait(http::as_tuple_await);
    const SteadyTime now = steady_clock::now();
    for (Lane& lane : lanes_) {
      if (now < lane.deadline) continue;
      lane.timed_out = true;
      lane.deadline = SteadyTime::max();
      boost::system::error_code ignored;
      lane.socket.cancel(ignored);
    }
    // What has waited so long for a connection has timed out as well.
    while (!backlog_.empty() && now >= backlog_.front().intended + options_.timeout) {
      if (is_measured(backlog_.front())) ++tally_.errors["timeout"];
      backlog_.pop_front();
    }
    stop_when_done();
  }
}

void Worker::stop_when_done() {
  if (all_sent_ && backlog_.empty() && idle_.size() == lanes_.size() && steady_clock::now() >= end_) stop();
}

void Worker::stop() {
  stopping_ = true;
  for (Lane& lane : lanes_) lane.given.set();
  timer_.cancel();
  sweep_timer_.cancel();
}

}  // namespace modelops::loadgen
