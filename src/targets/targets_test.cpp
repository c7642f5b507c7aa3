#include <gmock/gmock.h>

#include <filesystem>

#include "base/code_of_test.hpp"
#include "identity/recording_trail_test.hpp"
#include "identity/service.hpp"
#include "migrations/migrations.hpp"
#include "platform/crypto/token.hpp"
#include "platform/http/client.hpp"
#include "platform/http/server.hpp"
#include "targets/routes.hpp"
#include "targets/signed_agent_test.hpp"
#include "targets/store.hpp"
#include "tests/support/database.hpp"

namespace modelops::targets {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::SignedAgent;

struct MemoryReader final : storage::BlobReader {
  explicit MemoryReader(std::string content) : bytes(std::move(content)) {}
  std::uint64_t size_bytes() const override { return bytes.size(); }
  std::size_t read_at(std::uint64_t offset, std::span<char> into) const override {
    const std::string part = bytes.substr(offset, into.size());
    std::copy(part.begin(), part.end(), into.begin());
    return part.size();
  }
  std::string bytes;
};

/// Stands for deployments and the registry.
struct FakeNeighbours final : DesiredStates, ObservedSink, Artifacts, TargetUsage {
  std::vector<DesiredReplica> desired(db::Tx&, const Machine&) override {
    DesiredReplica replica;
    replica.replica_id = "rep_1";
    return {replica};
  }
  std::optional<std::string> artifact_owner(db::Tx&, const Machine& agent, const std::string& sha256) override {
    if (agent.target_id != needing_target || sha256 != std::string(64, 'a')) return std::nullopt;
    return "org_owner";
  }
  std::vector<std::string> deployments_on(db::Tx&, const std::string&, const std::string& target_id) override {
    if (target_id != needing_target) return {};
    return {"chat", "digits"};
  }
  void observed(db::Tx& tx, const Machine&, const ReportObserved& report) override {
    tx.after_commit([this, report] { reports.push_back(report); });
  }
  void logged(db::Tx& tx, const Machine&, const std::vector<ReplicaLogLine>& lines) override {
    tx.after_commit([this, lines] {
      for (const auto& line : lines) log.push_back(line.line);
    });
  }
  std::unique_ptr<storage::BlobReader> open(const std::string& org_id, const std::string&) override {
    if (org_id != "org_owner") return nullptr;
    return std::make_unique<MemoryReader>("0123456789");
  }
  std::string needing_target;
  std::vector<ReportObserved> reports;
  std::vector<std::string> log;
};

std::string text_of(http::Answer answer) {
  auto& download = std::get<http::Download>(answer);
  std::string out(64, 0);
  out.resize(download.source->read(out));
  return out;
}

class TargetsTest : public ::testing::TestWithParam<db::Dialect> {
 protected:
  TargetsTest() {
    database->migrate(all_migrations());
    identity_access.set_known_permissions({"targets:read", "targets:write"});
    const auto boot = identity.bootstrap("acme", "admin@localhost");
    admin = *identity_access.context_of_key(boot->api_token);
    const auto other_org =
        identity.create_organization(admin, {*Slug::parse("other"), {}, *reflect::Email::parse("o@x.y")});
    other = admin;
    other.actor.id = other_org.id.str();
    other.org_id = *database->read([](db::Tx& tx) {
      return tx.value<std::string>("SELECT id FROM organizations WHERE name = ?", std::string("other"));
    });
  }
  ~TargetsTest() override { std::filesystem::remove_all(folder); }

  SignedAgent enrolled_agent(const std::string& name) {
    SignedAgent agent;
    agent.enrolled = machines.enroll({}, agent.enrollment(service.create(admin, {*Slug::parse(name), {}}).token));
    return agent;
  }
  Target target(const std::string& name) { return service.get(admin, {*Reference::parse(name)}); }
  Machine authenticate(const http::Request& request) { return access.authenticate(request); }
  http::Request probe(const SignedAgent& agent) {
    return agent.request(http::Method::get, "/api/v1/machines/desired", clock.now(), "after=0");
  }

