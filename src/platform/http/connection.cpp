#include "platform/http/connection.hpp"

#include <sys/socket.h>

#include <boost/asio/buffer.hpp>

#include "base/id.hpp"
#include "base/log.hpp"

namespace modelops::http {
namespace {

using std::chrono::steady_clock;
constexpr std::size_t buffer_bytes = 64 * 1024;
constexpr std::size_t download_part_bytes = 256 * 1024;
constexpr std::uint64_t slice_bytes_max = 1 << 20;

/// A caller's id goes into logs and answers: letters, digits and "-._" only.
std::string request_id_of(const Headers& headers) {
  const std::string_view given = headers.get("X-Request-Id");
  const bool well_formed = !given.empty() && given.size() <= 64 && std::all_of(given.begin(), given.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  });
  return well_formed ? std::string(given) : new_uuid7();
}

Error overloaded() {
  Error error(ErrorCode::unavailable, "The server has more requests than it can take; try again shortly.");
  error.retry_after_seconds = 1;
  return error;
}

}  // namespace

Connection::Connection(Socket socket, std::string remote_address, ServerThread& thread, const Site& site)
    : Session(thread),
      thread_(thread),
      site_(site),
      socket_(std::move(socket)),
      remote_address_(std::move(remote_address)),
      signal_(thread.io().get_executor()),
      capacity_(std::max(buffer_bytes, 2 * thread.shared.options.head_bytes_max)) {
  if (site_.open) site_.open->add(1);
}

Connection::~Connection() {
  if (site_.open) site_.open->add(-1);
}

Task<void> Connection::run(std::shared_ptr<Connection> self) {
  try {
    self->buffer_.reset(new char[self->capacity_]);  // not zeroed: untouched pages cost nothing
    while (co_await self->serve()) {}
  } catch (const ClientGone&) {
  } catch (...) {
    Log().error("connection failed", {{"error", describe_current_exception()}});
  }
  // Not left to the destructor: a pending wait of `watch` still holds the connection.
  boost::system::error_code ignored;
  self->socket_.close(ignored);
}

// ---- one request -------------------------------------------------------------------------------------------------

Task<bool> Connection::serve() {
  exchange_ = Exchange{};
  keep_ = false;
  std::optional<Error> refused;
  std::size_t head_size = 0;
  try {
    head_size = co_await read_head();
    if (head_size == 0) co_return false;
    exchange_.head = parse_head(unread().substr(0, head_size));
  } catch (const Error& error) {
    refused = error;
  }
  if (refused) {
    exchange_.request_id = new_uuid7();
    exchange_.plan.route_name = "malformed";
    consume(unread().size());
    co_await deliver(problem_response(*refused, exchange_.request_id));
    finish_exchange();
    co_await linger();
    co_return false;
  }
  co_return co_await serve_started(head_size);
}

Task<bool> Connection::serve_started(std::size_t head_size) {
  consume(head_size);
  first_request_ = false;
  Request& request = exchange_.head.request;
  exchange_.method = request.method;
  exchange_.request_id = request.request_id = request_id_of(request.headers);
  if (options().access_log) exchange_.path = request.path;
  request.remote_address = remote_address_;
  exchange_.deadline = request.deadline = exchange_.start + options().request_timeout;
  exchange_.body_left = request.content_length.value_or(0);
  exchange_.body_done = !exchange_.head.chunked && exchange_.body_left == 0;
  exchange_.counted_in_flight = true;
  if (site_.in_flight) site_.in_flight->add(1);

  struct Finish {
    Connection& connection;
    ~Finish() { connection.finish_exchange(); }
  };
  {
    const Finish finish{*this};
    co_await exchange();
  }
  if (!keep_) co_await linger();
  co_return keep_;
}

Task<void> Connection::exchange() {
  const Request& request = exchange_.head.request;
  exchange_.plan = site_.handler.plan(request);
  Answer answer;
  std::optional<Response> refusal;
  try {
    if (request.content_length.value_or(0) > exchange_.plan.body_bytes_max) {
      fail(ErrorCode::too_large,
           fmt::format("The body may have at most {} bytes here.", exchange_.plan.body_bytes_max));
    }
    if (exchange_.plan.mode == BodyMode::buffer) {
      answer = co_await take_buffered();
    } else {
      answer = co_await take_streamed();
    }
  } catch (const Error&) {
    refusal = problem_of_current_exception(exchange_.request_id);
  }
  if (refusal) {
    co_await deliver(std::move(*refusal));
    co_return;
  }
  switch (answer.index()) {
    case 0: co_await deliver(std::move(std::get<Response>(answer))); break;
    case 1: co_await deliver(std::move(std::get<Download>(answer))); break;
    case 2: co_await deliver(std::move(std::get<Stream>(answer))); break;
    case 3: co_await deliver(std::move(std::get<LongPoll>(answer))); break;
    default: co_await deliver(std::move(std::get<Deferred>(answer))); break;
  }
}

