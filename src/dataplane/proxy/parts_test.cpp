#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/code_of_test.hpp"
#include "base/descriptor.hpp"
#include "dataplane/proxy/access_log.hpp"
#include "dataplane/proxy/endpoint.hpp"
#include "dataplane/proxy/heads.hpp"
#include "dataplane/proxy/model_field.hpp"
#include "dataplane/proxy/rate_limit.hpp"
#include "dataplane/proxy/routing.hpp"

namespace modelops::proxy {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

// ---- model_field ---------------------------------------------------------------------------------------------------

std::string replaced(std::string_view json, std::string_view model) {
  const ModelField field = find_model(json);
  return std::string(json.substr(0, field.begin)) + json_string(model) + std::string(json.substr(field.end));
}

TEST(ModelField, is_found_in_the_outermost_object_only) {
  EXPECT_EQ(find_model(R"({"model":"a"})").name, "a");
  EXPECT_EQ(find_model(R"( {"messages":[{"model":"inner"}],"x":{"model":1}, "model" : "outer@production" } )").name,
            "outer@production");
  EXPECT_EQ(replaced(R"({"a":"model","model" : "x\"\\y" ,"b":1})", "new"), R"({"a":"model","model" : "new" ,"b":1})");
  EXPECT_EQ(find_model(R"({"model":"x\"\\\u00e9"})").name, "x\"\\\u00e9");
  EXPECT_EQ(replaced(R"({"model":"a","prompt":"\"model\":\"b\""})", "c\""),
            R"({"model":"c\"","prompt":"\"model\":\"b\""})");
}

TEST(ModelField, refuses_what_two_programs_could_read_differently) {
  EXPECT_EQ(code_of([] { find_model(R"({"model":"a","model":"b"})"); }), ErrorCode::unprocessable);
  EXPECT_EQ(code_of([] { find_model(R"({"model":"a","mod\u0065l":"b"})"); }), ErrorCode::unprocessable);
  EXPECT_EQ(code_of([] { find_model(R"({"mod\u0065l":"b"})"); }), ErrorCode::unprocessable);
  EXPECT_EQ(code_of([] { find_model(R"({"model":"a"}{"model":"b"})"); }), ErrorCode::invalid);
  EXPECT_EQ(code_of([] { find_model("{\"model\":\"a\xff\"}"); }), ErrorCode::invalid);
}

TEST(ModelField, refuses_what_names_no_model) {
  for (const std::string_view json : {R"({})", R"({"model":null})", R"({"model":["a"]})", R"({"model":""})",
                                      R"({"x":{"model":"a"}})", R"({"model":{"model":"a"}})"}) {
    EXPECT_EQ(code_of([&] { find_model(json); }), ErrorCode::unprocessable) << json;
  }
  for (const std::string_view json : {"", "[]", "\"model\"", "{\"model\":\"a\"", "{'model':'a'}"}) {
    EXPECT_EQ(code_of([&] { find_model(json); }), ErrorCode::invalid) << json;
  }
  EXPECT_EQ(code_of([] { find_model("{\"model\":\"" + std::string(600, 'a') + "\"}"); }), ErrorCode::unprocessable);
  EXPECT_EQ(code_of([] { find_model("{\"a\":" + std::string(1000, '[') + std::string(1000, ']') + "}"); }),
            ErrorCode::invalid);
}

// ---- rate_limit ----------------------------------------------------------------------------------------------------

TEST(RateLimit, lets_a_burst_pass_and_then_the_rate) {
  RateLimit limit(10, 3);
  const auto start = RateLimit::Clock::now();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.take(start), 0ns) << i;
  EXPECT_EQ(limit.take(start), 100ms);
  EXPECT_EQ(limit.take(start + 99ms), 1ms);
  EXPECT_EQ(limit.take(start + 100ms), 0ns);
  EXPECT_GT(limit.take(start + 100ms), 0ns);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.take(start + 1h), 0ns) << i;  // it fills up, but not beyond
  EXPECT_EQ(limit.take(start + 1h), 100ms);
}

