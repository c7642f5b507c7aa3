// How what runs is brought together with what is wanted.
#include "deployments/fixture_test.hpp"

namespace modelops::deployments {
namespace {

using targets::ReplicaState;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using enum DeploymentState;

class ControllerTest : public fixture::DeploymentsFixture {};

TEST_P(ControllerTest, LivesFromPendingToHealthyAndBack) {
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

TEST_P(ControllerTest, TheAgentGetsAllThatItNeeds) {
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

TEST_P(ControllerTest, AFailureSaysTheEnginesLastWords) {
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

TEST_P(ControllerTest, AnUpdateReplacesOneByOneAndAFailedOneCanBeRolledBack) {
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

TEST_P(ControllerTest, ScalesUpAndDown) {
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

TEST_P(ControllerTest, WhatGatewaysMayRouteToDrainsBeforeItsEngineIsStopped) {
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

TEST_P(ControllerTest, AStepThatIsMissedWhileDrainingIsTakenLater) {
  service.create(admin, request());
  settle();
  service.stop(admin, ref());
  clock.advance(std::chrono::hours(1));
  EXPECT_EQ(controller.reconcile_all(), 1u);
  EXPECT_THAT(desired_ids(), SizeIs(0));
}

TEST_P(ControllerTest, StopsStartsAndDeletes) {
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

TEST_P(ControllerTest, ARetiredReplicaIsGoneOnlyWhenTheAgentHasObeyed) {
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

TEST_P(ControllerTest, AReplicaThatTheAgentLostIsNotReady) {
  service.create(admin, request());
  settle();
  agent.running.clear();
  report();
  EXPECT_EQ(get().state, degraded);
  EXPECT_EQ(get().replicas_ready, 0);
  settle();
  EXPECT_EQ(get().state, healthy);
}

TEST_P(ControllerTest, AllThatWasMissedIsTakenHoweverManyTheyAre) {
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

TEST_P(ControllerTest, AnOfflineTargetIsSaidAndItsReturnToo) {
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

TEST_P(ControllerTest, AFixedPortIsFreedBeforeItIsTakenAgain) {
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

// In the order of the primary key SQLite stepped over every replica of the organisation, for each deployment.
TEST_P(ControllerTest, ReplicasOfOneAreFoundByAnIndex) {
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

TEST_P(ControllerTest, RacesEndInOneTruth) {
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

MODELOPS_ON_BOTH_DATABASES(ControllerTest);

}  // namespace
}  // namespace modelops::deployments