void Connection::finish_exchange() {
  if (exchange_.counted_in_flight && site_.in_flight) site_.in_flight->add(-1);
  const auto duration = steady_clock::now() - exchange_.start;
  thread_.count(site_,
                {exchange_.method, exchange_.path, exchange_.plan.route_name, remote_address_, exchange_.request_id,
                 exchange_.status, exchange_.received, exchange_.sent,
                 std::chrono::duration_cast<std::chrono::microseconds>(duration)},
                exchange_.timed);
}

// ---- taking the request ------------------------------------------------------------------------------------------

Task<std::size_t> Connection::read_head() {
  HeadScanner scanner(options().head_bytes_max, options().target_bytes_max);
  bool started = false;
  SteadyTime deadline = steady_clock::now() + (first_request_ ? options().head_timeout : options().idle_timeout);
  for (;;) {
    if (!started) {
      while (unread().starts_with("\r\n")) consume(2);  // RFC 9112, 2.2: left over by an old client
      if (!unread().empty()) {
        started = true;
        exchange_.start = steady_clock::now();
        deadline = exchange_.start + options().head_timeout;
      } else if (thread_.closing_idle() || thread_.aborting()) {
        co_return 0;
      }
    }
    if (started) {
      if (const std::size_t size = scanner.scan(unread())) co_return size;
    }
    idle_ = !started;
    const bool more = co_await fill(deadline);
    idle_ = false;
    if (!more && expired_ && started) fail(ErrorCode::timeout, "The request's head did not arrive in time.");
    if (!more) co_return 0;
  }
}

/// The next piece of the body, valid until the next call; false at its end.
Task<bool> Connection::read_part(std::string_view& part, Pace& pace) {
  decoded_.clear();
  part = {};
  while (part.empty() && !exchange_.body_done) {
    if (unread().empty()) {
      const auto deadline = pace.deadline(steady_clock::now(), options().body_timeout, options().bytes_per_second_min);
      const bool more = co_await fill(deadline);
      if (!more && expired_) fail(ErrorCode::timeout, "The request's body arrives too slowly.");
      if (!more) throw ClientGone();
    }
    if (exchange_.head.chunked) {
      const std::size_t taken = exchange_.decoder.feed(unread(), decoded_);
      consume(taken);
      pace.bytes += taken;
      part = decoded_;
      exchange_.body_done = exchange_.decoder.done();
    } else {
      part = unread().substr(0, std::min<std::uint64_t>(exchange_.body_left, unread().size()));
      consume(part.size());
      pace.bytes += part.size();
      exchange_.body_left -= part.size();
      exchange_.body_done = exchange_.body_left == 0;
    }
  }
  exchange_.received += part.size();
  if (exchange_.received > exchange_.plan.body_bytes_max) {
    fail(ErrorCode::too_large, fmt::format("The body may have at most {} bytes here.", exchange_.plan.body_bytes_max));
  }
  co_return !part.empty();
}

Task<Answer> Connection::take_buffered() {
  Request& request = exchange_.head.request;
  if (!exchange_.body_done) {
    if (exchange_.head.expects_continue && unread().empty()) co_await write("HTTP/1.1 100 Continue\r\n\r\n");
    Pace pace{steady_clock::now()};
    std::string_view part;
    while (co_await read_part(part, pace)) request.body += part;
    exchange_.deadline = request.deadline = steady_clock::now() + options().request_timeout;
  }
  Answer answer;
  auto work = [&] {
    answer = site_.handler.handle(exchange_.plan, std::move(request));
    if (auto* response = std::get_if<Response>(&answer)) compress(*response, exchange_.head.accepts_gzip);
  };
  if (auto problem = co_await on_pool(work, true)) answer = std::move(*problem);
  co_return answer;
}

Task<Answer> Connection::take_streamed() {
  Request& request = exchange_.head.request;
  // The pace of the body bounds an upload, not the deadline of a short request.
  exchange_.deadline = request.deadline = exchange_.start + std::chrono::hours(24);
  std::unique_ptr<BodySink> sink;
  std::optional<Response> problem;
  auto open = [&] { sink = site_.handler.receive(exchange_.plan, request); };
  problem = co_await on_pool(open, true);
  if (problem) co_return std::move(*problem);

  // Whatever happens from here, the sink is destroyed on the pool.
  struct Owner {
    Connection& connection;
    std::unique_ptr<BodySink>& sink;
    ~Owner() {
      if (sink) connection.dispose(std::shared_ptr<BodySink>(std::move(sink)));
    }
  } owner{*this, sink};

  if (!exchange_.body_done && exchange_.head.expects_continue && unread().empty()) {
    co_await write("HTTP/1.1 100 Continue\r\n\r\n");
  }
  Pace pace{steady_clock::now()};
  std::string_view part;
  auto take = [&] { sink->write(part); };
  while (co_await read_part(part, pace)) {
    const auto before = steady_clock::now();
    problem = co_await on_pool(take, false);
    if (problem) co_return std::move(*problem);
    pace.start += steady_clock::now() - before;  // our slowness is not the client's
  }
  Response response;
  auto finish = [&] {
    response = sink->finish();
    sink.reset();
    compress(response, exchange_.head.accepts_gzip);
  };
  problem = co_await on_pool(finish, false);
  if (problem) co_return std::move(*problem);
  co_return std::move(response);
}

