#include "platform/http/server.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <boost/json.hpp>
#include <thread>

#include "base/listener_test.hpp"
#include "platform/http/pool.hpp"
#include "platform/http/server_fixture_test.hpp"

namespace modelops::http {
namespace {

using namespace std::chrono_literals;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class HttpServer : public ServerFixture {
 protected:
  HttpServer() {
    options.io_threads = 2;
    options.pool_threads = 2;
    options.drain_linger = 50ms;
  }
};

// ---- requests and answers ----------------------------------------------------------------------------------------

TEST_F(HttpServer, answers_many_requests_on_one_connection) {
  start();
  Peer peer = this->peer();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(peer.get("/hello", "X-Request-Id: id-" + std::to_string(i) + "\r\n"));
    const auto reply = peer.read();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "hello");
    EXPECT_EQ(reply.headers.get("Server"), "ModelOps");
    EXPECT_THAT(std::string(reply.headers.get("Date")), HasSubstr(" GMT"));
    EXPECT_EQ(reply.headers.get("X-Request-Id"), "id-" + std::to_string(i));
    EXPECT_EQ(reply.headers.get("X-Content-Type-Options"), "nosniff");
    EXPECT_FALSE(reply.headers.find("Connection"));
  }
  EXPECT_EQ(server->connections(), 1u);
}

TEST_F(HttpServer, a_malformed_request_id_is_replaced) {
  start();
  Peer peer = this->peer();
  peer.get("/hello", "X-Request-Id: a b\"c\r\n");
  EXPECT_EQ(peer.read().headers.get("X-Request-Id").size(), 32u);
}

TEST_F(HttpServer, answers_pipelined_requests_in_order) {
  start();
  Peer peer = this->peer();
  std::string all;
  for (int i = 0; i < 50; ++i) {
    all += "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n" + std::to_string(10 + i);
  }
  ASSERT_TRUE(peer.send(all));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(peer.read().body, std::to_string(10 + i));
}

TEST_F(HttpServer, closes_when_asked_and_for_http_1_0) {
  start();
  for (const std::string_view request :
       {"GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET /hello HTTP/1.0\r\n\r\n"}) {
    Peer peer = this->peer();
    peer.send(request);
    const auto reply = peer.read();
    EXPECT_EQ(reply.body, "hello");
    EXPECT_EQ(reply.headers.get("Connection"), "close");
    EXPECT_TRUE(peer.await_close());
  }
}

TEST_F(HttpServer, a_head_request_gets_no_body) {
  handler.routes["/download"] = [](Request&) {
    Download download;
    download.length_bytes = 1000;
    return download;
  };
  start();
  Peer peer = this->peer();
  for (const auto& [path, length] : {std::pair("/hello", "5"), std::pair("/download", "1000")}) {
    peer.send("HEAD " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(peer.read(true).headers.get("Content-Length"), length);
  }
  peer.get("/hello");
  EXPECT_EQ(peer.read().body, "hello");
}

TEST_F(HttpServer, a_204_has_neither_body_nor_length) {
  handler.routes["/none"] = [](Request&) { return text("must not be sent", 204); };
  start();
  Peer peer = this->peer();
  peer.get("/none");
  const auto reply = peer.read();
  EXPECT_EQ(reply.status, 204);
  EXPECT_FALSE(reply.headers.find("Content-Length"));
  peer.get("/hello");
  EXPECT_EQ(peer.read().body, "hello");
}

TEST_F(HttpServer, an_exception_becomes_a_problem_document) {
  handler.routes["/throws"] = [](Request&) -> Answer { throw std::runtime_error("secret"); };
  handler.routes["/splits"] = [](Request&) -> Answer {
    Response response = text("x");
    response.headers.add("X-A", "a\r\nX-B: b");
    return response;
  };
  start();
  Peer peer = this->peer();
  peer.get("/missing", "X-Request-Id: r7\r\n");
  auto reply = peer.read();
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.headers.get("Content-Type"), "application/problem+json");
  EXPECT_EQ(boost::json::parse(reply.body).at("request_id"), "r7");
  peer.get("/throws");
  reply = peer.read();
  EXPECT_EQ(reply.status, 500);
  EXPECT_THAT(reply.body, Not(HasSubstr("secret")));
  peer.get("/splits");
  reply = peer.read();
  EXPECT_EQ(reply.status, 500);
  EXPECT_FALSE(reply.headers.find("X-B"));
}