TEST(RateLimit, without_a_rate_limits_nothing_and_with_any_lets_one_pass) {
  RateLimit none(0, 0);
  RateLimit slow(0.0001, 0);
  const auto now = RateLimit::Clock::now();
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(none.take(now), 0ns);
  EXPECT_EQ(slow.take(now), 0ns);
  EXPECT_EQ(slow.take(now), 10'000s);
}

TEST(RateLimit, is_exact_between_threads) {
  RateLimit limit(0.001, 500);
  const auto now = RateLimit::Clock::now();
  std::atomic<int> passed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 1000; ++k) passed += limit.take(now) == 0ns;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(passed, 500);
}

// ---- endpoint ------------------------------------------------------------------------------------------------------

class EndpointTest : public ::testing::Test {
 protected:
  using Turn = Endpoint::Turn;
  using Result = Endpoint::Result;

  gateway::Route route(std::vector<std::string> ids, std::int64_t concurrency_max, std::int64_t queue_max = 2) {
    gateway::Route out;
    for (const std::string& id : ids) out.replicas.push_back({id, "127.0.0.1:" + id});
    out.concurrency_max = concurrency_max;
    out.queue_max = queue_max;
    return out;
  }
  std::shared_ptr<Replica> take() {
    Endpoint::Wish wish;
    auto taken = endpoint.request(wish) == Turn::granted ? endpoint.claim(wish) : nullptr;
    endpoint.abandon(wish);
    return taken;
  }

  metrics::Registry registry;
  std::shared_ptr<const RouteMetrics> shared = std::make_shared<const RouteMetrics>(registry, "acme", "chat", "dep_1");
  const RouteMetrics& metrics = *shared;
  Endpoint endpoint{shared};
};

TEST_F(EndpointTest, tokens_are_corrected_without_going_back) {
  metrics.tokens(0, 10);
  metrics.tokens(7, -3);  // the engine says that it was 7
  metrics.tokens(0, 2);
  metrics.tokens(0, 4);
  const std::string text = registry.expose();
  const std::string labels = R"({deployment="chat",deployment_id="dep_1",direction=)";
  EXPECT_THAT(text, HasSubstr("modelops_gateway_tokens_total" + labels + R"("in",organization="acme"} 7)"));
  EXPECT_THAT(text, HasSubstr("modelops_gateway_tokens_total" + labels + R"("out",organization="acme"} 13)"));
}

TEST_F(EndpointTest, an_answer_that_breaks_off_is_counted) {
  metrics.finished(200, true, std::chrono::seconds(1));
  metrics.finished(502, true, std::chrono::seconds(1));
  metrics.finished(200, false, std::chrono::seconds(1));
  EXPECT_THAT(registry.expose(), HasSubstr("modelops_gateway_broken_answers_total{deployment=\"chat\",deployment_id="
                                           "\"dep_1\",organization=\"acme\"} 1\n"));
}

TEST_F(EndpointTest, the_least_busy_replica_is_next) {
  endpoint.update(route({"1", "2"}, 3));
  std::map<std::string, int> taken;
  for (int i = 0; i < 6; ++i) ++taken[take()->id];
  EXPECT_EQ(taken["1"], 3);
  EXPECT_EQ(taken["2"], 3);
}

TEST_F(EndpointTest, a_queue_is_served_in_order_and_bounded) {
  endpoint.update(route({"1"}, 1, 2));
  const auto held = take();
  std::vector<int> woken;
  Endpoint::Wish first, second, third;
  first.wake = [&] { woken.push_back(1); };
  second.wake = [&] { woken.push_back(2); };
  EXPECT_EQ(endpoint.request(first), Turn::waiting);
  EXPECT_EQ(endpoint.request(second), Turn::waiting);
  EXPECT_EQ(endpoint.request(third), Turn::queue_full);
  EXPECT_EQ(metrics.queued.value(), 2);
  endpoint.release(held, Result::served);
  EXPECT_THAT(woken, ElementsAre(1));
  EXPECT_EQ(endpoint.turn(first), Turn::granted);
  EXPECT_EQ(endpoint.turn(second), Turn::waiting);
  endpoint.abandon(first);  // with what it was granted
  EXPECT_THAT(woken, ElementsAre(1, 2));
  const auto second_held = endpoint.claim(second);
  ASSERT_TRUE(second_held);
  EXPECT_EQ(metrics.queued.value(), 0);
  endpoint.release(second_held, Result::served);
  EXPECT_TRUE(take());
}

