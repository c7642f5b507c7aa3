#include "monitoring/performance.hpp"

#include "monitoring/discovery.hpp"
#include "monitoring/fixture_test.hpp"

namespace modelops::monitoring {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Optional;
using ::testing::Pair;
using ::testing::SizeIs;

/// Remembers what it is asked.
struct FakeHistory final : History {
  std::vector<HistorySeries> range(const HistoryQuery& query, Deadline) override {
    {
      std::lock_guard lock(mutex);
      asked.push_back(query);
    }
    if (asking) asking();
    if (query.metric == "first_token_p50_ms") return {};
    const Values values(static_cast<std::size_t>(query.count), 1.23456);
    return {{query.metric == "cpu_cores" ? "rep_1" : "", values}};
  }
  std::map<std::string, double> summary(const SummaryQuery& query, Deadline) override {
    summed.push_back(query);
    return answers;
  }
  std::mutex mutex;
  std::vector<HistoryQuery> asked;
  std::vector<SummaryQuery> summed;
  std::map<std::string, double> answers;
  std::function<void()> asking;
};

class PerformanceTest : public MonitoringTest {
 protected:
  GetDeploymentHistory request(const std::string& deployment, const std::string& names = "") {
    GetDeploymentHistory out;
    out.deployment = *Reference::parse(deployment);
    out.metrics = *reflect::Bounded<0, 2000>::parse(names);
    return out;
  }
  static ListPerformance window(const char* name) {
    ListPerformance out;
    out.window = *PerformanceWindow::parse(name);
    return out;
  }
  std::vector<ScrapeTarget> found(const Context& ctx, const char* local = nullptr) {
    DiscoverTargets asked;
    if (local != nullptr) asked.local = Slug::parse(local);
    return discovery.targets(ctx, asked);
  }
  static std::vector<std::string> addresses(const std::vector<ScrapeTarget>& targets) {
    std::vector<std::string> out;
    for (const ScrapeTarget& target : targets)
      out.push_back(target.labels.at("component") + " " + target.targets.at(0));
    return out;
  }
  std::string exposed(const Context& ctx) { return std::get<http::Response>(discovery.engines(ctx, {})).body; }

  FakeHistory history;
  Performance performance{*database, clock, gateway_service, deployment_service, &history};
  Discovery discovery{*database, clock, target_service, gateway_service, deployment_service, "https://ops.acme.org"};
};

TEST_P(PerformanceTest, ARangeNamesTheDeploymentThatTheCallerMaySee) {
  const DeploymentHistory out = performance.deployment(admin, request("digits", "requests_per_second, cpu_cores"));
  EXPECT_EQ(out.deployment_id.str(), digits);
  ASSERT_THAT(out.series, SizeIs(2));
  EXPECT_EQ(out.series[0].unit, "1/s");
  EXPECT_THAT(out.series[0].values, SizeIs(out.times.size()));
  EXPECT_THAT(out.series[0].values[0], Optional(1.235));
  EXPECT_THAT(out.series[1].replica_id, Optional(std::string("rep_1")));
  ASSERT_THAT(history.asked, SizeIs(2));
  EXPECT_EQ(history.asked[0].organization, "acme");
  EXPECT_EQ(history.asked[0].deployment_id, digits);

  history.asked.clear();
  EXPECT_EQ(code_of([&] { performance.deployment(other, request(digits)); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { performance.deployment(admin, request("theirs")); }), ErrorCode::not_found);
  EXPECT_THAT(history.asked, IsEmpty());
  performance.deployment(other, request("theirs", "error_ratio"));
  EXPECT_EQ(history.asked.at(0).organization, "other");
}

TEST_P(PerformanceTest, WithoutNamesAllThatItsEngineMayTellIsAsked) {
  const DeploymentHistory out = performance.deployment(admin, request("digits"));
  std::vector<std::string> names;
  for (const HistoryQuery& query : history.asked) names.push_back(query.metric);
  EXPECT_THAT(names, AllOf(Contains("requests_per_second"), Contains("memory_bytes"), Contains("queue_seconds"),
                           Not(Contains("kv_usage_ratio"))));
  EXPECT_THAT(out.series, SizeIs(names.size() - 1)) << "what nothing is known of is left out";
}

TEST_P(PerformanceTest, OnlyNamesOfMetricsAreTaken) {
  for (const char* hostile :
       {"up", "requests_per_second,", "requests_per_second\"} or {__name__=~\".+\"", "modelops_gateway_requests_total"})
    EXPECT_EQ(code_of([&] { performance.deployment(admin, request("digits", hostile)); }), ErrorCode::unprocessable)
        << hostile;
  EXPECT_THAT(history.asked, IsEmpty());
}

TEST_P(PerformanceTest, WithoutPrometheusItSaysWhatToDo) {
  Performance without(*database, clock, gateway_service, deployment_service, nullptr);
  const auto problem = [&](const auto& call) {
    try {
      call();
    } catch (const Error& error) {
      return std::to_string(http_status(error.code)) + " " + error.message;
    }
    return std::string("nothing was thrown");
  };
  EXPECT_THAT(problem([&] { without.deployment(admin, request("digits")); }),
              AllOf(HasSubstr("503"), HasSubstr("prometheus.url")));
  EXPECT_THAT(problem([&] { without.list(admin, window("7d")); }), HasSubstr("503"));
  EXPECT_THAT(without.list(admin, window("1h")).items, SizeIs(1)) << "its own measurements need none";
  EXPECT_EQ(code_of([&] { without.deployment(other, request(digits)); }), ErrorCode::not_found);
}

TEST_P(PerformanceTest, ASlowHistoryHoldsOnlyAFewThreads) {
  std::mutex mutex;
  std::condition_variable changed;
  int waiting = 0;
  bool go = false;
  history.asking = [&] {
    std::unique_lock lock(mutex);
    ++waiting;
    changed.notify_all();
    changed.wait(lock, [&] { return go; });
  };
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 4; ++i)
      callers.emplace_back([&, i] {
        performance.deployment(i % 2 == 0 ? admin : other,
                               request(i % 2 == 0 ? "digits" : "theirs", "requests_per_second"));
      });
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return waiting == 4; });
    }
    EXPECT_EQ(code_of([&] { performance.deployment(admin, request("digits")); }), ErrorCode::unavailable);
    {
      std::lock_guard lock(mutex);
      go = true;
    }
    changed.notify_all();
  }
  EXPECT_NO_THROW(performance.deployment(admin, request("digits", "requests_per_second")));
}