  std::filesystem::path folder = [] {
    auto path = std::filesystem::temp_directory_path() / ("modelops_targets_" + new_uuid7());
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
  ServerKeys keys{*database, clock, keyring};
  MachineAccess access{*database, clock, trail, keys, topics};
  FakeNeighbours neighbours;
  Service service{*database, clock, trail, events, topics, neighbours};
  Machines machines{*database, clock, trail, keys, access, topics, neighbours, neighbours, neighbours};
  Context admin, other;
};

TEST_P(TargetsTest, AnAgentEnrollsOnceWithItsToken) {
  const NewTarget made = service.create(admin, {*Slug::parse("local"), {}});
  EXPECT_EQ(made.target.state, MachineState::pending);
  SignedAgent agent;
  agent.enrolled = machines.enroll({}, agent.enrollment(made.token));
  EXPECT_EQ(agent.enrolled.target_id, made.id.str());
  EXPECT_EQ(agent.enrolled.organization, admin.org_id);
  EXPECT_EQ(target("local").state, MachineState::online);
  EXPECT_EQ(target("local").inventory.hostname, "host");
  EXPECT_EQ(code_of([&] { machines.enroll({}, agent.enrollment(made.token)); }), ErrorCode::unauthenticated);
  EXPECT_THAT(trail.failures, ElementsAre("enrollment_token"));
  EXPECT_EQ(code_of([&] { service.create(admin, {*Slug::parse("local"), {}}); }), ErrorCode::conflict);
}

TEST_P(TargetsTest, UnknownEnrollmentTokensAreRefusedBeforeTheyCostATransaction) {
  const NewTarget made = service.create(admin, {*Slug::parse("local"), {}});
  const SignedAgent agent;
  const std::string unknown(crypto::make_token("enroll").reveal());
  for (int i = 0; i < api::Guesses::most; ++i)
    EXPECT_EQ(code_of([&] { machines.enroll({}, agent.enrollment(unknown)); }), ErrorCode::unauthenticated);
  EXPECT_EQ(code_of([&] { machines.enroll({}, agent.enrollment(made.token)); }), ErrorCode::too_many_requests);
  clock.advance(api::Guesses::refill);
  machines.enroll({}, agent.enrollment(made.token));
  EXPECT_EQ(code_of([&] { machines.enroll({}, agent.enrollment(made.token)); }), ErrorCode::unauthenticated)
      << "a used one is a guess too";
  EXPECT_EQ(code_of([&] { machines.enroll({}, agent.enrollment(made.token)); }), ErrorCode::too_many_requests);
}

TEST_P(TargetsTest, ManyWhoRaceForATokenGetItOnce) {
  const NewTarget made = service.create(admin, {*Slug::parse("local"), {}});
  std::atomic<int> enrolled = 0, refused = 0;
  {
    std::vector<std::jthread> racers;
    for (int i = 0; i < 8; ++i)
      racers.emplace_back([&] {
        try {
          machines.enroll({}, SignedAgent().enrollment(made.token));
          ++enrolled;
        } catch (const Error& error) {
          refused += error.code == ErrorCode::unauthenticated;
        }
      });
  }
  EXPECT_EQ(enrolled, 1);
  EXPECT_EQ(refused, 7);
}

TEST_P(TargetsTest, ATokenGrowsOldAndANewOneEndsIt) {
  const NewTarget made = service.create(admin, {*Slug::parse("local"), {}});
  const EnrollmentToken second = service.renew_token(admin, {*Reference::parse("local")});
  SignedAgent agent;
  EXPECT_EQ(code_of([&] { machines.enroll({}, agent.enrollment(made.token)); }), ErrorCode::unauthenticated);
  clock.advance(std::chrono::minutes(15));
  EXPECT_EQ(code_of([&] { machines.enroll({}, agent.enrollment(second.token)); }), ErrorCode::unauthenticated);
  EXPECT_EQ(target("local").state, MachineState::pending);
}

TEST_P(TargetsTest, BadKeysAreRefusedAndTheTokenStaysGood) {
  const NewTarget made = service.create(admin, {*Slug::parse("local"), {}});
  SignedAgent agent;
  EnrollMachine request = agent.enrollment(made.token);
  request.public_key = {std::string("short")};
  EXPECT_EQ(code_of([&] { machines.enroll({}, request); }), ErrorCode::unprocessable);
  request = agent.enrollment(made.token);
  request.protocol = {99};
  EXPECT_EQ(code_of([&] { machines.enroll({}, request); }), ErrorCode::unprocessable);
  machines.enroll({}, agent.enrollment(made.token));
}

TEST_P(TargetsTest, OnlyAFreshSignedRequestIsAccepted) {
  const SignedAgent agent = enrolled_agent("local");
  const http::Request good = probe(agent);
  const Machine machine = authenticate(good);
  EXPECT_EQ(machine.target_id, agent.enrolled.target_id);
  EXPECT_EQ(code_of([&] { authenticate(good); }), ErrorCode::unauthenticated) << "the same nonce";

  for (const char* header : {"X-ModelOps-Machine", "X-ModelOps-Time", "X-ModelOps-Nonce", "X-ModelOps-Signature"}) {
    http::Request bad = probe(agent);
    bad.headers.remove(header);
    EXPECT_EQ(code_of([&] { authenticate(bad); }), ErrorCode::unauthenticated) << header;
    bad.headers.set(header, "x");
    EXPECT_EQ(code_of([&] { authenticate(bad); }), ErrorCode::unauthenticated) << header;
  }
  http::Request altered = probe(agent);
  altered.query = "after=1";
  EXPECT_EQ(code_of([&] { authenticate(altered); }), ErrorCode::unauthenticated);
  altered = probe(agent);
  altered.body = "{}";
  EXPECT_EQ(code_of([&] { authenticate(altered); }), ErrorCode::unauthenticated);
  SignedAgent stranger;
  stranger.enrolled = agent.enrolled;
  EXPECT_EQ(code_of([&] { authenticate(probe(stranger)); }), ErrorCode::unauthenticated);

  for (const auto skew : {std::chrono::minutes(-6), std::chrono::minutes(6)}) {
    const auto request = agent.request(http::Method::get, "/x", clock.now() + skew);
    EXPECT_EQ(code_of([&] { authenticate(request); }), ErrorCode::unauthenticated);
  }
  authenticate(agent.request(http::Method::get, "/x", clock.now() + std::chrono::minutes(4)));
}

TEST_P(TargetsTest, NoncesAreForgottenOnlyWhenTooOldToBeAccepted) {
  const SignedAgent agent = enrolled_agent("local");
  const http::Request request = agent.request(http::Method::get, "/x", clock.now() + std::chrono::minutes(5));
  authenticate(request);
  clock.advance(std::chrono::minutes(10));
  service.forget_nonces();
  EXPECT_EQ(code_of([&] { authenticate(request); }), ErrorCode::unauthenticated);
  clock.advance(std::chrono::seconds(1));
  service.forget_nonces();
  EXPECT_EQ(database->read([](db::Tx& tx) { return tx.value<std::int64_t>("SELECT count(*) FROM machine_nonces"); }),
            0);
  EXPECT_EQ(code_of([&] { authenticate(request); }), ErrorCode::unauthenticated);
}

TEST_P(TargetsTest, RevokedAndExpiredMachinesAreRefusedUntilTheyEnrollAgain) {
  const SignedAgent agent = enrolled_agent("local");
  EXPECT_EQ(service.revoke(admin, TargetReference{*Reference::parse("local")}).state, MachineState::revoked);
  EXPECT_EQ(code_of([&] { authenticate(probe(agent)); }), ErrorCode::unauthenticated);

  // The machine acts on the refusal because it is signed; that of a repeated request never is.
  const auto raw = agent.request(http::Method::post, "/api/v1/machines/observed", clock.now());
  const auto refusal = std::get<http::Response>(machines.observed({}, {{1}, 0, {}, {}}, raw));
  EXPECT_EQ(refusal.status, 401);
  EXPECT_TRUE(agent.trusts(raw, refusal));
  EXPECT_EQ(code_of([&] { machines.observed({}, {{1}, 0, {}, {}}, raw); }), ErrorCode::unauthenticated);

  SignedAgent again;
  again.enrolled =
      machines.enroll({}, again.enrollment(service.renew_token(admin, {*Reference::parse("local")}).token));
  EXPECT_EQ(again.enrolled.target_id, agent.enrolled.target_id);
  authenticate(probe(again));
  EXPECT_EQ(code_of([&] { authenticate(probe(agent)); }), ErrorCode::unauthenticated) << "the old key";

  clock.advance(machine_key_age_max);
  EXPECT_EQ(code_of([&] { authenticate(probe(again)); }), ErrorCode::unauthenticated);
}

TEST_P(TargetsTest, RenewalProlongsAndMayChangeTheKey) {
  SignedAgent agent = enrolled_agent("local");
  clock.advance(std::chrono::hours(24 * 15));
  SignedAgent next;
  next.enrolled = agent.enrolled;
  const RenewMachine renewal{
      {1}, to_base64url(next.signing.public_key), to_base64url(next.sealing.public_key), "0.2.0"};
  const auto raw =
      agent.request(http::Method::post, "/api/v1/machines/renew", clock.now(), {}, reflect::to_json(renewal));
  const auto response = std::get<http::Response>(machines.renew({}, renewal, raw));
  EXPECT_TRUE(agent.trusts(raw, response));
  EXPECT_EQ(reflect::from_json<Enrolled>(response.body).expires_at, clock.now() + machine_key_age_max);
  EXPECT_EQ(code_of([&] { authenticate(probe(agent)); }), ErrorCode::unauthenticated);
  EXPECT_EQ(authenticate(probe(next)).sealing_key, next.sealing.public_key);
  EXPECT_EQ(target("local").agent_version, "0.2.0");
}

TEST_P(TargetsTest, AMachineLearnsOfANewServerKeyWhenItRenews) {
  SignedAgent agent = enrolled_agent("local");
  const std::string rotated = keys.rotate();
  const auto answer_to = [&](const http::Request& raw) {
    return std::get<http::Response>(machines.observed({}, {{1}, 0, {}, {}}, raw));
  };
  const auto post = [&] { return agent.request(http::Method::post, "/api/v1/machines/observed", clock.now()); };
  auto raw = post();
  EXPECT_TRUE(agent.trusts(raw, answer_to(raw)));

  raw = agent.request(http::Method::post, "/api/v1/machines/renew", clock.now());
  const auto renewed = std::get<http::Response>(machines.renew({}, {{1}, {}, {}, ""}, raw));
  EXPECT_TRUE(agent.trusts(raw, renewed));
  // Had that answer been lost, the machine would still name the key that it knows.
  raw = post();
  raw.headers.set("X-ModelOps-Server-Key", agent.enrolled.server_key_id);
  EXPECT_TRUE(agent.trusts(raw, answer_to(raw)));
  agent.enrolled = reflect::from_json<Enrolled>(renewed.body);
  EXPECT_EQ(agent.enrolled.server_key_id, rotated);
  raw = post();
  EXPECT_TRUE(agent.trusts(raw, answer_to(raw)));
}

TEST_P(TargetsTest, DesiredStateIsAnsweredWhenItDiffersAndIsSigned) {
  const SignedAgent agent = enrolled_agent("local");
  const auto poll_of = [&](std::int64_t after, http::Request& raw) {
    raw = probe(agent);
    return std::get<http::LongPoll>(machines.desired({}, {after, {}}, raw));
  };
  http::Request raw;
  const auto first = poll_of(0, raw).poll(false);
  ASSERT_TRUE(first);
  EXPECT_TRUE(agent.trusts(raw, *first));
  const auto state = reflect::from_json<DesiredState>(first->body);
  EXPECT_EQ(state.replicas.size(), 1u);

  const auto waiting = poll_of(state.generation, raw);
  const std::uint64_t seen = topics.version(waiting.topic);
  EXPECT_FALSE(waiting.poll(false));
  database->write([&](db::Tx& tx) { service.bump(tx, admin.org_id, agent.enrolled.target_id); });
  EXPECT_NE(topics.version(waiting.topic), seen);
  const auto second = waiting.poll(false);
  ASSERT_TRUE(second);
  EXPECT_TRUE(agent.trusts(raw, *second));
  EXPECT_EQ(reflect::from_json<DesiredState>(second->body).generation, state.generation + 1);
  EXPECT_TRUE(poll_of(state.generation + 1, raw).poll(true)) << "the deadline answers without news";

  const auto parked = poll_of(state.generation + 1, raw);
  service.revoke(admin, TargetReference{*Reference::parse("local")});
  const auto refusal = parked.poll(false);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->status, 401);
  EXPECT_TRUE(agent.trusts(raw, *refusal));
}

TEST_P(TargetsTest, ReportsAreCleanedAndProblemsAreSigned) {
  const SignedAgent agent = enrolled_agent("local");
  ReportObserved report{{1}, 3, {{}}, {}};
  report.replicas[0].message = std::string("a\0b\x1b[31m", 8) + std::string(5000, 'x');
  auto raw = agent.request(http::Method::post, "/api/v1/machines/observed", clock.now());
  const auto answer = std::get<http::Response>(machines.observed({}, report, raw));
  EXPECT_EQ(answer.status, 204);
  EXPECT_TRUE(agent.trusts(raw, answer));
  ASSERT_EQ(neighbours.reports.size(), 1u);
  EXPECT_EQ(neighbours.reports[0].replicas[0].message.size(), 4096u);
  EXPECT_THAT(neighbours.reports[0].replicas[0].message, ::testing::StartsWith("a b [31m"));

  report.protocol = {2};
  raw = agent.request(http::Method::post, "/api/v1/machines/observed", clock.now());
  const auto problem = std::get<http::Response>(machines.observed({}, report, raw));
  EXPECT_EQ(problem.status, 422);
  EXPECT_TRUE(agent.trusts(raw, problem));
}

TEST_P(TargetsTest, ARepeatedBatchOfLogsIsDropped) {
  const SignedAgent agent = enrolled_agent("local");
  const auto send = [&](std::int64_t batch, std::string line) {
    const ReportLogs report{batch, {{"rep_1", clock.now(), "stderr", std::move(line)}}};
    const auto raw = agent.request(http::Method::post, "/api/v1/machines/logs", clock.now());
    return std::get<http::Response>(machines.logs({}, report, raw)).status;
  };
  EXPECT_EQ(send(1, "one"), 204);
  EXPECT_EQ(send(1, "one"), 204);
  EXPECT_EQ(send(2, "two"), 204);
  EXPECT_THAT(neighbours.log, ElementsAre("one", "two"));
}

TEST_P(TargetsTest, OnlyNeededFilesAreGivenOutWithRanges) {
  const SignedAgent agent = enrolled_agent("local");
  neighbours.needing_target = agent.enrolled.target_id;
  const auto fetch = [&](char digit, std::string_view range) {
    const std::string sha256(64, digit);
    auto raw = agent.request(http::Method::get, "/api/v1/machines/artifacts/" + sha256, clock.now());
    if (!range.empty()) raw.headers.set("Range", range);
    return machines.artifact({}, {*reflect::Sha256Text::parse(sha256)}, raw);
  };
  EXPECT_EQ(text_of(fetch('a', "")), "0123456789");
  EXPECT_EQ(text_of(fetch('a', "bytes=4-")), "456789");
  EXPECT_EQ(text_of(fetch('a', "bytes=2-3")), "23");
  EXPECT_EQ(text_of(fetch('a', "bytes=-3")), "789");
  EXPECT_EQ(text_of(fetch('a', "bytes=5-99")), "56789");
  for (const char* no_range : {"bytes=3-2", "bytes=--5", "bytes=0--1"})
    EXPECT_EQ(std::get<http::Download>(fetch('a', no_range)).head.status, 200) << no_range << " is passed over";
  const auto part = fetch('a', "bytes=4-");
  EXPECT_EQ(std::get<http::Download>(part).head.status, 206);
  EXPECT_EQ(std::get<http::Download>(part).head.headers.get("Content-Range"), "bytes 4-9/10");
  EXPECT_EQ(code_of([&] { fetch('a', "bytes=10-"); }), ErrorCode::range_not_satisfiable);
  EXPECT_EQ(code_of([&] { fetch('b', ""); }), ErrorCode::not_found);
  const SignedAgent stranger = enrolled_agent("second");
  neighbours.needing_target = stranger.enrolled.target_id;
  EXPECT_EQ(code_of([&] { fetch('a', ""); }), ErrorCode::not_found);
}

TEST_P(TargetsTest, ASilentAgentGoesOfflineAndComesBack) {
  const SignedAgent agent = enrolled_agent("local");
  clock.advance(std::chrono::seconds(45));
  EXPECT_EQ(service.notice_silence(), 0u);
  clock.advance(std::chrono::seconds(1));
  const std::uint64_t seen = topics.version(machines_topic);
  EXPECT_EQ(service.notice_silence(), 1u);
  EXPECT_NE(topics.version(machines_topic), seen);
  EXPECT_EQ(target("local").state, MachineState::offline);
  EXPECT_EQ(service.notice_silence(), 0u);
  authenticate(probe(agent));
  EXPECT_EQ(target("local").state, MachineState::online);
}

TEST_P(TargetsTest, AGatewayEnrollsTheSameWayAndMayNotActAsAnAgent) {
  const NewGateway made = service.create_gateway(admin, {*Slug::parse("edge")});
  SignedAgent gateway;
  gateway.enrolled = machines.enroll({}, gateway.enrollment(made.token));
  EXPECT_EQ(gateway.enrolled.target_id, "");
  EXPECT_EQ(authenticate(probe(gateway)).kind, MachineKind::gateway);
  const http::Request raw = probe(gateway);
  const auto refusal = std::get<http::LongPoll>(machines.desired({}, {0, {}}, raw)).poll(false);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->status, 403);
  clock.advance(std::chrono::seconds(60));
  EXPECT_EQ(service.notice_silence(), 0u);
  clock.advance(std::chrono::seconds(60));
  EXPECT_EQ(service.notice_silence(), 1u);
  EXPECT_EQ(service.get_gateway(admin, {*Reference::parse("edge")}).state, MachineState::offline);
  EXPECT_EQ(service.revoke_gateway(admin, {*Reference::parse("edge")}).state, MachineState::revoked);
  EXPECT_EQ(code_of([&] { authenticate(probe(gateway)); }), ErrorCode::unauthenticated);
}