TEST_F(EndpointTest, whoever_waits_is_told_when_no_replica_is_left_and_served_by_new_ones) {
  endpoint.update(route({"1"}, 1));
  const auto held = take();
  int woken = 0;
  Endpoint::Wish first;
  first.wake = [&] { ++woken; };
  EXPECT_EQ(endpoint.request(first), Turn::waiting);
  endpoint.update(route({"1", "2"}, 1));
  EXPECT_EQ(endpoint.turn(first), Turn::granted);
  EXPECT_EQ(endpoint.claim(first)->id, "2");
  Endpoint::Wish second;
  second.wake = [&] { ++woken; };
  EXPECT_EQ(endpoint.request(second), Turn::waiting);
  endpoint.update(route({}, 1));
  EXPECT_EQ(endpoint.turn(second), Turn::no_replica);
  EXPECT_EQ(woken, 2);
  endpoint.release(held, Result::served);  // of a replica that is gone
  EXPECT_FALSE(take());
}

TEST_F(EndpointTest, a_failing_replica_is_left_alone_unless_there_is_no_other) {
  endpoint.update(route({"1", "2"}, 10));
  std::shared_ptr<Replica> bad = take();
  endpoint.release(bad, Result::failed);
  for (int i = 0; i < 6; ++i) EXPECT_NE(take()->id, bad->id);
  Endpoint::Wish wish;
  const auto other = take();
  wish.tried.push_back(other.get());
  EXPECT_EQ(endpoint.request(wish), Turn::granted);  // the ejected one is all that is left to try
  EXPECT_EQ(endpoint.claim(wish)->id, bad->id);
  wish.tried.push_back(bad.get());
  EXPECT_EQ(endpoint.request(wish), Turn::no_replica);
}

TEST_F(EndpointTest, what_is_known_of_a_replica_outlives_a_snapshot) {
  endpoint.update(route({"1"}, 1));
  const auto held = take();
  endpoint.update(route({"1"}, 1));
  EXPECT_FALSE(take());
  endpoint.release(held, Result::served);
  EXPECT_TRUE(take());
}

// ---- routing -------------------------------------------------------------------------------------------------------

TEST(RoutingTest, looks_up_within_the_organization) {
  metrics::Registry registry;
  Routing routing(registry);
  Routing::View view(routing);
  EXPECT_EQ(view.table(), nullptr);
  gateway::Snapshot snapshot;
  snapshot.version = 7;
  gateway::Route empty;
  empty.organization = "acme";
  empty.deployment = "chat-dev";
  empty.deployment_id = "dep_1";
  empty.model_names = {"chat", "chat@latest"};
  gateway::Route ready = empty;
  ready.deployment = "chat";
  ready.deployment_id = "dep_2";
  ready.model_names = {"chat"};
  ready.replicas = {{"rep_1", "127.0.0.1:1"}};
  snapshot.routes = {empty, ready};
  routing.publish(snapshot);
  const auto table = view.table();
  EXPECT_EQ(table->version, 7);
  EXPECT_EQ(table->find_deployment("acme", "chat")->route.deployment_id, "dep_2");
  EXPECT_EQ(table->find_deployment("other", "chat"), nullptr);
  EXPECT_EQ(table->find_model("acme", "chat")->route.deployment_id, "dep_2");  // the one that is ready
  EXPECT_EQ(table->find_model("acme", "chat@latest")->route.deployment_id, "dep_1");
  EXPECT_EQ(table->find_model("other", "chat"), nullptr);
  EXPECT_THAT(table->models("acme"), ElementsAre("chat", "chat@latest"));
  snapshot.routes.clear();
  routing.publish(snapshot);
  EXPECT_EQ(view.table()->find_deployment("acme", "chat"), nullptr);
  EXPECT_NE(table->find_deployment("acme", "chat"), nullptr);  // who holds the old one may finish
}

