#include <gmock/gmock.h>

#include <filesystem>
#include <thread>

#include "base/code_of_test.hpp"
#include "base/text.hpp"
#include "identity/recording_trail_test.hpp"
#include "identity/routes.hpp"
#include "identity/rules.hpp"
#include "identity/store.hpp"
#include "identity/visibility.hpp"
#include "migrations/migrations.hpp"
#include "platform/crypto/token.hpp"
#include "tests/support/database.hpp"

namespace modelops::identity {
namespace {

class IdentityTest : public ::testing::TestWithParam<db::Dialect> {
 protected:
  IdentityTest() {
    database->migrate(all_migrations());
    access.set_known_permissions(known);
    boot = *service.bootstrap("acme", "admin@localhost");
    admin = *access.context_of_key(boot.api_token);
  }
  ~IdentityTest() override { std::filesystem::remove_all(folder); }

  http::Request request(http::Method method, http::Headers headers = {}) {
    http::Request out;
    out.method = method;
    out.path = "/api/v1/models";
    out.headers = std::move(headers);
    return out;
  }
  /// A member with `role`, acting by a key of their own.
  Context member(const std::string& email, const std::string& role) {
    const Invitation invitation =
        service.add_member(admin, {*Email::parse(email), std::nullopt, *Reference::parse(role)});
    Context ctx;
    ctx.org_id = admin.org_id;
    ctx.actor.kind = ActorKind::user;
    ctx.actor.id = invitation.id.str();
    const auto row = database->read([&](db::Tx& tx) { return store::find_role(tx, admin.org_id, role); });
    ctx.actor.permissions = expand(row->permissions, known);
    return ctx;
  }

