#include <gmock/gmock.h>

#include <filesystem>

#include "base/text.hpp"
#include "deployments/jobs.hpp"
#include "deployments/routes.hpp"
#include "identity/recording_trail_test.hpp"
#include "identity/service.hpp"
#include "migrations/migrations.hpp"
#include "platform/crypto/seal.hpp"
#include "targets/machines.hpp"
#include "targets/signed_agent_test.hpp"
#include "tests/support/database.hpp"

namespace modelops::deployments {
namespace {

using targets::ReplicaState;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using enum DeploymentState;

struct FakeVersions final : ModelVersions {
  std::optional<ResolvedVersion> find(db::Tx&, const Context&, const std::string& reference) override {
    const auto found = versions.find(reference);
    if (found == versions.end()) return std::nullopt;
    return found->second;
  }
  void add(std::int64_t number) {
    ResolvedVersion made{"org_owner",
                         "mdl_1",
                         "digits",
                         fmt::format("ver_{}", number),
                         number,
                         std::string(64, 'd'),
                         {{"digits.onnx", 10, std::string(64, static_cast<char>('0' + number))}},
                         "custom",
                         "onnxruntime",
                         "approved",
                         {}};
    versions["digits@production"] = versions[made.version_id] = made;
  }
  std::map<std::string, ResolvedVersion> versions;
};

struct RecordingAdmission final : Admission {
  void admit(db::Tx&, const Context&, const Plan& plan) override {
    if (refuse) fail(ErrorCode::conflict, "An approval is missing.");
    kinds.emplace_back(reflect::enum_name(plan.kind));
    last = plan;
  }
  bool refuse = false;
  std::vector<std::string> kinds;
  Plan last;
};

struct NoArtifacts final : targets::Artifacts, targets::TargetUsage {
  std::vector<std::string> deployments_on(db::Tx&, const std::string&, const std::string&) override { return {}; }
  std::unique_ptr<storage::BlobReader> open(const std::string&, const std::string&) override { return nullptr; }
};

template <class F>
ErrorCode code_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.code;
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorCode::internal;
}

/// Asks for its desired state and reports about it, as a real one does, when the test says so.
struct FakeAgent : targets::testing::SignedAgent {
  targets::Machine machine() const {
    return {enrolled.organization,
            enrolled.machine_id,
            targets::MachineKind::agent,
            enrolled.target_id,
            sealing.public_key,
            enrolled.server_key_id,
            "nonce"};
  }
  targets::DesiredState desired;
  std::map<std::string, targets::ObservedReplica> running;
};

class DeploymentsTest : public ::testing::TestWithParam<db::Dialect> {
 protected:
  DeploymentsTest() {
    database->migrate(all_migrations());
    identity_access.set_known_permissions({"deployments:read", "deployments:write"});
    const auto boot = identity.bootstrap("acme", "admin@localhost");
    admin = *identity_access.context_of_key(boot->api_token);
    identity.create_organization(admin, {*Slug::parse("other"), {}, *reflect::Email::parse("o@x.y")});
    other = admin;
    other.org_id = *database->read([](db::Tx& tx) {
      return tx.value<std::string>("SELECT id FROM organizations WHERE name = ?", std::string("other"));
    });
    other.actor.id = "usr_other";
    versions.add(1);
    agent.enrolled =
        machines.enroll({}, agent.enrollment(target_service.create(admin, {*Slug::parse("local"), {}}).token));
  }
  ~DeploymentsTest() override { std::filesystem::remove_all(folder); }

  CreateDeployment request(const std::string& name = "digits") {
    CreateDeployment out;
    out.name = *Slug::parse(name);
    out.model = *Reference::parse("digits@production");
    out.target = *Reference::parse("local");
    out.environment = *Reference::parse("development");
    return out;
  }
  DeploymentReference ref(const std::string& name = "digits") { return {*Reference::parse(name)}; }
  Deployment get(const std::string& name = "digits") { return service.get(admin, ref(name)); }
  Deployment update(UpdateDeployment change) {
    Context ctx = admin;
    change.deployment = *Reference::parse("digits");
    ctx.if_match = get().row_version;
    return service.update(ctx, change);
  }
  Deployment update_to_version(std::int64_t number) {
    versions.add(number);
    UpdateDeployment change;
    change.model = {true, Reference::parse("digits@production")};
    return update(change);
  }
  Deployment scale(std::int64_t count) {
    return service.scale(admin, {*Reference::parse("digits"), *ReplicaCount::parse(count)});
  }
  Deployment roll_back(std::int64_t number) {
    return service.roll_back(admin, {*Reference::parse("digits"), *RevisionNumber::parse(number)});
  }

