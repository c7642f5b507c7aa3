// Connection's other side: choosing a replica, passing the request on, and its answer back.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <charconv>

#include "base/error.hpp"
#include "base/log.hpp"
#include "dataplane/proxy/connection.hpp"
#include "dataplane/proxy/token_count.hpp"

namespace modelops::proxy {
namespace {

using std::chrono::steady_clock;
constexpr std::size_t upstream_buffer_bytes = 64 * 1024;
constexpr std::size_t upstream_head_bytes_max = 32 * 1024;
constexpr std::size_t server_timing_bytes_max = 1024;
constexpr std::size_t joined_bytes_max = 4 * 1024;  // copied behind the head: cheaper than a list of buffers

bool is_idempotent(http::Method method) { return method == http::Method::get || method == http::Method::head; }

Error unreachable() {
  return busy(ErrorCode::bad_gateway, "The model server could not be reached.", std::chrono::seconds(1));
}

Error too_slow() { return Error(ErrorCode::gateway_timeout, "The model server did not answer in time."); }

Error not_ready(const gateway::Route& route) {
  std::string message = "No replica of this deployment is ready";
  message += route.unavailable_reason.empty() ? "." : ": " + route.unavailable_reason;
  return busy(ErrorCode::unavailable, std::move(message), std::chrono::seconds(5));
}

std::string_view fault_name(UpstreamFault kind) {
  constexpr std::array<std::string_view, 5> names{"connect", "reset", "timeout", "malformed", "truncated"};
  return names.at(static_cast<std::size_t>(kind));
}

/// The line before a chunk's content.
std::string_view chunk_size_line(std::array<char, 20>& line, std::size_t size) {
  char* end = std::to_chars(line.data(), line.data() + 16, size, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return {line.data(), static_cast<std::size_t>(end - line.data())};
}

/// True when `piece` of a stream of events carries something that a model made.
bool carries_event(std::string_view piece) {
  const auto at = piece.find("data:");
  return at != piece.npos && piece.substr(at, 12) != "data: [DONE]";
}

std::optional<asio::ip::tcp::endpoint> parse_address(const std::string& address) {
  const auto colon = address.rfind(':');
  std::uint16_t port = 0;
  const char* end = address.data() + address.size();
  if (colon == address.npos || std::from_chars(address.data() + colon + 1, end, port).ptr != end) return std::nullopt;
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  boost::system::error_code error;
  const auto ip = asio::ip::make_address(host, error);
  if (error) return std::nullopt;
  return asio::ip::tcp::endpoint(ip, port);
}

}  // namespace

/// Sends the request to replicas until one answers, as long as that is safe.
Task<void> Connection::relay(Outgoing outgoing) {
  const gateway::Route& route = exchange_.target->route;
  exchange_.deadline = http::coarse_now() + std::chrono::milliseconds(std::max<std::int64_t>(route.timeout_ms, 1));
  struct InFlight {
    const RouteMetrics& counted;
    explicit InFlight(const RouteMetrics& of) : counted(of) { counted.in_flight.add(1); }
    ~InFlight() { counted.in_flight.add(-1); }
  } in_flight{metrics()};

  begin_trace();
  Endpoint::Wish wish;
  wish.wake = [this] { asio::post(thread_.io(), [self = shared_from_this()] { self->signal_.set(); }); };
  bool fresh = false;
  for (;;) {
    const std::shared_ptr<Endpoint>& endpoint = exchange_.target->endpoint;
    Endpoint::Turn turn = endpoint->request(wish);
    if (turn == Endpoint::Turn::waiting) turn = co_await await_turn(*endpoint, wish);
    if (turn == Endpoint::Turn::queue_full) {
      throw busy(ErrorCode::too_many_requests, "Too many requests wait for this deployment; try again shortly.",
                 std::chrono::seconds(1));
    }
    if (turn == Endpoint::Turn::no_replica) throw exchange_.attempts == 0 ? not_ready(route) : unreachable();
    Slot slot(endpoint, endpoint->claim(wish));
    if (exchange_.attempts++ > 0) metrics().retries.add();
    exchange_.trace.attempts.push_back(
        {.replica = slot.replica_pointer(), .span = tracing::new_id(), .began = steady_clock::now()});
    const Outcome outcome = co_await attempt(slot, outgoing, fresh);
    Attempt& tried = exchange_.trace.attempts.back();
    tried.ended = steady_clock::now();
    if (outcome == Outcome::answered) co_return;
    if (outcome == Outcome::try_fresh) tried.failure = "connection_was_closed";
    if (steady_clock::now() >= exchange_.deadline) throw too_slow();
    fresh = outcome == Outcome::try_fresh;
    if (fresh) continue;
    wish.tried.push_back(&slot.replica());
    if (wish.tried.size() >= options().attempts_max) throw unreachable();
  }
}

/// Waits for a place on a replica. Never `waiting`.
Task<Endpoint::Turn> Connection::await_turn(Endpoint& endpoint, Endpoint::Wish& wish) {
  struct Waiting {
    Connection& connection;
    Endpoint& endpoint;
    Endpoint::Wish& wish;
    bool claimed = false;
    ~Waiting() {
      connection.queued_ = false;
      if (!claimed) endpoint.abandon(wish);
    }
  } waiting{*this, endpoint, wish};
  expired_ = false;
  queued_ = true;
  exchange_.trace.queued = steady_clock::now();
  const std::chrono::milliseconds longest(std::max<std::int64_t>(exchange_.target->route.queue_wait_ms_max, 0));
  wait_until_ = std::min(steady_clock::now() + longest, exchange_.deadline);
  Endpoint::Turn turn = Endpoint::Turn::waiting;
  while ((turn = endpoint.turn(wish)) == Endpoint::Turn::waiting && !expired_ && !gone_ && !thread_.aborting()) {
    co_await signal_.wait();
  }
  check_client();
  if (turn == Endpoint::Turn::waiting) {
    throw busy(ErrorCode::unavailable, "All replicas of this deployment stayed busy; try again shortly.",
               std::chrono::seconds(1));
  }
  waiting.claimed = true;
  exchange_.trace.granted = steady_clock::now();
  co_return turn;
}

Task<std::shared_ptr<Peer>> Connection::connect(const Replica& replica) {
  const auto endpoint = parse_address(replica.address);
  if (!endpoint) {
    Log().error("a replica's address is not an IP address and a port", {{"address", replica.address}});
    co_return nullptr;
  }
  auto peer = std::make_shared<Peer>(thread_, Socket(thread_.io().get_executor()), upstream_buffer_bytes);
  upstream_ = peer.get();
  const auto deadline = std::min(steady_clock::now() + options().connect_timeout, exchange_.deadline);
  const bool connected = co_await peer->connect(*endpoint, deadline);
  upstream_ = nullptr;
  co_return connected ? peer : nullptr;
}

void Connection::fault(Slot& slot, UpstreamFault kind) {
  metrics().count(kind);
  exchange_.trace.attempts.back().failure = fault_name(kind);
  slot.note(Endpoint::Result::failed);
}

Task<Connection::Outcome> Connection::attempt(Slot& slot, const Outgoing& outgoing, bool fresh) {
  const Replica& replica = slot.replica();
  std::shared_ptr<Peer> upstream = fresh ? nullptr : thread_.take_idle(replica.address, outgoing.pumped);
  const bool reused = upstream != nullptr;
  if (!upstream) upstream = co_await connect(replica);
  check_client();
  if (!upstream) {
    fault(slot, UpstreamFault::connect);
    co_return Outcome::try_another;
  }
  struct Current {
    Connection& connection;
    ~Current() { connection.upstream_ = nullptr; }
  } current{*this};
  upstream_ = upstream.get();

  const http::Request& request = exchange_.head.request;
  const std::uint64_t sent_before = upstream->sent();
  tracing::SpanContext span = exchange_.trace.context;
  span.span = exchange_.trace.attempts.back().span;
  out_.clear();
  append_upstream_head(out_, request.headers,
                       {.method = http::method_name(request.method),
                        .path = outgoing.path,
                        .query = request.query,
                        .address = replica.address,
                        .request_id = exchange_.request_id,
                        .span = span,
                        .continues_trace = exchange_.trace.continues,
                        .remote_address = remote_address(),
                        .content_length = outgoing.length,
                        .chunked = outgoing.chunked});
  Peer::Parts parts{out_, outgoing.body[0], outgoing.body[1], outgoing.body[2]};
  if (outgoing.length.value_or(0) <= joined_bytes_max) {
    for (const std::string_view part : outgoing.body) out_ += part;
    parts = {out_};
  }
  const bool sent = co_await upstream->write(parts, options().write_timeout, exchange_.deadline);
  if (sent && outgoing.pumped) {
    pump_.running = pump_.began = true;
    asio::co_spawn(thread_.io(), pump(shared_from_this(), upstream), asio::detached);
  }
  // Also when not all could be sent: a replica may refuse a body by answering before it has read all of it.
  std::optional<UpstreamHead> head;
  std::optional<Error> malformed;
  try {
    head = co_await read_upstream_head(*upstream);
  } catch (const Error& error) {
    malformed = Error(ErrorCode::bad_gateway, "The model server gave an answer that is not valid HTTP/1.1.",
                      error.code == ErrorCode::bad_gateway ? error.detail : error.message);
  }
  if (head) {
    slot.note(Endpoint::Result::served);
    bool reusable = false;
    try {
      reusable = co_await relay_answer(*upstream, slot, std::move(*head));
    } catch (const Error& error) {
      malformed = error;
    }
    const bool all_sent = outgoing.pumped ? pump_.complete : sent;
    if (pump_.running) co_await end_pump(*upstream);
    if (malformed) {
      fault(slot, UpstreamFault::malformed);
      throw Error(*malformed);
    }
    // llama.cpp announces keep-alive and yet closes the connection after a stream of events: the next request on it,
    // sent before that is seen, would be lost.
    if (reusable && all_sent) thread_.keep_idle(replica.address, std::move(upstream), exchange_.trace.streamed);
    co_return Outcome::answered;
  }

  if (pump_.running) co_await end_pump(*upstream);
  check_client();
  if (pump_.error) throw Error(*pump_.error);
  if (malformed) {
    fault(slot, UpstreamFault::malformed);
    throw Error(*malformed);
  }
  if (upstream->timed_out()) {
    fault(slot, UpstreamFault::timeout);
    throw too_slow();
  }
  // Whoever may have begun to work on a request is not sent it twice, unless it only reads: a request that ends its
  // engine would end the next one too.
  const bool safe = !pump_.began && (is_idempotent(request.method) || !upstream->may_have_received(sent_before));
  // An old connection that is closed just now says nothing about its replica.
  if (reused && safe) co_return Outcome::try_fresh;
  fault(slot, UpstreamFault::reset);
  if (safe) co_return Outcome::try_another;
  throw Error(ErrorCode::bad_gateway, "The model server ended the connection without an answer.");
}

/// Nothing when the connection ended first, or took too long.
Task<std::optional<UpstreamHead>> Connection::read_upstream_head(Peer& upstream) {
  const auto new_scanner = [] { return http::HeadScanner(upstream_head_bytes_max, upstream_head_bytes_max); };
  http::HeadScanner scanner = new_scanner();
  for (;;) {
    if (const std::size_t size = scanner.scan(upstream.unread())) {
      UpstreamHead head = parse_upstream_head(upstream.unread().substr(0, size), exchange_.head.request.method);
      upstream.consume(size);
      if (head.response.status >= 200) co_return head;
      scanner = new_scanner();  // "100 Continue" and the like are between us and the replica
      continue;
    }
    // As long as the client still sends, the replica may wait for it.
    const bool patient = pump_.running || options().first_byte_timeout.count() == 0;
    const auto limit = patient ? SteadyTime::max() : http::coarse_now() + options().first_byte_timeout;
    if (!upstream.fill_now() && !co_await upstream.fill(std::min(limit, exchange_.deadline))) co_return std::nullopt;
  }
}

/// Passes the answer on while it arrives. True when the connection to the replica can take another request.
Task<bool> Connection::relay_answer(Peer& upstream, Slot& slot, UpstreamHead head) {
  exchange_.first_byte = steady_clock::now();
  metrics().first_byte.observe(std::chrono::duration<double>(exchange_.first_byte - exchange_.start).count());
  exchange_.trace.attempts.back().first_byte = exchange_.first_byte;
  exchange_.trace.streamed = head.is_event_stream;
  if (const auto timing = head.response.headers.find("Server-Timing"))
    exchange_.trace.attempts.back().server_timing = timing->substr(0, server_timing_bytes_max);
  head.response.headers.add("X-ModelOps-Deployment", exchange_.target->route.deployment);
  head.response.headers.add("X-ModelOps-Replica", slot.replica().id);
  tell_origin(head.response.headers);
  const bool until_end = head.has_body && !head.length && !head.chunked;
  const bool chunked = head.has_body && !head.length && !exchange_.head.http_1_0;
  const bool bodyless = head.response.status == 204 || head.response.status == 304;
  begin_answer(head.response, bodyless ? std::nullopt : head.length, chunked);

  std::uint64_t left = head.has_body ? head.length.value_or(0) : 0;
  bool ended = !head.has_body || (head.length && left == 0);
  http::ChunkDecoder decoder;
  std::string decoded;
  std::array<char, 20> size_line;
  SteadyTime last_event{};
  std::optional<TokenCount> tokens;
  if (exchange_.target->route.interface != "custom") tokens.emplace(head.is_event_stream);
  std::int64_t tokens_streamed = 0;
  for (;;) {
    std::string_view piece;
    if (!ended && head.chunked) {
      decoded.clear();
      upstream.consume(decoder.feed(upstream.unread(), decoded));
      ended = decoder.done();
      piece = decoded;
    } else if (!ended) {
      piece = head.length ? upstream.unread().substr(0, left) : upstream.unread();
      left -= head.length ? piece.size() : 0;
      ended = head.length && left == 0;
    }
    if (head.is_event_stream && carries_event(piece)) {
      const auto now = steady_clock::now();
      if (last_event == SteadyTime{}) {
        metrics().first_token(now - exchange_.start);
        exchange_.trace.first_token = now;
      } else {
        metrics().token_gap(now - last_event);
      }
      last_event = now;
    }
    if (tokens) {
      const std::int64_t events = tokens->feed(piece);
      if (events > 0) metrics().tokens(0, events);
      tokens_streamed += events;
    }
    Peer::Parts parts{out_};
    if (chunked && !piece.empty()) parts = {out_, chunk_size_line(size_line, piece.size()), piece, "\r\n"};
    if (!chunked) parts[1] = piece;
    if (chunked && ended) parts[4] = http::last_chunk;
    if (piece.size() <= joined_bytes_max) {
      for (std::size_t i = 1; i < parts.size(); ++i) out_ += parts[i];
      parts = {out_};
    }
    if (!co_await client_.write(parts, options().write_timeout, exchange_.deadline)) throw Cut();
    out_.clear();
    if (!head.chunked) upstream.consume(piece.size());
    if (ended) break;
    if (co_await upstream.fill(std::min(http::coarse_now() + options().idle_timeout, exchange_.deadline))) continue;
    check_client();
    if (!until_end || !upstream.ended()) {
      // The client sees an answer without its end, and so knows that it is not whole.
      exchange_.broken = true;
      fault(slot, upstream.timed_out() ? UpstreamFault::timeout : UpstreamFault::truncated);
      throw Cut();
    }
    ended = true;
  }
  if (tokens) {
    // What the engine says is right; until then the events of the stream stood for it.
    const std::int64_t total = tokens->completion_tokens().value_or(tokens_streamed);
    metrics().tokens(tokens->prompt_tokens().value_or(0), total - tokens_streamed);
    exchange_.trace.tokens_in = tokens->prompt_tokens();
    if (total > 0 || tokens->completion_tokens()) exchange_.trace.tokens_out = total;
  }
  co_return head.keep_alive && !until_end && upstream.unread().empty();
}

// ---- the request's body beside it --------------------------------------------------------------------------------

Task<void> Connection::pump(std::shared_ptr<Connection> self, std::shared_ptr<Peer> upstream) {
  Connection& connection = *self;
  const bool chunked = connection.exchange_.head.chunked;
  const auto write = [&](Peer::Parts parts) {
    return upstream->write(parts, connection.options().write_timeout, connection.exchange_.deadline);
  };
  bool client_failed = false;
  try {
    std::string decoded;
    std::string_view part;
    std::array<char, 20> size_line;
    bool open = true;
    // What it waits for the client, not for the replica.
    SteadyTime::duration waited{};
    const auto read = [&]() -> Task<bool> {
      const auto before = steady_clock::now();
      const auto patience = connection.longest_wait(connection.exchange_.received) - waited;
      const bool more =
          co_await connection.read_part(part, decoded, std::min(before + patience, connection.exchange_.deadline));
      waited += steady_clock::now() - before;
      co_return more;
    };
    while (open && co_await read()) {
      if (chunked) {
        open = co_await write({chunk_size_line(size_line, part.size()), part, "\r\n"});
      } else {
        open = co_await write({part});
      }
    }
    if (open && chunked) open = co_await write({http::last_chunk});
    connection.pump_.complete = open;
  } catch (const Error& error) {
    connection.pump_.error = error;
    client_failed = true;
  } catch (const Cut&) {
    client_failed = true;
    if (!connection.pump_.stopped) connection.gone_ = true;
  }
  connection.pump_.running = false;
  if (client_failed) upstream->cancel();
  connection.signal_.set();
}

/// An answer that came before the whole request: the rest of it is not wanted any more.
Task<void> Connection::end_pump(Peer& upstream) {
  pump_.stopped = true;
  client_.interrupt();
  upstream.cancel();
  while (pump_.running) co_await signal_.wait();
}

}  // namespace modelops::proxy
