#include <gmock/gmock.h>

#include <filesystem>

#include "base/code_of_test.hpp"
#include "gateway/announced_trail.hpp"
#include "gateway/routes.hpp"
#include "gateway/snapshots.hpp"
#include "gateway/trials.hpp"
#include "identity/recording_trail_test.hpp"
#include "identity/service.hpp"
#include "migrations/migrations.hpp"
#include "platform/crypto/token.hpp"
#include "reflect/json.hpp"
#include "targets/machines.hpp"
#include "targets/signed_agent_test.hpp"
#include "tests/support/database.hpp"

namespace modelops::gateway {
namespace {

using targets::testing::SignedAgent;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

/// Stands for what a gateway never asks.
struct NoEngines final : targets::DesiredStates, targets::ObservedSink, targets::Artifacts, targets::TargetUsage {
  std::vector<targets::DesiredReplica> desired(db::Tx&, const targets::Machine&) override { return {}; }
  std::optional<std::string> artifact_owner(db::Tx&, const targets::Machine&, const std::string&) override {
    return std::nullopt;
  }
  std::vector<std::string> deployments_on(db::Tx&, const std::string&, const std::string&) override { return {}; }
  void observed(db::Tx&, const targets::Machine&, const targets::ReportObserved&) override {}
  void logged(db::Tx&, const targets::Machine&, const std::vector<targets::ReplicaLogLine>&) override {}
  std::unique_ptr<storage::BlobReader> open(const std::string&, const std::string&) override { return nullptr; }
};

struct FakeRoutes final : RouteSource {
  std::vector<Route> routes(db::Tx&) override { return made; }
  std::vector<Route> made;
};

struct FakeCallables final : CallableSource {
  Callable find(db::Tx&, const Context&, const identity::Reference& deployment) override {
    if (deployment.str() != made.name) fail(ErrorCode::not_found, "There is no such deployment here.");
    return made;
  }
  Callable made;
};

Route route_of(std::string organization, std::string deployment, std::string address) {
  Route route;
  route.organization = std::move(organization);
  route.deployment = std::move(deployment);
  route.replicas = {{"rep_1", std::move(address)}};
  return route;
}

class GatewayTest : public ::testing::TestWithParam<db::Dialect> {
 protected:
  GatewayTest() {
    database->migrate(all_migrations());
    identity_access.set_known_permissions(
        {"inference:call", "targets:write", "targets:read", "service_accounts:write", "deployments:read"});
    const auto boot = identity.bootstrap("acme", "admin@localhost");
    admin = *identity_access.context_of_key(boot->api_token);
    clock.advance(std::chrono::seconds(1));
    const auto invited =
        identity.create_organization(admin, {*Slug::parse("other"), {}, *reflect::Email::parse("o@x.y")});
    other = admin;
    other.org_id = *database->read([](db::Tx& tx) {
      return tx.value<std::string>("SELECT id FROM organizations WHERE name = ?", std::string("other"));
    });
    callables.made = {.org_id = admin.org_id,
                      .organization = "acme",
                      .name = "digits",
                      .engine = "onnxruntime",
                      .engine_model = "digits",
                      .interface = "custom",
                      .inputs = {{"pixels", "float32", {-1, 64}, {"batch", ""}}}};
    source.made = {route_of("other", "chat", "127.0.0.1:2"), route_of("acme", "digits", "127.0.0.1:1")};
  }
  ~GatewayTest() override { std::filesystem::remove_all(folder); }

  using Slug = reflect::Slug;
  using Reference = identity::Reference;

  void reconcile() {
    const auto lease = keeper.try_hold("test");
    ASSERT_TRUE(lease);
    snapshots.reconcile(lease->fence());
  }
  SignedAgent enrolled_gateway(const Context& ctx, const std::string& name) {
    SignedAgent out;
    out.enrolled = machines.enroll({}, out.enrollment(target_service.create_gateway(ctx, {*Slug::parse(name)}).token));
    return out;
  }
  http::Request request_of(const SignedAgent& gateway) {
    return gateway.request(http::Method::get, "/api/v1/gateway/snapshot", clock.now());
  }
  http::LongPoll start_poll(std::int64_t after, const http::Request& request) {
    return std::get<http::LongPoll>(service.snapshot({}, {.after = after}, request));
  }
  Snapshot poll(const SignedAgent& gateway, std::int64_t after = 0) {
    const http::Request request = request_of(gateway);
    const auto response = start_poll(after, request).poll(true);
    EXPECT_EQ(response->status, 200);
    EXPECT_TRUE(gateway.trusts(request, *response));
    return reflect::from_json<Snapshot>(response->body);
  }
  std::vector<std::string> key_ids(const Snapshot& snapshot) {
    std::vector<std::string> out;
    for (const Key& key : snapshot.keys) out.push_back(key.id);
    return out;
  }
  identity::NewApiKey make_key(const Context& ctx, std::vector<std::string> scopes) {
    identity::CreateApiKey request;
    request.name = *reflect::Bounded<1, 128>::parse("k");
    for (const std::string& scope : scopes) request.scopes.push_back(*identity::PermissionPattern::parse(scope));
    return identity.create_api_key(ctx, request);
  }

