#include <gmock/gmock.h>

#include "base/code_of_test.hpp"
#include "evidence/routes.hpp"
#include "evidence/rules.hpp"
#include "evidence/store.hpp"
#include "identity/recording_trail_test.hpp"
#include "identity/store.hpp"
#include "migrations/migrations.hpp"
#include "platform/crypto/hash.hpp"
#include "tests/support/database.hpp"

namespace modelops::evidence {
namespace {

using ::testing::ElementsAre;

struct RecordingOutcome final : ApprovalOutcome {
  std::string_view subject_kind() const override { return "thing"; }
  void changed(db::Tx& tx, const Context&, const Approval& approval) override {
    if (refuses) fail(ErrorCode::conflict, "no");
    tx.after_commit([this, state = approval.state] { states.push_back(state); });
  }
  bool refuses = false;
  std::vector<ApprovalState> states;
};

Sha256Text digest(std::string_view text) { return *Sha256Text::parse(crypto::sha256_hex(text)); }

class EvidenceTest : public ::testing::TestWithParam<db::Dialect> {
 protected:
  identity::OrgId make_org(const std::string& name) {
    const auto id = identity::OrgId::make();
    database->write([&](db::Tx& tx) {
      tx.insert("organizations", identity::Organization{id, *identity::Slug::parse(name), name, false, 1, {}, {}});
      for (const auto& [role, pattern] : {std::pair("maker", "*:read"), std::pair("decider", "approvals:*")})
        tx.insert("roles", identity::RoleRow{id,
                                             identity::RoleId::make(),
                                             *identity::Slug::parse(role),
                                             "",
                                             false,
                                             {*identity::PermissionPattern::parse(pattern)},
                                             1,
                                             {}});
    });
    return id;
  }
  Context member(const std::string& role, bool disabled = false) {
    const auto user = identity::UserId::make();
    database->write([&](db::Tx& tx) {
      tx.insert("users", identity::UserRow{user, user.str(), user.str(), "N", std::nullopt, false, {}});
      tx.insert("members",
                identity::MemberRow{org, user, identity::store::find_role(tx, org.str(), role)->id, disabled, 1, {}});
    });
    return context(user.str());
  }
  Context context(const std::string& id, ActorKind kind = ActorKind::user) {
    Context ctx;
    ctx.org_id = org.str();
    ctx.actor.kind = kind;
    ctx.actor.id = id;
    ctx.actor.permissions = {"approvals:read", "approvals:request", "approvals:decide"};
    return ctx;
  }
  void allow_self_approval() {
    database->write([&](db::Tx& tx) { tx.run("UPDATE organizations SET self_approval = ?", true); });
  }
  Approval request(const Context& ctx, const std::string& id, std::string_view content = "one",
                   identity::Visibility visibility = identity::Visibility::organization) {
    return database->write([&](db::Tx& tx) {
      return service.request(tx, ctx,
                             {{"thing", id, digest(content)},
                              "Thing " + id,
                              author.actor.id,
                              *Comment::parse("please"),
                              {visibility, std::nullopt, author.actor.id}});
    });
  }
  Approval decide(const Context& ctx, const Approval& approval, Verdict verdict = Verdict::approve) {
    return service.decide(ctx, {approval.id, {verdict}, *Comment::parse("fine")});
  }

