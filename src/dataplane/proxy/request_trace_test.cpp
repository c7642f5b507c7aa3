#include <gmock/gmock.h>

#include "dataplane/proxy/gateway_fixture_test.hpp"
#include "dataplane/proxy/request_trace.hpp"

namespace modelops::proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(ServerTiming, what_a_replica_says_of_its_time_is_read_and_bounded) {
  const auto read = [](std::string_view header) {
    std::vector<std::string> out;
    for (const Timing& timing : parse_server_timing(header))
      out.push_back(fmt::format("{}={}", timing.name, timing.duration.count()));
    return out;
  };
  EXPECT_THAT(read("queue;dur=0.5, run;desc=\"the model\";dur=12"), ElementsAre("queue=500", "run=12000"));
  EXPECT_THAT(read("db;desc=\"a, b;dur=9\";dur=3"), ElementsAre("db=3000"));
  EXPECT_THAT(read("miss, cache;desc=hit"), IsEmpty());
  EXPECT_THAT(read("a;dur=-1, b;dur=x, c;dur=1e99, d;dur=, <b>;dur=1, ;dur=2, e;dur=1 1"), IsEmpty());
  EXPECT_THAT(read(""), IsEmpty());
  std::string many;
  for (int i = 0; i < 100; ++i) many += fmt::format("x{};dur=1,", i);
  EXPECT_THAT(read(many), SizeIs(8));
}

monitoring::RequestTrace numbered(int number) {
  monitoring::RequestTrace out;
  out.request.request_id = std::to_string(number);
  return out;
}

