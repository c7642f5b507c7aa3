#include "monitoring/fixture_test.hpp"

namespace modelops::monitoring {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::Each;
using ::testing::Not;
using ::testing::Optional;
using ::testing::SizeIs;

TEST_P(MonitoringTest, WhatGatewaysReportIsAddedUpOnce) {
  const ReportMetrics first = report_of({requests(digits, 30, 1000)});
  EXPECT_EQ(send(edge, first), 204);
  EXPECT_EQ(send(edge, first), 204);  // its answer was lost: the same report again
  EXPECT_EQ(send(second, report_of({requests(digits, 10, 9000)})), 204);
  clock.advance(20s);
  for (const char* window : {"15m", "1h"}) {
    const DeploymentMetrics found = metrics(admin, "digits", window);
    EXPECT_EQ(found.deployment_id.str(), digits);
    EXPECT_EQ(found.times.size(), found.traffic.requests_per_second.size());
    EXPECT_NEAR(sum(found.traffic.requests_per_second) * 5, 40, 0.1) << window;
    EXPECT_NEAR(sum(found.traffic.duration_p50_ms), 1, 0.04);
    EXPECT_NEAR(sum(found.traffic.duration_p95_ms), 9, 0.3);
  }
  clock.advance(5min);
  const DeploymentMetrics day = metrics(admin, "digits", "24h");
  EXPECT_NEAR(sum(day.traffic.requests_per_second) * 60, 40, 0.1);  // one minute of five was reported
  EXPECT_NEAR(sum(day.traffic.duration_p95_ms), 9, 0.3);
}

TEST_P(MonitoringTest, ANewRunOfAGatewayBeginsToCountAnew) {
  ReportMetrics report = report_of({requests(digits, 1)});
  report.sequence = {100};
  send(edge, report);
  report.run = {"run-2"};
  report.sequence = {1};
  send(edge, report);
  report.sequence = {2};
  send(edge, report);
  send(edge, report);
  clock.advance(10s);
  EXPECT_NEAR(sum(metrics(admin, "digits").traffic.requests_per_second) * 5, 3, 0.01);
}

TEST_P(MonitoringTest, SilenceIsZeroAndAbsenceIsNull) {
  EXPECT_THAT(metrics(admin, "digits").traffic.requests_per_second, Each(std::nullopt));
  send(edge, report_of({}));
  clock.advance(10s);
  const DeploymentMetrics found = metrics(admin, "digits");
  EXPECT_THAT(found.traffic.requests_per_second, Contains(Optional(0.0)).Times(1));
  EXPECT_THAT(found.traffic.requests_per_second, Contains(std::optional<double>()).Times(179));
  EXPECT_THAT(found.traffic.duration_p95_ms, Each(std::nullopt));
}

TEST_P(MonitoringTest, AGatewayReportsOnlyWhatItRoutes) {
  // The gateway of another organisation cannot speak of ours, nor of what is not there.
  EXPECT_EQ(send(foreign, report_of({requests(digits, 100), requests(theirs, 5), requests("dep_gone", 1)})), 204);
  clock.advance(10s);
  EXPECT_EQ(sum(metrics(admin, "digits").traffic.requests_per_second), 0);
  EXPECT_NEAR(sum(metrics(other, "theirs").traffic.requests_per_second) * 5, 5, 0.01);
  // It was there for its own organisation only.
  EXPECT_THAT(metrics(admin, "digits").traffic.requests_per_second, Each(std::nullopt));
  // Whoever runs the installation runs gateways for all.
  send(edge, report_of({requests(theirs, 5)}));
  clock.advance(10s);
  EXPECT_NEAR(sum(metrics(other, "theirs").traffic.requests_per_second) * 5, 10, 0.01);
}

TEST_P(MonitoringTest, AgentsAndRevokedGatewaysAreRefusedAndBadReportsToo) {
  EXPECT_EQ(send(agent, report_of({})), 403);
  ReportMetrics bad = report_of({requests(digits, 1)});
  bad.buckets[0].start.us += 1;
  EXPECT_EQ(send(edge, bad), 422);
  target_service.revoke_gateway(admin, {*Reference::parse("edge")});
  EXPECT_EQ(send(edge, report_of({requests(digits, 1)})), 401);
  clock.advance(10s);
  EXPECT_EQ(sum(metrics(admin, "digits").traffic.requests_per_second), 0);
}

TEST_P(MonitoringTest, OnlyWhatMayBeSeenIsTold) {
  const std::string secret = deploy(admin, "secret", identity::Visibility::private_);
  const std::string open = deploy(admin, "open", identity::Visibility::public_);
  send(edge, report_of({requests(digits, 1), requests(secret, 2), requests(open, 3)}));
  clock.advance(10s);
  for (const std::string& name : {digits, secret})
    EXPECT_EQ(code_of([&] { metrics(other, name); }), ErrorCode::not_found);
  EXPECT_NEAR(sum(metrics(other, open).traffic.requests_per_second) * 5, 3, 0.01);
  Context colleague = admin;
  colleague.actor.id = "usr_colleague";
  colleague.actor.permissions = {"monitoring:read", "deployments:read"};
  EXPECT_EQ(code_of([&] { metrics(colleague, secret); }), ErrorCode::not_found);
  EXPECT_NO_THROW(metrics(colleague, digits));
  EXPECT_THAT(summaries(colleague).items, SizeIs(2));
  EXPECT_THAT(summaries(admin).items, SizeIs(3));
  EXPECT_THAT(summaries(other).items, SizeIs(1));
}

TEST_P(MonitoringTest, ALateReportCountsWhereItsTimeStillIs) {
  ReportMetrics late = report_of({requests(digits, 6)});
  late.buckets[0].start = bucket_start(clock.now() - 2h, fine_step);
  EXPECT_EQ(send(edge, late), 204);
  ReportMetrics ancient = report_of({requests(digits, 6)});
  ancient.buckets[0].start = bucket_start(clock.now() - 48h, fine_step);
  EXPECT_EQ(send(edge, ancient), 204);  // forgotten, and no reason to repeat it
  clock.advance(10s);
  EXPECT_NEAR(sum(metrics(admin, "digits", "24h").traffic.requests_per_second) * 60, 6, 0.01);
  EXPECT_EQ(
      database->read([](db::Tx& tx) { return tx.value<std::int64_t>("SELECT count(*) FROM monitoring_traffic"); }), 1);
}

TEST_P(MonitoringTest, WhatIsOldIsForgotten) {
  send(edge, report_of({requests(digits, 1)}));
  const auto rows = [&] {
    return *database->read([](db::Tx& tx) {
      return tx.value<std::int64_t>(
          "SELECT (SELECT count(*) FROM monitoring_traffic) + (SELECT count(*) FROM monitoring_coverage)");
    });
  };
  const auto prune = [&] { retention.reconcile(keeper.try_hold("test")->fence()); };
  prune();
  EXPECT_EQ(rows(), 4);
  clock.advance(2h);
  prune();
  EXPECT_EQ(rows(), 2);  // the minute is kept
  clock.advance(26h);
  prune();
  EXPECT_EQ(rows(), 0);
}

TEST_P(MonitoringTest, ReportsAtTheSameTimeLoseNothing) {
  constexpr int reports = 10;
  const Time start = bucket_start(clock.now(), fine_step);
  std::vector<std::jthread> gateways;
  for (const SignedAgent* machine : {&edge, &second}) {
    gateways.emplace_back([&, machine] {
      for (int i = 1; i <= reports; ++i) {
        const ReportMetrics report{{1}, {"run"}, {i}, {{start, {requests(digits, 1)}}}};
        EXPECT_EQ(send(*machine, report), 204);
      }
    });
  }
  gateways.clear();
  clock.advance(10s);
  EXPECT_NEAR(sum(metrics(admin, "digits").traffic.requests_per_second) * 5, 2 * reports, 0.01);
}

TEST_P(MonitoringTest, ASummarySaysHowEachDeploymentDoes) {
  for (int i = 0; i < 12; ++i) {
    DeploymentTraffic traffic = requests(digits, 10, 2000);
    traffic.traffic.server_errors = 1;
    send(edge, report_of({traffic}));
    clock.advance(5s);
  }
  clock.advance(34s);
  const DeploymentMetricsPage page = summaries(admin);
  EXPECT_EQ(page.step, 30);
  EXPECT_EQ(page.times.size(), 30u);
  ASSERT_THAT(page.items, SizeIs(1));
  const DeploymentMetricsSummary& row = page.items[0];
  EXPECT_EQ(row.name, "digits");
  EXPECT_THAT(row.requests_per_second, Optional(2.0));  // over the minute that was reported
  EXPECT_THAT(row.error_ratio, Optional(0.1));
  EXPECT_THAT(row.tokens_out_per_second, Optional(20.0));
  EXPECT_NEAR(row.duration_p95_ms.value_or(0), 2, 0.07);
  EXPECT_THAT(row.sparkline, Contains(Optional(2.0)).Times(2));
  EXPECT_THAT(row.sparkline, Contains(std::optional<double>()).Times(28));
  const DeploymentMetricsSummary silent = summaries(other).items.at(0);
  EXPECT_THAT(silent.requests_per_second, Optional(0.0));
  EXPECT_FALSE(silent.error_ratio || silent.duration_p95_ms);
}

TEST_P(MonitoringTest, ReplicasShowTheirCpuAndMemory) {
  for (int i = 0; i < 4; ++i) {
    observe(agent, admin, [&](targets::ObservedReplica& replica) {
      replica.cpu_seconds = 5.0 * i;
      replica.memory_bytes = 1'000'000 + i;
      replica.engine = {{"requests_running", 3.0 * i, {}},
                        {"tokens_out_total", 100.0 * i, {}},
                        {"tpot_seconds", 0.5 * i, 10.0 * i},
                        {"of_nobody", 1, {}}};
    });
    clock.advance(10s);
  }
  const DeploymentMetrics found = metrics(admin, "digits");
  ASSERT_THAT(found.replicas, SizeIs(1));
  EXPECT_THAT(found.replicas[0].cpu_cores, Contains(Optional(0.5)).Times(7));
  EXPECT_THAT(found.replicas[0].memory_bytes, Contains(Optional(1'000'003.0)));
  EXPECT_THAT(found.replicas[0].memory_bytes, Not(Contains(Optional(1.0))));
  EXPECT_THAT(metrics(other, "theirs").replicas, SizeIs(0));
  const auto& engine = found.replicas[0].engine;
  ASSERT_THAT(engine, SizeIs(3));
  EXPECT_EQ(engine[0].name, "requests_running");
  EXPECT_THAT(engine[0].values, Contains(Optional(9.0)));
  EXPECT_EQ(engine[1].name + " " + engine[1].unit, "tokens_out_total token");
  EXPECT_THAT(engine[1].values, Contains(Optional(10.0)).Times(7));
  EXPECT_EQ(engine[2].name + " " + engine[2].unit, "tpot_seconds s");
  EXPECT_THAT(engine[2].values, Contains(Optional(0.05)).Times(7));
}

MODELOPS_ON_BOTH_DATABASES(MonitoringTest);

}  // namespace
}  // namespace modelops::monitoring
