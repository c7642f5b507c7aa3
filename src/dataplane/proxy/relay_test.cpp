// What happens between the gateway and replicas: streams, failures, queues, ends.
#include "dataplane/proxy/gateway_fixture_test.hpp"

namespace modelops::proxy {
namespace {

using namespace std::chrono_literals;
using http::Count;
using http::text;
using ::testing::HasSubstr;

using GatewayRelay = GatewayFixture;

constexpr std::string_view small_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Answers every request on its connection.
void serve_small(int fd) {
  while (!RawEngine::read_head(fd).empty()) RawEngine::write(fd, small_answer);
}

std::string counter_line(const std::string& deployment, const std::string& kind, int value) {
  return "modelops_gateway_upstream_errors_total{deployment=\"" + deployment + "\",deployment_id=\"dep_" + deployment +
         "\",kind=\"" + kind + "\",organization=\"acme\"} " + std::to_string(value) + "\n";
}

TEST_F(GatewayRelay, events_arrive_before_the_next_is_made) {
  FakeEngine engine;
  std::atomic<int> made = 0, allowed = 1;
  engine.handler.routes["/v1/chat/completions"] = [&](http::Request&) {
    http::Stream stream;
    stream.head.headers.add("Content-Type", "text/event-stream");
    stream.topic = "tokens";
    stream.interval = 1h;
    stream.poll = [&] {
      http::Stream::Batch batch;
      if (made < allowed) batch.bytes = "data: " + std::to_string(made++) + "\n\n";
      batch.end = made == 5;
      return batch;
    };
    return stream;
  };
  add_route("chat", {engine.start()});
  start();
  http::Peer client = peer();
  post(client, "/v1/chat/completions", R"({"model":"chat","stream":true})");
  const auto head = client.read_head();
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.get("Content-Type"), "text/event-stream");
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(client.await("data: " + std::to_string(i) + "\n\n"));
    ++allowed;
    engine.topics.notify("tokens");
  }
  ASSERT_TRUE(client.await("0\r\n\r\n"));
  get(client, "/v1/models");
  EXPECT_EQ(client.read().status, 200);  // the connection goes on
  const std::string text = registry.expose();
  const std::string labels = R"({deployment="chat",deployment_id="dep_chat",organization="acme"})";
  EXPECT_THAT(text, HasSubstr("modelops_gateway_time_to_first_token_seconds_count" + labels + " 1\n"));
  EXPECT_THAT(text, HasSubstr("modelops_gateway_inter_token_seconds_count" + labels + " 4\n"));
}

