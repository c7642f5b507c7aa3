#include "dataplane/agent/scraper.hpp"

#include <gmock/gmock.h>

#include "dataplane/machine/control_plane_test.hpp"
#include "platform/http/server.hpp"

namespace modelops::agent {
namespace {

using std::chrono::milliseconds;
using targets::EngineSample;
using targets::MetricRule;
using targets::ReplicaState;
using ::testing::ElementsAre;
using testing::eventually;
using ::testing::IsEmpty;

TEST(Translate, FollowsTheRulesThatItIsGiven) {
  constexpr std::string_view text =
      "running 2\nrunning 3\nusage{engine=\"0\"} 0.2\nusage{engine=\"1\"} 0.6\n"
      "ttft_sum 4500\nttft_count 30\nforward{method=\"prefill\"} 7\nforward{method=\"decode\"} 9\n"
      "bad NaN\nhuge +Inf\nalone_sum 1\n";
  const std::vector<MetricRule> rules = {{"requests_running", "running", {}, "", 1, false},
                                         {"kv_usage_ratio", "usage", {}, "", 1, true},
                                         {"ttft_seconds", "ttft_sum", {}, "ttft_count", 0.001, false},
                                         {"decode_seconds", "forward", {{"method", "decode"}}, "", 1, false},
                                         {"absent", "absent", {}, "", 1, false},
                                         {"bad", "bad", {}, "", 1, false},
                                         {"huge", "huge", {}, "", 1, false},
                                         {"alone", "alone_sum", {}, "alone_count", 1, false}};
  EXPECT_THAT(translate(rules, text),
              ElementsAre(EngineSample{"requests_running", 5, {}}, EngineSample{"kv_usage_ratio", 0.4, {}},
                          EngineSample{"ttft_seconds", 4.5, 30.0}, EngineSample{"decode_seconds", 9, {}}));
  EXPECT_THAT(translate({}, text), IsEmpty());
  EXPECT_THAT(translate(rules, "<html>not metrics</html>"), IsEmpty());
  EXPECT_EQ(translate(std::vector<MetricRule>(200, rules[0]), text).size(), targets::engine_samples_max);
}

/// An engine whose /metrics answers what the test says.
class Exposing final : public http::Handler {
 public:
  http::Plan plan(const http::Request&) noexcept override { return {}; }
  http::Answer handle(const http::Plan&, http::Request&& request) override {
    std::lock_guard lock(mutex);
    ++asked;
    if (request.path != "/metrics") return http::Response{404, {}, {}};
    return http::Response{status, {}, body};
  }
  std::unique_ptr<http::BodySink> receive(const http::Plan&, const http::Request&) override { return nullptr; }
  std::mutex mutex;
  int asked = 0;
  int status = 200;
  std::string body = "running 2\n";
};

class ScraperTest : public ::testing::Test {
 protected:
  ScraperTest() {
    targets::DesiredState desired;
    for (const char* id : {"rep_1", "rep_plain"}) desired.replicas.emplace_back().replica_id = id;
    desired.replicas[0].metrics = {"/metrics", 0, {{"requests_running", "running", {}, "", 1, false}}};
    scraper.want(desired);
    for (const char* id : {"rep_1", "rep_plain"}) {
      auto& replica = replicas.emplace_back();
      replica.replica_id = id;
      replica.state = ReplicaState::ready;
      replica.address = fmt::format("127.0.0.1:{}", server.port());
    }
  }
  std::vector<targets::ObservedReplica> observed() {
    std::lock_guard lock(mutex);
    return replicas;
  }
  std::vector<EngineSample> read(std::size_t index = 0) {
    auto seen = observed();
    scraper.add_to(seen);
    return seen[index].engine;
  }
  void change(const std::function<void(targets::ObservedReplica&)>& f) {
    std::lock_guard lock(mutex);
    f(replicas[0]);
  }

  Exposing engine;
  events::Topics topics;
  http::Server server{{}, engine, topics};
  std::mutex mutex;
  std::vector<targets::ObservedReplica> replicas;
  Scraper scraper{milliseconds(5)};
  std::jthread running;

  void start() {
    running = std::jthread([this](std::stop_token stop) { scraper.run(stop, [this] { return observed(); }); });
  }
};

TEST_F(ScraperTest, AsksReadyReplicasWhoseEngineExposesMetrics) {
  start();
  EXPECT_TRUE(eventually([&] { return read() == std::vector<EngineSample>{{"requests_running", 2, {}}}; }));
  EXPECT_THAT(read(1), IsEmpty());
  {
    std::lock_guard lock(engine.mutex);
    engine.body = "running 7\n";
  }
  EXPECT_TRUE(eventually([&] { return read() == std::vector<EngineSample>{{"requests_running", 7, {}}}; }));
  change([](auto& replica) { replica.state = ReplicaState::unhealthy; });
  EXPECT_TRUE(eventually([&] { return read().empty(); })) << "what it said before is not told any more";
}

TEST_F(ScraperTest, AnEngineThatFailsIsLeftAloneForAWhile) {
  engine.status = 500;
  start();
  ASSERT_TRUE(eventually([&] {
    std::lock_guard lock(engine.mutex);
    return engine.asked > 0;
  }));
  running.request_stop();
  running.join();
  EXPECT_EQ(engine.asked, 1);
  EXPECT_THAT(read(), IsEmpty());
}

TEST_F(ScraperTest, TextOfAnyKindIsTolerated) {
  engine.body = std::string(5 << 20, 'x');  // more than is read
  start();
  ASSERT_TRUE(eventually([&] {
    std::lock_guard lock(engine.mutex);
    return engine.asked > 0;
  }));
  EXPECT_THAT(read(), IsEmpty());
  change([](auto& replica) { replica.address = "no address"; });
  EXPECT_THAT(read(), IsEmpty());
}

}  // namespace
}  // namespace modelops::agent