TEST_P(TargetsTest, ADeletedMachineIsRefusedAndItsNameIsFree) {
  const SignedAgent agent = enrolled_agent("gpu");
  const TargetReference gpu{*Reference::parse("gpu")};
  const std::string token = service.renew_token(admin, gpu).token;
  neighbours.needing_target = agent.enrolled.target_id;
  try {
    service.remove(admin, gpu);
    ADD_FAILURE() << "deployments use it";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::conflict);
    EXPECT_THAT(error.message, ::testing::HasSubstr("chat, digits"));
  }
  EXPECT_EQ(target("gpu").state, MachineState::online);
  EXPECT_EQ(code_of([&] { service.remove(other, gpu); }), ErrorCode::not_found);

  neighbours.needing_target.clear();
  const std::uint64_t seen = topics.version(machine_topic(agent.enrolled.machine_id));
  service.remove(admin, gpu);
  EXPECT_NE(topics.version(machine_topic(agent.enrolled.machine_id)), seen) << "its parked poll is answered";
  for (const std::string& reference : {std::string("gpu"), agent.enrolled.target_id, agent.enrolled.machine_id})
    EXPECT_EQ(code_of([&] { target(reference); }), ErrorCode::not_found);
  EXPECT_TRUE(service.list(admin, {}).items.empty());
  EXPECT_EQ(code_of([&] { authenticate(probe(agent)); }), ErrorCode::unauthenticated);
  EXPECT_EQ(code_of([&] { machines.enroll({}, agent.enrollment(token)); }), ErrorCode::unauthenticated);
  EXPECT_EQ(code_of([&] { service.remove(admin, gpu); }), ErrorCode::not_found);
  EXPECT_NE(enrolled_agent("gpu").enrolled.target_id, agent.enrolled.target_id);

  const NewGateway gateway = service.create_gateway(admin, {*Slug::parse("edge")});
  service.remove_gateway(admin, {*Reference::parse("edge")});
  EXPECT_TRUE(service.list_gateways(admin, {}).items.empty());
  EXPECT_EQ(code_of([&] { service.get_gateway(admin, {*Reference::parse(gateway.id.str())}); }), ErrorCode::not_found);
  EXPECT_NE(service.create_gateway(admin, {*Slug::parse("edge")}).id, gateway.id);
}

