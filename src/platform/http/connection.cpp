#include "platform/http/connection.hpp"

#include <sys/socket.h>

#include <boost/asio/buffer.hpp>

#include "base/log.hpp"

namespace modelops::http {
namespace {

using std::chrono::steady_clock;
constexpr std::size_t buffer_bytes = 64 * 1024;

}  // namespace

Connection::Connection(Socket socket, std::string remote_address, ServerThread& thread, const Site& site)
    : Session(thread, std::move(remote_address)),
      thread_(thread),
      site_(site),
      stream_(std::move(socket), site.tls.get()),
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
    if (co_await self->shake_hands()) {
      while (co_await self->serve()) {}
    }
  } catch (const ClientGone&) {
  } catch (...) {
    Log().error("connection failed", {{"error", describe_current_exception()}});
  }
  // Not left to the destructor: a pending wait of `watch` still holds the connection.
  self->stream_.close();
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
    exchange_.request_id = thread_.request_id({});
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
  exchange_.request_id = request.request_id = thread_.request_id(request.headers);
  if (options().access_log) exchange_.path = request.path;
  request.remote_address = remote_address();
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
    case 4: co_await deliver(std::move(std::get<Deferred>(answer))); break;
    default: co_await deliver(std::move(std::get<Slow>(answer))); break;
  }
}

void Connection::finish_exchange() {
  if (exchange_.pending) exchange_.pending->forget();
  thread_.shared.buffered_bytes -= exchange_.held;
  if (exchange_.counted_in_flight && site_.in_flight) site_.in_flight->add(-1);
  const auto duration = steady_clock::now() - exchange_.start;
  thread_.count(site_,
                {exchange_.method, exchange_.path, exchange_.plan.route_name, remote_address(), exchange_.request_id,
                 exchange_.status, exchange_.received, exchange_.sent,
                 std::chrono::duration_cast<std::chrono::microseconds>(duration)},
                exchange_.timed);
}

// ---- taking the request ------------------------------------------------------------------------------------------

Task<std::size_t> Connection::read_head() {
  HeadScanner scanner(options().head_bytes_max, options().target_bytes_max);
  bool started = false;
  SteadyTime deadline = coarse_now() + (first_request_ ? options().head_timeout : options().idle_timeout);
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

/// Counts what is kept of a body; throws when all connections together keep too much.
void Connection::hold(std::size_t bytes) {
  exchange_.held += bytes;
  if ((thread_.shared.buffered_bytes += bytes) > options().buffered_bytes_max) throw overloaded();
}

Task<Answer> Connection::take_buffered() {
  Request& request = exchange_.head.request;
  if (!exchange_.body_done) {
    if (exchange_.head.expects_continue && unread().empty()) co_await write("HTTP/1.1 100 Continue\r\n\r\n");
    Pace pace{steady_clock::now()};
    std::string_view part;
    while (co_await read_part(part, pace)) {
      hold(part.size());
      request.body += part;
    }
    exchange_.deadline = request.deadline = steady_clock::now() + options().request_timeout;
  }
  Answer answer;
  auto work = [&] {
    answer = site_.handler.handle(exchange_.plan, std::move(request));
    if (auto* response = std::get_if<Response>(&answer)) compress(*response, exchange_.head.accepts_gzip);
    if (auto* deferred = std::get_if<Deferred>(&answer)) start(*deferred);
  };
  if (auto problem = co_await on_pool(work, true)) answer = std::move(*problem);
  co_return answer;
}

Task<Answer> Connection::take_streamed() {
  Request& request = exchange_.head.request;
  // The pace of the body bounds an upload, not the deadline of a short request.
  exchange_.deadline = request.deadline = exchange_.start + std::chrono::hours(24);
  std::unique_ptr<BodySink> sink;
  auto open = [&] { sink = site_.handler.receive(exchange_.plan, request); };
  if (auto problem = co_await on_pool(open, true)) co_return std::move(*problem);

  // Whatever happens from here, the sink is destroyed on the pool.
  struct Owner {
    Connection& connection;
    std::unique_ptr<BodySink>& sink;
    ~Owner() {
      if (sink) connection.dispose(std::shared_ptr<BodySink>(std::move(sink)));
    }
  } owner{*this, sink};

  std::optional<Response> answer;
  std::exception_ptr failure;
  try {
    answer = co_await pour_into(sink);
  } catch (const Error&) {
    failure = std::current_exception();
  }
  // What a refused upload leaves is settled before the client hears of it: it may ask at once what has arrived.
  auto discard = [&] { sink.reset(); };
  if (sink) co_await on_pool(discard, false);
  if (failure) std::rethrow_exception(failure);
  co_return std::move(*answer);
}

/// The sink's answer to the whole body, with which the sink is gone, or the problem with which it refused.
Task<Response> Connection::pour_into(std::unique_ptr<BodySink>& sink) {
  if (!exchange_.body_done && exchange_.head.expects_continue && unread().empty()) {
    co_await write("HTTP/1.1 100 Continue\r\n\r\n");
  }
  Pace pace{steady_clock::now()};
  std::string_view part;
  auto take = [&] { sink->write(part); };
  while (co_await read_part(part, pace)) {
    const auto before = steady_clock::now();
    if (auto problem = co_await on_pool(take, false)) co_return std::move(*problem);
    pace.start += steady_clock::now() - before;  // our slowness is not the client's
  }
  Response response;
  auto finish = [&] {
    response = sink->finish();
    sink.reset();
    compress(response, exchange_.head.accepts_gzip);
  };
  std::optional<Response> problem;
  if (sink->finishes_slowly())
    problem = co_await on_slow_pool(finish);
  else
    problem = co_await on_pool(finish, false);
  co_return problem ? std::move(*problem) : std::move(response);
}

}  // namespace modelops::http