TEST(RequestSampleTest, failures_and_the_slow_are_chosen_before_the_usual_within_bounds) {
  RequestSample sample;
  const SteadyTime now = std::chrono::steady_clock::now();
  const auto ms = [](int n) { return std::chrono::milliseconds(n); };
  int usual = 0, failed = 0;
  for (int i = 0; i < 1'000; ++i) usual += sample.wants("dep_1", false, now, ms(5)) ? 1 : 0;
  EXPECT_EQ(usual, 3);
  for (int i = 0; i < 1'000; ++i) failed += sample.wants("dep_1", true, now, ms(5)) ? 1 : 0;
  EXPECT_EQ(failed, 20);
  EXPECT_TRUE(sample.wants("dep_1", false, now, ms(6)));
  EXPECT_FALSE(sample.wants("dep_1", false, now, ms(6)));
  EXPECT_TRUE(sample.wants("dep_2", false, now, ms(1)));
  EXPECT_TRUE(sample.wants("dep_1", false, now + ms(1'000), ms(1)));
}

TEST(RequestSampleTest, the_oldest_go_when_nobody_fetches_them) {
  RequestSample sample(3);
  for (int i = 0; i < 10; ++i) sample.add(numbered(i));
  const auto newest = sample.take(2);
  ASSERT_THAT(newest, SizeIs(2));
  EXPECT_EQ(newest[0].request.request_id, "8");
  EXPECT_EQ(newest[1].request.request_id, "9");
  EXPECT_THAT(sample.take(10), SizeIs(1));
  EXPECT_THAT(sample.take(10), IsEmpty());
}

class RequestTraceTest : public GatewayFixture {
 protected:
  /// The request that just ended, once it is there.
  monitoring::RequestTrace told() {
    std::vector<monitoring::RequestTrace> out;
    EXPECT_TRUE(eventually([&] { return !(out = gateway->take_requests(10)).empty(); }));
    EXPECT_THAT(out, SizeIs(1));
    return out.empty() ? monitoring::RequestTrace() : std::move(out.front());
  }
  FakeEngine engine;
};

TEST_F(RequestTraceTest, a_chat_is_told_with_its_replica_its_tokens_and_the_engines_own_time) {
  std::string seen, state;
  engine.handler.routes["/v1/chat/completions"] = [&](http::Request& request) -> http::Answer {
    seen = request.headers.get("traceparent");
    state = request.headers.get("tracestate");
    http::Response response;
    response.headers.add("Content-Type", "application/json");
    response.headers.add("Server-Timing", "queue;dur=0, run;dur=60000");
    response.body = R"({"usage":{"prompt_tokens":5,"completion_tokens":7}})";
    return response;
  };
  gateway::Route& route = add_route("chat", {engine.start()});
  route.interface = "chat";
  route.engine = "llamacpp";
  start();
  http::Peer peer = this->peer();
  post(peer, "/v1/chat/completions", R"({"model":"chat@production"})",
       "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\ntracestate: a=b\r\n"
       "X-Request-Id: mine\r\n");
  EXPECT_EQ(peer.read().status, 200);

  const monitoring::RequestTrace trace = told();
  EXPECT_EQ(trace.deployment_id, "dep_chat");
  EXPECT_EQ(trace.key_id, "key_0");
  EXPECT_EQ(trace.request.request_id, "mine");
  EXPECT_EQ(trace.request.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(trace.request.name, "chat chat@production");
  EXPECT_EQ(trace.request.status, 200);
  EXPECT_EQ(trace.request.tokens_in, 5);
  EXPECT_EQ(trace.request.tokens_out, 7);
  EXPECT_EQ(trace.request.attempts, 1);
  EXPECT_GT(trace.request.first_byte_ms.value_or(0), 0);
  std::vector<std::string> names;
  for (const auto& span : trace.spans) names.push_back(span.name);
  EXPECT_THAT(names, ElementsAre("chat chat@production", "replica", "engine queue", "engine run"));
  EXPECT_EQ(trace.spans[0].parent_span_id, "00f067aa0ba902b7");
  EXPECT_EQ(trace.spans[1].parent_span_id, trace.spans[0].span_id);
  EXPECT_EQ(trace.spans[2].parent_span_id, trace.spans[1].span_id);
  // Longer than the attempt it cannot have taken.
  EXPECT_NEAR(trace.spans[3].duration_ms, trace.spans[1].duration_ms, 0.002);
  EXPECT_EQ(trace.spans[0].attributes.at("gen_ai.operation.name"), "chat");
  EXPECT_EQ(trace.spans[0].attributes.at("gen_ai.provider.name"), "llamacpp");
  EXPECT_EQ(trace.spans[0].attributes.at("gen_ai.usage.output_tokens"), "7");
  // The engine's own spans hang below this attempt.
  EXPECT_EQ(seen, fmt::format("00-{}-{}-01", trace.request.trace_id, trace.spans[1].span_id));
  EXPECT_EQ(state, "a=b");
}

TEST_F(RequestTraceTest, a_new_trace_has_no_state_of_another) {
  std::string seen, state = "?";
  engine.handler.routes["/"] = [&](http::Request& request) -> http::Answer {
    seen = request.headers.get("traceparent");
    state = request.headers.get("tracestate");
    return http::Response{};
  };
  add_route("digits", {engine.start()});
  start();
  EXPECT_EQ(call("/serve/acme/digits", "traceparent: 00-nonsense\r\ntracestate: a=b\r\n").status, 200);
  EXPECT_EQ(state, "");
  const monitoring::RequestTrace trace = told();
  EXPECT_EQ(trace.request.name, "GET /serve/acme/digits");
  EXPECT_EQ(seen.substr(3, 32), trace.request.trace_id);
  EXPECT_EQ(trace.spans[0].parent_span_id, "");
}

TEST_F(RequestTraceTest, each_replica_that_was_asked_is_a_span_with_why_it_failed) {
  engine.handler.routes["/"] = [](http::Request&) -> http::Answer { return http::Response{503, {}, {}}; };
  add_route("digits", {"127.0.0.1:1", engine.start()});
  start();
  EXPECT_EQ(call("/serve/acme/digits?api_key=hidden").status, 503);
  const monitoring::RequestTrace trace = told();
  EXPECT_TRUE(trace.request.failed);
  EXPECT_EQ(trace.request.path, "/serve/acme/digits");
  EXPECT_TRUE(trace.spans[0].failed);
  EXPECT_EQ(trace.spans[0].attributes.at("error.type"), "503");
  for (const auto& span : trace.spans)
    if (span.attributes.contains("server.port") && span.attributes.at("server.port") == "1") {
      EXPECT_TRUE(span.failed);
      EXPECT_EQ(span.attributes.at("error.type"), "connect");
    }
}

TEST_F(RequestTraceTest, a_collector_gets_the_spans_of_sampled_traces) {
  struct Collector {
    events::Topics topics;
    http::Routes handler;
    std::mutex mutex;
    std::vector<std::string> bodies;
    std::optional<http::Server> server;
  } collector;
  collector.handler.routes["/v1/traces"] = [&](http::Request& request) -> http::Answer {
    std::lock_guard lock(collector.mutex);
    collector.bodies.push_back(request.body);
    return http::Response{200, {}, "{}"};
  };
  collector.server.emplace(http::ServerOptions{}, collector.handler, collector.topics);
  engine.handler.routes["/"] = [](http::Request&) -> http::Answer { return http::Response{}; };
  add_route("digits", {engine.start()});
  {
    tracing::Exporter exporter({.url = fmt::format("http://127.0.0.1:{}", collector.server->port()),
                                .service = "modelops-gateway",
                                .version = "1",
                                .gather_time = std::chrono::milliseconds(1)},
                               registry);
    options.exporter = &exporter;
    start();
    call("/serve/acme/digits", "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n");
    call("/serve/acme/digits", "traceparent: 00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00\r\n");
    gateway.reset();
  }
  std::string all;
  for (const std::string& body : collector.bodies) all += body;
  EXPECT_THAT(all, ::testing::HasSubstr("4bf92f3577b34da6a3ce929d0e0e4736"));
  EXPECT_THAT(all, ::testing::Not(::testing::HasSubstr("5bf92f3577b34da6a3ce929d0e0e4736")));
}

}  // namespace
}  // namespace modelops::proxy