TEST_F(GatewayRelay, an_upload_reaches_the_engine_while_it_is_sent) {
  struct Sink final : http::BodySink {
    explicit Sink(Count& c) : count(c) {}
    void write(std::string_view bytes) override {
      total += bytes.size();
      count.add(static_cast<int>(bytes.size()));
    }
    http::Response finish() override { return text(std::to_string(total)); }
    Count& count;
    std::size_t total = 0;
  };
  FakeEngine engine;
  Count received;
  engine.handler.sink = [&](const http::Request&) { return std::make_unique<Sink>(received); };
  add_route("files", {engine.start()});
  start();
  for (const bool chunked : {false, true}) {
    const int before = received.value();
    http::Peer client = peer();
    client.send("POST /serve/acme/files/upload HTTP/1.1\r\nHost: h\r\n" + key_field() +
                (chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: 3000000\r\n\r\n"));
    for (int i = 1; i <= 3; ++i) {
      const std::string part(1'000'000, 'x');
      client.send(chunked ? "f4240\r\n" + part + "\r\n" : part);
      ASSERT_TRUE(received.await(before + i * 1'000'000));
    }
    if (chunked) client.send("0\r\n\r\n");
    EXPECT_EQ(client.read().body, "3000000");
    get(client, "/v1/models");
    EXPECT_EQ(client.read().status, 200);
  }
}

TEST_F(GatewayRelay, both_ways_at_once) {
  // Sends each byte back as it comes: with bodies larger than all buffers this ends only when both ways move.
  constexpr std::size_t size = 8 << 20;
  RawEngine engine([&](int fd, int) {
    std::string head = RawEngine::read_head(fd);
    std::string rest = head.substr(head.find("\r\n\r\n") + 4);
    RawEngine::write(fd, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + rest);
    char bytes[65536];
    for (std::size_t got = rest.size(); got < size;) {
      const auto count = ::recv(fd, bytes, sizeof bytes, 0);
      if (count <= 0) return;
      got += static_cast<std::size_t>(count);
      RawEngine::write(fd, {bytes, static_cast<std::size_t>(count)});
    }
  });
  add_route("echo", {engine.address()});
  start();
  http::Peer client = peer();
  std::thread sender([&] { post(client, "/serve/acme/echo/", std::string(size, 'b')); });
  const auto reply = client.read();
  sender.join();
  EXPECT_EQ(reply.body.size(), size);
  EXPECT_TRUE(reply.complete);
}

TEST_F(GatewayRelay, an_early_answer_ends_an_upload) {
  RawEngine engine([](int fd, int) {
    RawEngine::read_head(fd);
    RawEngine::write(fd, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
  });
  add_route("files", {engine.address()});
  start();
  http::Peer client = peer();
  client.send("POST /serve/acme/files/ HTTP/1.1\r\nHost: h\r\n" + key_field() + "Content-Length: 100000000\r\n\r\nabc");
  const auto reply = client.read();
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(reply.body, "no");
  EXPECT_EQ(reply.headers.get("Connection"), "close");
}

TEST_F(GatewayRelay, answers_keep_their_framing) {
  FakeEngine engine;
  engine.handler.routes["/head"] = [](http::Request&) { return text("12345"); };
  engine.handler.routes["/none"] = [](http::Request&) { return text("", 204); };
  engine.start();
  RawEngine until_close([](int fd, int) {
    RawEngine::read_head(fd);
    RawEngine::write(fd, "HTTP/1.0 200 OK\r\n\r\nto the end");
  });
  add_route("engine", {engine.address()});
  add_route("old", {until_close.address()});
  start();
  http::Peer client = peer();
  client.send("HEAD /serve/acme/engine/head HTTP/1.1\r\nHost: h\r\n" + key_field() + "\r\n");
  auto reply = client.read(true);
  EXPECT_EQ(reply.headers.get("Content-Length"), "5");
  get(client, "/serve/acme/engine/none");
  reply = client.read();
  EXPECT_EQ(reply.status, 204);
  EXPECT_FALSE(reply.headers.find("Content-Length"));
  get(client, "/serve/acme/old/");
  reply = client.read();
  EXPECT_EQ(reply.headers.get("Transfer-Encoding"), "chunked");
  EXPECT_EQ(reply.body, "to the end");
  client.send("GET /serve/acme/old/ HTTP/1.0\r\n" + key_field() + "\r\n");
  reply = client.read();
  EXPECT_EQ(reply.headers.get("Connection"), "close");
  EXPECT_EQ(reply.body, "to the end");
}

TEST_F(GatewayRelay, a_half_answer_is_not_made_whole) {
  RawEngine engine([](int fd, int number) {
    RawEngine::read_head(fd);
    RawEngine::write(fd, number == 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
                                     : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
  });
  add_route("chat", {engine.address()});
  start();
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(call("/serve/acme/chat/").complete);
  EXPECT_TRUE(
      eventually([&] { return registry.expose().find(counter_line("chat", "truncated", 2)) != std::string::npos; }));
}

TEST_F(GatewayRelay, an_engine_that_does_not_speak_http_is_a_bad_gateway) {
  RawEngine engine([](int fd, int) {
    RawEngine::read_head(fd);
    RawEngine::write(fd, "220 mail ready\r\n\r\n");
  });
  add_route("mail", {engine.address()});
  start();
  EXPECT_EQ(call("/serve/acme/mail/").status, 502);
}

// ---- failures ------------------------------------------------------------------------------------------------------

TEST_F(GatewayRelay, a_read_is_tried_on_another_replica_and_a_change_is_not) {
  RawEngine bad([](int fd, int) {
    RawEngine::read_head(fd);
    RawEngine::reset(fd);
  });
  RawEngine good([](int fd, int) { serve_small(fd); });
  add_route("chat", {bad.address(), good.address()});
  start();
  for (int i = 0; i < 4; ++i) {
    const auto reply = call("/serve/acme/chat/");
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers.get("X-ModelOps-Replica"), "rep_1");
  }
  EXPECT_GE(bad.accepted.value(), 1);
  snapshot.routes[0].replicas.pop_back();
  start();
  // The engine had the request: it may have done what was asked.
  EXPECT_EQ(call_with("/serve/acme/chat/", "x").status, 502);
  EXPECT_EQ(call_with("/v1/chat/completions", R"({"model":"chat"})").status, 502);
}

TEST_F(GatewayRelay, what_no_replica_took_is_tried_on_another_whatever_it_is) {
  std::string nobody;
  {
    FakeEngine gone;
    nobody = gone.start();
  }
  RawEngine good([](int fd, int) { serve_small(fd); });
  add_route("chat", {nobody, "not an address", good.address()});
  start();
  for (int i = 0; i < 4; ++i) {
    http::Peer client = peer();
    client.send("POST /serve/acme/chat/ HTTP/1.1\r\nHost: h\r\n" + key_field() + "Content-Length: 0\r\n\r\n");
    EXPECT_EQ(client.read().status, 200);
  }
  snapshot.routes[0].replicas.pop_back();
  start();
  const auto reply = call("/serve/acme/chat/");
  EXPECT_EQ(reply.status, 502);
  EXPECT_EQ(reply.headers.get("Retry-After"), "1");
}

TEST_F(GatewayRelay, a_connection_that_the_engine_has_closed_is_replaced) {
  // Each connection takes one request, and ends without having said so.
  RawEngine engine([](int fd, int) {
    RawEngine::read_head(fd);
    RawEngine::write(fd, small_answer);
  });
  add_route("chat", {engine.address()});
  start();
  http::Peer client = peer();
  for (int i = 0; i < 20; ++i) {
    if (i % 2 == 0) get(client, "/serve/acme/chat/");
    // Safe although it changes something: nobody can have read what came after the end.
    if (i % 2 == 1) post(client, "/serve/acme/chat/", "x");
    EXPECT_EQ(client.read().status, 200);
    ASSERT_TRUE(engine.ended.await(i + 1));
  }
  EXPECT_EQ(engine.accepted.value(), 20);
  EXPECT_THAT(registry.expose(), HasSubstr(counter_line("chat", "reset", 0)));
}

constexpr std::string_view stream_answer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: keep-alive\r\n"
    "Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n0\r\n\r\n";

TEST_F(GatewayRelay, a_connection_is_used_again_after_a_stream_once_it_is_seen_to_stay_open) {
  RawEngine engine([](int fd, int) {
    while (!RawEngine::read_head(fd).empty()) RawEngine::write(fd, stream_answer);
  });
  add_route("llm", {engine.address()});
  start();
  int calls = 0;
  EXPECT_TRUE(eventually([&] {
    ++calls;
    EXPECT_EQ(call("/serve/acme/llm/v1/chat").status, 200);
    return engine.accepted.value() < calls;
  }));
}

TEST_F(GatewayRelay, no_request_is_lost_to_an_engine_that_closes_after_each_stream) {
  // In spite of what it says; what comes meanwhile it reads, and does not answer.
  RawEngine engine([](int fd, int) {
    RawEngine::read_head(fd);
    RawEngine::write(fd, stream_answer);
    pollfd next{fd, POLLIN, 0};
    if (::poll(&next, 1, 5) > 0) RawEngine::read_head(fd);
  });
  add_route("llm", {engine.address()});
  start();
  http::Peer client = peer();
  for (int i = 0; i < 30; ++i) {
    post(client, "/serve/acme/llm/v1/chat", "{}");
    ASSERT_EQ(client.read().status, 200) << i;
  }
}

TEST_F(GatewayRelay, a_slow_engine_is_given_up) {
  Count over;
  RawEngine engine([&](int fd, int) {
    RawEngine::read_head(fd);
    char byte;
    if (::recv(fd, &byte, 1, 0) <= 0) over.add();  // the gateway has closed
  });
  add_route("chat", {engine.address()}).timeout_ms = 60;
  start();
  const auto reply = call_with("/v1/chat/completions", R"({"model":"chat"})");
  EXPECT_EQ(reply.status, 504);
  EXPECT_THAT(reply.body, HasSubstr("\"timeout\""));
  EXPECT_TRUE(over.await(1));
}

TEST_F(GatewayRelay, a_client_that_goes_away_ends_the_work) {
  Count began, over;
  RawEngine engine([&](int fd, int number) {
    RawEngine::read_head(fd);
    if (number == 1) RawEngine::write(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    began.add();
    char byte;
    if (::recv(fd, &byte, 1, 0) <= 0) over.add();
  });
  add_route("chat", {engine.address()});
  start();
  {
    http::Peer client = peer();
    post(client, "/v1/chat/completions", R"({"model":"chat"})");
    ASSERT_TRUE(began.await(1));
  }
  EXPECT_TRUE(over.await(1));
  {
    http::Peer client = peer();
    post(client, "/v1/chat/completions", R"({"model":"chat","stream":true})");
    ASSERT_TRUE(client.await("x"));
  }
  EXPECT_TRUE(over.await(2));
  EXPECT_TRUE(eventually([&] { return gateway->connections() == 0; }));
  EXPECT_EQ(gauge("modelops_gateway_requests_in_flight", "chat"), 0);
}

// ---- queue ---------------------------------------------------------------------------------------------------------

TEST_F(GatewayRelay, a_full_replica_is_waited_for_up_to_the_bound) {
  FakeEngine engine;
  Count entered, released;
  engine.handler.routes["/"] = [&](http::Request&) {
    entered.add();
    released.await(1);
    return text("done");
  };
  gateway::Route& route = add_route("chat", {engine.start()});
  route.concurrency_max = 1;
  route.queue_max = 1;
  start();
  http::Peer first = peer(), second = peer();
  get(first, "/serve/acme/chat/");
  ASSERT_TRUE(entered.await(1));
  get(second, "/serve/acme/chat/");
  ASSERT_TRUE(eventually([&] { return gauge("modelops_gateway_queue_depth", "chat") == 1; }));
  const auto refused = call("/serve/acme/chat/");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.headers.get("Retry-After"), "1");
  released.add();
  EXPECT_EQ(first.read().status, 200);
  EXPECT_EQ(second.read().status, 200);
  EXPECT_EQ(gauge("modelops_gateway_queue_depth", "chat"), 0);
}

TEST_F(GatewayRelay, whoever_waits_too_long_or_leaves_gives_its_place_back) {
  FakeEngine engine;
  Count entered, released;
  engine.handler.routes["/"] = [&](http::Request&) {
    entered.add();
    released.await(1);
    return text("done");
  };
  gateway::Route& route = add_route("chat", {engine.start()});
  route.concurrency_max = 1;
  route.queue_max = 1;
  route.queue_wait_ms_max = 50;
  start();
  http::Peer first = peer();
  get(first, "/serve/acme/chat/");
  ASSERT_TRUE(entered.await(1));
  auto reply = call("/serve/acme/chat/");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.headers.get("Retry-After"), "1");
  snapshot.routes[0].queue_wait_ms_max = 60'000;
  start();
  {
    http::Peer leaves = peer();
    get(leaves, "/serve/acme/chat/");
    ASSERT_TRUE(eventually([&] { return gauge("modelops_gateway_queue_depth", "chat") == 1; }));
  }
  EXPECT_TRUE(eventually([&] { return gauge("modelops_gateway_queue_depth", "chat") == 0; }));
  http::Peer waits = peer();
  get(waits, "/serve/acme/chat/");
  ASSERT_TRUE(eventually([&] { return gauge("modelops_gateway_queue_depth", "chat") == 1; }));
  snapshot.routes.clear();  // the deployment goes
  start();
  EXPECT_EQ(waits.read().status, 503);
  released.add();
  EXPECT_EQ(first.read().status, 200);
}

TEST_F(GatewayRelay, without_a_replica_it_says_why) {
  add_route("chat", {}).unavailable_reason = "the engine is loading the model";
  start();
  auto reply = call("/serve/acme/chat/");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.headers.get("Retry-After"), "5");
  EXPECT_EQ(reply.headers.get("X-ModelOps-Deployment"), "chat");
  EXPECT_THAT(reply.body, HasSubstr("the engine is loading the model"));
  reply = call_with("/v1/chat/completions", R"({"model":"chat"})");
  EXPECT_EQ(reply.status, 503);
  EXPECT_THAT(reply.body, HasSubstr(R"("code":"service_unavailable")"));
}

TEST_F(GatewayRelay, load_is_spread) {
  Count one, two;
  const auto counting = [](Count& count) {
    return [&count](int fd, int) {
      while (!RawEngine::read_head(fd).empty()) {
        count.add();
        RawEngine::write(fd, small_answer);
      }
    };
  };
  RawEngine first(counting(one)), second(counting(two));
  add_route("chat", {first.address(), second.address()});
  start();
  http::Peer client = peer();
  for (int i = 0; i < 20; ++i) {
    get(client, "/serve/acme/chat/");
    EXPECT_EQ(client.read().status, 200);
  }
  EXPECT_EQ(one.value(), 10);
  EXPECT_EQ(two.value(), 10);
}

// ---- time-outs and ends --------------------------------------------------------------------------------------------

TEST_F(GatewayRelay, slow_clients_are_told_or_cut) {
  options.head_timeout = 50ms;
  options.body_timeout = 50ms;
  RawEngine engine([](int fd, int) { serve_small(fd); });
  add_route("chat", {engine.address()});
  start();
  http::Peer head = peer();
  head.send("GET / HTTP/1.1\r\nHo");
  EXPECT_EQ(head.read().status, 408);
  http::Peer body = peer();
  body.send("POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n" + key_field() + "Content-Length: 10\r\n\r\n{");
  EXPECT_EQ(body.read().status, 408);
  EXPECT_TRUE(peer().await_close());
}

TEST_F(GatewayRelay, a_client_that_sends_now_and_then_does_not_hold_a_replica) {
  options.body_timeout = 200ms;
  RawEngine engine([](int fd, int) {
    char bytes[4096];
    while (::recv(fd, bytes, sizeof bytes, 0) > 0) {}
  });
  add_route("chat", {engine.address()});
  start();
  http::Peer client = peer();
  client.send("POST /serve/acme/chat/ HTTP/1.1\r\nHost: h\r\n" + key_field() + "Transfer-Encoding: chunked\r\n\r\n");
  // Never silent for as long as the time-out, and yet ended by it.
  pollfd answered{client.fd(), POLLIN, 0};
  for (int bytes = 0; bytes < 1'000 && ::poll(&answered, 1, 20) == 0; ++bytes) client.send("1\r\nx\r\n");
  EXPECT_EQ(client.read().status, 408);
}

TEST_F(GatewayRelay, a_drain_under_load_fails_no_request) {
  std::atomic<int> handled = 0;
  FakeEngine engine;
  engine.handler.routes["/"] = [&](http::Request&) {
    ++handled;
    return text("done");
  };
  add_route("chat", {engine.start()});
  start();
  std::atomic<int> answered = 0, failed = 0;
  Count warm;
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      for (;;) {
        http::Peer client = peer();
        if (!client.connected()) return;
        for (bool open = true; open;) {
          // Not sent, or not even read by the gateway: nothing is lost, the client tries elsewhere.
          if (!get(client, "/serve/acme/chat/")) return;
          const auto reply = client.read();
          if (reply.status == 0) return;
          if (reply.status != 200 || !reply.complete) ++failed;
          ++answered;
          warm.add();
          open = reply.headers.get("Connection") != "close";
        }
      }
    });
  }
  ASSERT_TRUE(warm.await(300));
  EXPECT_TRUE(gateway->drain(20s));
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(answered, handled);
  EXPECT_FALSE(peer().connected());
}

