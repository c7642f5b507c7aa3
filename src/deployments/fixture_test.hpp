#pragma once
// An organisation with a target, its agent, and versions to deploy, on a temporary database.
#include <gmock/gmock.h>

#include <filesystem>

#include "base/code_of_test.hpp"
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

namespace modelops::deployments::fixture {

using targets::ReplicaState;

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

class DeploymentsFixture : public ::testing::TestWithParam<db::Dialect> {
 protected:
  DeploymentsFixture() {
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
  ~DeploymentsFixture() override { std::filesystem::remove_all(folder); }

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
  events::Topics topics;
  identity::Access identity_access{*database, clock, trail, keyring, topics, false};
  identity::Service identity{*database, clock, trail, identity_access};
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

}  // namespace modelops::deployments::fixture
