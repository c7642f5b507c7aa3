#include "dataplane/proxy/metrics_feed.hpp"

#include "dataplane/proxy/fake_control_plane_test.hpp"
#include "dataplane/proxy/gateway_fixture_test.hpp"
#include "dataplane/proxy/meter.hpp"
#include "dataplane/proxy/snapshot_feed.hpp"
#include "dataplane/proxy/token_count.hpp"

namespace modelops::proxy {
namespace {

using namespace std::chrono_literals;
using monitoring::DeploymentTraffic;
using monitoring::Traffic;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::SizeIs;

// ---- meter ---------------------------------------------------------------------------------------------------------

TEST(MeterTest, counts_what_came_since_the_last_time) {
  Meter meter;
  Traffic traffic;
  EXPECT_FALSE(meter.take(traffic));
  meter.count_request(200, false, 1ms);
  meter.count_request(200, true, 1ms);  // broke off
  meter.count_request(429, false, 20us);
  meter.count_request(499, false, 3s);  // the client left: nobody's error
  meter.count_request(503, false, 1ms);
  meter.observe_first_token(5ms);
  meter.observe_token_gap(7us);
  meter.count_tokens(3, 40);
  meter.sample(2, 1, 250ms);
  ASSERT_TRUE(meter.take(traffic));
  EXPECT_EQ(traffic.requests, 5);
  EXPECT_EQ(traffic.client_errors, 1);
  EXPECT_EQ(traffic.server_errors, 2);
  EXPECT_EQ(traffic.tokens_in, 3);
  EXPECT_EQ(traffic.tokens_out, 40);
  EXPECT_EQ(traffic.in_flight_us, 500'000);
  EXPECT_EQ(traffic.queued_us, 250'000);
  EXPECT_THAT(traffic.duration.buckets,
              ElementsAre(20, monitoring::histogram_bucket(1000), monitoring::histogram_bucket(3'000'000)));
  EXPECT_THAT(traffic.duration.counts, ElementsAre(1, 3, 1));
  EXPECT_THAT(traffic.token_gap.buckets, ElementsAre(7));
  EXPECT_FALSE(meter.take(traffic));
  meter.sample(0, 0, 250ms);
  EXPECT_FALSE(meter.take(traffic));
}

TEST(MeterTest, a_correction_never_makes_a_report_negative) {
  Meter meter;
  Traffic traffic;
  meter.count_tokens(0, 2);
  ASSERT_TRUE(meter.take(traffic));
  meter.count_tokens(10, -2);
  ASSERT_TRUE(meter.take(traffic));
  EXPECT_EQ(traffic.tokens_out, 0);
  meter.count_tokens(0, 5);
  ASSERT_TRUE(meter.take(traffic));
  EXPECT_EQ(traffic.tokens_out, 3);
}

TEST(MeterTest, threads_lose_nothing) {
  Meter meter;
  std::atomic<std::int64_t> taken = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 1000; ++k) meter.count_request(200, false, 1ms);
    });
  }
  threads.emplace_back([&] {
    Traffic part;
    for (int k = 0; k < 100; ++k)
      if (meter.take(part)) taken += part.requests;
  });
  threads.clear();
  Traffic rest;
  if (meter.take(rest)) taken += rest.requests;
  EXPECT_EQ(taken, 4000);
}

// ---- token_count ---------------------------------------------------------------------------------------------------

/// The same text in pieces of every size must be counted the same.
std::tuple<std::int64_t, std::int64_t, std::int64_t> counted(std::string_view text, bool stream, std::size_t piece) {
  TokenCount count(stream);
  std::int64_t events = 0;
  for (std::size_t at = 0; at < text.size(); at += piece) events += count.feed(text.substr(at, piece));
  return {events, count.prompt_tokens().value_or(-1), count.completion_tokens().value_or(-1)};
}

TEST(TokenCountTest, finds_usage_and_events_however_the_text_is_cut) {
  const std::string stream =
      "data: {\"choices\":[{\"delta\":{\"content\":\"a data: b\"}}]}\n\n"
      "data: {\"choices\":[{\"delta\":{\"content\":\"\\n\"}}]}\r\n\r\n"
      "data: {\"choices\":[],\"usage\":{\"prompt_tokens\": 12,\"completion_tokens\":34,"
      "\"completion_tokens_details\":{\"x\":1}}}\n\ndata: [DONE]\n\n";
  const std::string whole =
      R"({"text":"\"prompt_tokens\":7 \"completion_tokens\":8","usage":{"completion_tokens":34,"prompt_tokens":12}})";
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    EXPECT_EQ(counted(stream, true, piece), std::tuple(3, 12, 34)) << piece;
    EXPECT_EQ(counted(whole, false, piece), std::tuple(0, 12, 34)) << piece;
  }
  EXPECT_EQ(counted("{}", false, 1), std::tuple(0, -1, -1));
  EXPECT_EQ(counted(R"("prompt_tokens":-5, "prompt_tokens":99999999999999999999999999999,)", false, 80),
            std::tuple(0, -1, -1));
}