  std::vector<std::string> known = [] {
    std::vector<std::string> out;
    for (const Permission p :
         {organization_read, organization_write, members_read, members_write, teams_read, teams_write, roles_read,
          roles_write, service_accounts_read, service_accounts_write, organization_see_all, organizations_create})
      out.emplace_back(p.name);
    return out;
  }();
  std::filesystem::path folder = [] {
    auto path = std::filesystem::temp_directory_path() / ("modelops_identity_" + new_uuid7());
    std::filesystem::create_directories(path / "data");
    return path;
  }();
  testing::TestDatabase database{GetParam()};
  ManualClock clock{SystemClock().now()};
  fixture::RecordingTrail trail;
  crypto::Keyring keyring{folder / "master.key", folder / "data"};
  events::Topics topics;
  Access access{*database, clock, trail, keyring, topics, false};
  Service service{*database, clock, trail, access};
  Bootstrap boot;
  Context admin;
};

TEST_P(IdentityTest, TheFirstStartMakesOneAdministratorOnce) {
  EXPECT_FALSE(service.bootstrap("other", "x@y.z"));
  const SessionInfo info = service.session(admin, {});
  EXPECT_EQ(info.organization, "acme");
  EXPECT_EQ(info.role, "admin");
  EXPECT_TRUE(admin.may(organizations_create));
  EXPECT_FALSE(info.has_password);
}

TEST_P(IdentityTest, ASignInLinkWorksOnce) {
  const auto answer = std::get<http::Response>(service.redeem_link({}, {{boot.sign_in_token}}));
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(std::string(answer.headers.get("Set-Cookie")),
              ::testing::AllOf(::testing::HasSubstr("HttpOnly"), ::testing::HasSubstr("SameSite=Lax")));
  EXPECT_EQ(code_of([&] { service.redeem_link({}, {{boot.sign_in_token}}); }), ErrorCode::unauthenticated);
  EXPECT_THAT(trail.failures, ::testing::ElementsAre("sign_in_link"));
}

TEST_P(IdentityTest, ALinkGrowsOld) {
  clock.advance(std::chrono::hours(25));
  EXPECT_EQ(code_of([&] { service.redeem_link({}, {{boot.sign_in_token}}); }), ErrorCode::unauthenticated);
}

TEST_P(IdentityTest, ASessionNeedsItsCsrfTokenToChangeAnything) {
  const auto answer = std::get<http::Response>(service.redeem_link({}, {{boot.sign_in_token}}));
  const std::string set_cookie(answer.headers.get("Set-Cookie"));
  const std::string cookie = set_cookie.substr(0, set_cookie.find(';'));
  const auto info = reflect::from_stored_json<SessionInfo>(answer.body);
  http::Headers headers;
  headers.add("Cookie", "x=y; " + cookie);
  headers.add("Host", "localhost:3000");
  EXPECT_EQ(access.authenticate(request(http::Method::get, headers)).actor.kind, ActorKind::user);
  EXPECT_EQ(code_of([&] { access.authenticate(request(http::Method::post, headers)); }), ErrorCode::forbidden);
  headers.add("X-CSRF-Token", *info.csrf_token);
  EXPECT_EQ(access.authenticate(request(http::Method::post, headers)).org_id, admin.org_id);
  headers.add("Origin", "http://evil.example");
  EXPECT_EQ(code_of([&] { access.authenticate(request(http::Method::post, headers)); }), ErrorCode::forbidden);
  headers.set("Origin", "http://localhost:3000");
  const Context ctx = access.authenticate(request(http::Method::post, headers));
  service.sign_out(ctx, {});
  EXPECT_EQ(access.authenticate(request(http::Method::get, headers)).actor.kind, ActorKind::anonymous);
}

TEST_P(IdentityTest, SessionsEndWhenIdle) {
  const auto answer = std::get<http::Response>(service.redeem_link({}, {{boot.sign_in_token}}));
  const std::string set_cookie(answer.headers.get("Set-Cookie"));
  http::Headers headers;
  headers.add("Cookie", set_cookie.substr(0, set_cookie.find(';')));
  clock.advance(session_idle_max - std::chrono::minutes(1));
  EXPECT_EQ(access.authenticate(request(http::Method::get, headers)).actor.kind, ActorKind::user);
  clock.advance(session_idle_max + std::chrono::minutes(1));
  EXPECT_EQ(access.authenticate(request(http::Method::get, headers)).actor.kind, ActorKind::anonymous);
}

TEST_P(IdentityTest, PasswordsSignInAndFailuresAreThrottled) {
  service.change_password(admin, {std::nullopt, {"correct horse battery"}});
  EXPECT_EQ(code_of([&] { service.change_password(admin, {"wrong", {"another long password"}}); }),
            ErrorCode::unprocessable);
  Context nobody;
  nobody.remote_address = "192.0.2.1";
  const SignIn right{*Email::parse("Admin@localhost"), {"correct horse battery"}, std::nullopt};
  const SignIn wrong{*Email::parse("admin@localhost"), {"wrong"}, std::nullopt};
  EXPECT_EQ(std::get<http::Response>(service.sign_in(nobody, right)).status, 200);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(code_of([&] { service.sign_in(nobody, wrong); }), ErrorCode::unauthenticated);
  EXPECT_EQ(code_of([&] { service.sign_in(nobody, right); }), ErrorCode::too_many_requests);
  clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(std::get<http::Response>(service.sign_in(nobody, right)).status, 200);
  EXPECT_EQ(code_of([&] { service.sign_in(nobody, {*Email::parse("no@body.org"), {"wrong"}, std::nullopt}); }),
            ErrorCode::unauthenticated);
}

TEST_P(IdentityTest, GuessingAtAnAccountGetsSlowerFromWhereverItComes) {
  service.change_password(admin, {std::nullopt, {"correct horse battery"}});
  const auto guess = [&](const std::string& mail, const std::string& address) {
    Context nobody;
    nobody.remote_address = address;
    return code_of([&] { service.sign_in(nobody, {*Email::parse(mail), {"wrong"}, std::nullopt}); });
  };
  // A thousand machines have no more guesses at one account than one has.
  int tried = 0;
  for (int i = 0; i < 1000; ++i)
    if (guess("admin@localhost", fmt::format("198.51.100.{}", i % 250)) == ErrorCode::unauthenticated) ++tried;
  EXPECT_LE(tried, 5);
  // The pause grows with each failure after it.
  for (int i = 0; i < 8; ++i) {
    clock.advance(std::chrono::minutes(10));
    guess("admin@localhost", "192.0.2.1");
  }
  clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(guess("admin@localhost", "192.0.2.77"), ErrorCode::too_many_requests);
}

TEST_P(IdentityTest, TheCurrentPasswordCannotBeGuessedFromAnOpenSession) {
  service.change_password(admin, {std::nullopt, {"correct horse battery"}});
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(code_of([&] { service.change_password(admin, {"wrong", {"another long password"}}); }),
              ErrorCode::unprocessable);
  EXPECT_EQ(code_of([&] { service.change_password(admin, {"correct horse battery", {"another long password"}}); }),
            ErrorCode::too_many_requests);
  clock.advance(std::chrono::seconds(2));
  service.change_password(admin, {"correct horse battery", {"another long password"}});
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(code_of([&] { service.change_password(admin, {"wrong", {"a third long password"}}); }),
              ErrorCode::unprocessable)
        << "the right one has cleared the failures before it";
}

TEST_P(IdentityTest, AFirstPasswordIsNotHeldUpByWhoeverGuessesAtIt) {
  Context nobody;
  nobody.remote_address = "192.0.2.1";
  for (int i = 0; i < 8; ++i)
    code_of([&] { service.sign_in(nobody, {*Email::parse("admin@localhost"), {"wrong"}, std::nullopt}); });
  service.change_password(admin, {std::nullopt, {"correct horse battery"}});
}

TEST_P(IdentityTest, AnIPv6HostHasNoMoreGuessesAtPasswordsThanAnother) {
  for (const std::string address : {"2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"}) {
    Context nobody;
    nobody.remote_address = address;
    code_of([&] { service.sign_in(nobody, {*Email::parse("no@body.org"), {"wrong"}, std::nullopt}); });
  }
  const auto failures = database->read([&](db::Tx& tx) { return store::find_failures(tx, "address:2001:db8::"); });
  ASSERT_TRUE(failures) << "its whole network is one";
  EXPECT_EQ(failures->failures, 2);
}

TEST_P(IdentityTest, UnknownTokensAreRefusedFasterThanTheyAreLookedUp) {
  Context nobody;
  nobody.remote_address = "192.0.2.1";
  const auto redeem = [&](const std::string& token) {
    return code_of([&] { service.redeem_link(nobody, {{token}}); });
  };
  const auto authenticate = [&](const std::string& token) {
    http::Headers headers;
    headers.add("Authorization", "Bearer " + token);
    http::Request made = request(http::Method::get, headers);
    made.remote_address = nobody.remote_address;
    return access.authenticate(made);
  };
  const std::string unknown(crypto::make_token("signin").reveal());
  for (int i = 0; i < api::Guesses::most; ++i) EXPECT_EQ(redeem(unknown), ErrorCode::unauthenticated);
  EXPECT_EQ(redeem(boot.sign_in_token), ErrorCode::too_many_requests) << "it would cost a transaction";
  EXPECT_THAT(trail.failures, ::testing::SizeIs(api::Guesses::most));
  clock.advance(api::Guesses::refill);
  EXPECT_EQ(std::get<http::Response>(service.redeem_link(nobody, {{boot.sign_in_token}})).status, 200);
  EXPECT_EQ(redeem(boot.sign_in_token), ErrorCode::unauthenticated) << "a used one is a guess too";
  EXPECT_EQ(redeem(boot.sign_in_token), ErrorCode::too_many_requests);

  const std::string key(crypto::make_token("api").reveal());
  for (int i = 0; i < api::Guesses::most; ++i)
    EXPECT_EQ(code_of([&] { authenticate(key); }), ErrorCode::unauthenticated);
  EXPECT_EQ(code_of([&] { authenticate(key); }), ErrorCode::too_many_requests);
  EXPECT_EQ(authenticate(boot.api_token).actor.id, admin.actor.id) << "who shares the address gets in";
}

TEST_P(IdentityTest, KeysCanBeScopedRevokedAndExpire) {
  const NewApiKey key = service.create_api_key(
      admin,
      {*Bounded<1, 128>::parse("ci"), std::nullopt, {*PermissionPattern::parse("*:read")}, Ranged<1, 3650>::of<2>()});
  const auto ctx = access.context_of_key(key.token);
  ASSERT_TRUE(ctx);
  EXPECT_TRUE(ctx->may(members_read));
  EXPECT_FALSE(ctx->may(members_write));
  const std::string mistyped = key.token.substr(0, key.token.size() - 1) + (key.token.back() == 'x' ? 'y' : 'x');
  EXPECT_FALSE(access.context_of_key(mistyped));
  // A narrow key makes no wider one.
  EXPECT_EQ(
      code_of([&] { service.create_api_key(*ctx, {*Bounded<1, 128>::parse("wide"), std::nullopt, {}, std::nullopt}); }),
      ErrorCode::forbidden);
  clock.advance(std::chrono::hours(49));
  EXPECT_FALSE(access.context_of_key(key.token));
  const NewApiKey other = service.create_api_key(admin, {*Bounded<1, 128>::parse("b"), std::nullopt, {}, std::nullopt});
  EXPECT_TRUE(access.context_of_key(other.token));
  service.revoke_api_key(admin, {other.id});
  EXPECT_FALSE(access.context_of_key(other.token));
  http::Headers headers;
  headers.add("Authorization", "Bearer " + other.token);
  EXPECT_EQ(code_of([&] { access.authenticate(request(http::Method::get, headers)); }), ErrorCode::unauthenticated);
}

TEST_P(IdentityTest, NobodyGivesWhatTheyDoNotHave) {
  service.create_role(admin, {*Slug::parse("people"),
                              *Bounded<0, 512>::parse(""),
                              {*PermissionPattern::parse("members:*"), *PermissionPattern::parse("roles:*")}});
  const Context people = member("p@acme.org", "people");
  EXPECT_EQ(code_of([&] {
              service.add_member(people, {*Email::parse("q@acme.org"), std::nullopt, *Reference::parse("admin")});
            }),
            ErrorCode::forbidden);
  EXPECT_EQ(code_of([&] {
              service.create_role(people,
                                  {*Slug::parse("r"), *Bounded<0, 512>::parse(""), {*PermissionPattern::parse("*")}});
            }),
            ErrorCode::forbidden);
  EXPECT_EQ(code_of([&] { service.renew_link(people, {*Reference::parse("admin@localhost")}); }), ErrorCode::forbidden);
  EXPECT_EQ(code_of([&] { service.remove_member(people, {*Reference::parse("admin@localhost")}); }),
            ErrorCode::forbidden);
}

TEST_P(IdentityTest, TheLastAdministratorStays) {
  EXPECT_EQ(code_of([&] { service.remove_member(admin, {*Reference::parse("admin@localhost")}); }),
            ErrorCode::conflict);
  Context ctx = admin;
  ctx.if_match = 1;
  UpdateMember demote{*Reference::parse("admin@localhost"), {true, *Reference::parse("viewer")}, {}};
  EXPECT_EQ(code_of([&] { service.update_member(ctx, demote); }), ErrorCode::conflict);
  member("second@acme.org", "admin");
  EXPECT_EQ(service.update_member(ctx, demote).role, "viewer");
  EXPECT_EQ(code_of([&] { service.update_member(ctx, demote); }), ErrorCode::precondition_failed);
}

TEST_P(IdentityTest, AKeyThatIsKnownDoesWhatItsRoleSaysNow) {
  const Context ctx = member("x@acme.org", "admin");
  const NewApiKey key = service.create_api_key(ctx, {*Bounded<1, 128>::parse("k"), std::nullopt, {}, std::nullopt});
  const auto before = access.context_of_key(key.token);
  ASSERT_TRUE(before);
  Context changing = admin;
  changing.if_match = service.get_member(admin, {*Reference::parse("x@acme.org")}).row_version;
  service.update_member(changing, {*Reference::parse("x@acme.org"), {true, *Reference::parse("viewer")}, {}});
  const auto after = access.context_of_key(key.token);
  ASSERT_TRUE(after);
  EXPECT_LT(after->actor.permissions.size(), before->actor.permissions.size());
}

TEST_P(IdentityTest, OnlyAKeyThatWasReadJustNowIsKnown) {
  const NewApiKey key = service.create_api_key(member("x@acme.org", "viewer"),
                                               {*Bounded<1, 128>::parse("k"), std::nullopt, {}, std::nullopt});
  const auto knows = [&](const std::string& authorization, Permission permission) {
    http::Headers headers;
    headers.set("Authorization", authorization);
    return access.knows(request(http::Method::get, headers), permission);
  };
  EXPECT_FALSE(knows("Bearer " + key.token, teams_read));
  ASSERT_TRUE(access.context_of_key(key.token));
  EXPECT_TRUE(knows("Bearer " + key.token, teams_read));
  EXPECT_FALSE(knows("Bearer " + key.token, teams_write)) << "it would be refused, and that recorded";
  EXPECT_FALSE(knows("Bearer " + key.token + "x", teams_read));
  EXPECT_FALSE(knows(key.token, teams_read));
  EXPECT_FALSE(access.knows(request(http::Method::get), teams_read));
  clock.advance(std::chrono::seconds(2));
  EXPECT_FALSE(knows("Bearer " + key.token, teams_read));
}

TEST_P(IdentityTest, AKeyIsKnownForASecondAtMost) {
  const NewApiKey key = service.create_api_key(admin, {*Bounded<1, 128>::parse("k"), std::nullopt, {}, std::nullopt});
  ASSERT_TRUE(access.context_of_key(key.token));
  // As another replica does it, of whom nothing is heard.
  database->write([&](db::Tx& tx) {
    tx.run("UPDATE api_keys SET revoked_at = ? WHERE org_id = ? AND id = ?", clock.now(), boot.org_id.str(),
           key.id.str());
  });
  EXPECT_TRUE(access.context_of_key(key.token)) << "without a look into the database";
  clock.advance(std::chrono::seconds(2));
  EXPECT_FALSE(access.context_of_key(key.token));
}

TEST_P(IdentityTest, AKeyThatIsKnownExpiresInTime) {
  const NewApiKey key =
      service.create_api_key(admin, {*Bounded<1, 128>::parse("k"), std::nullopt, {}, Ranged<1, 3650>::of<1>()});
  clock.advance(std::chrono::hours(24) - std::chrono::milliseconds(500));
  ASSERT_TRUE(access.context_of_key(key.token));
  clock.advance(std::chrono::milliseconds(600));
  EXPECT_FALSE(access.context_of_key(key.token));
}

TEST_P(IdentityTest, RemovedPeopleLoseTheirKeys) {
  const Context ctx = member("x@acme.org", "viewer");
  const NewApiKey key = service.create_api_key(ctx, {*Bounded<1, 128>::parse("k"), std::nullopt, {}, std::nullopt});
  ASSERT_TRUE(access.context_of_key(key.token));
  service.remove_member(admin, {*Reference::parse("x@acme.org")});
  EXPECT_FALSE(access.context_of_key(key.token));
}

TEST_P(IdentityTest, MembersArePagedAndFiltered) {
  for (int i = 0; i < 7; ++i) member(fmt::format("m{}@acme.org", i), "viewer");
  ListMembers list;
  list.page_size = *query::PageSize::parse(3);
  list.filter = "email LIKE '%@ACME.org' AND role = 'viewer'";
  std::vector<std::string> seen;
  for (;;) {
    const MemberPage page = service.list_members(admin, list);
    for (const Member& m : page.items) seen.push_back(m.email.str());
    if (!page.next_page_token) break;
    list.page_token = *page.next_page_token;
  }
  EXPECT_EQ(seen.size(), 7u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST_P(IdentityTest, TenantsDoNotSeeEachOther) {
  const Invitation invitation =
      service.create_organization(admin, {*Slug::parse("globex"), std::nullopt, *Email::parse("boss@globex.org")});
  const auto answer = std::get<http::Response>(service.redeem_link({}, {{invitation.sign_in_token}}));
  const auto info = reflect::from_stored_json<SessionInfo>(answer.body);
  EXPECT_EQ(info.organization, "globex");
  Context boss;
  boss.actor.kind = ActorKind::user;
  boss.org_id = info.organization_id.str();
  boss.actor.id = info.actor_id;
  for (const std::string& permission : info.permissions) boss.actor.permissions.add(permission);
  EXPECT_FALSE(boss.may(organizations_create));
  EXPECT_EQ(service.list_members(boss, {}).items.size(), 1u);
  EXPECT_EQ(code_of([&] { service.get_member(boss, {*Reference::parse(admin.actor.id)}); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] {
              service.create_organization(admin, {*Slug::parse("globex"), std::nullopt, *Email::parse("x@y.zz")});
            }),
            ErrorCode::conflict);
}

TEST_P(IdentityTest, TeamsAndServiceAccounts) {
  const Context ctx = member("t@acme.org", "viewer");
  const Team team = service.create_team(admin, {*Slug::parse("vision"), std::nullopt});
  service.add_team_member(admin, {*Reference::parse("vision"), *Reference::parse("t@acme.org")});
  EXPECT_EQ(service.get_team(admin, {*Reference::parse(team.id.str())}).member_ids.size(), 1u);
  const ServiceAccount robot = service.create_service_account(
      admin, {*Slug::parse("ci"), *Bounded<0, 512>::parse(""), *Reference::parse("operator")});
  const NewApiKey key =
      service.create_api_key(admin, {*Bounded<1, 128>::parse("k"), *Reference::parse("ci"), {}, std::nullopt});
  const auto acting = access.context_of_key(key.token);
  EXPECT_EQ(acting->actor.kind, ActorKind::service_account);
  EXPECT_EQ(acting->actor.id, robot.id.str());
  service.remove_service_account(admin, {*Reference::parse("ci")});
  EXPECT_FALSE(access.context_of_key(key.token));
  service.remove_team_member(admin, {*Reference::parse("vision"), *Reference::parse("t@acme.org")});
  service.remove_team(admin, {*Reference::parse("vision")});
  EXPECT_TRUE(service.list_teams(admin, {}).items.empty());
}

TEST_P(IdentityTest, RolesInUseAndBuiltInOnesStay) {
  EXPECT_EQ(code_of([&] { service.remove_role(admin, {*Reference::parse("admin")}); }), ErrorCode::conflict);
  service.create_role(
      admin, {*Slug::parse("auditor"), *Bounded<0, 512>::parse("reads"), {*PermissionPattern::parse("*:read")}});
  member("a@acme.org", "auditor");
  EXPECT_EQ(code_of([&] { service.remove_role(admin, {*Reference::parse("auditor")}); }), ErrorCode::conflict);
  Context ctx = admin;
  ctx.if_match = 1;
  const Role changed = service.update_role(
      ctx, {*Reference::parse("auditor"), {}, {true, std::vector{*PermissionPattern::parse("members:read")}}});
  EXPECT_EQ(changed.permissions.size(), 1u);
  EXPECT_EQ(changed.row_version, 2);
}

MODELOPS_ON_BOTH_DATABASES(IdentityTest);

/// Every visibility against everybody who might ask.
class VisibilityTest : public ::testing::TestWithParam<db::Dialect> {};

TEST_P(VisibilityTest, OnePredicateDecides) {
  testing::TestDatabase database{GetParam()};
  database->write([](db::Tx& tx) {
    tx.run("CREATE TABLE things (id TEXT, org_id TEXT, team_id TEXT, visibility TEXT, created_by TEXT)");
    for (const char* visibility : {"private", "team", "organization", "public"})
      tx.run("INSERT INTO things VALUES (?, 'o1', 't1', ?, 'u1')", std::string(visibility), std::string(visibility));
  });
  const auto seen = [&](const Context& ctx, auto predicate) {
    const Predicate p = predicate(ctx, "t");
    return database->read([&](db::Tx& tx) {
      std::set<std::string> out;
      tx.query("SELECT t.id FROM things t WHERE " + p.sql, p.args, 1,
               [&](const auto& cells) { out.emplace(*cells[0]); });
      return out;
    });
  };
  const auto actor = [](std::string org, std::string id, std::vector<std::string> teams, bool sees_all = false) {
    Context ctx;
    ctx.actor.kind = ActorKind::user;
    ctx.org_id = std::move(org);
    ctx.actor.id = std::move(id);
    ctx.actor.team_ids = std::move(teams);
    if (sees_all) ctx.actor.permissions.add(organization_see_all.name);
    return ctx;
  };
  using Set = std::set<std::string>;
  EXPECT_EQ(seen(actor("o1", "u1", {}), visible_to), (Set{"private", "team", "organization", "public"}));
  EXPECT_EQ(seen(actor("o1", "u2", {"t0", "t1"}), visible_to), (Set{"team", "organization", "public"}));
  EXPECT_EQ(seen(actor("o1", "u2", {}), visible_to), (Set{"organization", "public"}));
  EXPECT_EQ(seen(actor("o1", "u2", {}, true), visible_to), (Set{"private", "team", "organization", "public"}));
  EXPECT_EQ(seen(actor("o2", "u1", {"t1"}, true), visible_to), (Set{"public"}));
  EXPECT_EQ(seen(actor("o2", "u1", {"t1"}, true), changeable_by), Set{});
  EXPECT_EQ(seen(Context{}, visible_to), Set{});
}

MODELOPS_ON_BOTH_DATABASES(VisibilityTest);

TEST(Rules, PatternsCover) {
  EXPECT_TRUE(covers("*", "models:read"));
  EXPECT_TRUE(covers("models:*", "models:write"));
  EXPECT_TRUE(covers("*:read", "models:read"));
  EXPECT_FALSE(covers("*:read", "models:write"));
  EXPECT_FALSE(covers("models:*", "models_x:read"));
  for (const char* bad : {"", "models", "models:", ":read", "models:re ad", "Models:read", "a:b:c", "**"})
    EXPECT_FALSE(PermissionPattern::parse(bad)) << bad;
}

TEST(Rules, SignInGetsSlowerWithFailures) {
  EXPECT_EQ(sign_in_delay(4).count(), 0);
  EXPECT_EQ(sign_in_delay(5).count(), 1);
  EXPECT_EQ(sign_in_delay(8).count(), 8);
  EXPECT_EQ(sign_in_delay(1000).count(), 900);
}

}  // namespace
}  // namespace modelops::identity
