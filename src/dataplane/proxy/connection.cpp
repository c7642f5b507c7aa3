#include "dataplane/proxy/connection.hpp"

#include <sys/socket.h>

#include "base/log.hpp"
#include "base/text.hpp"
#include "dataplane/proxy/model_field.hpp"
#include "platform/crypto/token.hpp"

namespace modelops::proxy {
namespace {

using std::chrono::steady_clock;
constexpr std::size_t buffer_bytes = 64 * 1024;
constexpr std::uint64_t body_bytes_per_second_min = 1024;
constexpr std::size_t kept_string_bytes_max = 256 * 1024;

/// "Authorization: Bearer …" or "x-api-key: …"; empty when there is neither.
std::string_view token_of(const http::Headers& headers) {
  constexpr std::string_view scheme = "Bearer ";
  if (const auto value = headers.find("Authorization")) {
    const bool bearer = http::equal_without_case(value->substr(0, scheme.size()), scheme);
    return bearer ? trim(value->substr(scheme.size())) : std::string_view();
  }
  return trim(headers.get("X-Api-Key"));
}

bool may_have_body(http::Method method) {
  return method == http::Method::post || method == http::Method::put || method == http::Method::patch;
}

}  // namespace

Connection::Connection(Socket socket, std::string remote_address, IoThread& thread)
    : Session(thread, std::move(remote_address)),
      thread_(thread),
      client_(thread, std::move(socket), std::max(buffer_bytes, 2 * thread.shared.options.head_bytes_max),
              thread.shared.options.tls.get()),
      signal_(thread.io().get_executor()) {
  thread_.shared.open.add(1);
}

Connection::~Connection() { thread_.shared.open.add(-1); }

Task<void> Connection::run(std::shared_ptr<Connection> self) {
  try {
    if (co_await self->client_.shake_hands(steady_clock::now() + self->options().head_timeout)) {
      while (co_await self->serve()) {}
    }
  } catch (const Cut&) {
  } catch (...) {
    Log().error("connection failed", {{"error", describe_current_exception()}});
  }
  // Not left to the destructor: a pending wait of `watch` still holds the connection.
  self->client_.close();
}

// ---- one request -------------------------------------------------------------------------------------------------

Task<bool> Connection::serve() {
  exchange_ = Exchange{};
  exchange_.head.keep_alive = false;  // until its head is understood
  pump_ = Pump{};
  keep_ = false;
  std::optional<Error> refused;
  struct Finish {
    Connection* connection;
    ~Finish() {
      if (connection != nullptr) connection->finish_exchange();
    }
  };
  {
    Finish finish{this};
    try {
      const std::size_t head_size = co_await read_head();
      if (head_size == 0) {
        finish.connection = nullptr;
        co_return false;
      }
      exchange_.head = http::parse_head(client_.unread().substr(0, head_size));
      client_.consume(head_size);
      co_await dispatch();
    } catch (const Error& error) {
      refused = error;
    }
    if (refused) {
      if (exchange_.answered) throw Cut();  // half an answer cannot be taken back
      exchange_.deadline = SteadyTime::max();
      co_await refuse(*refused);
    }
  }
  if (!keep_) co_await linger();
  co_return keep_;
}

Task<std::size_t> Connection::read_head() {
  http::HeadScanner scanner(options().head_bytes_max, options().target_bytes_max);
  bool started = false;
  SteadyTime deadline = http::coarse_now() + (first_request_ ? options().head_timeout : options().keep_alive_timeout);
  first_request_ = false;
  exchange_.sent_before = client_.sent();
  for (;;) {
    if (!started) {
      while (client_.unread().starts_with("\r\n")) client_.consume(2);  // RFC 9112, 2.2: left over by an old client
      if (!client_.unread().empty()) {
        started = true;
        exchange_.start = steady_clock::now();
        deadline = exchange_.start + options().head_timeout;
      } else if (thread_.closing_idle() || thread_.aborting()) {
        co_return 0;
      }
    }
    if (started) {
      if (const std::size_t size = scanner.scan(client_.unread())) co_return size;
    }
    idle_ = !started;
    const bool more = client_.fill_now() || co_await client_.fill(deadline);
    idle_ = false;
    if (!more && client_.timed_out() && started) {
      fail(ErrorCode::timeout, "The request's head did not arrive in time.");
    }
    if (!more) co_return 0;
  }
}

Task<void> Connection::dispatch() {
  const http::Request& request = exchange_.head.request;
  const std::string_view path = request.path;
  exchange_.request_id = thread_.request_id(request.headers);
  exchange_.openai = path.starts_with("/v1/");
  exchange_.body_left = request.content_length.value_or(0);
  exchange_.body_done = !exchange_.head.chunked && exchange_.body_left == 0;
  exchange_.continued = !exchange_.head.expects_continue;
  exchange_.table = thread_.routing.table();
  if (const auto origin = request.headers.find("Origin"); origin && exchange_.table) {
    if (exchange_.table->allows_origin(*origin)) exchange_.cors_origin = *origin;
  }
  // A browser asks before it sends a key, and without one.
  if (request.method == http::Method::options && !exchange_.cors_origin.empty() &&
      request.headers.find("Access-Control-Request-Method")) {
    co_return co_await reply(preflight_answer());
  }
  if (request.headers.find("Upgrade")) {
    co_return co_await reply(upgrade_refused(exchange_.request_id, exchange_.openai));
  }
  if (auto answer = own_answer(path, exchange_.table != nullptr, thread_.shared.registry)) {
    co_return co_await reply(std::move(*answer));
  }
  if (path.starts_with("/serve/")) {
    admit_caller();
    Outgoing outgoing = for_deployment();
    if (!outgoing.pumped) {
      if (client_.unread().size() < exchange_.body_left) co_await gather_small_body();
      exchange_.received = exchange_.body_left;
      outgoing.body[0] = client_.unread().substr(0, exchange_.body_left);
    }
    co_await relay(std::move(outgoing));
  } else if (exchange_.openai) {
    admit_caller();
    co_await serve_model_api();
  } else {
    fail(ErrorCode::not_found, "There is nothing here. Endpoints are at /serve/{organization}/{deployment} and /v1.");
  }
}

/// Who calls, and whether they may just now.
void Connection::admit_caller() {
  if (!exchange_.table) {
    throw busy(ErrorCode::unavailable, "The gateway has no routes yet: it waits for the control plane.",
               std::chrono::seconds(1));
  }
  const std::string_view token = token_of(exchange_.head.request.headers);
  if (token.empty() || token != token_) {
    token_ = crypto::is_token(token, "api") ? token : std::string_view();
    token_digest_ = token_.empty() ? std::string() : crypto::token_digest(token_);
  }
  const Caller* caller = token_.empty() ? nullptr : exchange_.table->find_caller(token_digest_);
  const bool expired =
      caller != nullptr && caller->key.expires_at && *caller->key.expires_at <= thread_.shared.clock.now();
  if (caller == nullptr || expired) {
    fail(ErrorCode::unauthenticated,
         "Send an API key that may call endpoints: \"Authorization: Bearer mo_api_…\" or \"x-api-key: mo_api_…\".");
  }
  exchange_.caller = caller;
  if (const auto wait = caller->limit->take(exchange_.start); wait.count() > 0) {
    throw busy(ErrorCode::too_many_requests,
               fmt::format("This API key may make {} requests per second.", caller->key.requests_per_second), wait);
  }
}

/// What is sent to a replica of the deployment that the path names; the body is still to come.
Connection::Outgoing Connection::for_deployment() {
  const http::Request& request = exchange_.head.request;
  std::string_view rest = std::string_view(request.path).substr(std::string_view("/serve/").size());
  const std::string_view organization = rest.substr(0, rest.find('/'));
  rest.remove_prefix(std::min(rest.size(), organization.size() + 1));
  const std::string_view deployment = rest.substr(0, rest.find('/'));
  rest.remove_prefix(deployment.size());
  // Another organisation's deployments do not exist for this caller.
  if (organization == exchange_.caller->key.organization) {
    exchange_.target = exchange_.table->find_deployment(organization, deployment);
  }
  if (exchange_.target == nullptr) fail(ErrorCode::not_found, "There is no such deployment in your organization.");

  Outgoing outgoing;
  outgoing.path = rest.empty() ? "/" : rest;
  outgoing.chunked = exchange_.head.chunked;
  if (!outgoing.chunked && (exchange_.body_left > 0 || may_have_body(request.method))) {
    outgoing.length = exchange_.body_left;
  }
  outgoing.pumped = !fits_buffer();
  return outgoing;
}

Task<void> Connection::serve_model_api() {
  const http::Request& request = exchange_.head.request;
  const std::string_view path = request.path;
  constexpr std::string_view models = "/v1/models";
  if (path == models || path.starts_with("/v1/models/")) {
    if (request.method != http::Method::get && request.method != http::Method::head) {
      fail(ErrorCode::method_not_allowed, "Models are only listed here: use GET.");
    }
    co_return co_await serve_models(path.substr(std::min(path.size(), models.size() + 1)));
  }
  if (path != "/v1/chat/completions" && path != "/v1/completions" && path != "/v1/embeddings") {
    fail(ErrorCode::not_found,
         "There is nothing here. See /v1/chat/completions, /v1/completions, /v1/embeddings and "
         "/v1/models.");
  }
  if (request.method != http::Method::post) fail(ErrorCode::method_not_allowed, "Use POST.");

  const std::string_view body = co_await take_whole_body();
  const ModelField field = find_model(body);
  const Target* target = exchange_.table->find_model(exchange_.caller->key.organization, field.name);
  if (target == nullptr) {
    fail(ErrorCode::not_found,
         fmt::format("The model `{}` does not exist in your organization; GET /v1/models lists those that do.",
                     field.name));
  }
  exchange_.target = target;
  exchange_.trace.model = field.name;
  Outgoing outgoing;
  outgoing.path = path;
  const std::string& engine_model = target->route.engine_model;
  model_text_ = engine_model.empty() || engine_model == field.name
                    ? std::string(body.substr(field.begin, field.end - field.begin))
                    : json_string(engine_model);
  outgoing.body = {body.substr(0, field.begin), model_text_, body.substr(field.end)};
  outgoing.length = body.size() - (field.end - field.begin) + model_text_.size();
  co_await relay(std::move(outgoing));
}

Task<void> Connection::serve_models(std::string_view name) {
  const std::string& organization = exchange_.caller->key.organization;
  if (name.empty()) co_return co_await reply(model_list(*exchange_.table, organization));
  auto found = one_model(*exchange_.table, organization, http::percent_decode(name));
  if (!found) fail(ErrorCode::not_found, "There is no such model in your organization; GET /v1/models lists all.");
  co_await reply(std::move(*found));
}

const RouteMetrics& Connection::metrics() const {
  return exchange_.target != nullptr ? exchange_.target->endpoint->metrics() : thread_.shared.no_route;
}

/// The caller's trace goes on, or a new one begins.
void Connection::begin_trace() {
  RequestTrace& trace = exchange_.trace;
  const http::Headers& headers = exchange_.head.request.headers;
  std::optional<tracing::SpanContext> parent;
  if (headers.count("traceparent") == 1) parent = tracing::parse_trace_parent(headers.get("traceparent"));
  trace.continues = parent.has_value();
  if (parent) trace.parent = parent->span;
  if (options().exporter != nullptr) {
    trace.context = options().exporter->begin(parent);
  } else {
    // An engine may have a collector of its own.
    trace.context = parent.value_or(tracing::SpanContext{tracing::new_id(), tracing::new_id(), 0, true});
    trace.context.span = tracing::new_id();
  }
}

/// Tells the collector, and the control plane, of a request that has ended: most often neither.
void Connection::tell_trace(SteadyTime now) {
  const RequestTrace& trace = exchange_.trace;
  if (!trace.context.valid()) return;
  const gateway::Route& route = exchange_.target->route;
  const bool failed = exchange_.status >= 500 || exchange_.broken;
  const bool exported = options().exporter != nullptr && trace.context.sampled;
  const bool wanted = thread_.shared.sample.wants(route.deployment_id, failed, now, now - exchange_.start);
  if (!exported && !wanted) return;
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - exchange_.start);
  const EndedRequest ended{.route = route,
                           .trace = trace,
                           .request_id = exchange_.request_id,
                           .key_id = exchange_.caller->key.id,
                           .method = http::method_name(exchange_.head.request.method),
                           .path = exchange_.head.request.path,
                           .status = exchange_.status,
                           .failed = failed,
                           .start = exchange_.start,
                           .end = now,
                           .first_byte = exchange_.first_byte,
                           .started_at = thread_.shared.clock.now() - took};
  std::vector<tracing::Span> spans = spans_of(ended);
  if (wanted) thread_.shared.sample.add(told_of(ended, spans));
  if (!exported) return;
  for (tracing::Span& span : spans) options().exporter->add(std::move(span));
}

