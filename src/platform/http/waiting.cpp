#include "platform/http/connection.hpp"

#include <sys/socket.h>

#include <boost/asio/buffer.hpp>

namespace modelops::http {
namespace {

using std::chrono::steady_clock;
constexpr std::uint64_t slice_bytes_max = 1 << 20;

}  // namespace

Error overloaded() {
  Error error(ErrorCode::unavailable, "The server has more requests than it can take; try again shortly.");
  error.retry_after_seconds = 1;
  return error;
}

/// False when the client does not come to speak TLS in time.
Task<bool> Connection::shake_hands() {
  if (!stream_.secure()) co_return true;
  expired_ = false;
  deadline_ = steady_clock::now() + options().head_timeout;
  const auto [error] = co_await stream_.tls().handshake();
  deadline_ = SteadyTime::max();
  co_return !error && !expired_;
}

SteadyTime Connection::Pace::deadline(SteadyTime now, std::chrono::milliseconds timeout,
                                      std::uint64_t bytes_per_second_min) const {
  const auto earned =
      std::chrono::seconds(std::min<std::uint64_t>(bytes / std::max<std::uint64_t>(bytes_per_second_min, 1), 86'400));
  return std::min(now + timeout, start + timeout + earned);
}

/// Reads more; false when the connection ended or (`expired_`) the deadline passed.
Task<bool> Connection::fill(SteadyTime deadline) {
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (end_ == capacity_) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  expired_ = false;
  if (const std::size_t count = stream_.read_now(asio::buffer(buffer_.get() + end_, capacity_ - end_))) {
    end_ += count;
    co_return true;
  }
  deadline_ = deadline;
  const auto [error, count] = co_await stream_.read_some(asio::buffer(buffer_.get() + end_, capacity_ - end_));
  deadline_ = SteadyTime::max();
  if (error || expired_) co_return false;
  end_ += count;
  co_return true;
}

/// Throws ClientGone.
Task<void> Connection::write(std::string_view first, std::string_view second) {
  Pace pace{coarse_now()};
  expired_ = false;
  SteadyTime now = pace.start;
  while (!first.empty() || !second.empty()) {
    deadline_ = pace.deadline(now, options().write_timeout, options().bytes_per_second_min);
    const std::string_view slice = second.substr(0, slice_bytes_max);
    const std::array<asio::const_buffer, 2> buffers{asio::buffer(first.data(), first.size()),
                                                    asio::buffer(slice.data(), slice.size())};
    // One buffer takes the cheaper system call.
    const auto [error, count] =
        slice.empty() ? co_await stream_.write_some(buffers[0]) : co_await stream_.write_some(buffers);
    deadline_ = SteadyTime::max();
    if (error || expired_) throw ClientGone();
    exchange_.sent += count;
    pace.bytes += count;
    const std::size_t of_first = std::min(count, first.size());
    first.remove_prefix(of_first);
    second.remove_prefix(count - of_first);
    if (!first.empty() || !second.empty()) now = coarse_now();
  }
}

Task<std::optional<Response>> Connection::run_on_pool(Pool& pool, std::function<void()> work, bool is_new) {
  std::optional<Response> problem;
  const auto attempt = [this, &work, &problem, is_new] {
    try {
      if (is_new && steady_clock::now() > exchange_.deadline) throw overloaded();
      work();
    } catch (...) {
      problem = problem_of_current_exception(exchange_.request_id);
    }
  };
  if (is_new && exchange_.plan.is_brief) {
    attempt();
    co_return problem;
  }
  pool_done_ = false;
  auto guarded = [this, &attempt] {
    attempt();
    asio::post(thread_.io(), [this] {
      pool_done_ = true;
      signal_.set();
    });
  };
  // The pool gets two words, which std::function keeps without allocating. Both outlive the job: this coroutine does
  // not go on before `pool_done_`.
  auto job = [&guarded] { guarded(); };
  if (!is_new) {
    pool.submit(job);
  } else if (!pool.try_submit(job)) {
    co_return problem_response(overloaded(), exchange_.request_id);
  }
  while (!pool_done_) co_await signal_.wait();
  co_return problem;
}

/// Waits without a thread until `notified_`, `expired_`, `gone_`, an abort, or (heeded) a drain.
Task<void> Connection::park(SteadyTime until, bool heed_drain) {
  expired_ = false;
  deadline_ = until;
  parked_ = true;
  watch();
  while (!notified_ && !expired_ && !gone_ && !thread_.aborting() && !(heed_drain && thread_.draining())) {
    co_await signal_.wait();
  }
  parked_ = false;
  deadline_ = SteadyTime::max();
}

void Connection::watch() {
  if (watching_) return;
  watching_ = true;
  stream_.socket().async_wait(Socket::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
    self->on_readable(error);
  });
}

void Connection::on_readable(const boost::system::error_code& error) {
  watching_ = false;
  if (error || !parked_) return;
  char byte = 0;
  const auto count = ::recv(stream_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (count > 0) return;  // the next request: it stays there, and watching on would spin
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return watch();
  gone_ = true;
  signal_.set();
}

/// Wakes the parked coroutine, from any thread. To be called only while the exchange lasts.
std::function<void()> Connection::waker() {
  return [this] {
    asio::post(thread_.io(), [self = shared_from_this()] {
      self->notified_ = true;
      self->signal_.set();
    });
  };
}

void Connection::dispose(std::shared_ptr<void> object) {
  if (object) thread_.shared.pool.submit([object = std::move(object)]() mutable { object.reset(); });
}

void Connection::sweep(SteadyTime now) {
  if (now < deadline_) return;
  deadline_ = SteadyTime::max();
  expired_ = true;
  if (parked_) return signal_.set();
  stream_.cancel();
}

void Connection::close_if_idle() {
  if (idle_) stream_.cancel();
}

void Connection::abort() {
  stream_.close();
  signal_.set();
}

}  // namespace modelops::http