TEST_P(TargetsTest, OtherOrganisationsSeeNothing) {
  enrolled_agent("local");
  service.create_gateway(admin, {*Slug::parse("edge")});
  const Target mine = target("local");
  for (const std::string& reference : {std::string("local"), mine.id.str()}) {
    EXPECT_EQ(code_of([&] { service.get(other, {*Reference::parse(reference)}); }), ErrorCode::not_found);
    EXPECT_EQ(code_of([&] { service.renew_token(other, {*Reference::parse(reference)}); }), ErrorCode::not_found);
    EXPECT_EQ(code_of([&] { service.revoke(other, TargetReference{*Reference::parse(reference)}); }),
              ErrorCode::not_found);
  }
  EXPECT_TRUE(service.list(other, {}).items.empty());
  EXPECT_TRUE(service.list_gateways(other, {}).items.empty());
  service.create(other, {*Slug::parse("local"), {}});
}

TEST_P(TargetsTest, LabelsChangeUnderTheirVersion) {
  enrolled_agent("local");
  const Target before = target("local");
  UpdateTarget change{*Reference::parse("local"), {}};
  change.labels = {true, reflect::Tags{{*reflect::TagKey::parse("zone"), *reflect::TagValue::parse("a")}}};
  Context ctx = admin;
  ctx.if_match = before.row_version;
  EXPECT_EQ(service.update(ctx, change).labels.size(), 1u);
  EXPECT_EQ(code_of([&] { service.update(ctx, change); }), ErrorCode::precondition_failed);
  ListTargets list;
  list.filter = "state = 'online' AND name LIKE 'LOC%'";
  EXPECT_EQ(service.list(admin, list).items.size(), 1u);
}