// ---- pending -------------------------------------------------------------------------------------------------------

DeploymentTraffic requests(std::string id, std::int64_t count) {
  DeploymentTraffic out{std::move(id), {}};
  out.traffic.requests = count;
  return out;
}

TEST(PendingTrafficTest, merges_by_bucket_of_time_and_tells_also_silence) {
  PendingTraffic pending;
  pending.add({7'000'000}, {requests("dep_1", 1)});
  pending.add({9'000'000}, {requests("dep_1", 2), requests("dep_2", 1)});
  pending.add({10'000'000}, {});
  const auto told = pending.take();
  ASSERT_THAT(told, SizeIs(2));
  EXPECT_EQ(told[0].start.us, 5'000'000);
  ASSERT_THAT(told[0].deployments, SizeIs(2));
  EXPECT_EQ(told[0].deployments[0].traffic.requests, 3);
  EXPECT_EQ(told[1].start.us, 10'000'000);
  EXPECT_THAT(told[1].deployments, SizeIs(0));
  EXPECT_TRUE(pending.empty());
  EXPECT_THAT(pending.take(), SizeIs(0));
  pending.add({14'000'000}, {});
  EXPECT_TRUE(pending.empty());  // that is known already
  pending.add({14'000'000}, {requests("dep_1", 1)});
  EXPECT_THAT(pending.take(), SizeIs(1));
}

TEST(PendingTrafficTest, a_report_is_bounded_and_the_rest_follows) {
  PendingTraffic pending;
  const auto most = monitoring::deployments_per_report_max;
  std::vector<DeploymentTraffic> traffic;
  for (std::size_t i = 0; i < most + 10; ++i) traffic.push_back(requests(fmt::format("dep_{:05}", i), 1));
  pending.add({0}, traffic);
  auto first = pending.take();
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_THAT(first[0].deployments, SizeIs(most));
  auto second = pending.take();
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_EQ(second[0].start, first[0].start);
  EXPECT_THAT(second[0].deployments, SizeIs(10));
}

TEST(PendingTrafficTest, the_oldest_goes_when_nobody_listens) {
  PendingTraffic by_age(100, 3);
  for (int i = 0; i < 10; ++i) by_age.add({i * 5'000'000}, {requests("dep_1", 1)});
  const auto left = by_age.take();
  ASSERT_THAT(left, SizeIs(3));
  EXPECT_EQ(left[0].start.us, 35'000'000);

  PendingTraffic by_size(3, 100);
  for (int i = 0; i < 4; ++i) by_size.add({i * 5'000'000}, {requests("dep_1", 1), requests("dep_2", 1)});
  EXPECT_THAT(by_size.take(), SizeIs(1));
}

// ---- a gateway that reports ----------------------------------------------------------------------------------------

class MetricsFeedTest : public GatewayFixture {
 protected:
  MetricsFeedTest() {
    engine.handler.routes["/chat"] = [](http::Request&) -> http::Answer {
      http::Response response;
      response.headers.add("Content-Type", "application/json");
      response.body = R"({"usage":{"prompt_tokens":5,"completion_tokens":7}})";
      return response;
    };
    engine.handler.routes["/stream"] = [](http::Request&) -> http::Answer {
      http::Response response;
      response.headers.add("Content-Type", "text/event-stream");
      response.body = "data: {\"delta\":\"one\"}\n\ndata: {\"delta\":\"two\"}\n\ndata: [DONE]\n\n";
      return response;
    };
    engine.handler.routes["/broken"] = [](http::Request&) -> http::Answer { return http::Response{500, {}, {}}; };
    add_route("chat", {engine.start()});
    start();
  }
  ~MetricsFeedTest() override {
    metrics_feed.reset();
    feed.reset();
    std::filesystem::remove_all(state);
  }
  void follow(std::chrono::milliseconds report_interval = 5ms) {
    feed.emplace(
        SnapshotFeed::Options{.server = server.start(),
                              .token = crypto::make_token("enroll").reveal(),
                              .state = state,
                              .version = "0.1.0",
                              .retry_first = 5ms,
                              .retry_longest = 20ms},
        wall_clock, [](gateway::Snapshot) {}, [](const std::string&) {});
    metrics_feed.emplace(
        MetricsFeed::Options{.collect_interval = 5ms, .report_interval = report_interval, .retry_longest = 10ms},
        wall_clock, [this](auto elapsed) { return gateway->take_traffic(elapsed); },
        [this](std::size_t count_max) { return gateway->take_requests(count_max); },
        [this] { return feed->session(); });
  }
  /// Everything that was reported, each report counted once, as a server does.
  Traffic told() {
    std::int64_t last = 0;
    Traffic sum;
    for (const monitoring::ReportMetrics& report : server.reports()) {
      if (*report.sequence <= last) continue;
      last = *report.sequence;
      for (const auto& bucket : report.buckets)
        for (const auto& deployment : bucket.deployments) {
          EXPECT_EQ(deployment.deployment_id, "dep_chat");
          add(sum, deployment.traffic);
        }
    }
    return sum;
  }