void Connection::finish_exchange() {
  thread_.shared.buffered_bytes -= exchange_.buffered;
  if (body_.capacity() > kept_string_bytes_max) body_ = std::string();
  const auto now = steady_clock::now();
  const auto duration = now - exchange_.start;
  metrics().finished(exchange_.status, exchange_.broken, duration);
  if (exchange_.target != nullptr) tell_trace(now);
  if (options().access_log == nullptr) return;
  const auto us = [](auto d) { return std::chrono::duration_cast<std::chrono::microseconds>(d); };
  const http::Request& request = exchange_.head.request;
  const Target* target = exchange_.target;
  AccessEntry entry;
  entry.request_id = exchange_.request_id;
  entry.remote_address = remote_address();
  entry.method = http::method_name(request.method);
  entry.path = request.path;
  entry.organization = exchange_.caller != nullptr ? exchange_.caller->key.organization : std::string_view();
  entry.deployment = target != nullptr ? target->route.deployment : std::string_view();
  entry.replica = exchange_.replica_id();
  entry.key_id = exchange_.caller != nullptr ? exchange_.caller->key.id : std::string_view();
  entry.status = exchange_.status;
  entry.attempts = exchange_.attempts;
  entry.bytes_received = exchange_.received;
  entry.bytes_sent = client_.sent() - exchange_.sent_before;
  entry.duration = us(duration);
  if (exchange_.first_byte != SteadyTime{}) entry.first_byte = us(exchange_.first_byte - exchange_.start);
  options().access_log->write(entry);
}