  std::filesystem::path folder = [] {
    auto path = std::filesystem::temp_directory_path() / ("modelops_gateway_" + new_uuid7());
    std::filesystem::create_directories(path / "data");
    return path;
  }();
  modelops::testing::TestDatabase database{GetParam()};
  ManualClock clock{SystemClock().now()};
  identity::fixture::RecordingTrail trail;
  events::Topics topics;
  AnnouncedTrail announced{trail, topics, "deployments"};
  crypto::Keyring keyring{folder / "master.key", folder / "data"};
  identity::Access identity_access{*database, clock, announced, keyring, topics, false};
  identity::Service identity{*database, clock, announced, identity_access};
  eventlog::EventLog events{topics, clock};
  targets::ServerKeys server_keys{*database, clock, keyring};
  targets::MachineAccess access{*database, clock, trail, server_keys, topics};
  NoEngines neighbours;
  targets::Service target_service{*database, clock, trail, events, topics, neighbours};
  targets::Machines machines{*database, clock, trail, server_keys, access, topics, neighbours, neighbours, neighbours};
  FakeRoutes source;
  Snapshots snapshots{*database, clock, source, topics, "deployments"};
  Service service{*database, access};
  FakeCallables callables;
  Trials trials{*database, identity, callables, "https://gateway.example.org"};
  jobs::LeaseKeeper keeper{*database};
  Context admin, other;
};

TEST_P(GatewayTest, TheVersionGrowsOnlyWhenTheContentChanges) {
  const SignedAgent gateway = enrolled_gateway(admin, "edge");
  EXPECT_EQ(poll(gateway).version, 0);
  reconcile();
  const Snapshot first = poll(gateway);
  EXPECT_EQ(first.version, 1);
  ASSERT_EQ(first.routes.size(), 2u);
  EXPECT_EQ(first.routes[0].deployment, "digits");

  std::ranges::reverse(source.made);  // the same, in another order
  clock.advance(std::chrono::minutes(1));
  reconcile();
  EXPECT_EQ(poll(gateway).version, 1);
  EXPECT_EQ(poll(gateway).issued_at, first.issued_at);

  source.made[0].replicas.clear();
  reconcile();
  EXPECT_EQ(poll(gateway).version, 2);
}

TEST_P(GatewayTest, APollWaitsForAnotherVersionAndIsWoken) {
  const SignedAgent gateway = enrolled_gateway(admin, "edge");
  reconcile();
  const http::Request request = request_of(gateway);
  const http::LongPoll waiting = start_poll(1, request);
  EXPECT_FALSE(waiting.poll(false));
  const std::uint64_t seen = topics.version(waiting.topic);
  source.made.clear();
  reconcile();
  EXPECT_NE(topics.version(waiting.topic), seen);
  const auto response = waiting.poll(false);
  ASSERT_TRUE(response);
  EXPECT_TRUE(gateway.trusts(request, *response));
  EXPECT_THAT(reflect::from_json<Snapshot>(response->body).routes, IsEmpty());
}

TEST_P(GatewayTest, OnlyKeysThatMayCallEndpointsAreTold) {
  const SignedAgent gateway = enrolled_gateway(admin, "edge");
  reconcile();
  const std::string bootstrap_key = poll(gateway).keys.at(0).id;
  const auto full = make_key(admin, {});
  const auto scoped = make_key(admin, {"inference:*"});
  make_key(admin, {"*:read"});
  reconcile();
  const Snapshot told = poll(gateway);
  EXPECT_THAT(key_ids(told), UnorderedElementsAre(bootstrap_key, full.id.str(), scoped.id.str()));
  EXPECT_EQ(told.keys.at(0).organization, "acme");
  const auto digest = std::ranges::find(told.keys, full.id.str(), &Key::id)->digest;
  EXPECT_EQ(digest, crypto::token_digest(full.token));

  identity.revoke_api_key(admin, {full.id});
  reconcile();
  EXPECT_THAT(key_ids(poll(gateway)), UnorderedElementsAre(bootstrap_key, scoped.id.str()));
}

TEST_P(GatewayTest, AKeyOfSomebodyWithoutThePermissionOrDisabledIsNotTold) {
  const SignedAgent gateway = enrolled_gateway(admin, "edge");
  const auto account = [&](const char* name, const char* role) {
    return identity.create_service_account(
        admin, {*Slug::parse(name), *reflect::Bounded<0, 512>::parse(""), *Reference::parse(role)});
  };
  const auto key_of = [&](const char* name) {
    identity::CreateApiKey request;
    request.name = *reflect::Bounded<1, 128>::parse("k");
    request.service_account = *Reference::parse(name);
    return identity.create_api_key(admin, request).id.str();
  };
  reconcile();
  const std::string bootstrap_key = poll(gateway).keys.at(0).id;
  account("reader", "viewer");
  account("caller", "operator");
  key_of("reader");
  const std::string called = key_of("caller");
  reconcile();
  EXPECT_THAT(key_ids(poll(gateway)), UnorderedElementsAre(bootstrap_key, called));
  database->write([&](db::Tx& tx) { tx.run("UPDATE members SET disabled = ?", true); });
  reconcile();
  EXPECT_THAT(key_ids(poll(gateway)), ElementsAre(called));
}

TEST_P(GatewayTest, AnotherOrganisationsGatewaySeesOnlyItsOwn) {
  reconcile();
  const Snapshot own = poll(enrolled_gateway(other, "edge"));
  ASSERT_EQ(own.routes.size(), 1u);
  EXPECT_EQ(own.routes[0].organization, "other");
  EXPECT_THAT(own.keys, IsEmpty());
}

TEST_P(GatewayTest, AgentsAndRevokedGatewaysAreRefused) {
  SignedAgent agent;
  agent.enrolled =
      machines.enroll({}, agent.enrollment(target_service.create(admin, {*Slug::parse("local"), {}}).token));
  // Told with our signature, so that the machine believes it.
  const auto refusal_of = [&](const SignedAgent& machine) {
    const http::Request request = request_of(machine);
    const auto answer = start_poll(0, request).poll(false);
    EXPECT_TRUE(answer && machine.trusts(request, *answer));
    return answer ? answer->status : 0;
  };
  EXPECT_EQ(refusal_of(agent), 403);

  const SignedAgent gateway = enrolled_gateway(admin, "edge");
  const http::Request request = request_of(gateway);
  const http::LongPoll waiting = start_poll(0, request);
  EXPECT_FALSE(waiting.poll(false));
  target_service.revoke_gateway(admin, {*Reference::parse("edge")});
  const auto refusal = waiting.poll(false);  // also one that waits already
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->status, 401);
  EXPECT_TRUE(gateway.trusts(request, *refusal));
  EXPECT_EQ(refusal_of(gateway), 401);
}

TEST_P(GatewayTest, ARevokedKeyDoesNotWaitForTheTimer) {
  const identity::NewApiKey key = make_key(admin, {"inference:call"});
  const std::uint64_t seen = topics.version("deployments");
  identity.revoke_api_key(admin, {key.id});
  EXPECT_NE(topics.version("deployments"), seen);
}

TEST_P(GatewayTest, WhatNoSnapshotTellsWakesNobody) {
  const std::uint64_t seen = topics.version("deployments");
  database->write([&](db::Tx& tx) {
    announced.record(tx, admin, {"model_alias.set", "model", "mdl_1"});
    EXPECT_EQ(topics.version("deployments"), seen) << "before it is committed";
  });
  const std::uint64_t woken = topics.version("deployments");
  EXPECT_NE(woken, seen);
  database->write([&](db::Tx& tx) {
    announced.record(tx, admin, {"model.update", "model", "mdl_1"});
    announced.record(tx, admin, {"session.start", "user", "usr_1"});
  });
  EXPECT_EQ(topics.version("deployments"), woken);
  EXPECT_THAT(trail.lines.back(), HasSubstr("session.start"));
}

// ---- trying a deployment -------------------------------------------------------------------------------------------

TEST_P(GatewayTest, APersonGetsAKeyForAWhileThatGatewaysHearOf) {
  const SignedAgent gateway = enrolled_gateway(admin, "edge");
  reconcile();
  const std::int64_t before = poll(gateway).version;
  const std::uint64_t seen = topics.version("deployments");
  const Trial trial = trials.begin(admin, {*Reference::parse("digits")});
  EXPECT_NE(topics.version("deployments"), seen);  // the snapshot is built at once
  EXPECT_EQ(trial.gateway_url, "https://gateway.example.org");
  EXPECT_EQ(trial.serve_path, "/serve/acme/digits");
  EXPECT_EQ(trial.model, "digits");
  EXPECT_EQ(trial.inputs.at(0).name, "pixels");
  EXPECT_EQ(trial.expires_at, clock.now() + std::chrono::minutes(10));
  EXPECT_THAT(trail.lines.back(), HasSubstr("api_key.create_temporary"));
  EXPECT_THAT(trail.lines.back(), HasSubstr("try deployment digits"));
  EXPECT_THAT(trail.lines.back(), Not(HasSubstr(trial.token)));

  reconcile();
  const Snapshot told = poll(gateway, before);
  const auto key = std::ranges::find(told.keys, trial.id.str(), &Key::id);
  ASSERT_NE(key, told.keys.end());
  EXPECT_EQ(key->digest, crypto::token_digest(trial.token));
  EXPECT_EQ(key->expires_at, trial.expires_at);
  // It may call endpoints and nothing else, and is not among the keys that people keep.
  const auto used = identity_access.context_of_key(trial.token);
  ASSERT_TRUE(used);
  EXPECT_THAT(used->actor.permissions, ElementsAre("inference:call"));
  EXPECT_EQ(used->actor.id, admin.actor.id);
  EXPECT_EQ(identity.list_api_keys(admin, {}).items.size(), 1u);

  clock.advance(std::chrono::minutes(11));
  EXPECT_FALSE(identity_access.context_of_key(trial.token));
  reconcile();
  EXPECT_THAT(key_ids(poll(gateway)), Not(::testing::Contains(trial.id.str())));
}

TEST_P(GatewayTest, TemporaryKeysAreFewAndAreRemoved) {
  const auto keys = [&] {
    return *database->read(
        [](db::Tx& tx) { return tx.value<std::int64_t>("SELECT count(*) FROM api_keys WHERE temporary = ?", true); });
  };
  const Trial first = trials.begin(admin, {*Reference::parse("digits")});
  for (int i = 0; i < 12; ++i) {
    clock.advance(std::chrono::seconds(1));
    trials.begin(admin, {*Reference::parse("digits")});
  }
  EXPECT_EQ(keys(), 10);
  EXPECT_FALSE(identity_access.context_of_key(first.token));  // the oldest went
  clock.advance(std::chrono::minutes(20));
  trials.begin(admin, {*Reference::parse("digits")});
  EXPECT_EQ(keys(), 1);
  EXPECT_EQ(identity.list_api_keys(admin, {}).items.size(), 1u);
}

TEST_P(GatewayTest, OnlyWhoMayReadAndCallADeploymentMayTryIt) {
  Context reader = admin;
  reader.actor.permissions = {"deployments:read"};
  EXPECT_EQ(code_of([&] { trials.begin(reader, {*Reference::parse("digits")}); }), ErrorCode::forbidden);
  Context caller = admin;
  caller.actor.permissions = {"inference:call"};
  EXPECT_EQ(code_of([&] { trials.begin(caller, {*Reference::parse("digits")}); }), ErrorCode::forbidden);
  EXPECT_EQ(code_of([&] { trials.begin(admin, {*Reference::parse("gone")}); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { trials.begin(other, {*Reference::parse("digits")}); }), ErrorCode::forbidden);
}

TEST_P(GatewayTest, GatewaysAreToldWhosePagesMayCall) {
  const SignedAgent gateway = enrolled_gateway(other, "edge");
  Snapshots with_origins(*database, clock, source, topics, "deployments", {"https://models.example.org"});
  reconcile();
  EXPECT_THAT(poll(gateway).cors_origins, IsEmpty());
  with_origins.reconcile(keeper.try_hold("test")->fence());
  EXPECT_THAT(poll(gateway).cors_origins, ElementsAre("https://models.example.org"));
}

TEST(OriginRuleTest, IsSchemeHostAndPort) {
  for (const char* good : {"https://a.org", "http://localhost:3000", "http://[::1]:3000"})
    EXPECT_TRUE(Origin::parse(good)) << good;
  for (const char* bad : {"*", "null", "https://a.org/", "https://a.org/x", "https://A.org", "a.org", "https://u@a.org",
                          "https://a.org?x", "ftp://a.org", ""})
    EXPECT_FALSE(Origin::parse(bad)) << bad;
}

MODELOPS_ON_BOTH_DATABASES(GatewayTest);

}  // namespace
}  // namespace modelops::gateway