  FakeEngine engine;
  const std::filesystem::path state = std::filesystem::temp_directory_path() / ("modelops_metrics_" + new_uuid7());
  SystemClock wall_clock;
  FakeControlPlane server;
  std::optional<SnapshotFeed> feed;
  std::optional<MetricsFeed> metrics_feed;
};

TEST_F(MetricsFeedTest, tells_what_it_served) {
  follow();
  EXPECT_EQ(call("/serve/acme/chat/chat").status, 200);
  EXPECT_EQ(call("/serve/acme/chat/stream").status, 200);
  EXPECT_EQ(call("/serve/acme/chat/broken").status, 500);
  EXPECT_EQ(call("/serve/acme/chat/nowhere").status, 404);
  ASSERT_TRUE(eventually([&] { return told().requests == 4; }));
  const Traffic traffic = told();
  EXPECT_EQ(traffic.server_errors, 1);
  EXPECT_EQ(traffic.client_errors, 1);
  EXPECT_EQ(traffic.tokens_in, 5);
  EXPECT_EQ(traffic.tokens_out, 9);  // 7 by usage, 2 events of a stream that told none
  EXPECT_THAT(traffic.first_token.counts, ElementsAre(1));
  EXPECT_GT(std::ssize(traffic.duration.buckets), 0);
  for (const auto& report : server.reports()) {
    EXPECT_EQ(*report.protocol, monitoring::protocol_version);
    EXPECT_EQ(*report.run, *server.reports().front().run);
  }
}

TEST_F(MetricsFeedTest, what_was_counted_while_the_server_was_away_is_told_later_and_once) {
  follow();
  ASSERT_TRUE(server.reported.await(1));
  server.metrics_status = 503;
  EXPECT_EQ(call("/serve/acme/chat/chat").status, 200);
  // One that was not answered well is repeated as it was.
  const int before = server.reported.value();
  ASSERT_TRUE(server.reported.await(before + 3));
  server.stop();
  EXPECT_EQ(call("/serve/acme/chat/chat").status, 200);
  server.metrics_status = 204;
  server.start();
  ASSERT_TRUE(eventually([&] { return told().requests == 2; }));
  std::map<std::int64_t, std::string> by_sequence;
  for (const auto& report : server.reports()) {
    const auto [at, is_new] = by_sequence.emplace(*report.sequence, reflect::to_json(report));
    EXPECT_EQ(at->second, reflect::to_json(report));
  }
}

TEST_F(MetricsFeedTest, a_report_that_is_refused_is_given_up) {
  server.metrics_status = 422;
  follow();
  EXPECT_EQ(call("/serve/acme/chat/chat").status, 200);
  ASSERT_TRUE(eventually([&] { return told().requests == 1; }));
  server.metrics_status = 204;
  EXPECT_EQ(call("/serve/acme/chat/chat").status, 200);
  ASSERT_TRUE(eventually([&] { return told().requests == 2; }));
}

TEST_F(MetricsFeedTest, the_last_seconds_are_told_at_the_end) {
  follow(1h);
  ASSERT_TRUE(eventually([&] { return feed->session() != nullptr; }));
  EXPECT_EQ(call("/serve/acme/chat/chat").status, 200);
  EXPECT_TRUE(gateway->drain(30s));  // as the program does; what is under way is counted then
  metrics_feed.reset();
  EXPECT_EQ(told().requests, 1);
}

}  // namespace
}  // namespace modelops::proxy