// ---- the request's body ------------------------------------------------------------------------------------------

bool Connection::fits_buffer() const { return !exchange_.head.chunked && exchange_.body_left <= client_.capacity(); }

/// Asks a client that waits to be asked.
Task<void> Connection::need_body() {
  if (exchange_.continued) co_return;
  exchange_.continued = true;
  if (client_.unread().empty()) co_await send({"HTTP/1.1 100 Continue\r\n\r\n"});
}

/// Leaves the whole body in the client's buffer, where it can be sent from more than once.
Task<void> Connection::gather_small_body() {
  SteadyTime deadline{};
  while (client_.unread().size() < exchange_.body_left) {
    co_await need_body();
    if (deadline == SteadyTime{}) deadline = steady_clock::now() + options().body_timeout;
    const bool more = co_await client_.fill(deadline);
    if (!more && client_.timed_out()) fail(ErrorCode::timeout, "The request's body arrives too slowly.");
    if (!more) throw Cut();
  }
}

/// The next piece of the body, valid until the next call; false at its end.
Task<bool> Connection::read_part(std::string_view& part, std::string& decoded, SteadyTime limit) {
  decoded.clear();
  part = {};
  while (part.empty() && !exchange_.body_done) {
    if (client_.unread().empty()) {
      co_await need_body();
      const bool more = co_await client_.fill(std::min(steady_clock::now() + options().body_timeout, limit));
      if (!more && client_.timed_out()) fail(ErrorCode::timeout, "The request's body arrives too slowly.");
      if (!more) throw Cut();
    }
    if (exchange_.head.chunked) {
      client_.consume(exchange_.decoder.feed(client_.unread(), decoded));
      part = decoded;
      exchange_.body_done = exchange_.decoder.done();
    } else {
      part = client_.unread().substr(0, std::min<std::uint64_t>(exchange_.body_left, client_.unread().size()));
      client_.consume(part.size());
      exchange_.body_left -= part.size();
      exchange_.body_done = exchange_.body_left == 0;
    }
  }
  exchange_.received += part.size();
  co_return !part.empty();
}

