#include <gmock/gmock.h>

#include <filesystem>

#include "base/text.hpp"
#include "identity/service.hpp"
#include "migrations/migrations.hpp"
#include "monitoring/jobs.hpp"
#include "monitoring/routes.hpp"
#include "monitoring/store.hpp"
#include "targets/machines.hpp"
#include "targets/signed_agent_test.hpp"
#include "tests/support/database.hpp"

namespace modelops::monitoring {
namespace {

using namespace std::chrono_literals;
using targets::testing::SignedAgent;
using ::testing::Contains;
using ::testing::Each;
using ::testing::Not;
using ::testing::Optional;
using ::testing::SizeIs;

struct QuietTrail final : identity::AuditTrail {
  void record(db::Tx&, const Context&, const identity::Act&) override {}
  void denied(const Context&, std::string_view, std::string_view) override {}
  void unknown_failure(std::string_view, std::string_view) override {}
};

struct OneVersion final : deployments::ModelVersions {
  std::optional<deployments::ResolvedVersion> find(db::Tx&, const Context&, const std::string&) override {
    deployments::ResolvedVersion made;
    made.org_id = "org_owner";
    made.model_id = "mdl_1";
    made.model_name = "digits";
    made.version_id = "ver_1";
    made.number = 1;
    made.digest = std::string(64, 'd');
    made.files = {{"digits.onnx", 10, std::string(64, '1')}};
    made.interface = "custom";
    made.recommended_engine = "onnxruntime";
    made.approval_state = "approved";
    return made;
  }
};

struct NoNeighbours final : targets::Artifacts, targets::TargetUsage {
  std::unique_ptr<storage::BlobReader> open(const std::string&, const std::string&) override { return nullptr; }
  std::vector<std::string> deployments_on(db::Tx&, const std::string&, const std::string&) override { return {}; }
};

class MonitoringTest : public ::testing::TestWithParam<db::Dialect>, public targets::ObservedSink {
 protected:
  MonitoringTest() {
    database->migrate(all_migrations());
    identity_access.set_known_permissions({"deployments:read", "deployments:write", "monitoring:read"});
    const auto boot = identity.bootstrap("acme", "admin@localhost");
    admin = *identity_access.context_of_key(boot->api_token);
    clock.advance(1s);
    identity.create_organization(admin, {*Slug::parse("other"), {}, *reflect::Email::parse("o@x.y")});
    other = admin;
    other.org_id = *database->read([](db::Tx& tx) {
      return tx.value<std::string>("SELECT id FROM organizations WHERE name = ?", std::string("other"));
    });
    other.actor.id = "usr_other";
    other.actor.permissions = {"deployments:read", "deployments:write", "monitoring:read"};
    agent.enrolled = machines.enroll({}, agent.enrollment(target_service.create(admin, {*Slug::parse("a"), {}}).token));
    foreign_agent.enrolled =
        machines.enroll({}, foreign_agent.enrollment(target_service.create(other, {*Slug::parse("a"), {}}).token));
    edge = enrolled_gateway(admin, "edge");
    second = enrolled_gateway(admin, "second");
    foreign = enrolled_gateway(other, "edge");
    digits = deploy(admin, "digits");
    theirs = deploy(other, "theirs");
  }
  ~MonitoringTest() override { std::filesystem::remove_all(folder); }

  using Slug = reflect::Slug;

  void observed(db::Tx& tx, const targets::Machine& machine, const targets::ReportObserved& report) override {
    controller.observed(tx, machine, report);
    service.observed(tx, machine, report);
  }
  void logged(db::Tx&, const targets::Machine&, const std::vector<targets::ReplicaLogLine>&) override {}

  SignedAgent enrolled_gateway(const Context& ctx, const std::string& name) {
    SignedAgent out;
    out.enrolled = machines.enroll({}, out.enrollment(target_service.create_gateway(ctx, {*Slug::parse(name)}).token));
    return out;
  }
  std::string deploy(const Context& ctx, const std::string& name,
                     identity::Visibility visibility = identity::Visibility::organization) {
    deployments::CreateDeployment request;
    request.name = *Slug::parse(name);
    request.model = *Reference::parse("digits@production");
    request.target = *Reference::parse("a");
    request.environment = *Reference::parse("development");
    request.visibility = visibility;
    return deployment_service.create(ctx, request).id.str();
  }