  /// Follows the newest desired state: what is new is started, what is gone is stopped and forgotten.
  void poll() {
    http::Request raw = agent.request(http::Method::get, "/api/v1/machines/desired", clock.now(), "after=0");
    auto answer = std::get<http::LongPoll>(machines.desired({}, {}, raw)).poll(true);
    ASSERT_TRUE(answer && agent.trusts(raw, *answer));
    agent.desired = reflect::from_json<targets::DesiredState>(answer->body);
    std::map<std::string, targets::ObservedReplica> next;
    for (const auto& replica : agent.desired.replicas) {
      targets::ObservedReplica& made = next[replica.replica_id];
      made = agent.running[replica.replica_id];
      made.replica_id = replica.replica_id;
    }
    agent.running = std::move(next);
  }
  void report() {
    targets::ReportObserved said{{1}, agent.desired.generation, {}, {}};
    for (const auto& [id, replica] : agent.running) said.replicas.push_back(replica);
    http::Request raw = agent.request(http::Method::post, "/api/v1/machines/observed", clock.now());
    ASSERT_EQ(std::get<http::Response>(machines.observed({}, said, raw)).status, 204);
  }
  /// Everything that runs is now in this state.
  void report_all(ReplicaState state) {
    poll();
    for (auto& [id, replica] : agent.running) {
      replica.state = state;
      replica.address = "127.0.0.1:41234";
    }
    report();
  }
  void report_failure(const std::string& id, std::string reason, std::string message) {
    targets::ObservedReplica& replica = agent.running[id];
    replica.replica_id = id;
    replica.state = ReplicaState::failed;
    replica.reason = std::move(reason);
    replica.message = std::move(message);
    report();
  }
  std::vector<std::string> desired_ids() {
    poll();
    std::vector<std::string> out;
    for (const auto& replica : agent.desired.replicas) out.push_back(replica.replica_id);
    return out;
  }
  /// Lets everything desired get ready until nothing changes any more.
  void settle() {
    for (int i = 0; i < 10; ++i) {
      report_all(ReplicaState::ready);
      drain();
    }
  }
  /// Lets the time pass that replicas have to drain.
  void drain() {
    clock.advance(std::chrono::milliseconds(drain_ms_default));
    controller.stop_drained();
  }
  std::vector<Endpoint> endpoints() {
    return database->read([&](db::Tx& tx) { return service.endpoints(tx); });
  }
  void log(std::int64_t batch, const std::vector<targets::ReplicaLogLine>& lines) {
    http::Request raw = agent.request(http::Method::post, "/api/v1/machines/logs", clock.now());
    ASSERT_EQ(std::get<http::Response>(machines.logs({}, {batch, lines}, raw)).status, 204);
  }