TEST_P(PerformanceTest, ShortWindowsAreOfWhatGatewaysReported) {
  for (int i = 0; i < 12; ++i) {
    DeploymentTraffic traffic = requests(digits, 10, 2000);
    traffic.traffic.server_errors = 1;
    add(traffic.traffic.first_token, histogram_bucket(40'000), 5);
    send(edge, report_of({traffic}));
    clock.advance(5s);
  }
  clock.advance(10s);
  for (const char* name : {"15m", "1h"}) {
    const PerformancePage page = performance.list(admin, window(name));
    ASSERT_THAT(page.items, SizeIs(1));
    const DeploymentPerformance& row = page.items[0];
    EXPECT_EQ(row.name, "digits");
    EXPECT_THAT(row.requests, Optional(120.0)) << name;
    EXPECT_THAT(row.errors, Optional(12.0));
    EXPECT_THAT(row.requests_per_second, Optional(2.0));
    EXPECT_THAT(row.error_ratio, Optional(0.1));
    EXPECT_NEAR(row.duration_p99_ms.value_or(0), 2, 0.07);
    EXPECT_NEAR(row.first_token_p50_ms.value_or(0), 40, 1.3);
    EXPECT_FALSE(row.inter_token_p50_ms);
    EXPECT_THAT(row.tokens_out_per_second, Optional(20.0));
  }
  EXPECT_THAT(performance.list(other, window("1h")).items.at(0).requests, Optional(0.0));
  EXPECT_THAT(history.summed, IsEmpty());
}

TEST_P(PerformanceTest, LongWindowsAreOfTheHistoryAndOfTheCallersOrganization) {
  history.answers = {{digits, 3.0}, {theirs, 9.0}};
  const PerformancePage page = performance.list(admin, window("7d"));
  ASSERT_THAT(page.items, SizeIs(1));
  EXPECT_THAT(page.items[0].requests, Optional(3.0));
  EXPECT_THAT(page.items[0].inter_token_p99_ms, Optional(3.0));
  ASSERT_THAT(history.summed, SizeIs(15));
  EXPECT_EQ(history.summed[0].organization, "acme");
  EXPECT_EQ(history.summed[0].window, 24h * 7);
}

TEST_P(PerformanceTest, PrometheusFindsServerGatewaysAndEngines) {
  const auto at = [](const std::string& address) {
    return [address](targets::ObservedReplica& replica) { replica.address = address; };
  };
  observe(agent, admin, at("127.0.0.1:4000"));
  observe(foreign_agent, other, at("10.0.0.9:5000"));
  ReportMetrics here = report_of({});
  here.address = "127.0.0.1:18088";
  send(edge, here);
  ReportMetrics there = report_of({});
  there.address = "10.0.0.9:18088";
  send(foreign, there);
  send(second, report_of({}));  // an older gateway, which does not say where it is

  const auto all = found(admin);
  EXPECT_THAT(addresses(all), ::testing::UnorderedElementsAre("server ops.acme.org:443", "gateway 10.0.0.9:18088",
                                                              "engine 10.0.0.9:5000"));
  EXPECT_THAT(all[0].labels, Contains(Pair("__scheme__", "https")));
  for (const ScrapeTarget& target : all) {
    if (target.labels.at("component") == "gateway") {
      EXPECT_THAT(target.labels, Contains(Pair("organization", "other"))) << "it speaks of no other";
    }
    if (target.labels.at("component") != "engine") continue;
    EXPECT_THAT(target.labels,
                AllOf(Contains(Pair("organization", "other")), Contains(Pair("target", "a")),
                      Contains(Pair("deployment", "theirs")), Contains(Pair("deployment_id", theirs)),
                      Contains(Pair("engine", "onnxruntime")), Contains(Pair("environment", "development")),
                      Contains(Pair("__metrics_path__", "/metrics"))));
  }
  // What listens on a loopback address is found by a Prometheus on that machine only.
  EXPECT_THAT(addresses(found(admin, "a")), Contains("engine 127.0.0.1:4000"));
  EXPECT_THAT(addresses(found(admin, "edge")), Contains("gateway 127.0.0.1:18088"));
  // Another organization finds its own, whatever it calls its machines.
  EXPECT_THAT(addresses(found(other)),
              ::testing::UnorderedElementsAre("gateway 10.0.0.9:18088", "engine 10.0.0.9:5000"));
  EXPECT_THAT(addresses(found(other, "a")), Not(Contains("engine 127.0.0.1:4000")));
  clock.advance(2h);
  EXPECT_THAT(addresses(found(admin)), Not(Contains("gateway 10.0.0.9:18088"))) << "it has been silent for long";
}

TEST_P(PerformanceTest, WhatEnginesTellIsExposedInOneVocabulary) {
  const auto say = [](targets::ObservedReplica& replica) {
    replica.address = "127.0.0.1:4000";
    replica.cpu_seconds = 2.5;
    replica.engine = {{"requests_waiting", 4, {}}, {"tokens_out_total", 70, {}}, {"queue_seconds", 1.5, 30.0}};
  };
  observe(agent, admin, say);
  observe(foreign_agent, other, say);
  const std::string text = exposed(admin);
  EXPECT_THAT(text, HasSubstr("# TYPE modelops_engine_requests_waiting gauge\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE modelops_engine_queue_seconds_sum_total counter\n"));
  EXPECT_THAT(text, HasSubstr("modelops_engine_tokens_out_total{deployment=\"digits\""));
  EXPECT_THAT(text, AllOf(HasSubstr("organization=\"acme\""), HasSubstr("organization=\"other\"")));
  EXPECT_THAT(text, HasSubstr("modelops_replica_cpu_seconds_total"));
  EXPECT_THAT(exposed(other), AllOf(HasSubstr("organization=\"other\""), Not(HasSubstr("organization=\"acme\""))));
  clock.advance(5min);
  EXPECT_THAT(exposed(admin), Not(HasSubstr("modelops_engine"))) << "what is old is not told as new";
}

TEST_P(PerformanceTest, AgentsHearWhatToReadOfTheirEngines) {
  std::vector<targets::DesiredReplica> replicas(2);
  replicas[0].engine = "llama_cpp";
  replicas[1].engine = "unheard_of";
  service.add_sources(replicas);
  ASSERT_TRUE(replicas[0].metrics);
  EXPECT_EQ(replicas[0].metrics->path, "/metrics");
  EXPECT_FALSE(replicas[0].metrics->rules.empty());
  EXPECT_FALSE(replicas[1].metrics);
}

MODELOPS_ON_BOTH_DATABASES(PerformanceTest);

}  // namespace
}  // namespace modelops::monitoring
