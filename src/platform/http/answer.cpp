#include "platform/http/connection.hpp"

#include "base/log.hpp"

namespace modelops::http {
namespace {

using std::chrono::steady_clock;
constexpr std::size_t download_part_bytes = 256 * 1024;
constexpr std::size_t joined_bytes_max = 4 * 1024;  // copied behind the head: cheaper than a list of buffers

}  // namespace

bool Connection::sends_body() const { return exchange_.method != Method::head; }

Response Connection::begin(Response head, std::optional<std::uint64_t> length, bool chunked) {
  const bool bodyless = head.status == 204 || head.status == 304 || head.status < 200;
  if (chunked && exchange_.head.http_1_0) chunked = false;
  keep_ = exchange_.head.keep_alive && exchange_.body_done && !thread_.draining() && (length || chunked || bodyless);
  Framing framing;
  framing.close = !keep_;
  framing.chunked = chunked && !bodyless;
  if (!bodyless) framing.content_length = length;
  framing.request_id = exchange_.request_id;
  framing.date = thread_.date();
  out_.clear();
  try {
    append_head(out_, head, framing);
  } catch (const Error&) {
    head = problem_of_current_exception(exchange_.request_id);
    keep_ = false;
    framing.close = true;
    framing.chunked = false;
    framing.content_length = head.body.size();
    append_head(out_, head, framing);
  }
  if (bodyless) head.body.clear();
  exchange_.status = head.status;
  return head;
}

Task<void> Connection::deliver(Response response) {
  const std::uint64_t length = response.body.size();
  response = begin(std::move(response), length, false);
  std::string_view body = sends_body() ? std::string_view(response.body) : std::string_view();
  if (body.size() <= joined_bytes_max) {
    out_ += body;
    body = {};
  }
  co_await write(out_, body);
}

Task<void> Connection::deliver(Download download) {
  // The source reads files: it is used and destroyed on the pool.
  std::shared_ptr<BodySource> source = std::move(download.source);
  struct Owner {
    Connection& connection;
    std::shared_ptr<BodySource>& source;
    ~Owner() { connection.dispose(std::move(source)); }
  } owner{*this, source};

  std::string part;
  std::uint64_t left = download.length_bytes.value_or(UINT64_MAX);
  auto read = [&] {
    part.resize(std::min<std::uint64_t>(download_part_bytes, left));
    part.resize(part.empty() ? 0 : source->read(part));
  };
  // The first part is read before the head is sent, so that a failure can still be told.
  std::optional<Response> problem;
  if (sends_body()) problem = co_await on_pool(read, false);
  if (problem) {
    co_await deliver(std::move(*problem));
    co_return;
  }
  const int status = download.head.status;
  download.head = begin(std::move(download.head), download.length_bytes, !download.length_bytes);
  const bool chunked = !download.length_bytes && !exchange_.head.http_1_0;
  if (download.head.status != status || !sends_body()) {
    co_await write(out_, sends_body() ? std::string_view(download.head.body) : std::string_view());
    co_return;
  }
  for (;;) {
    if (part.empty()) break;
    left -= part.size();
    if (chunked) {
      append_chunk(out_, part);
      co_await write(out_);
    } else {
      co_await write(out_, part);
    }
    out_.clear();
    if (left == 0) break;
    problem = co_await on_pool(read, false);
    // Half a body cannot be taken back: cut the connection, so that the client does not take it for whole.
    if (problem) throw ClientGone();
  }
  if (download.length_bytes && left != 0) {
    Log().error("a download was shorter than announced", {{"request_id", exchange_.request_id}});
    throw ClientGone();
  }
  if (chunked) out_ += last_chunk;
  co_await write(out_);
}

Task<void> Connection::deliver(Stream stream) {
  exchange_.timed = false;
  const bool chunked = !exchange_.head.http_1_0;
  bool head_sent = false;
  bool after_interval = false;
  for (;;) {
    const std::uint64_t seen = thread_.shared.topics.version(stream.topic);
    Stream::Batch batch;
    auto poll = [&] { batch = stream.poll(); };
    auto problem = co_await on_pool(poll, false);
    if (problem && head_sent) throw ClientGone();  // the client sees a stream without its end, and comes again
    if (problem) {
      co_await deliver(std::move(*problem));
      co_return;
    }
    const bool draining = thread_.draining();
    const bool end = batch.end || (draining && !batch.more);
    if (batch.bytes.empty() && after_interval && !end) batch.bytes = stream.heartbeat;
    if (!head_sent) {
      head_sent = true;
      const int status = stream.head.status;
      stream.head = begin(std::move(stream.head), std::nullopt, true);
      if (stream.head.status != status || !sends_body()) {
        co_await write(out_, sends_body() ? std::string_view(stream.head.body) : std::string_view());
        co_return;
      }
    } else {
      out_.clear();
    }
    if (chunked) {
      append_chunk(out_, batch.bytes);
    } else {
      out_ += batch.bytes;
    }
    if (end && chunked) out_ += last_chunk;
    if (!out_.empty()) co_await write(out_);
    if (end) {
      // The head promised to keep the connection before the drain began.
      if (draining) keep_ = false;
      co_return;
    }
    after_interval = false;
    if (batch.more) continue;
    notified_ = false;
    const auto waiter = thread_.shared.topics.wait(stream.topic, seen, waker());
    co_await park(steady_clock::now() + stream.interval, true);
    thread_.shared.topics.cancel(waiter);
    if (gone_ || thread_.aborting()) throw ClientGone();
    after_interval = expired_;
  }
}

Task<void> Connection::deliver(LongPoll poll) {
  exchange_.timed = false;
  for (;;) {
    const std::uint64_t seen = thread_.shared.topics.version(poll.topic);
    const bool last = thread_.draining() || steady_clock::now() >= poll.deadline;
    std::optional<Response> response;
    auto work = [&] {
      response = poll.poll(last);
      if (!response && last)
        fail(ErrorCode::internal, "The server has no answer.", "a long poll's last poll was empty");
      if (response) compress(*response, exchange_.head.accepts_gzip);
    };
    if (auto problem = co_await on_pool(work, false)) response = std::move(problem);
    if (response) {
      co_await deliver(std::move(*response));
      co_return;
    }
    notified_ = false;
    const auto waiter = thread_.shared.topics.wait(poll.topic, seen, waker());
    co_await park(poll.deadline, true);
    thread_.shared.topics.cancel(waiter);
    if (gone_ || thread_.aborting()) throw ClientGone();
  }
}

void Connection::start(Deferred& deferred) {
  const auto pending = std::make_shared<Pending>();
  exchange_.pending = pending;
  deferred.start([pending, gzip = exchange_.head.accepts_gzip](Response response) {
    compress(response, gzip);
    std::lock_guard lock(pending->mutex);
    if (pending->is_over) return;
    pending->is_over = true;
    pending->response = std::move(response);
    if (pending->wake) pending->wake();
  });
  std::lock_guard lock(pending->mutex);
  if (!pending->is_over) pending->wake = waker();
}

std::optional<Response> Connection::Pending::take() {
  std::lock_guard lock(mutex);
  return std::exchange(response, std::nullopt);
}

void Connection::Pending::forget() {
  std::lock_guard lock(mutex);
  is_over = true;
  wake = nullptr;
}

Task<void> Connection::deliver(Deferred deferred) {
  std::optional<Response> response = exchange_.pending->take();
  for (bool woken = true; !response && woken;) {
    co_await park(exchange_.deadline, false);
    woken = std::exchange(notified_, false);
    response = exchange_.pending->take();
  }
  if (!response && deferred.cancelled) *deferred.cancelled = true;
  if (!response && (gone_ || thread_.aborting())) throw ClientGone();
  if (!response) {
    response =
        problem_response(Error(ErrorCode::gateway_timeout, "The answer did not come in time."), exchange_.request_id);
  }
  co_await deliver(std::move(*response));
}

Task<void> Connection::deliver(Slow slow) {
  exchange_.timed = false;
  Response response;
  auto work = [&] {
    response = slow.make();
    compress(response, exchange_.head.accepts_gzip);
  };
  if (auto problem = co_await on_slow_pool(work)) response = std::move(*problem);
  co_await deliver(std::move(response));
}

/// After the last answer: a close with unread input would reset the connection and could take the answer with it. So
/// say that nothing follows, and drop what still comes until the client closes too.
Task<void> Connection::linger() {
  const auto deadline = steady_clock::now() + options().linger_timeout;
  if (stream_.secure()) {
    deadline_ = deadline;
    co_await stream_.tls().shutdown();  // says so and waits for the client to say it too
    deadline_ = SteadyTime::max();
    co_return;
  }
  boost::system::error_code error;
  stream_.socket().shutdown(Socket::shutdown_send, error);
  if (error) co_return;
  std::uint64_t dropped = unread().size();
  do {
    consume(unread().size());
    if (!co_await fill(deadline)) co_return;
    dropped += unread().size();
  } while (dropped <= options().linger_bytes_max);
}

}  // namespace modelops::http