/// A thousand agents that wait: connections, but no thread each, and each is answered when its state changes.
TEST_P(TargetsTest, ParkedPollsHoldNoThread) {
  constexpr int agents = 1000;
  api::Router router(routes(service, machines), identity_access);
  http::ServerOptions options;
  options.io_threads = 1;
  options.pool_threads = 2;
  http::Server server(options, router, topics);
  const SignedAgent agent = enrolled_agent("local");
  const std::int64_t generation = target("local").generation;

  std::vector<std::jthread> clients;
  std::atomic<int> answered = 0, trusted = 0, ended = 0;
  // One signed head is written on each connection; every one is a request of its own with its own nonce.
  const auto poll = [&] {
    const http::Request raw = agent.request(http::Method::get, "/api/v1/machines/desired", clock.now(),
                                            fmt::format("after={}&wait_s=55", generation));
    http::ClientRequest request;
    request.url = fmt::format("http://127.0.0.1:{}{}?{}", server.port(), raw.path, raw.query);
    request.headers = raw.headers;
    http::Client client({.addresses = http::AddressPolicy::any});
    const http::Response response = client.send(request);
    ++ended;
    answered += response.status == 200;
    trusted += agent.trusts(raw, response);
  };
  for (int i = 0; i < agents; ++i) clients.emplace_back(poll);
  while (topics.waiters() < agents && ended == 0) std::this_thread::yield();
  EXPECT_EQ(ended, 0);
  // With all of them parked the two threads of the pool are free for others.
  http::ClientRequest other_request;
  other_request.url = fmt::format("http://127.0.0.1:{}/api/v1/targets", server.port());
  http::Client client({.addresses = http::AddressPolicy::any});
  EXPECT_EQ(client.send(other_request).status, 401);
  database->write([&](db::Tx& tx) { service.bump(tx, admin.org_id, agent.enrolled.target_id); });
  clients.clear();
  EXPECT_EQ(answered, agents);
  EXPECT_EQ(trusted, agents);
}

MODELOPS_ON_BOTH_DATABASES(TargetsTest);

}  // namespace
}  // namespace modelops::targets