// ---- answering ---------------------------------------------------------------------------------------------------

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
  co_await write(out_, sends_body() ? std::string_view(response.body) : std::string_view());
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

Task<void> Connection::deliver(Deferred deferred) {
  struct Pending {
    std::mutex mutex;
    std::function<void()> wake;  ///< empty once nobody waits
    std::optional<Response> response;
  };
  const auto pending = std::make_shared<Pending>();
  notified_ = false;
  pending->wake = waker();
  auto start = [&] {
    deferred.start([pending, gzip = exchange_.head.accepts_gzip](Response response) {
      compress(response, gzip);
      std::lock_guard lock(pending->mutex);
      if (!pending->wake || pending->response) return;
      pending->response = std::move(response);
      pending->wake();
    });
  };
  std::optional<Response> response = co_await on_pool(start, false);
  if (!response) co_await park(exchange_.deadline, false);
  {
    std::lock_guard lock(pending->mutex);
    pending->wake = nullptr;
    if (!response) response = std::move(pending->response);
  }
  if (!response && deferred.cancelled) *deferred.cancelled = true;
  if (!response && (gone_ || thread_.aborting())) throw ClientGone();
  if (!response) {
    response =
        problem_response(Error(ErrorCode::gateway_timeout, "The answer did not come in time."), exchange_.request_id);
  }
  co_await deliver(std::move(*response));
}

/// After the last answer: a close with unread input would reset the connection and could take the answer with it. So
/// say that nothing follows, and drop what still comes until the client closes too.
Task<void> Connection::linger() {
  boost::system::error_code error;
  socket_.shutdown(Socket::shutdown_send, error);
  if (error) co_return;
  const auto deadline = steady_clock::now() + options().linger_timeout;
  std::uint64_t dropped = unread().size();
  do {
    consume(unread().size());
    if (!co_await fill(deadline)) co_return;
    dropped += unread().size();
  } while (dropped <= options().linger_bytes_max);
}

// ---- socket, pool, waiting ---------------------------------------------------------------------------------------

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
  deadline_ = deadline;
  const auto [error, count] =
      co_await socket_.async_read_some(asio::buffer(buffer_.get() + end_, capacity_ - end_), as_tuple_await);
  deadline_ = SteadyTime::max();
  if (error || expired_) co_return false;
  end_ += count;
  co_return true;
}

/// One system call for a small answer. Throws ClientGone.
Task<void> Connection::write(std::string_view first, std::string_view second) {
  Pace pace{steady_clock::now()};
  expired_ = false;
  SteadyTime now = pace.start;
  while (!first.empty() || !second.empty()) {
    deadline_ = pace.deadline(now, options().write_timeout, options().bytes_per_second_min);
    const std::string_view slice = second.substr(0, slice_bytes_max);
    const std::array<asio::const_buffer, 2> buffers{asio::buffer(first.data(), first.size()),
                                                    asio::buffer(slice.data(), slice.size())};
    const auto [error, count] = co_await socket_.async_write_some(buffers, as_tuple_await);
    deadline_ = SteadyTime::max();
    if (error || expired_) throw ClientGone();
    exchange_.sent += count;
    pace.bytes += count;
    const std::size_t of_first = std::min(count, first.size());
    first.remove_prefix(of_first);
    second.remove_prefix(count - of_first);
    if (!first.empty() || !second.empty()) now = steady_clock::now();
  }
}

/// Runs `work` on the pool and comes back: with nothing, or with the problem that it threw. `is_new` work is refused
/// when the pool is full, or when its turn comes after its deadline.
template <class Work>
Task<std::optional<Response>> Connection::on_pool(Work& work, bool is_new) {
  std::optional<Response> problem;
  pool_done_ = false;
  auto guarded = [this, &work, &problem, is_new] {
    try {
      if (is_new && steady_clock::now() > exchange_.deadline) throw overloaded();
      work();
    } catch (...) {
      problem = problem_of_current_exception(exchange_.request_id);
    }
    asio::post(thread_.io(), [this] {
      pool_done_ = true;
      signal_.set();
    });
  };
  // The pool gets two words, which std::function keeps without allocating. Both outlive the job: this coroutine does
  // not go on before `pool_done_`.
  auto job = [&guarded] { guarded(); };
  if (!is_new) {
    thread_.shared.pool.submit(job);
  } else if (!thread_.shared.pool.try_submit(job)) {
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
  socket_.async_wait(Socket::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) { self->on_readable(error); });
}

void Connection::on_readable(const boost::system::error_code& error) {
  watching_ = false;
  if (error || !parked_) return;
  char byte = 0;
  const auto count = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
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
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void Connection::close_if_idle() {
  boost::system::error_code ignored;
  if (idle_) socket_.cancel(ignored);
}

void Connection::abort() {
  boost::system::error_code ignored;
  socket_.close(ignored);
  signal_.set();
}

}  // namespace modelops::http
