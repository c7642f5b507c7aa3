#pragma once
// Monitoring on a database with what it hangs on: two organisations, each with an agent, a gateway and a deployment.
#include <gmock/gmock.h>

#include <filesystem>

#include "base/code_of_test.hpp"
#include "base/text.hpp"
#include "identity/recording_trail_test.hpp"
#include "identity/service.hpp"
#include "migrations/migrations.hpp"
#include "monitoring/jobs.hpp"
#include "monitoring/service.hpp"
#include "monitoring/store.hpp"
#include "targets/machines.hpp"
#include "targets/signed_agent_test.hpp"
#include "tests/support/database.hpp"

namespace modelops::monitoring {

using targets::testing::SignedAgent;

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
    clock.advance(std::chrono::seconds(1));
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
  /// What the agent says of its replicas; `change` sets what it saw of each.
  void observe(const SignedAgent& machine, const Context& ctx,
               const std::function<void(targets::ObservedReplica&)>& change) {
    targets::ReportObserved said{{1}, 1'000, {}, {}};
    const auto replicas = database->read(
        [&](db::Tx& tx) { return deployment_service.replicas_on(tx, ctx.org_id, machine.enrolled.target_id); });
    for (const auto& [id, deployment] : replicas) {
      targets::ObservedReplica replica;
      replica.replica_id = id;
      replica.state = targets::ReplicaState::ready;
      replica.pid = 7;
      replica.memory_bytes = 1'000'000;
      change(replica);
      said.replicas.push_back(replica);
    }
    targets::ObservedReplica foreign_replica;
    foreign_replica.replica_id = "rep_of_nobody";
    foreign_replica.state = targets::ReplicaState::ready;
    foreign_replica.pid = 9;
    foreign_replica.memory_bytes = 1;
    said.replicas.push_back(foreign_replica);
    const http::Request raw = machine.request(http::Method::post, "/api/v1/machines/observed", clock.now());
    ASSERT_EQ(std::get<http::Response>(machines.observed({}, said, raw)).status, 204);
  }

  std::filesystem::path folder = [] {
    auto path = std::filesystem::temp_directory_path() / ("modelops_monitoring_" + new_uuid7());
    std::filesystem::create_directories(path / "data");
    return path;
  }();
  modelops::testing::TestDatabase database{GetParam()};
  ManualClock clock{bucket_start(SystemClock().now(), coarse.step)};
  identity::fixture::RecordingTrail trail;
  crypto::Keyring keyring{folder / "master.key", folder / "data"};
  events::Topics topics;
  identity::Access identity_access{*database, clock, trail, keyring, topics, false};
  identity::Service identity{*database, clock, trail, identity_access};
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

}  // namespace modelops::monitoring