TEST_F(GatewayRelay, a_drain_waits_for_a_stream_and_cuts_in_the_end) {
  Count began;
  RawEngine engine([&](int fd, int number) {
    RawEngine::read_head(fd);
    RawEngine::write(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    began.add();
    char byte;
    if (number == 1) ::recv(fd, &byte, 1, 0);
    RawEngine::write(fd, "0\r\n\r\n");
  });
  add_route("chat", {engine.address()});
  start();
  EXPECT_TRUE(call("/serve/acme/chat/").complete);
  http::Peer endless = peer();
  get(endless, "/serve/acme/chat/");
  ASSERT_TRUE(began.await(2));
  EXPECT_FALSE(gateway->drain(100ms));
  EXPECT_FALSE(endless.read().complete);
}

TEST_F(GatewayRelay, many_clients_on_many_threads) {
  options.threads = 4;
  FakeEngine one, two;
  const auto answer = [](http::Request& request) { return text(request.body); };
  one.handler.routes["/"] = two.handler.routes["/"] = answer;
  gateway::Route& route = add_route("chat", {one.start(), two.start()});
  route.concurrency_max = 2;
  start();
  std::atomic<int> wrong = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 12; ++i) {
    clients.emplace_back([&, i] {
      http::Peer client = peer();
      for (int k = 0; k < 50; ++k) {
        const std::string body = std::to_string(i) + "/" + std::to_string(k);
        post(client, "/serve/acme/chat/", body);
        if (client.read().body != body) ++wrong;
        if (k % 10 == 0 && i == 0) gateway->publish(snapshot);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(GatewayRelay, the_port_must_be_free) {
  start();
  GatewayOptions taken = options;
  taken.port = gateway->port();
  try {
    metrics::Registry other;
    Gateway second(taken, clock, other);
    second.listen();
    ADD_FAILURE() << "the port was shared";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::conflict);
  }
}

}  // namespace
}  // namespace modelops::proxy