/// How long a client may take for so many bytes: one that sends a byte now and then holds a replica no longer.
SteadyTime::duration Connection::longest_wait(std::uint64_t received) const {
  return options().body_timeout + std::chrono::seconds(received / body_bytes_per_second_min);
}

Task<std::string_view> Connection::take_whole_body() {
  const std::uint64_t most = options().model_body_bytes_max;
  const auto too_large = [&] {
    fail(ErrorCode::too_large, fmt::format("The body may have at most {} bytes here.", most));
  };
  if (exchange_.body_left > most) too_large();
  if (fits_buffer()) {
    if (client_.unread().size() < exchange_.body_left) co_await gather_small_body();
    exchange_.received = exchange_.body_left;
    co_return client_.unread().substr(0, exchange_.body_left);
  }
  body_.clear();
  const auto start = steady_clock::now();
  const auto limit = [&] { return start + longest_wait(body_.size()); };
  std::string decoded;
  std::string_view part;
  while (co_await read_part(part, decoded, limit())) {
    if (body_.size() + part.size() > most) too_large();
    exchange_.buffered += part.size();
    if ((thread_.shared.buffered_bytes += part.size()) > options().buffered_bytes_max) {
      throw busy(ErrorCode::unavailable, "The gateway holds as many large requests as it can.",
                 std::chrono::seconds(1));
    }
    body_ += part;
  }
  co_return body_;
}

// ---- answers of our own ------------------------------------------------------------------------------------------