TEST(RoutingTest, a_bucket_outlives_a_snapshot) {
  metrics::Registry registry;
  Routing routing(registry);
  Routing::View view(routing);
  gateway::Snapshot snapshot;
  gateway::Key key;
  key.digest = "d";
  key.id = "key_1";
  key.requests_per_second = 0.001;
  key.burst = 1;
  snapshot.keys = {key};
  routing.publish(snapshot);
  const auto now = RateLimit::Clock::now();
  EXPECT_EQ(view.table()->find_caller("d")->limit->take(now), 0ns);
  routing.publish(snapshot);
  EXPECT_GT(view.table()->find_caller("d")->limit->take(now), 0ns);
}

TEST(RoutingTest, the_series_of_a_deployment_leave_with_its_last_request) {
  metrics::Registry registry;
  Routing routing(registry);
  gateway::Snapshot snapshot;
  for (const char* name : {"chat", "digits"}) {
    gateway::Route& route = snapshot.routes.emplace_back();
    route.organization = "acme";
    route.deployment = name;
    route.deployment_id = std::string("dep_") + name;
  }
  routing.publish(snapshot);
  Routing::View requests(routing);
  auto under_way = requests.table();
  snapshot.routes.resize(1);
  routing.publish(snapshot);
  under_way->find_deployment("acme", "digits")->endpoint->metrics().finished(200, false, 1s);
  EXPECT_THAT(routing.take_traffic(1s), SizeIs(1)) << "what it counted is reported still";
  EXPECT_THAT(registry.expose(), HasSubstr("dep_digits"));

  under_way = requests.table();
  routing.take_traffic(1s);
  EXPECT_THAT(registry.expose(), Not(HasSubstr("dep_digits")));
  EXPECT_THAT(registry.expose(), HasSubstr("dep_chat"));

  snapshot.routes.push_back(snapshot.routes.front());
  snapshot.routes.back().deployment_id = "dep_digits";
  routing.publish(snapshot);
  EXPECT_THAT(registry.expose(), HasSubstr("dep_digits")) << "it may come back";
}

TEST(RoutingTest, no_request_of_a_deployment_that_goes_is_left_out) {
  metrics::Registry registry;
  Routing routing(registry);
  gateway::Snapshot none, one;
  gateway::Route& route = one.routes.emplace_back();
  route.organization = "acme";
  route.deployment = "chat";
  route.deployment_id = "dep_chat";
  std::int64_t reported = 0;
  const auto take = [&] {
    const auto traffic = routing.take_traffic(1s);
    for (const auto& each : traffic) reported += each.traffic.requests;
  };
  constexpr int rounds = 300;
  for (int round = 0; round < rounds; ++round) {
    routing.publish(one);
    Routing::View view(routing);
    // A request that began before its deployment went ends while it is asked what was counted.
    std::jthread request([table = view.table(), round] {
      const auto until = std::chrono::steady_clock::now() + round * 1us;
      while (std::chrono::steady_clock::now() < until) {}
      table->find_deployment("acme", "chat")->endpoint->metrics().finished(200, false, 1ms);
    });
    routing.publish(none);
    view.table();
    for (int i = 0; i < 10; ++i) take();
    registry.expose();
    request.join();
    take();
    EXPECT_EQ(reported, round + 1);
    EXPECT_THAT(registry.expose(), Not(HasSubstr("dep_chat")));
  }
}

// ---- heads ---------------------------------------------------------------------------------------------------------

