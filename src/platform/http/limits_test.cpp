// What a server does with clients that want too much, or never come to an end.
#include <gmock/gmock.h>

#include <thread>

#include "platform/http/address.hpp"
#include "platform/http/io_thread.hpp"
#include "platform/http/server_fixture_test.hpp"

namespace modelops::http {
namespace {

using namespace std::chrono_literals;

class HttpLimits : public ServerFixture {
 protected:
  HttpLimits() {
    options.io_threads = 1;
    options.pool_threads = 1;
  }
  static std::string post(std::size_t length, const std::string& body) {
    return fmt::format("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{}", length, body);
  }
  static void expect_busy(const Peer::Reply& reply) {
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.headers.get("Retry-After"), "1");
  }
};

TEST_F(HttpLimits, a_half_closed_client_gets_its_answer) {
  start();
  Peer peer = this->peer();
  ASSERT_TRUE(peer.send(post(4, "body")));
  ASSERT_EQ(::shutdown(peer.fd(), SHUT_WR), 0);
  EXPECT_EQ(peer.read().body, "body");
  EXPECT_TRUE(peer.await_close());
  Peer half = this->peer();
  ASSERT_TRUE(half.send(post(4, "bo")));
  ASSERT_EQ(::shutdown(half.fd(), SHUT_WR), 0);
  EXPECT_EQ(half.read().status, 0);
}

TEST_F(HttpLimits, the_bodies_of_all_requests_together_are_bounded) {
  options.buffered_bytes_max = 1000;
  Count entered, released;
  handler.routes["/slow"] = [&](Request&) {
    entered.add();
    released.await(1);
    return text("slow");
  };
  start();
  Peer large = peer();
  ASSERT_TRUE(large.send("POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 900\r\n\r\n" + std::string(900, 'x')));
  ASSERT_TRUE(entered.await(1));
  Peer second = peer();
  ASSERT_TRUE(second.send(post(200, std::string(200, 'y'))));
  expect_busy(second.read());
  Peer chunked = peer();
  ASSERT_TRUE(chunked.send("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nc8\r\n" +
                           std::string(200, 'y') + "\r\n0\r\n\r\n"));
  expect_busy(chunked.read());
  released.add();
  EXPECT_EQ(large.read().body, "slow");
  for (int i = 0; i < 10; ++i) {  // what was counted is given back
    ASSERT_TRUE(large.send(post(900, std::string(900, 'z'))));
    EXPECT_EQ(large.read().status, 200);
  }
}

TEST_F(HttpLimits, new_work_is_refused_while_the_queue_is_slow) {
  options.pool_wait_max = 20ms;
  Count entered, released;
  handler.routes["/slow"] = [&](Request&) {
    entered.add();
    released.await(1);
    return text("slow");
  };
  start();
  Peer running = peer(), waiting = peer(), late = peer();
  running.get("/slow");
  ASSERT_TRUE(entered.await(1));
  // Once one waits, the others are refused as soon as it has waited too long: far below the queue's length.
  waiting.get("/hello");
  int refused = 0;
  const auto patience = std::chrono::steady_clock::now() + 30s;
  std::vector<Peer> more;
  while (refused == 0 && std::chrono::steady_clock::now() < patience) {
    more.push_back(peer());
    more.back().get("/hello");
    pollfd answered{more.back().fd(), POLLIN, 0};
    if (::poll(&answered, 1, 10) == 0) continue;  // it waits too
    expect_busy(more.back().read());
    more.pop_back();
    ++refused;
  }
  EXPECT_EQ(refused, 1);
  EXPECT_LT(more.size(), options.pool_queue_max);
  released.add();
  EXPECT_EQ(running.read().body, "slow");
  EXPECT_EQ(waiting.read().body, "hello");
  for (Peer& each : more) EXPECT_EQ(each.read().body, "hello");
  late.get("/hello");
  EXPECT_EQ(late.read().body, "hello");
}

/// The end of an upload that takes until `released`.
struct SlowEnd final : BodySink {
  SlowEnd(bool slow_end, Count& entered_end, Count& released_end)
      : slow(slow_end), entered(entered_end), released(released_end) {}
  void write(std::string_view bytes) override { size += bytes.size(); }
  Response finish() override {
    if (!slow) return text(std::to_string(size));
    entered.add();
    released.await(1);
    if (size == 0) fail(ErrorCode::unprocessable, "Nothing came.");
    return text("slow " + std::to_string(size));
  }
  bool finishes_slowly() const override { return slow; }