Task<void> Connection::refuse(const Error& error) {
  if (exchange_.request_id.empty()) exchange_.request_id = thread_.request_id({});
  if (http_status(error.code) >= 500) {
    Log().warning("request failed", {{"request_id", exchange_.request_id},
                                     {"replica", std::string(exchange_.replica_id())},
                                     {"error", describe_exception(error)}});
  }
  co_await reply(error_answer(error, exchange_.request_id, exchange_.openai));
}

/// Lets the page that asked read the answer (CORS). Keys come in a header of the page's own, never as cookies, so that
/// credentials are not allowed. Answers differ by origin: a cache must know.
void Connection::tell_origin(http::Headers& headers) const {
  if (exchange_.table == nullptr || !exchange_.table->allows_browsers()) return;
  headers.add("Vary", "Origin");
  if (exchange_.cors_origin.empty()) return;
  headers.add("Access-Control-Allow-Origin", exchange_.cors_origin);
  headers.add("Access-Control-Expose-Headers", "X-Request-Id, Retry-After, X-ModelOps-Deployment, X-ModelOps-Replica");
}

Task<void> Connection::reply(http::Response response) {
  const Target* target = exchange_.target;
  if (target != nullptr) response.headers.add("X-ModelOps-Deployment", target->route.deployment);
  tell_origin(response.headers);
  begin_answer(response, response.body.size(), false);
  const bool head_only = exchange_.head.request.method == http::Method::head;
  co_await send({out_, head_only ? std::string_view() : std::string_view(response.body)});
}

/// Decides whether the connection outlives this answer and writes the head to `out_`.
void Connection::begin_answer(const http::Response& response, std::optional<std::uint64_t> length, bool chunked) {
  drop_buffered_body();
  keep_ = exchange_.head.keep_alive && exchange_.body_done && !thread_.draining();
  http::Framing framing;
  framing.close = !keep_;
  framing.chunked = chunked;
  framing.content_length = length;
  framing.request_id = exchange_.request_id;
  framing.date = thread_.date();
  out_.clear();
  http::append_head(out_, response, framing);
  exchange_.status = response.status;
  exchange_.answered = true;
}

/// A body that is here already need not end the connection.
void Connection::drop_buffered_body() {
  if (exchange_.body_done || exchange_.head.chunked || pump_.began) return;
  if (client_.unread().size() < exchange_.body_left) return;
  client_.consume(exchange_.body_left);
  exchange_.body_left = 0;
  exchange_.body_done = true;
}

Task<void> Connection::send(Peer::Parts parts) {
  if (!co_await client_.write(parts, options().write_timeout, exchange_.deadline)) throw Cut();
}

/// After the last answer: a close with unread input would reset the connection and could take the answer with it. So
/// say that nothing follows, and drop what still comes until the client closes too.
Task<void> Connection::linger() {
  const auto deadline = steady_clock::now() + options().linger_timeout;
  if (!co_await client_.end(deadline)) co_return;
  std::uint64_t dropped = 0;
  do {
    dropped += client_.unread().size();
    client_.consume(client_.unread().size());
  } while (dropped <= options().linger_bytes_max && co_await client_.fill(deadline));
}

// ---- waiting -----------------------------------------------------------------------------------------------------

/// Looks whether the client goes away while it has nothing to say.
void Connection::watch() {
  if (watching_) return;
  watching_ = true;
  client_.socket().async_wait(Socket::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
    self->on_readable(error);
  });
}

void Connection::on_readable(const boost::system::error_code& error) {
  watching_ = false;
  if (error || (upstream_ == nullptr && !queued_) || pump_.running) return;
  char byte = 0;
  const auto count = ::recv(client_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (count > 0) return;  // the next request: it stays there, and watching on would spin
  // What woke this was read meanwhile; the next sweep watches on.
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  gone_ = true;
  if (upstream_ != nullptr) upstream_->cancel();
  signal_.set();
}

void Connection::check_client() const {
  if (gone_ || thread_.aborting()) throw Cut();
}

void Connection::sweep(SteadyTime now) {
  // Not for each request: what is answered within a sweep costs no further system call.
  if ((upstream_ != nullptr || queued_) && !pump_.running) watch();
  if (!queued_ || now < wait_until_) return;
  expired_ = true;
  signal_.set();
}

void Connection::close_if_idle() {
  if (idle_) client_.cancel();
}

void Connection::abort() {
  client_.close();
  if (upstream_ != nullptr) upstream_->cancel();
  signal_.set();
}

}  // namespace modelops::proxy