TEST(Heads, credentials_and_what_concerns_one_connection_stay_behind) {
  http::Headers received;
  for (const char* name : {"Authorization", "x-api-key", "Cookie", "Connection", "Keep-Alive", "TE", "Upgrade",
                           "X-ModelOps-Replica", "Expect", "Host", "Forwarded"}) {
    received.add(name, "secret-of-" + std::string(name));
  }
  received.set("Connection", "close, X-Private");
  received.add("X-Private", "secret");
  received.add("Accept", "text/event-stream");
  received.add("X-Forwarded-For", "1.2.3.4");
  std::string out;
  append_upstream_head(out, received,
                       {.method = "POST",
                        .path = "/p",
                        .query = "q",
                        .address = "127.0.0.1:9",
                        .request_id = "r",
                        .span = {.trace_high = 1, .trace_low = 2, .span = 3, .sampled = true},
                        .remote_address = "5.6.7.8",
                        .content_length = 3});
  EXPECT_EQ(out,
            "POST /p?q HTTP/1.1\r\nHost: 127.0.0.1:9\r\nX-Request-Id: r\r\n"
            "traceparent: 00-00000000000000010000000000000002-0000000000000003-01\r\n"
            "X-Forwarded-For: 1.2.3.4, 5.6.7.8\r\nAccept: text/event-stream\r\nContent-Length: 3\r\n\r\n");
}

TEST(Heads, an_answer_is_read_and_cleaned) {
  const UpstreamHead head = parse_upstream_head(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n"
      "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nSet-Cookie: modelops_session=x\r\nX-ModelOps-Replica: forged\r\n"
      "Access-Control-Allow-Origin: *\r\n"
      "X-Kept: yes\r\n\r\n",
      http::Method::post);
  EXPECT_TRUE(head.chunked && head.keep_alive && head.has_body && head.is_event_stream);
  EXPECT_EQ(head.response.headers.size(), 2u);
  EXPECT_EQ(head.response.headers.get("X-Kept"), "yes");
  EXPECT_FALSE(head.response.headers.find("X-Hop")) << "it follows the field that lists it";
  EXPECT_FALSE(parse_upstream_head("HTTP/1.0 200 OK\r\n\r\n", http::Method::get).keep_alive);
  EXPECT_FALSE(parse_upstream_head("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", http::Method::head).has_body);
}

TEST(Heads, an_ambiguous_answer_is_refused) {
  for (const char* head :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n"}) {
    EXPECT_EQ(code_of([&] { parse_upstream_head(head, http::Method::get); }), ErrorCode::bad_gateway) << head;
  }
}

// ---- access_log ----------------------------------------------------------------------------------------------------

TEST(AccessLogTest, writes_a_line_per_request_that_nobody_can_forge) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Descriptor in(ends[0]);
  {
    Descriptor out(ends[1]);
    AccessLog log(out.get());
    log.write({.request_id = "r1", .path = "/a\"\n{}", .status = 200});
  }
  std::string text(4096, 0);
  const auto count = ::read(in.get(), text.data(), text.size());
  ASSERT_GT(count, 0);
  text.resize(static_cast<std::size_t>(count));
  EXPECT_THAT(text, HasSubstr(R"("path":"/a\"\n{}")"));
  EXPECT_THAT(text, HasSubstr(R"("status":200)"));
  EXPECT_EQ(std::ranges::count(text, '\n'), 1);
}

TEST(AccessLogTest, lines_come_while_it_goes_on_and_none_is_lost) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Descriptor in(ends[0]);
  const Descriptor out(ends[1]);
  AccessLog log(out.get());
  // One alone, then so many that they are not waited for.
  for (const int lines : {1, 1'000}) {
    for (int i = 0; i < lines; ++i) log.write({.request_id = "r", .path = "/a", .status = 200});
    std::ptrdiff_t seen = 0;
    while (seen < lines) {
      std::array<char, 4096> bytes;
      const auto count = ::read(in.get(), bytes.data(), bytes.size());
      ASSERT_GT(count, 0);
      seen += std::count(bytes.begin(), bytes.begin() + count, '\n');
    }
    EXPECT_EQ(seen, lines);
  }
}

TEST(AccessLogTest, never_blocks_on_a_reader_that_does_not_read) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Descriptor in(ends[0]);
  const Descriptor out(ends[1]);
  AccessLog log(out.get(), 10'000);
  for (int i = 0; i < 5'000; ++i) log.write({.request_id = "r", .path = std::string(100, 'p'), .status = 200});
}

}  // namespace
}  // namespace modelops::proxy