  testing::TestDatabase database{GetParam()};
  ManualClock clock;
  identity::fixture::RecordingTrail trail;
  RecordingOutcome outcome;
  events::Topics topics;
  eventlog::EventLog events{topics, clock};
  Service service{*database, clock, trail, events, {&outcome}};
  identity::OrgId org = (database->migrate(all_migrations()), make_org("acme"));
  Context author = member("decider");
};

TEST_P(EvidenceTest, AnotherPersonDecidesOnce) {
  const Context other = member("decider");
  const Approval asked = request(author, "t1");
  EXPECT_EQ(asked.state, ApprovalState::pending);
  EXPECT_EQ(code_of([&] { request(author, "t1"); }), ErrorCode::conflict);
  const Approval decided = decide(other, asked);
  EXPECT_EQ(decided.state, ApprovalState::approved);
  EXPECT_EQ(decided.decided_by, other.actor.id);
  EXPECT_FALSE(decided.self_approval);
  EXPECT_EQ(decided.row_version, 2);
  EXPECT_EQ(service.get(other, {asked.id}).decision_comment, "fine");
  EXPECT_EQ(code_of([&] { decide(other, asked, Verdict::reject); }), ErrorCode::conflict);
  EXPECT_EQ(code_of([&] { request(author, "t1"); }), ErrorCode::conflict);
  EXPECT_THAT(outcome.states, ElementsAre(ApprovalState::pending, ApprovalState::approved));
  EXPECT_THAT(trail.actions, ElementsAre("approval.request", "approval.approve"));
  EXPECT_EQ(database->read([](db::Tx& tx) { return tx.values<std::string>("SELECT kind FROM events ORDER BY id"); }),
            trail.actions);
}

TEST_P(EvidenceTest, ARejectedContentMayBeAskedAboutAgain) {
  const Context other = member("decider");
  decide(other, request(author, "t1"), Verdict::reject);
  EXPECT_EQ(request(author, "t1").state, ApprovalState::pending);
}

TEST_P(EvidenceTest, TheOutcomeIsPartOfTheDecision) {
  const Context other = member("decider");
  const Approval asked = request(author, "t1");
  outcome.refuses = true;
  EXPECT_EQ(code_of([&] { decide(other, asked); }), ErrorCode::conflict);
  EXPECT_EQ(service.get(other, {asked.id}).state, ApprovalState::pending);
}

TEST_P(EvidenceTest, AuthorsAndRobotsDoNotDecide) {
  const Approval asked = request(member("maker"), "t1");
  EXPECT_EQ(code_of([&] { decide(author, asked); }), ErrorCode::forbidden);
  EXPECT_EQ(code_of([&] { decide(context("sva_1", ActorKind::service_account), asked); }), ErrorCode::forbidden);
  EXPECT_EQ(code_of([&] { decide(context(asked.requested_by), asked); }), ErrorCode::forbidden);
}

TEST_P(EvidenceTest, SelfApprovalNeedsTheOrganisationsConsentAndNobodyElse) {
  const Approval asked = request(author, "t1");
  EXPECT_EQ(code_of([&] { decide(author, asked); }), ErrorCode::forbidden);
  allow_self_approval();
  member("maker");
  member("decider", true);
  const Context other = member("decider");
  EXPECT_EQ(code_of([&] { decide(author, asked); }), ErrorCode::forbidden);
  database->write([&](db::Tx& tx) { tx.run("DELETE FROM members WHERE user_id = ?", other.actor.id); });
  EXPECT_TRUE(decide(author, asked).self_approval);
  EXPECT_TRUE(service.get(author, {asked.id}).self_approval);
}

TEST_P(EvidenceTest, OtherContentVoids) {
  const Context other = member("decider");
  const Approval first = decide(other, request(author, "t1", "one"));
  database->write([&](db::Tx& tx) { service.content_changed(tx, author, "thing", "t1", digest("one").str()); });
  EXPECT_EQ(service.get(other, {first.id}).state, ApprovalState::approved);
  database->write([&](db::Tx& tx) { service.content_changed(tx, author, "thing", "t1", digest("two").str()); });
  const Approval voided = service.get(other, {first.id});
  EXPECT_EQ(voided.state, ApprovalState::voided);
  EXPECT_EQ(voided.decided_by, other.actor.id);
  const Approval second = request(author, "t1", "two");
  database->write([&](db::Tx& tx) { service.content_changed(tx, author, "thing", "t1", ""); });
  EXPECT_EQ(code_of([&] { decide(other, second); }), ErrorCode::conflict);
  EXPECT_EQ(outcome.states.back(), ApprovalState::voided);
}

TEST_P(EvidenceTest, ListsArePagedFilteredAndOnlyWhatOneMaySee) {
  const Context other = member("decider");
  for (int i = 0; i < 5; ++i) {
    clock.advance(std::chrono::seconds(1));
    request(author, fmt::format("t{}", i));
  }
  const Approval hidden = request(author, "secret", "x", identity::Visibility::private_);
  decide(other, request(author, "done"));
  ListApprovals list;
  list.page_size = *query::PageSize::parse(2);
  list.filter = "state = 'pending' AND subject_kind = 'thing'";
  std::vector<std::string> seen;
  for (;;) {
    const ApprovalPage page = service.list(other, list);
    for (const Approval& approval : page.items) seen.push_back(approval.subject_id);
    if (!page.next_page_token) break;
    list.page_token = *page.next_page_token;
  }
  EXPECT_THAT(seen, ElementsAre("t4", "t3", "t2", "t1", "t0"));
  ListApprovals named;
  named.filter = "subject_name LIKE 'thing%3'";
  EXPECT_EQ(service.list(other, named).items.at(0).subject_id, "t3");
  EXPECT_EQ(code_of([&] { service.get(other, {hidden.id}); }), ErrorCode::not_found);
  database->write([&](db::Tx& tx) {
    service.set_audience(tx, author, "thing", "secret", {identity::Visibility::public_, std::nullopt, author.actor.id});
  });
  EXPECT_EQ(service.get(other, {hidden.id}).subject_id, "secret");
  Context stranger = other;
  stranger.org_id = make_org("globex").str();
  EXPECT_EQ(code_of([&] { service.get(stranger, {hidden.id}); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { decide(stranger, hidden); }), ErrorCode::not_found);
  EXPECT_TRUE(service.list(stranger, {}).items.empty());
}

TEST_P(EvidenceTest, AnEdgeIsKeptOnce) {
  for (int i = 0; i < 2; ++i)
    database->write([&](db::Tx& tx) { service.add_edge(tx, author, {"upload", "u1", "artifact", "a1", "contains"}); });
  EXPECT_EQ(database->read([](db::Tx& tx) { return tx.value<std::int64_t>("SELECT count(*) FROM lineage_edges"); }), 1);
}

MODELOPS_ON_BOTH_DATABASES(EvidenceTest);

TEST(ApprovalRules, WhoMayDecide) {
  struct Row {
    ActorKind kind;
    const char* id;
    SelfApproval self_approval;
    bool allowed;
    bool self;
  };
  Approval approval;
  approval.author_id = "author";
  approval.requested_by = "asker";
  using enum ActorKind;
  for (const Row& row : {
           Row{user, "other", SelfApproval::forbidden, true, false},
           Row{user, "other", SelfApproval::alone, true, false},
           Row{user, "author", SelfApproval::forbidden, false, false},
           Row{user, "author", SelfApproval::others, false, false},
           Row{user, "author", SelfApproval::alone, true, true},
           Row{user, "asker", SelfApproval::forbidden, false, false},
           Row{user, "asker", SelfApproval::others, false, false},
           Row{user, "asker", SelfApproval::alone, true, true},
           Row{service_account, "robot", SelfApproval::alone, false, false},
           Row{service_account, "author", SelfApproval::alone, false, false},
           Row{agent, "agent", SelfApproval::alone, false, false},
           Row{system, "", SelfApproval::alone, false, false},
           Row{anonymous, "", SelfApproval::alone, false, false},
       }) {
    Actor actor;
    actor.kind = row.kind;
    actor.id = row.id;
    const Ruling ruling = may_decide(actor, approval, row.self_approval);
    EXPECT_EQ(ruling.allowed, row.allowed) << row.id;
    EXPECT_EQ(ruling.self_approval, row.self) << row.id;
    EXPECT_EQ(ruling.reason.empty(), row.allowed) << row.id;
  }
}

TEST(ApprovalRules, WhatOtherContentVoids) {
  Approval approval;
  approval.subject_digest = digest("one");
  for (const auto& [state, voided] :
       {std::pair(ApprovalState::pending, true), std::pair(ApprovalState::approved, true),
        std::pair(ApprovalState::rejected, false), std::pair(ApprovalState::voided, false)}) {
    approval.state = state;
    EXPECT_EQ(is_voided_by(approval, digest("two").str()), voided);
    EXPECT_FALSE(is_voided_by(approval, digest("one").str()));
  }
}

}  // namespace
}  // namespace modelops::evidence