  /// The report of the bucket of time that has just begun.
  ReportMetrics report_of(std::vector<DeploymentTraffic> traffic) {
    return {{1}, {"run-1"}, {++sequence}, {{bucket_start(clock.now(), fine_step), std::move(traffic)}}};
  }
  DeploymentTraffic requests(const std::string& id, std::int64_t count, std::int64_t duration_us = 1000) {
    DeploymentTraffic out{id, {}};
    out.traffic.requests = count;
    out.traffic.tokens_out = 10 * count;
    if (count > 0) add(out.traffic.duration, histogram_bucket(duration_us), count);
    return out;
  }
  int send(const SignedAgent& machine, const ReportMetrics& report) {
    const http::Request raw = machine.request(http::Method::post, "/api/v1/machines/metrics", clock.now());
    const auto answer = std::get<http::Response>(service.report({}, report, raw));
    EXPECT_TRUE(machine.trusts(raw, answer));
    return answer.status;
  }
  DeploymentMetrics metrics(const Context& ctx, const std::string& deployment, const char* window = "15m") {
    return service.deployment(ctx, {*Reference::parse(deployment), *WindowName::parse(window), {}});
  }
  DeploymentMetricsPage summaries(const Context& ctx) { return service.list(ctx, {}); }
  /// The sum of a series, of which nothing is null where something was reported.
  static double sum(const Values& values) {
    double out = 0;
    for (const auto& value : values) out += value.value_or(0);
    return out;
  }
  template <class F>
  ErrorCode code_of(F&& f) {
    try {
      f();
    } catch (const Error& error) {
      return error.code;
    }
    return ErrorCode::internal;
  }

  std::filesystem::path folder = [] {
    auto path = std::filesystem::temp_directory_path() / ("modelops_monitoring_" + new_uuid7());
    std::filesystem::create_directories(path / "data");
    return path;
  }();
  modelops::testing::TestDatabase database{GetParam()};
  ManualClock clock{bucket_start(SystemClock().now(), coarse.step)};
  QuietTrail trail;
  crypto::Keyring keyring{folder / "master.key", folder / "data"};
  identity::Access identity_access{*database, clock, trail, keyring, false};
  identity::Service identity{*database, clock, trail, identity_access};
  events::Topics topics;
  eventlog::EventLog events{topics, clock};
  NoNeighbours artifacts;
  targets::Service target_service{*database, clock, trail, events, topics, artifacts};
  targets::ServerKeys keys{*database, clock, keyring};
  targets::MachineAccess access{*database, clock, trail, keys, topics};
  deployments::Controller controller{*database, clock, trail, events, topics, keyring, target_service};
  deployments::EngineCatalogue catalogue = deployments::EngineCatalogue::load();
  OneVersion versions;
  deployments::AdmitAll admission;
  deployments::Service deployment_service{*database,  clock,     trail,    target_service,
                                          controller, catalogue, versions, admission};
  gateway::Service gateway_service{*database, access};
  Service service{*database, clock, access, gateway_service, deployment_service};
  targets::Machines machines{*database, clock, trail, keys, access, topics, controller, *this, artifacts};
  Retention retention{*database, clock};
  jobs::LeaseKeeper keeper{*database};
  Context admin, other;
  SignedAgent agent, foreign_agent, edge, second, foreign;
  std::string digits, theirs;
  std::int64_t sequence = 0;
};

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
  const auto report = [&](double cpu_seconds, std::int64_t memory_bytes) {
    targets::ReportObserved said{{1}, 1'000, {}, {}};
    const auto replicas = database->read(
        [&](db::Tx& tx) { return deployment_service.replicas_on(tx, admin.org_id, agent.enrolled.target_id); });
    for (const auto& [id, deployment] : replicas) {
      targets::ObservedReplica replica;
      replica.replica_id = id;
      replica.state = targets::ReplicaState::ready;
      replica.pid = 7;
      replica.cpu_seconds = cpu_seconds;
      replica.memory_bytes = memory_bytes;
      said.replicas.push_back(replica);
    }
    said.replicas.push_back({"rep_of_nobody", targets::ReplicaState::ready, {}, {}, {}, 9, 0, {}, {}, {}, {}, 1, 1});
    const http::Request raw = agent.request(http::Method::post, "/api/v1/machines/observed", clock.now());
    ASSERT_EQ(std::get<http::Response>(machines.observed({}, said, raw)).status, 204);
  };
  for (int i = 0; i < 4; ++i) {
    report(5.0 * i, 1'000'000 + i);
    clock.advance(10s);
  }
  const DeploymentMetrics found = metrics(admin, "digits");
  ASSERT_THAT(found.replicas, SizeIs(1));
  EXPECT_THAT(found.replicas[0].cpu_cores, Contains(Optional(0.5)).Times(7));
  EXPECT_THAT(found.replicas[0].memory_bytes, Contains(Optional(1'000'003.0)));
  EXPECT_THAT(found.replicas[0].memory_bytes, Not(Contains(Optional(1.0))));
  EXPECT_THAT(metrics(other, "theirs").replicas, SizeIs(0));
}

MODELOPS_ON_BOTH_DATABASES(MonitoringTest);

}  // namespace
}  // namespace modelops::monitoring