TEST_F(HttpServer, compresses_long_texts_when_the_client_can) {
  handler.routes["/long"] = [](Request&) { return text(std::string(100'000, 'a')); };
  start();
  Peer peer = this->peer();
  peer.get("/long", "Accept-Encoding: gzip\r\n");
  auto reply = peer.read();
  EXPECT_EQ(reply.headers.get("Content-Encoding"), "gzip");
  EXPECT_EQ(reply.body, gzip(std::string(100'000, 'a')));
  peer.get("/long");
  reply = peer.read();
  EXPECT_FALSE(reply.headers.find("Content-Encoding"));
  EXPECT_EQ(reply.body.size(), 100'000u);
}

TEST_F(HttpServer, a_malformed_request_is_answered_and_the_connection_closed) {
  start();
  const std::pair<std::string, int> requests[] = {
      {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: h\n\n", 400},
      {"\x16\x03\x01\x02\x01garbage\r\n\r\n", 400},
      {"BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 405},
      {"GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(20'000, 'a'), 431},
      {"GET /" + std::string(20'000, 'a'), 431},
      {"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 415},
  };
  for (const auto& [request, status] : requests) {
    Peer peer = this->peer();
    // The request behind it must not be answered: it may be smuggled.
    peer.send(request + "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    const auto reply = peer.read();
    EXPECT_EQ(reply.status, status) << request;
    EXPECT_EQ(reply.headers.get("Connection"), "close");
    EXPECT_EQ(reply.headers.get("Content-Type"), "application/problem+json");
    EXPECT_EQ(peer.read().status, 0) << request;
  }
}

// ---- bodies in ---------------------------------------------------------------------------------------------------

TEST_F(HttpServer, a_chunked_body_is_taken) {
  start();
  Peer peer = this->peer();
  std::string request = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string expected;
  for (int i = 1; i < 200; ++i) {
    append_chunk(request, std::string(static_cast<std::size_t>(i), static_cast<char>('a' + i % 26)));
    expected += std::string(static_cast<std::size_t>(i), static_cast<char>('a' + i % 26));
  }
  peer.send(request);
  peer.send(last_chunk);
  EXPECT_EQ(peer.read().body, expected);
  peer.get("/hello");
  EXPECT_EQ(peer.read().body, "hello");
}

TEST_F(HttpServer, a_body_that_is_too_large_is_refused_before_it_is_read) {
  start();
  Peer peer = this->peer();
  peer.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 104857600\r\n\r\n");
  auto reply = peer.read();  // though not a byte of the body was sent
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(reply.headers.get("Connection"), "close");
}

TEST_F(HttpServer, a_client_that_sends_a_large_body_anyway_sees_the_refusal) {
  options.linger_bytes_max = 1 << 30;
  options.linger_timeout = 20s;
  start();
  Peer peer = this->peer();
  peer.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 104857600\r\n\r\n");
  const std::string block(1 << 20, 'x');
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(peer.send(block));
  EXPECT_EQ(peer.read().status, 413);
}

TEST_F(HttpServer, a_chunked_body_that_grows_too_large_is_refused) {
  handler.body_bytes_max = 10;
  start();
  Peer peer = this->peer();
  peer.send("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n6\r\n123456\r\n");
  EXPECT_EQ(peer.read().status, 413);
  EXPECT_TRUE(peer.await_close());
}

TEST_F(HttpServer, says_continue_only_when_it_wants_the_body) {
  start();
  Peer peer = this->peer();
  peer.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(peer.read_head().status, 100);
  peer.send("ab");
  EXPECT_EQ(peer.read().body, "ab");
  peer.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(peer.read().status, 413);
}

struct CollectingSink final : BodySink {
  CollectingSink(Count& destroyed_count, std::function<void(std::string_view)> on_write)
      : destroyed(destroyed_count), write_hook(std::move(on_write)) {}
  ~CollectingSink() override { destroyed.add(); }
  void write(std::string_view bytes) override {
    if (write_hook) write_hook(bytes);
    body += bytes;
  }
  Response finish() override { return text(std::to_string(body.size()) + " " + body.substr(body.size() - 3)); }

  Count& destroyed;
  std::function<void(std::string_view)> write_hook;
  std::string body;
};

TEST_F(HttpServer, a_streamed_upload_is_taken_in_parts) {
  Count destroyed, writes;
  handler.sink = [&](const Request&) {
    return std::make_unique<CollectingSink>(destroyed, [&](std::string_view) { writes.add(); });
  };
  start();
  Peer peer = this->peer();
  const std::string body = std::string(5'000'000, 'x') + "end";
  peer.send("PUT /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 5000003\r\n\r\n" + body);
  EXPECT_EQ(peer.read().body, "5000003 end");
  EXPECT_GT(writes.value(), 10);
  EXPECT_TRUE(destroyed.await(1));

  std::string chunked = "PUT /upload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  append_chunk(chunked, body);
  chunked += last_chunk;
  peer.send(chunked);
  EXPECT_EQ(peer.read().body, "5000003 end");
}

TEST_F(HttpServer, an_upload_is_given_up_when_the_client_goes_away) {
  Count destroyed, writes;
  handler.sink = [&](const Request&) {
    return std::make_unique<CollectingSink>(destroyed, [&](std::string_view) { writes.add(); });
  };
  start();
  {
    Peer peer = this->peer();
    peer.send("PUT /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nabc");
    ASSERT_TRUE(writes.await(1));
    EXPECT_EQ(destroyed.value(), 0);
  }
  EXPECT_TRUE(destroyed.await(1));
}

TEST_F(HttpServer, an_upload_can_be_refused_before_and_while_it_arrives) {
  Count destroyed;
  handler.sink = [&](const Request& head) -> std::unique_ptr<BodySink> {
    if (head.query == "never") fail(ErrorCode::forbidden, "No.");
    return std::make_unique<CollectingSink>(
        destroyed, [](std::string_view) { fail(ErrorCode::insufficient_storage, "The disk is full."); });
  };
  start();
  Peer refused = peer();
  refused.send("PUT /upload?never HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(refused.read().status, 403);
  Peer full = peer();
  full.send("PUT /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nabc");
  EXPECT_EQ(full.read().status, 507);
  EXPECT_TRUE(destroyed.await(1));
}

// What a refused request leaves is settled before it is told: who asks again at once, asks about what stays.
TEST_F(HttpServer, an_upload_that_is_refused_ends_before_its_answer) {
  struct SlowToEnd final : BodySink {
    SlowToEnd(bool until_the_end, std::atomic<bool>& is_over) : whole(until_the_end), over(is_over) {}
    ~SlowToEnd() override {
      ::poll(nullptr, 0, 50);  // so that an answer that does not wait for it comes first
      over = true;
    }
    void write(std::string_view) override {
      if (!whole) fail(ErrorCode::insufficient_storage, "The disk is full.");
    }
    Response finish() override { fail(ErrorCode::unprocessable, "It is damaged."); }
    const bool whole;
    std::atomic<bool>& over;
  };
  std::map<std::string, std::atomic<bool>> over;  // of each, so that none is taken for the one before it
  for (const std::string path : {"/upload/full", "/upload/damaged", "/upload/stuck"}) over[path] = false;
  options.body_timeout = 30ms;
  handler.sink = [&](const Request& head) {
    return std::make_unique<SlowToEnd>(head.path != "/upload/full", over.at(head.path));
  };
  start();
  for (const auto& [path, body, status] : std::vector<std::tuple<std::string, std::string, int>>{
           {"/upload/full", "abc", 507}, {"/upload/damaged", "abcd", 422}, {"/upload/stuck", "abc", 408}}) {
    Peer client = peer();
    client.send("PUT " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n" + body);
    EXPECT_EQ(client.read().status, status) << path;
    EXPECT_TRUE(over.at(path)) << path;
  }
}

// ---- bodies out --------------------------------------------------------------------------------------------------

struct CountingSource final : BodySource {
  explicit CountingSource(std::size_t size, Count* destroyed_count = nullptr)
      : left(size), destroyed(destroyed_count) {}
  ~CountingSource() override {
    if (destroyed) destroyed->add();
  }
  std::size_t read(std::span<char> into) override {
    const std::size_t count = std::min({left, into.size(), std::size_t{100'000}});
    std::fill_n(into.begin(), count, 'd');
    left -= count;
    return count;
  }
  std::size_t left;
  Count* destroyed;
};

TEST_F(HttpServer, a_download_is_sent_with_or_without_a_known_length) {
  handler.routes["/download"] = [](Request& request) {
    Download download;
    if (request.query == "sized") download.length_bytes = 3'000'000;
    download.source = std::make_unique<CountingSource>(3'000'000);
    return download;
  };
  start();
  Peer peer = this->peer();
  for (const std::string query : {"sized", "chunked", "sized"}) {
    peer.get("/download?" + query);
    const auto reply = peer.read();
    EXPECT_EQ(reply.body, std::string(3'000'000, 'd'));
    EXPECT_EQ(reply.headers.find("Content-Length").has_value(), query == "sized");
  }
  peer.send("GET /download HTTP/1.0\r\n\r\n");
  EXPECT_EQ(peer.read().body.size(), 3'000'000u);
}

TEST_F(HttpServer, a_download_that_breaks_is_not_taken_for_whole) {
  struct Broken final : BodySource {
    std::size_t read(std::span<char> into) override {
      if (++reads > 1) throw std::runtime_error("disk");
      return into.size();
    }
    int reads = 0;
  };
  handler.routes["/broken"] = [](Request&) {
    Download download;
    download.source = std::make_unique<Broken>();
    return download;
  };
  handler.routes["/short"] = [](Request&) {
    Download download;
    download.length_bytes = 10;
    download.source = std::make_unique<CountingSource>(9);
    return download;
  };
  start();
  for (const std::string path : {"/broken", "/short"}) {
    Peer peer = this->peer();
    peer.get(path);
    const auto reply = peer.read();
    EXPECT_EQ(reply.status, 200);
    EXPECT_FALSE(reply.complete) << path;
  }
}

// ---- time-outs ---------------------------------------------------------------------------------------------------

TEST_F(HttpServer, a_slow_head_is_timed_out) {
  options.head_timeout = 50ms;
  start();
  Peer peer = this->peer();
  peer.send("GET / HT");
  EXPECT_EQ(peer.read().status, 408);
  EXPECT_TRUE(peer.await_close());
}

TEST_F(HttpServer, an_idle_connection_is_closed) {
  options.head_timeout = 50ms;
  options.idle_timeout = 50ms;
  start();
  Peer silent = peer();
  EXPECT_TRUE(silent.await_close());
  Peer used = peer();
  used.get("/hello");
  EXPECT_EQ(used.read().status, 200);
  EXPECT_TRUE(used.await_close());
}

TEST_F(HttpServer, a_slow_body_is_timed_out) {
  options.body_timeout = 50ms;
  start();
  Peer peer = this->peer();
  peer.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(peer.read().status, 408);
  EXPECT_TRUE(peer.await_close());
}

TEST_F(HttpServer, a_reader_that_takes_nothing_is_cut) {
  options.write_timeout = 50ms;
  Count destroyed;
  handler.routes["/download"] = [&](Request&) {
    Download download;
    download.source = std::make_unique<CountingSource>(std::size_t{1} << 40, &destroyed);
    return download;
  };
  start();
  Peer peer(server->port(), 4096);
  peer.get("/download");
  EXPECT_TRUE(destroyed.await(1));
}

// ---- overload ----------------------------------------------------------------------------------------------------

TEST_F(HttpServer, a_full_pool_refuses_new_requests) {
  options.pool_threads = 1;
  options.pool_queue_max = 1;
  Count entered, released;
  handler.routes["/slow"] = [&](Request&) {
    entered.add();
    released.await(1);
    return text("slow");
  };
  start();
  Peer running = peer();
  running.get("/slow");
  ASSERT_TRUE(entered.await(1));
  // One of these waits in the queue, the other is refused at once.
  Peer a = peer(), b = peer();
  a.get("/slow");
  b.get("/slow");
  Peer* refused = nullptr;
  Peer* queued = nullptr;
  pollfd ready[] = {{a.fd(), POLLIN, 0}, {b.fd(), POLLIN, 0}};
  ASSERT_GT(::poll(ready, 2, 30'000), 0);
  refused = ready[0].revents ? &a : &b;
  queued = refused == &a ? &b : &a;
  const auto reply = refused->read();
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.headers.get("Retry-After"), "1");
  released.add();
  EXPECT_EQ(running.read().body, "slow");
  EXPECT_EQ(queued->read().body, "slow");
}

TEST_F(HttpServer, too_many_connections_are_refused) {
  options.connections_max = 2;
  start();
  Peer a = peer(), b = peer();
  a.get("/hello");
  b.get("/hello");
  EXPECT_EQ(a.read().status, 200);
  EXPECT_EQ(b.read().status, 200);
  Peer c = peer();
  const auto reply = c.read();
  EXPECT_EQ(reply.status, 503);
  EXPECT_TRUE(reply.complete);
  EXPECT_TRUE(c.await_close());
}

TEST(Pool, accepted_work_is_never_refused) {
  Count done, gate;
  {
    Pool pool(1, 1, 2s);
    pool.submit([&] { gate.await(1); });
    while (pool.queued() > 0) std::this_thread::yield();
    EXPECT_TRUE(pool.try_submit([&] { done.add(); }));
    EXPECT_FALSE(pool.try_submit([&] { done.add(); }));
    pool.submit([&] { done.add(); });
    gate.add();
  }
  EXPECT_EQ(done.value(), 2);  // what was queued ran before the pool ended
}

// ---- life cycle --------------------------------------------------------------------------------------------------

TEST_F(HttpServer, a_taken_port_is_named) {
  start();
  ServerOptions second = options;
  second.port = server->port();
  try {
    Server other(second, handler, topics);
    FAIL() << "two servers share a port";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::conflict);
    EXPECT_THAT(error.message, StartsWith("127.0.0.1:" + std::to_string(second.port)));
  }
  ServerOptions nonsense = options;
  nonsense.address = "localhost:80";
  EXPECT_THROW(Server(nonsense, handler, topics), Error);
}

TEST_F(HttpServer, takes_over_a_listening_socket) {
  Listeners listeners;
  listeners.give("api", modelops::testing::Listener().take());
  options.listeners = &listeners;
  start();
  Peer peer = this->peer();
  peer.get("/hello");
  EXPECT_EQ(peer.read().body, "hello");
}

TEST_F(HttpServer, a_drain_under_load_loses_no_accepted_request) {
  std::atomic<int> handled = 0;
  handler.routes["/work"] = [&](Request&) {
    ++handled;
    return text("done");
  };
  start();
  std::atomic<int> answered = 0, cut = 0;
  Count warm;
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, port = server->port()] {
      for (;;) {
        Peer peer(port);
        if (!peer.connected()) return;
        for (bool open = true; open;) {
          // Not sent, or not even read by the server: nothing is lost, the client tries elsewhere.
          if (!peer.get("/work")) return;
          const auto reply = peer.read();
          if (reply.status == 0) return;
          if (!reply.complete) ++cut;
          ++answered;
          warm.add();
          open = reply.headers.get("Connection") != "close";
        }
      }
    });
  }
  ASSERT_TRUE(warm.await(200));
  EXPECT_TRUE(server->drain(20s));
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(cut, 0);
  EXPECT_EQ(answered, handled);
  EXPECT_FALSE(Peer(server->port()).connected());
}

TEST_F(HttpServer, a_drain_waits_for_what_runs_and_ends_what_is_parked) {
  Count entered, released;
  handler.routes["/slow"] = [&](Request&) {
    entered.add();
    released.await(1);
    return text("slow");
  };
  handler.routes["/poll"] = [&](Request&) {
    LongPoll poll;
    poll.deadline = std::chrono::steady_clock::now() + 1h;
    poll.poll = [&](bool last) {
      entered.add();
      return last ? std::optional(text("last")) : std::nullopt;
    };
    return poll;
  };
  handler.routes["/events"] = [&](Request&) {
    Stream stream;
    stream.interval = 1h;
    stream.poll = [&] {
      entered.add();
      return Stream::Batch{};
    };
    return stream;
  };
  start();
  Peer slow = peer(), poll = peer(), events = peer(), idle = peer();
  poll.get("/poll");
  events.get("/events");
  slow.get("/slow");
  ASSERT_TRUE(entered.await(3));
  bool complete = false;
  std::thread drain([&] { complete = server->drain(20s); });
  auto reply = poll.read();
  EXPECT_EQ(reply.body, "last");
  EXPECT_EQ(reply.headers.get("Connection"), "close");
  EXPECT_TRUE(events.read().complete);
  EXPECT_TRUE(idle.await_close());
  released.add();
  reply = slow.read();
  EXPECT_EQ(reply.body, "slow");
  EXPECT_EQ(reply.headers.get("Connection"), "close");
  drain.join();
  EXPECT_TRUE(complete);
}

TEST_F(HttpServer, listens_at_two_ports_for_two_handlers_and_drains_both) {
  Count entered, released;
  handler.routes["/slow"] = [&](Request&) {
    entered.add();
    released.await(1);
    return text("api");
  };
  Routes pages;
  pages.routes["/slow"] = [&](Request&) {
    entered.add();
    released.await(1);
    return text("web");
  };
  start();
  const std::uint16_t web_port = server->listen("web", "127.0.0.1", 0, pages);
  EXPECT_NE(web_port, server->port());
  EXPECT_THROW(server->listen("other", "127.0.0.1", web_port, pages), Error);
  Peer api(server->port()), web(web_port), idle(web_port);
  EXPECT_TRUE(idle.get("/hello"));
  EXPECT_EQ(idle.read().status, 404);  // of the other handler
  api.get("/slow");
  web.get("/slow");
  ASSERT_TRUE(entered.await(2));
  EXPECT_EQ(server->connections(), 3u);
  bool complete = false;
  std::thread drain([&] { complete = server->drain(20s); });
  EXPECT_TRUE(idle.await_close());
  released.add();
  for (auto [peer, body] : {std::pair(&api, "api"), std::pair(&web, "web")}) {
    const auto reply = peer->read();
    EXPECT_EQ(reply.body, body);
    EXPECT_EQ(reply.headers.get("Connection"), "close");
  }
  drain.join();
  EXPECT_TRUE(complete);
  EXPECT_FALSE(Peer(server->port()).connected());
  EXPECT_FALSE(Peer(web_port).connected());
  const std::string metrics = registry.expose();
  for (const char* name : {"api", "web"})
    EXPECT_THAT(metrics, ContainsRegex(fmt::format("modelops_http_requests_total.*server=\"{}\"", name)));
}

TEST_F(HttpServer, a_drain_that_takes_too_long_cuts) {
  Count entered;
  handler.routes["/deferred"] = [&](Request&) {
    Deferred deferred;
    deferred.start = [&](auto) { entered.add(); };
    return deferred;
  };
  start();
  Peer peer = this->peer();
  peer.get("/deferred");
  ASSERT_TRUE(entered.await(1));
  EXPECT_FALSE(server->drain(20ms));
  EXPECT_EQ(peer.read().status, 0);
  EXPECT_TRUE(server->drain(20ms));
}

TEST_F(HttpServer, counts_and_logs_what_it_serves) {
  std::mutex mutex;
  std::vector<std::string> lines;
  Count logged;
  options.access_log = [&](const AccessRecord& record) {
    std::lock_guard lock(mutex);
    lines.push_back(fmt::format("{} {} {} {} {}", method_name(record.method), record.path, record.status,
                                record.bytes_received, record.remote_address));
    logged.add();
  };
  start();
  Peer peer = this->peer();
  peer.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nabcd");
  peer.read();
  peer.get("/missing");
  peer.read();
  ASSERT_TRUE(logged.await(2));
  server.reset();
  EXPECT_THAT(lines, ::testing::ElementsAre("POST /echo 200 4 127.0.0.1", "GET /missing 404 0 127.0.0.1"));
  const std::string metrics = registry.expose();
  EXPECT_THAT(
      metrics,
      HasSubstr("modelops_http_requests_total{method=\"POST\",route=\"test\",server=\"api\",status=\"200\"} 1"));
  EXPECT_THAT(metrics,
              HasSubstr("modelops_http_requests_total{method=\"GET\",route=\"test\",server=\"api\",status=\"404\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("modelops_http_request_duration_seconds_count{route=\"test\",server=\"api\"} 2"));
  EXPECT_THAT(metrics, HasSubstr("modelops_http_connections{server=\"api\"} 0"));
  EXPECT_THAT(metrics, HasSubstr("modelops_http_requests_in_flight{server=\"api\"} 0"));
}

}  // namespace
}  // namespace modelops::http