  const bool slow;
  Count& entered;
  Count& released;
  std::size_t size = 0;
};

TEST_F(HttpLimits, slow_ends_of_uploads_hold_up_no_other_request) {
  Count entered, released;
  handler.sink = [&](const Request& head) {
    return std::make_unique<SlowEnd>(head.path == "/upload/slow", entered, released);
  };
  handler.routes["/slow"] = [&](Request&) {
    return Slow{[&] {
      entered.add();
      released.await(1);
      return text("made");
    }};
  };
  start();
  const auto upload = [](const std::string& path, const std::string& body) {
    return fmt::format("POST /upload/{} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{}", path, body.size(), body);
  };
  std::vector<Peer> slow;
  for (const char* body : {"abc", ""}) {
    slow.push_back(peer());
    ASSERT_TRUE(slow.back().send(upload("slow", body)));
  }
  ASSERT_TRUE(entered.await(2));  // each has a thread
  slow.push_back(peer());
  ASSERT_TRUE(slow.back().send(upload("slow", "defgh")));
  slow.push_back(peer());
  ASSERT_TRUE(slow.back().get("/slow"));
  Peer other = peer();
  for (int i = 0; i < 20; ++i) {
    other.get("/hello");
    ASSERT_EQ(other.read().body, "hello");
    ASSERT_TRUE(other.send(upload("quick", "1234")));
    ASSERT_EQ(other.read().body, "4");
  }
  EXPECT_EQ(entered.value(), 2);  // the others wait for a thread
  released.add();
  EXPECT_EQ(slow[0].read().body, "slow 3");
  EXPECT_EQ(slow[1].read().status, 422);
  EXPECT_EQ(slow[2].read().body, "slow 5");
  EXPECT_EQ(slow[3].read().body, "made");
}

TEST_F(HttpLimits, a_server_that_ends_waits_for_a_slow_end) {
  Count entered, released;
  handler.sink = [&](const Request&) { return std::make_unique<SlowEnd>(true, entered, released); };
  start();
  Peer slow = peer();
  ASSERT_TRUE(slow.send("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"));
  ASSERT_TRUE(entered.await(1));
  std::thread ending([&] { EXPECT_TRUE(server->drain(30s)); });
  released.add();
  EXPECT_EQ(slow.read().body, "slow 2");
  ending.join();
}

TEST_F(HttpLimits, one_client_may_open_only_so_many_connections) {
  options.connections_per_client_max = 2;
  start();
  std::optional<Peer> first(peer());
  Peer second = peer();
  for (Peer* each : {&*first, &second}) {
    each->get("/hello");
    EXPECT_EQ(each->read().status, 200);
  }
  for (int i = 0; i < 3; ++i) {
    Peer third = peer();
    third.get("/hello");  // what it sends does not keep it from reading why it is refused
    expect_busy(third.read());
    EXPECT_TRUE(third.await_close());
  }
  first.reset();
  const auto patience = std::chrono::steady_clock::now() + 30s;
  int status = 0;
  while (status != 200 && std::chrono::steady_clock::now() < patience) {
    Peer again = peer();
    again.get("/hello");
    status = again.read().status;
  }
  EXPECT_EQ(status, 200);
}

TEST(OpenConnections, are_counted_by_client) {
  OpenConnections open(3, 2);
  EXPECT_TRUE(open.add("192.0.2.1"));
  EXPECT_TRUE(open.add("::ffff:192.0.2.1"));  // the same client, at a listener for both
  EXPECT_FALSE(open.add("192.0.2.1"));
  EXPECT_TRUE(open.add("2001:db8::1"));
  EXPECT_FALSE(open.add("192.0.2.2"));  // all places are taken
  open.remove("192.0.2.1");
  EXPECT_TRUE(open.add("2001:db8::2:1"));
  open.remove("192.0.2.1");
  EXPECT_FALSE(open.add("2001:db8:0:0:ffff::1"));  // the same network of 64 bits
  EXPECT_TRUE(open.add("2001:db8:0:1::1"));
  EXPECT_EQ(open.count(), 3u);
}

TEST_F(HttpLimits, a_flood_of_pipelined_requests_holds_up_nobody_else) {
  start();
  Peer flood = peer();
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";
  // Until the server takes no more, since nobody reads its answers.
  std::size_t sent = 0;
  for (ssize_t count = 0; count >= 0; sent += static_cast<std::size_t>(std::max<ssize_t>(count, 0))) {
    count = ::send(flood.fd(), many.data(), many.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > (64u << 20)) break;
    pollfd ready{flood.fd(), POLLOUT, 0};
    if (count < 0 && ::poll(&ready, 1, 100) > 0) count = 0;
  }
  EXPECT_LE(sent, 64u << 20);
  for (int i = 0; i < 20; ++i) {
    Peer other = peer();
    other.get("/hello");
    EXPECT_EQ(other.read().body, "hello");
  }
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(flood.read().body, "hello") << i;
}

}  // namespace
}  // namespace modelops::http