  std::filesystem::path folder = [] {
    auto path = std::filesystem::temp_directory_path() / ("modelops_deployments_" + new_uuid7());
    std::filesystem::create_directories(path / "data");
    return path;
  }();
  modelops::testing::TestDatabase database{GetParam()};
  ManualClock clock{SystemClock().now()};
  identity::fixture::RecordingTrail trail;
  crypto::Keyring keyring{folder / "master.key", folder / "data"};
  identity::Access identity_access{*database, clock, trail, keyring, false};
  identity::Service identity{*database, clock, trail, identity_access};
  events::Topics topics;
  eventlog::EventLog events{topics, clock};
  NoArtifacts artifacts;
  targets::Service target_service{*database, clock, trail, events, topics, artifacts};
  targets::ServerKeys keys{*database, clock, keyring};
  targets::MachineAccess access{*database, clock, trail, keys, topics};
  Controller controller{*database, clock, trail, events, topics, keyring, target_service};
  targets::Machines machines{*database, clock, trail, keys, access, topics, controller, controller, artifacts};
  EngineCatalogue catalogue = EngineCatalogue::load();
  FakeVersions versions;
  RecordingAdmission admission;
  Service service{*database, clock, trail, target_service, controller, catalogue, versions, admission};
  Context admin, other;
  FakeAgent agent;
};

TEST_P(DeploymentsTest, LivesFromPendingToHealthyAndBack) {
  const Deployment made = service.create(admin, request());
  EXPECT_EQ(made.state, pending);
  EXPECT_EQ(made.environment, "development");
  EXPECT_EQ(made.version_number, 1);
  EXPECT_EQ(made.revision, 1);
  report_all(ReplicaState::fetching);
  EXPECT_EQ(get().state, provisioning);
  report_all(ReplicaState::starting);
  EXPECT_EQ(get().state, provisioning);
  report_all(ReplicaState::ready);
  EXPECT_EQ(get().state, healthy);
  EXPECT_EQ(get().replicas_ready, 1);
  EXPECT_FALSE(get().reason);
  EXPECT_GT(get().row_version, made.row_version);

  report_all(ReplicaState::unhealthy);
  EXPECT_EQ(get().state, degraded);
  EXPECT_EQ(get().reason->code, "no_replica_ready");
  report_all(ReplicaState::ready);
  EXPECT_EQ(get().state, healthy);

  std::vector<std::string> kinds;
  ListDeploymentEvents all;
  all.deployment = *Reference::parse("digits");
  all.order_by = "created_at";
  for (const auto& event : service.list_events(admin, all).items) kinds.push_back(event.kind);
  EXPECT_THAT(kinds, ElementsAre("created", "provisioning", "replica_ready", "healthy", "replica_unhealthy", "degraded",
                                 "replica_ready", "healthy"));
  EXPECT_THAT(trail.actions,
              ::testing::IsSupersetOf({"deployment.created", "deployment.healthy", "deployment.degraded"}));
  EXPECT_EQ(controller.reconcile_all(), 0u) << "nothing was missed";
}

TEST_P(DeploymentsTest, TheAgentGetsAllThatItNeeds) {
  CreateDeployment wanted = request();
  wanted.environment_variables = {LiteralVariable{*VariableName::parse("MODE"), *VariableValue::parse("fast")},
                                  SecretReference{*VariableName::parse("TOKEN"), VariableValue::parse("s3cret"), {}}};
  const Deployment made = service.create(admin, wanted);
  poll();
  ASSERT_THAT(agent.desired.replicas, SizeIs(1));
  const targets::DesiredReplica& replica = agent.desired.replicas[0];
  EXPECT_EQ(replica.deployment_name, "digits");
  EXPECT_THAT(replica.command, Contains("digits={artifact}/digits.onnx"));
  EXPECT_EQ(replica.environment.at("MODE"), "fast");
  EXPECT_EQ(replica.readiness.path, "/v2/health/ready");
  EXPECT_EQ(replica.artifact_digest, std::string(64, 'd'));
  ASSERT_THAT(replica.secrets, SizeIs(1));
  const std::string context =
      targets::secret_context(agent.enrolled.machine_id, replica.deployment_id, replica.secrets[0].name);
  EXPECT_EQ(crypto::open_sealed(agent.sealing, *from_base64url(replica.secrets[0].sealed), context).reveal(), "s3cret");

  const auto revision = service.get_revision(admin, {ref().deployment, *RevisionNumber::parse(1)});
  EXPECT_THAT(reflect::to_json(revision), ::testing::Not(HasSubstr("s3cret")));
  EXPECT_THAT(reflect::to_json(revision), HasSubstr("sec_"));
  const std::string sha256(64, '1');
  database->read([&](db::Tx& tx) {
    EXPECT_EQ(controller.artifact_owner(tx, agent.machine(), sha256), "org_owner");
    EXPECT_FALSE(controller.artifact_owner(tx, agent.machine(), std::string(64, '2')));
  });
  // A secret is kept through an update by its id, and only by its own deployment.
  UpdateDeployment change;
  auto kept = std::get<SecretReference>(revision.document.environment_variables[1]);
  change.environment_variables = {true, std::vector<EnvironmentVariable>{kept}};
  EXPECT_EQ(update(change).revision, 2);
  kept.secret_id = SecretId::make();
  change.environment_variables = {true, std::vector<EnvironmentVariable>{kept}};
  EXPECT_EQ(code_of([&] { update(change); }), ErrorCode::unprocessable);
  EXPECT_EQ(made.revision, 1);
}

TEST_P(DeploymentsTest, AFailureSaysTheEnginesLastWords) {
  service.create(admin, request());
  const auto ids = desired_ids();
  report_failure(ids[0], "engine_exited", "The engine ended with exit code 1: invalid model file");
  const Deployment failed_one = get();
  EXPECT_EQ(failed_one.state, failed);
  EXPECT_EQ(failed_one.reason->code, "engine_exited");
  EXPECT_THAT(failed_one.reason->message, HasSubstr("invalid model file"));
  EXPECT_THAT(failed_one.reason->message, HasSubstr("roll back"));
  EXPECT_EQ(desired_ids(), ids) << "the agent has tried often enough";

  service.restart(admin, ref());
  EXPECT_NE(desired_ids(), ids);
  settle();
  EXPECT_EQ(get().state, healthy);
}

TEST_P(DeploymentsTest, AnUpdateReplacesOneByOneAndAFailedOneCanBeRolledBack) {
  service.create(admin, request());
  scale(2);
  settle();
  const auto before = desired_ids();
  ASSERT_THAT(before, SizeIs(2));

  EXPECT_EQ(update_to_version(2).revision, 2);
  auto now = desired_ids();
  EXPECT_THAT(now, SizeIs(3)) << "one more than wanted";
  EXPECT_THAT(now, ::testing::IsSupersetOf(before));
  EXPECT_EQ(get().state, healthy);
  EXPECT_EQ(get().reason->code, "rolling_out");

  const std::string fresh = now.back();
  report_failure(fresh, "engine_exited", "boom");
  EXPECT_EQ(get().state, degraded);
  EXPECT_THAT(get().reason->message, HasSubstr("Revision 2 has failed"));
  EXPECT_THAT(desired_ids(), ::testing::IsSupersetOf(before)) << "they serve on";

  EXPECT_EQ(roll_back(1).version_number, 1);
  EXPECT_EQ(desired_ids(), before) << "what still runs is kept";
  settle();
  EXPECT_EQ(get().state, healthy);

  roll_back(2);
  for (int i = 0; i < 10; ++i) {
    report_all(ReplicaState::ready);
    drain();
    EXPECT_GE(get().replicas_ready, 2) << "never fewer than wanted";
  }
  now = desired_ids();
  EXPECT_THAT(now, SizeIs(2));
  for (const std::string& id : before) EXPECT_THAT(now, ::testing::Not(Contains(id)));
  EXPECT_EQ(get().version_number, 2);
  EXPECT_EQ(get().state, healthy);
  EXPECT_EQ(code_of([&] { roll_back(2); }), ErrorCode::conflict);
  EXPECT_EQ(code_of([&] { roll_back(9); }), ErrorCode::not_found);

  const auto revisions = service.list_revisions(admin, ref()).items;
  ASSERT_THAT(revisions, SizeIs(2));
  EXPECT_TRUE(revisions[0].current);
  const auto changed =
      service.diff_revisions(admin, {ref().deployment, *RevisionNumber::parse(2), *RevisionNumber::parse(1)});
  std::vector<std::string> pointers;
  for (const auto& change : changed.changes) pointers.push_back(change.pointer);
  EXPECT_THAT(pointers, ElementsAre("/version/version_id", "/version/number", "/replicas"));
}

TEST_P(DeploymentsTest, ScalesUpAndDown) {
  service.create(admin, request());
  settle();
  EXPECT_EQ(scale(3).replicas_desired, 3);
  EXPECT_THAT(desired_ids(), SizeIs(3));
  EXPECT_EQ(get().state, healthy);
  settle();
  EXPECT_EQ(get().replicas_ready, 3);
  EXPECT_GT(database->read([](db::Tx& tx) {
    return tx.value<std::int64_t>("SELECT count(*) FROM events WHERE kind = 'deployment.replicas_ready'");
  }),
            0)
      << "its state is the same, but pages show how many are ready";
  EXPECT_EQ(get().revision, 1);
  scale(1);
  EXPECT_EQ(get().replicas_ready, 1);
  drain();
  EXPECT_THAT(desired_ids(), SizeIs(1));
  settle();
  EXPECT_EQ(get().replicas_ready, 1);
  EXPECT_THAT(service.list_replicas(admin, ref()).items, SizeIs(1));
}

TEST_P(DeploymentsTest, WhatGatewaysMayRouteToDrainsBeforeItsEngineIsStopped) {
  service.create(admin, request());
  scale(2);
  EXPECT_THAT(desired_ids(), SizeIs(2));
  scale(1);
  EXPECT_THAT(desired_ids(), SizeIs(1)) << "no gateway has heard of one that was never ready";
  scale(2);
  settle();
  const auto before = desired_ids();
  const std::int64_t generation = agent.desired.generation;
  ASSERT_THAT(endpoints().at(0).ready, SizeIs(2));

  scale(1);
  EXPECT_THAT(endpoints().at(0).ready, SizeIs(1)) << "gateways hear of it at once";
  EXPECT_EQ(desired_ids(), before) << "its engine goes on meanwhile";
  EXPECT_EQ(agent.desired.generation, generation);
  const auto replicas = service.list_replicas(admin, ref()).items;
  ASSERT_THAT(replicas, SizeIs(2));
  EXPECT_TRUE(replicas[1].retired);
  EXPECT_EQ(replicas[1].drain_until, clock.now() + std::chrono::milliseconds(drain_ms_default));
  clock.advance(std::chrono::milliseconds(drain_ms_default - 1));
  EXPECT_EQ(controller.stop_drained(), 0u);
  EXPECT_EQ(controller.reconcile_all(), 0u);
  EXPECT_EQ(desired_ids(), before);
  clock.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(controller.stop_drained(), 1u);
  EXPECT_EQ(controller.stop_drained(), 0u) << "once";
  EXPECT_THAT(desired_ids(), ElementsAre(before[0]));
  report();
  EXPECT_THAT(service.list_replicas(admin, ref()).items, SizeIs(1));

  UpdateDeployment change;
  ProcessRuntime hasty;
  hasty.drain_ms = DrainTime::of<0>();
  change.runtime = {true, hasty};
  update(change);
  settle();
  service.stop(admin, ref());
  EXPECT_THAT(desired_ids(), SizeIs(0));
}

TEST_P(DeploymentsTest, AStepThatIsMissedWhileDrainingIsTakenLater) {
  service.create(admin, request());
  settle();
  service.stop(admin, ref());
  clock.advance(std::chrono::hours(1));
  EXPECT_EQ(controller.reconcile_all(), 1u);
  EXPECT_THAT(desired_ids(), SizeIs(0));
}

TEST_P(DeploymentsTest, EventsAreKeptWithinBounds) {
  const Deployment made = service.create(admin, request());
  service.create(admin, request("second"));
  const auto kept = [&](const DeploymentId& id) {
    return database->read([&](db::Tx& tx) {
      return tx.values<std::string>("SELECT message FROM deployment_events WHERE deployment_id = ? ORDER BY id", id);
    });
  };
  const auto keep_within_retention = [&] {
    jobs::LeaseKeeper keeper(*database);
    EventRetention(*database, clock).reconcile(keeper.try_hold("reconciler/deployments.retention")->fence());
  };
  database->write([&](db::Tx& tx) {
    const auto row = store::find_deployment(tx, admin.org_id, made.id.str()).value();
    for (int i = 0; i < events_per_deployment_max + 1'200; ++i) controller.note(tx, admin, row, "tested", "");
    controller.note(tx, admin, row, "tested", "the newest");
  });
  const std::size_t of_second = kept(service.get(admin, ref("second")).id).size();
  keep_within_retention();
  EXPECT_THAT(kept(made.id), SizeIs(events_per_deployment_max));
  EXPECT_EQ(kept(made.id).back(), "the newest");
  EXPECT_THAT(kept(service.get(admin, ref("second")).id), SizeIs(of_second));

  service.remove(admin, ref());
  settle();
  EXPECT_EQ(code_of([&] { get(); }), ErrorCode::not_found);
  clock.advance(events_age_max_of_deleted - std::chrono::hours(1));
  keep_within_retention();
  EXPECT_THAT(kept(made.id), SizeIs(events_per_deployment_max));
  clock.advance(std::chrono::hours(1));
  keep_within_retention();
  EXPECT_THAT(kept(made.id), SizeIs(0));
  EXPECT_THAT(kept(service.get(admin, ref("second")).id), ::testing::Not(SizeIs(0)));
}

TEST_P(DeploymentsTest, StopsStartsAndDeletes) {
  service.create(admin, request());
  settle();
  EXPECT_EQ(service.stop(admin, ref()).state, stopped);
  EXPECT_EQ(get().reason->code, "stopping");
  settle();
  EXPECT_FALSE(get().reason);
  EXPECT_EQ(code_of([&] { service.stop(admin, ref()); }), ErrorCode::conflict);
  EXPECT_EQ(code_of([&] { service.restart(admin, ref()); }), ErrorCode::conflict);
  service.start(admin, ref());
  settle();
  EXPECT_EQ(get().state, healthy);

  EXPECT_EQ(service.remove(admin, ref()).state, deleting);
  EXPECT_EQ(get().state, deleting);
  EXPECT_EQ(code_of([&] { scale(2); }), ErrorCode::conflict);
  EXPECT_EQ(code_of([&] { service.create(admin, request()); }), ErrorCode::conflict) << "the name is taken until then";
  settle();
  EXPECT_EQ(code_of([&] { get(); }), ErrorCode::not_found);
  EXPECT_THAT(trail.actions, Contains("deployment.deleted"));
  EXPECT_EQ(service.create(admin, request()).state, pending) << "the name is free again";
}

TEST_P(DeploymentsTest, ARetiredReplicaIsGoneOnlyWhenTheAgentHasObeyed) {
  service.create(admin, request());
  settle();
  const targets::DesiredState stale = agent.desired;
  service.stop(admin, ref());
  drain();
  report();  // still about the older generation
  EXPECT_THAT(service.list_replicas(admin, ref()).items, SizeIs(1));
  agent.running.clear();
  report();  // it may have forgotten the replica for another reason
  EXPECT_THAT(service.list_replicas(admin, ref()).items, SizeIs(1));
  poll();
  EXPECT_GT(agent.desired.generation, stale.generation);
  report();
  EXPECT_THAT(service.list_replicas(admin, ref()).items, SizeIs(0));
}

TEST_P(DeploymentsTest, AReplicaThatTheAgentLostIsNotReady) {
  service.create(admin, request());
  settle();
  agent.running.clear();
  report();
  EXPECT_EQ(get().state, degraded);
  EXPECT_EQ(get().replicas_ready, 0);
  settle();
  EXPECT_EQ(get().state, healthy);
}

TEST_P(DeploymentsTest, AllThatWasMissedIsTakenHoweverManyTheyAre) {
  constexpr std::size_t count = 101;  // more than go into two transactions
  for (std::size_t i = 0; i < count; ++i) {
    CreateDeployment made = request();
    made.name = *Slug::parse(fmt::format("digits-{}", i));
    service.create(admin, made);
  }
  EXPECT_EQ(controller.reconcile_all(), 0u);
  database->write([](db::Tx& tx) {
    tx.run(
        "DELETE FROM deployment_replicas WHERE deployment_id <> (SELECT min(deployment_id) FROM deployment_replicas)");
  });
  EXPECT_THAT(desired_ids(), SizeIs(1));
  EXPECT_EQ(controller.reconcile_all(), count - 1);
  EXPECT_THAT(desired_ids(), SizeIs(count));
  EXPECT_EQ(controller.reconcile_all(), 0u);
}

TEST_P(DeploymentsTest, AnOfflineTargetIsSaidAndItsReturnToo) {
  service.create(admin, request());
  settle();
  clock.advance(std::chrono::seconds(46));
  target_service.notice_silence();
  EXPECT_EQ(controller.reconcile_all(), 1u);
  EXPECT_EQ(get().state, degraded);
  EXPECT_EQ(get().reason->code, "target_offline");
  report_all(ReplicaState::ready);
  controller.reconcile_all();
  EXPECT_EQ(get().state, healthy);

  target_service.revoke(admin, targets::TargetReference{*Reference::parse("local")});
  controller.reconcile_all();
  EXPECT_EQ(get().reason->code, "target_revoked");
  EXPECT_EQ(service.remove(admin, ref()).state, deleting);
  EXPECT_EQ(code_of([&] { get(); }), ErrorCode::not_found) << "nobody is there to wait for";
}

TEST_P(DeploymentsTest, AFixedPortIsFreedBeforeItIsTakenAgain) {
  CreateDeployment wanted = request();
  ProcessRuntime fixed;
  fixed.port = reflect::Port::parse(9000);
  wanted.runtime = fixed;
  service.create(admin, wanted);
  settle();
  EXPECT_EQ(code_of([&] { scale(2); }), ErrorCode::unprocessable);
  const auto before = desired_ids();
  EXPECT_EQ(agent.desired.replicas[0].port, 9000);
  service.restart(admin, ref());
  drain();
  EXPECT_THAT(desired_ids(), SizeIs(0));
  report();
  EXPECT_THAT(desired_ids(), SizeIs(1));
  EXPECT_NE(desired_ids(), before);
  report_failure(desired_ids()[0], "port_taken", "Port 9000 is taken by another process.");
  EXPECT_EQ(get().state, failed);
  EXPECT_THAT(get().reason->message, HasSubstr("runtime.port"));
}

TEST_P(DeploymentsTest, EveryPlanIsAdmittedOrChangesNothing) {
  service.create(admin, request());
  scale(2);
  service.restart(admin, ref());
  update_to_version(2);
  roll_back(1);
  service.stop(admin, ref());
  service.start(admin, ref());
  const Deployment before = get();
  admission.refuse = true;
  EXPECT_EQ(code_of([&] { scale(3); }), ErrorCode::conflict);
  EXPECT_EQ(code_of([&] { update_to_version(3); }), ErrorCode::conflict);
  EXPECT_EQ(code_of([&] { roll_back(2); }), ErrorCode::conflict);
  EXPECT_EQ(code_of([&] { service.remove(admin, ref()); }), ErrorCode::conflict);
  EXPECT_EQ(code_of([&] { service.create(admin, request("second")); }), ErrorCode::conflict);
  EXPECT_EQ(code_of([&] { get("second"); }), ErrorCode::not_found);
  EXPECT_EQ(reflect::to_json(get()), reflect::to_json(before));
  EXPECT_THAT(service.list_revisions(admin, ref()).items, SizeIs(2));
  admission.refuse = false;
  service.remove(admin, ref());
  EXPECT_THAT(admission.kinds,
              ElementsAre("create", "scale", "restart", "update", "roll_back", "stop", "start", "delete"));
  EXPECT_EQ(admission.last.version_digest, std::string(64, 'd'));
}

TEST_P(DeploymentsTest, BadRequestsNameTheFieldAndChangeNothing) {
  const auto pointer_of = [&](const CreateDeployment& bad) -> std::string {
    try {
      service.create(admin, bad);
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::unprocessable) << error.message;
      return error.violations.empty() ? "none" : error.violations.front().pointer;
    }
    return "accepted";
  };
  CreateDeployment bad = request();
  bad.model = *Reference::parse("nothing@production");
  EXPECT_EQ(pointer_of(bad), "/model");
  bad = request();
  bad.target = *Reference::parse("nowhere");
  EXPECT_EQ(pointer_of(bad), "/target");
  bad = request();
  bad.environment = *Reference::parse("moon");
  EXPECT_EQ(pointer_of(bad), "/environment");
  bad = request();
  bad.engine = Slug::parse("vllm");
  EXPECT_EQ(pointer_of(bad), "/engine");
  bad = request();
  bad.flags = {{"ctx_size", 1}};
  EXPECT_EQ(pointer_of(bad), "/flags/ctx_size");
  bad = request();
  bad.visibility = Visibility::team;
  EXPECT_EQ(pointer_of(bad), "/team_id");
  bad = request();
  bad.environment_variables = {SecretReference{*VariableName::parse("A"), {}, {}}};
  EXPECT_EQ(pointer_of(bad), "/environment_variables/0");
  bad.environment_variables = {LiteralVariable{*VariableName::parse("A"), *VariableValue::parse("")},
                               LiteralVariable{*VariableName::parse("A"), *VariableValue::parse("")}};
  EXPECT_EQ(pointer_of(bad), "/environment_variables/1/name");
  EXPECT_THAT(service.list(admin, {}).items, SizeIs(0));
  EXPECT_THAT(desired_ids(), SizeIs(0));

  service.create(admin, request());
  Context ctx = admin;
  ctx.if_match = get().row_version - 1;
  EXPECT_EQ(
      code_of([&] { service.update(ctx, {*Reference::parse("digits"), {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}); }),
      ErrorCode::precondition_failed);
  EXPECT_EQ(update({}).revision, 1) << "nothing differs";
}

TEST_P(DeploymentsTest, TwoOrganisationsSeeOnlyTheirOwnButWhatIsPublic) {
  CreateDeployment open = request("open");
  open.visibility = Visibility::public_;
  const Deployment open_one = service.create(admin, open);
  const Deployment closed = service.create(admin, request());
  CreateDeployment secret = request("mine");
  secret.visibility = Visibility::private_;
  service.create(admin, secret);

  EXPECT_THAT(service.list(other, {}).items, SizeIs(0));
  for (const std::string& reference : {std::string("digits"), closed.id.str()}) {
    EXPECT_EQ(code_of([&] { service.get(other, ref(reference)); }), ErrorCode::not_found);
    EXPECT_EQ(code_of([&] { service.remove(other, ref(reference)); }), ErrorCode::not_found);
    EXPECT_EQ(
        code_of([&] { service.read_logs(other, {*Reference::parse(reference), {}, {}, query::default_page_size()}); }),
        ErrorCode::not_found);
  }
  EXPECT_EQ(service.get(other, ref(open_one.id.str())).name, "open");
  EXPECT_EQ(code_of([&] { service.remove(other, ref(open_one.id.str())); }), ErrorCode::forbidden);
  EXPECT_EQ(code_of([&] { service.create(other, request()); }), ErrorCode::unprocessable) << "not their target";

  Context colleague = admin;
  colleague.actor.id = "usr_colleague";
  colleague.actor.permissions = {"deployments:read"};
  EXPECT_THAT(service.list(colleague, {}).items, SizeIs(2));
  EXPECT_EQ(code_of([&] { service.get(colleague, ref("mine")); }), ErrorCode::not_found);
  ListDeployments filtered;
  filtered.filter = "environment = 'development' AND model = 'digits' AND name LIKE 'DIG%'";
  EXPECT_THAT(service.list(admin, filtered).items, SizeIs(1));
}

TEST_P(DeploymentsTest, AnotherTargetsAgentChangesNothing) {
  service.create(admin, request());
  const auto ids = desired_ids();
  FakeAgent stranger;
  stranger.enrolled =
      machines.enroll({}, stranger.enrollment(target_service.create(admin, {*Slug::parse("two"), {}}).token));
  targets::ReportObserved said{{1}, 99, {{}}, {}};
  said.replicas[0].replica_id = ids[0];
  said.replicas[0].state = ReplicaState::ready;
  http::Request raw = stranger.request(http::Method::post, "/api/v1/machines/observed", clock.now());
  machines.observed({}, said, raw);
  EXPECT_EQ(get().replicas_ready, 0);
  database->read([&](db::Tx& tx) { EXPECT_THAT(controller.desired(tx, stranger.machine()), SizeIs(0)); });
}

TEST_P(DeploymentsTest, LogsAreARingThatIsReadByCursorAndFollowed) {
  service.create(admin, request());
  const std::string replica = desired_ids()[0];
  const auto follow = std::get<http::Stream>(service.follow_logs(admin, {*Reference::parse("digits"), {}, {}}));
  EXPECT_EQ(follow.poll().bytes, "");
  const std::uint64_t seen = topics.version(follow.topic);
  log(1, {{replica, clock.now(), "stdout", "one"},
          {"rep_unknown", clock.now(), "stdout", "x"},
          {replica, clock.now(), "stderr", "two"}});
  EXPECT_NE(topics.version(follow.topic), seen);
  EXPECT_THAT(follow.poll().bytes, ::testing::AllOf(HasSubstr("id: 1\n"), HasSubstr("\"two\"")));
  EXPECT_EQ(follow.poll().bytes, "");

  ReadDeploymentLogs read{*Reference::parse("digits"), jobs::Cursor::parse("1"), {}, query::default_page_size()};
  auto page = service.read_logs(admin, read);
  ASSERT_THAT(page.items, SizeIs(1));
  EXPECT_EQ(page.items[0].line, "two");
  EXPECT_EQ(page.next_after, "2");

  std::vector<targets::ReplicaLogLine> many(1000, {replica, clock.now(), "stdout", "more"});
  for (std::int64_t batch = 2; batch <= 7; ++batch) log(batch, many);
  read.after = jobs::Cursor::parse("0");
  read.page_size = query::PageSize::of<1000>();
  EXPECT_EQ(service.read_logs(admin, read).items.front().seq, 6002 - 5000 + 1);
  read.after.reset();
  EXPECT_EQ(service.read_logs(admin, read).items.back().seq, 6002);
}

// In the order of the primary key SQLite stepped over every replica of the organisation, for each deployment.
TEST_P(DeploymentsTest, ReplicasOfOneAreFoundByAnIndex) {
  if (GetParam() != db::Dialect::sqlite) return;
  for (const std::string column : {"deployment_id", "target_id"}) {
    std::string plan;
    database->read([&](db::Tx& tx) {
      tx.query("EXPLAIN QUERY PLAN SELECT state FROM deployment_replicas WHERE org_id = ? AND " + column +
                   " = ? ORDER BY id",
               {std::string("org_1"), std::string("dep_1")}, 4, [&](const auto& cells) { plan += *cells[3]; });
    });
    EXPECT_THAT(plan, HasSubstr("org_id=? AND " + column + "=?"));
    EXPECT_THAT(plan, Not(HasSubstr("TEMP B-TREE")));
  }
}

TEST_P(DeploymentsTest, RacesEndInOneTruth) {
  service.create(admin, request());
  poll();
  const targets::Machine machine = agent.machine();
  targets::ReportObserved said{{1}, agent.desired.generation, {{}}, {}};
  said.replicas[0].replica_id = agent.desired.replicas[0].replica_id;
  std::atomic<int> scaled = 0;
  {
    std::vector<std::jthread> racers;
    for (int i = 0; i < 4; ++i)
      racers.emplace_back([&, i] {
        for (int k = 0; k < 5; ++k) {
          if (i % 2 == 0) {
            scale(1 + (i + k) % 4);
            ++scaled;
          } else {
            targets::ReportObserved mine = said;
            mine.replicas[0].state = k % 2 == 0 ? ReplicaState::ready : ReplicaState::unhealthy;
            database->write([&](db::Tx& tx) { controller.observed(tx, machine, mine); });
            controller.reconcile_all();
          }
        }
      });
  }
  EXPECT_EQ(scaled, 10);
  settle();
  EXPECT_EQ(get().replicas_ready, get().replicas_desired);
  EXPECT_EQ(static_cast<std::int64_t>(service.list_replicas(admin, ref()).items.size()), get().replicas_desired);
  EXPECT_EQ(get().state, healthy);
  EXPECT_EQ(controller.reconcile_all(), 0u);
}

TEST_P(DeploymentsTest, WhoRoutesLearnsWhatIsReady) {
  service.create(admin, request());
  EXPECT_THAT(endpoints().at(0).ready, SizeIs(0));
  EXPECT_NE(endpoints().at(0).unavailable_reason, "");
  const std::uint64_t seen = topics.version(endpoints_topic);
  settle();
  EXPECT_NE(topics.version(endpoints_topic), seen);
  ASSERT_THAT(endpoints().at(0).ready, SizeIs(1));
  EXPECT_EQ(endpoints().at(0).ready[0].address, "127.0.0.1:41234");
  EXPECT_EQ(endpoints().at(0).engine_model, "digits");
  service.stop(admin, ref());
  EXPECT_THAT(endpoints(), SizeIs(0));
  const auto uses = database->read([&](db::Tx& tx) { return service.uses(tx, admin.org_id, "mdl_1"); });
  ASSERT_THAT(uses, SizeIs(1));
  EXPECT_EQ(uses[0].version_id, "ver_1");
}

TEST_P(DeploymentsTest, EnvironmentsAreSeededAndOnesOwn) {
  std::vector<std::string> names;
  for (const auto& environment : service.list_environments(admin, {}).items) names.push_back(environment.name);
  EXPECT_THAT(names, ElementsAre("development", "staging", "production"));
  EXPECT_TRUE(service.get_environment(admin, {*Reference::parse("production")}).production);
  service.create_environment(other, {*Slug::parse("lab")});
  EXPECT_THAT(service.list_environments(other, {}).items, SizeIs(4));
  EXPECT_EQ(code_of([&] { service.get_environment(admin, {*Reference::parse("lab")}); }), ErrorCode::not_found);
  service.create(admin, request());
  EXPECT_EQ(code_of([&] { service.remove_environment(admin, {*Reference::parse("development")}); }),
            ErrorCode::conflict);
  service.remove_environment(admin, {*Reference::parse("staging")});
  EXPECT_THAT(service.list_environments(admin, {}).items, SizeIs(2));
}

TEST_P(DeploymentsTest, RoutesAndTheirDocument) {
  api::Router router(routes(service), identity_access);
  const auto document = reflect::parse_json_value(api::openapi(router.routes(), "1"), {.depth_max = 64});
  const auto& paths = document.at("paths").as_object();
  EXPECT_EQ(paths.at("/api/v1/deployments-wizard").at("post").at("x-permission"), "deployments:write");
  EXPECT_EQ(paths.at("/api/v1/deployments/{deployment}").at("delete").at("x-permission"), "deployments:delete");
  EXPECT_GT(service.engines(admin, {}).items.size(), 6u);
}

TEST_P(DeploymentsTest, FacetsCountWhatTheListShows) {
  service.create(admin, request("one"));
  CreateDeployment hidden = request("two");
  hidden.environment = *Reference::parse("production");
  hidden.visibility = Visibility::private_;
  service.create(admin, hidden);
  Context colleague = admin;
  colleague.actor.id = "usr_colleague";
  colleague.actor.permissions = {"deployments:read"};
  const auto values = [&](const Context& ctx, const std::string& field, const std::string& filter = "") {
    std::vector<std::string> out;
    for (const query::Facet& facet : service.facets(ctx, {filter}).facets)
      if (facet.field == field)
        for (const auto& value : facet.values) out.push_back(fmt::format("{} {}", value.value, value.count));
    return out;
  };
  EXPECT_EQ(service.facets(admin, {}).total, 2);
  EXPECT_THAT(values(admin, "environment"), ElementsAre("development 1", "production 1"));
  EXPECT_THAT(values(admin, "target"), ElementsAre("local 2"));
  EXPECT_THAT(values(admin, "state"), ElementsAre("pending 2"));
  EXPECT_THAT(values(admin, "engine", "environment = 'production'"), ElementsAre("onnxruntime 1"));
  EXPECT_EQ(service.facets(colleague, {}).total, 1);
  EXPECT_THAT(values(colleague, "environment"), ElementsAre("development 1"));
  EXPECT_THAT(values(colleague, "interface", "interface = 'custom'"), ElementsAre("custom 1"));
  EXPECT_EQ(service.facets(other, {}).total, 0);
  EXPECT_EQ(code_of([&] { service.create(admin, request("facets")); }), ErrorCode::unprocessable);
}

MODELOPS_ON_BOTH_DATABASES(DeploymentsTest);

}  // namespace
}  // namespace modelops::deployments
