#include <gmock/gmock.h>

#include <filesystem>
#include <sstream>
#include <thread>

#include "audit/integrator.hpp"
#include "audit/routes.hpp"
#include "audit/trail.hpp"
#include "audit/verify.hpp"
#include "base/code_of_test.hpp"
#include "base/text.hpp"
#include "migrations/migrations.hpp"
#include "platform/api/router.hpp"
#include "tests/support/database.hpp"

namespace modelops::audit {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::string bytes(const std::string& hex) { return from_hex(hex).value(); }

std::vector<std::string> path_bytes(const std::vector<std::string>& path) {
  std::vector<std::string> out;
  for (const std::string& hash : path) out.push_back(bytes(hash));
  return out;
}

class AuditTest : public ::testing::TestWithParam<db::Dialect> {
 protected:
  AuditTest() { database->migrate(all_migrations()); }
  ~AuditTest() override { std::filesystem::remove_all(folder); }

  static Context person(const std::string& org_id, const std::string& id, const std::string& name) {
    Context ctx;
    ctx.org_id = org_id;
    ctx.actor.kind = ActorKind::user;
    ctx.actor.id = id;
    ctx.actor.name = name;
    ctx.actor.permissions = {std::string(audit_read.name)};
    ctx.remote_address = "192.0.2.7";
    ctx.request_id = "req-1";
    return ctx;
  }
  Context administrator(const std::string& org_id) const {
    Context ctx = person(org_id, "usr_admin", "Ada Admin");
    for (const Permission p : {audit_export, audit_erase, audit_rotate, identity::organization_see_all})
      ctx.actor.permissions.add(p.name);
    return ctx;
  }
  void act(const Context& ctx, const std::string& subject = "mdl_1") {
    clock.advance(std::chrono::milliseconds(1));
    database->write(
        [&](db::Tx& tx) { trail.record(tx, ctx, {"model.create", "model", subject, {{"name", "Wörter \"1\""}}}); });
  }
  std::size_t step(std::int64_t batch_max = 500) {
    const Integrator integrator(clock, keyring, batch_max);
    return database->write([&](db::Tx& tx) { return integrator.step(tx); });
  }
  void integrate() {
    while (step() > 0) {}
  }
  std::vector<AuditRecord> records(const Context& ctx, const std::string& filter = "") {
    ListAuditRecords request;
    request.filter = filter;
    request.order_by = "time";
    request.page_size = *query::PageSize::parse(1000);
    return service.list_records(ctx, request).items;
  }
  std::string exported(const Context& ctx) {
    auto answer = service.export_trail(ctx, {});
    auto& download = std::get<http::Download>(answer);
    std::string out;
    char piece[777];
    while (const std::size_t count = download.source->read(piece)) out.append(piece, count);
    return out;
  }
  /// The check by somebody who knows the keys from before.
  VerifyReport verify(const Context& ctx, const std::string& text) {
    VerifyOptions options;
    for (const AuditKey& key : service.list_keys(ctx, {}).items)
      options.trusted_keys[key.id.str()] = *from_base64(key.public_key);
    std::istringstream lines(text);
    return verify_export(lines, options);
  }
  void expect_proven(const Context& ctx, const AuditRecord& record, std::optional<std::int64_t> size = {}) {
    GetInclusionProof request{record.id, {}};
    if (size) request.tree_size = TreeSize::parse(*size);
    const InclusionProof proof = service.inclusion_proof(ctx, request);
    EXPECT_EQ(leaf_hash(*from_base64(proof.leaf)), bytes(proof.leaf_hash));
    EXPECT_EQ(decode_leaf(*from_base64(proof.leaf))->record_id, record.id.str());
    EXPECT_TRUE(verify_inclusion(bytes(proof.leaf_hash), static_cast<std::uint64_t>(proof.index),
                                 static_cast<std::uint64_t>(proof.tree_size), path_bytes(proof.path),
                                 bytes(proof.root_hash)));
    if (!size) {
      ASSERT_TRUE(proof.head);
      EXPECT_EQ(proof.head->root_hash, proof.root_hash);
    }
  }
  void sql(const std::string& statement) {
    database->write([&](db::Tx& tx) { EXPECT_GT(tx.run(statement), 0) << statement; });
  }
  std::int64_t count(const std::string& from) {
    return *database->read([&](db::Tx& tx) { return tx.value<std::int64_t>("SELECT count(*) FROM " + from); });
  }

  std::filesystem::path folder = [] {
    auto path = std::filesystem::temp_directory_path() / ("modelops_audit_" + new_uuid7());
    std::filesystem::create_directories(path / "data");
    return path;
  }();
  testing::TestDatabase database{GetParam()};
  ManualClock clock;
  crypto::Keyring keyring{folder / "master.key", folder / "data"};
  Trail trail{*database, clock, keyring};
  Service service{*database, clock, keyring, trail};
  const std::string acme = identity::OrgId::make().str();
  const std::string globex = identity::OrgId::make().str();
  const Context admin = administrator(acme);
  const Context ann = person(acme, "usr_ann", "Ann Example");
  const Context bob = person(acme, "usr_bob", "Bob Example");
};

TEST_P(AuditTest, ARecordIsReadBeforeAndAfterItIsIntegrated) {
  act(ann, "mdl_7");
  AuditRecord record = records(admin).at(0);
  EXPECT_EQ(record.actor_name, "Ann Example");
  EXPECT_EQ(record.remote_address, "192.0.2.7");
  EXPECT_EQ(record.action, "model.create");
  EXPECT_EQ(record.subject_id, "mdl_7");
  EXPECT_EQ(record.request_id, "req-1");
  EXPECT_EQ(record.data->at("name"), "Wörter \"1\"");
  EXPECT_FALSE(record.integrated);
  EXPECT_EQ(code_of([&] { service.inclusion_proof(admin, {record.id, {}}); }), ErrorCode::conflict);
  EXPECT_EQ(code_of([&] { service.head(admin, {}); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { service.export_trail(admin, {}); }), ErrorCode::conflict);
  EXPECT_EQ(step(), 1u);
  EXPECT_EQ(step(), 0u);
  record = service.get_record(admin, {record.id});
  EXPECT_TRUE(record.integrated);
  EXPECT_EQ(record.index, 0);
  EXPECT_FALSE(record.altered);
  expect_proven(admin, record);
}

TEST_P(AuditTest, EveryRecordIsProvenAgainstEveryTree) {
  std::vector<AuditHead> heads;
  for (int i = 0; i < 20; ++i) act(i % 3 == 0 ? ann : bob);
  while (step(7) > 0) heads.push_back(service.head(admin, {}));
  ASSERT_THAT(heads, ElementsAre(Field(&AuditHead::tree_size, 7), Field(&AuditHead::tree_size, 14),
                                 Field(&AuditHead::tree_size, 20)));
  const auto keys = service.list_keys(admin, {}).items;
  ASSERT_THAT(keys, SizeIs(1));
  for (const AuditHead& head : heads) {
    const TreeHead unsigned_head{acme, static_cast<std::uint64_t>(head.tree_size), bytes(head.root_hash), head.time,
                                 head.key_id.str()};
    EXPECT_TRUE(verify_head({unsigned_head, *from_base64(head.signature)}, *from_base64(keys[0].public_key)));
    EXPECT_EQ(head.key_id, keys[0].id);
  }
  const auto all = records(admin);
  ASSERT_THAT(all, SizeIs(20));
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].index, static_cast<std::int64_t>(i));  // in the order of time
    expect_proven(admin, all[i]);
    for (std::int64_t size = *all[i].index + 1; size <= 20; ++size) expect_proven(admin, all[i], size);
    if (i > 0)
      EXPECT_EQ(code_of([&] { expect_proven(admin, all[i], static_cast<std::int64_t>(i)); }), ErrorCode::unprocessable);
  }
  EXPECT_EQ(code_of([&] { expect_proven(admin, all[0], 21); }), ErrorCode::unprocessable);
  for (const AuditHead& old : heads) {
    const ConsistencyProof proof = service.consistency_proof(admin, {*TreeSize::parse(old.tree_size), {}});
    EXPECT_EQ(proof.from_root_hash, old.root_hash);
    EXPECT_EQ(proof.to_root_hash, heads.back().root_hash);
    EXPECT_TRUE(verify_consistency(static_cast<std::uint64_t>(proof.from), 20, bytes(proof.from_root_hash),
                                   bytes(proof.to_root_hash), path_bytes(proof.path)));
  }
  EXPECT_EQ(code_of([&] { service.consistency_proof(admin, {*TreeSize::parse(8), TreeSize::parse(7)}); }),
            ErrorCode::unprocessable);
}

TEST_P(AuditTest, ARecordGoesWithItsChange) {
  EXPECT_THROW(database->write([&](db::Tx& tx) {
    trail.record(tx, ann, {"model.create", "model", "mdl_1"});
    fail(ErrorCode::conflict, "the change failed");
  }),
               Error);
  EXPECT_THAT(records(admin), IsEmpty());
  EXPECT_EQ(step(), 0u);
}

TEST_P(AuditTest, AChangeThatCannotBeRecordedIsRefused) {
  const auto record = [&](const Context& ctx, const std::string& text) {
    database->write([&](db::Tx& tx) { trail.record(tx, ctx, {"model.create", "model", "mdl_1", {{"text", text}}}); });
  };
  EXPECT_EQ(code_of([&] { record(ann, std::string(act_bytes_max, 'x')); }), ErrorCode::too_large);
  EXPECT_EQ(code_of([&] { record(person("", "usr_ann", "Ann"), ""); }), ErrorCode::internal);
  record(ann, std::string(act_bytes_max / 2 - 200, '"'));  // escaped twice in the export: the worst that fits
  integrate();
  EXPECT_TRUE(verify(admin, exported(admin)).ok);
}

TEST_P(AuditTest, ADenialIsRecordedThoughTheRequestFails) {
  const auto request = [&] {
    trail.denied(ann, "models:write", "the role does not allow it");
    fail(ErrorCode::forbidden, "the request fails");
  };
  EXPECT_EQ(code_of(request), ErrorCode::forbidden);
  const auto denials = records(admin, "outcome = 'denied'");
  ASSERT_THAT(denials, SizeIs(1));
  EXPECT_EQ(denials[0].action, "access.denied");
  EXPECT_EQ(denials[0].subject_id, "models:write");
  EXPECT_EQ(denials[0].actor_id, "usr_ann");
  EXPECT_EQ(denials[0].outcome, Outcome::denied);
  integrate();
  expect_proven(admin, denials[0]);
}

TEST_P(AuditTest, AFloodOfDenialsIsCountedInOneRecord) {
  const auto deny = [&](const Context& ctx, std::string_view permission, int times) {
    for (int i = 0; i < times; ++i) trail.denied(ctx, permission, "the role does not allow it");
  };
  deny(ann, "models:write", 1000);
  EXPECT_THAT(records(admin), SizeIs(denials_recorded_singly));
  deny(ann, "teams:write", 1);  // a permission of its own, and a person of their own, begin anew
  deny(bob, "models:write", 1);
  EXPECT_THAT(records(admin), SizeIs(denials_recorded_singly + 2));
  clock.advance(std::chrono::seconds(2));
  deny(ann, "models:write", 1);  // the count is in the database now
  EXPECT_EQ(count("audit_denials WHERE denials > 900"), 1);
  trail.flush();
  EXPECT_THAT(records(admin), SizeIs(denials_recorded_singly + 2));  // the window has not ended

  Trail after_restart(*database, clock, keyring);
  clock.advance(denials_window);
  after_restart.flush();
  after_restart.flush();
  trail.flush();
  const auto all = records(admin);
  ASSERT_THAT(all, SizeIs(denials_recorded_singly + 3));
  const AuditRecord& sum = all.back();
  EXPECT_EQ(sum.action, "access.denied");
  EXPECT_EQ(sum.outcome, Outcome::denied);
  EXPECT_EQ(sum.actor_id, "usr_ann");
  EXPECT_EQ(sum.actor_kind, ActorKind::user);
  EXPECT_EQ(sum.subject_id, "models:write");
  EXPECT_EQ(sum.data->at("further_denials"), 1001 - denials_recorded_singly);  // none is lost
  EXPECT_EQ(sum.data->at("reason"), "the role does not allow it");
  EXPECT_EQ(*parse_rfc3339(sum.data->at("last_at").as_string()) - *parse_rfc3339(sum.data->at("first_at").as_string()),
            std::chrono::seconds(2));
  EXPECT_EQ(count("audit_denials"), 0);

  deny(ann, "models:write", 1);  // a new window: a record of its own again
  EXPECT_THAT(records(admin), SizeIs(denials_recorded_singly + 4));
  integrate();
  EXPECT_TRUE(verify(admin, exported(admin)).ok);
}

TEST_P(AuditTest, DenialsOfSeveralReplicasAddUp) {
  Trail other(*database, clock, keyring);
  for (Trail* replica : {&trail, &other})
    for (int i = 0; i < denials_recorded_singly + 5; ++i) replica->denied(ann, "models:write", "no");
  trail.flush();
  other.flush();
  clock.advance(denials_window);
  for (Trail* replica : {&trail, &other}) replica->flush();
  const auto all = records(admin);
  ASSERT_THAT(all, SizeIs(2 * denials_recorded_singly + 1));
  EXPECT_EQ(all.back().data->at("further_denials"), 10);
}

TEST_P(AuditTest, DenialsAreKeptWhileTheDatabaseRefusesThem) {
  const auto rename = [&](const char* statement) { database->write([&](db::Tx& tx) { tx.run(statement); }); };
  for (int i = 0; i < denials_recorded_singly + 5; ++i) trail.denied(ann, "models:write", "no");
  rename("ALTER TABLE audit_denials RENAME TO away");
  trail.denied(ann, "models:write", "no");
  trail.flush();
  rename("ALTER TABLE away RENAME TO audit_denials");
  clock.advance(denials_window);
  trail.flush();
  EXPECT_EQ(records(admin).back().data->at("further_denials"), 6);
}

TEST_P(AuditTest, ErasureTakesThePersonalFieldsAndLeavesTheProofs) {
  for (const Context* ctx : {&ann, &bob, &ann}) act(*ctx);
  integrate();
  act(ann);  // not integrated yet
  const std::string root = service.head(admin, {}).root_hash;
  const AuditErasure erased = service.erase(admin, {*Bounded<1, 128>::parse("usr_ann")});
  EXPECT_EQ(erased.records, 3);
  integrate();
  const auto all = records(admin);
  ASSERT_THAT(all, SizeIs(5));
  for (const AuditRecord& record : all) {
    EXPECT_FALSE(record.altered);
    EXPECT_EQ(record.personal_erased, record.actor_id == "usr_ann");
    EXPECT_EQ(record.actor_name.has_value(), record.actor_id != "usr_ann");
    EXPECT_EQ(record.remote_address.has_value(), record.actor_id != "usr_ann");
    expect_proven(admin, record);
  }
  EXPECT_EQ(all[4].action, "audit.erase");
  EXPECT_EQ(all[4].subject_id, "usr_ann");
  EXPECT_EQ(service.consistency_proof(admin, {*TreeSize::parse(3), {}}).from_root_hash, root);
  const std::string text = exported(admin);
  const VerifyReport report = verify(admin, text);
  EXPECT_TRUE(report.ok);
  EXPECT_EQ(report.personal_erased, 3u);
  EXPECT_THAT(text, Not(HasSubstr("Ann Example")));
  EXPECT_THAT(text, HasSubstr("Bob Example"));
  EXPECT_EQ(count("data_keys WHERE subject_id = 'usr_ann'"), 0);

  act(ann);  // acts on, under a new key
  EXPECT_EQ(records(admin).back().actor_name, "Ann Example");
  EXPECT_EQ(code_of([&] { service.erase(admin, {*Bounded<1, 128>::parse("usr_nobody")}); }), ErrorCode::not_found);
}

TEST_P(AuditTest, WhatABackupStillHoldsIsUnreadableAfterErasure) {
  act(ann);
  const auto backup = database->read([](db::Tx& tx) {
    return *tx.value<std::string>("SELECT personal FROM audit_records WHERE actor_id = 'usr_ann'");
  });
  EXPECT_THAT(backup, Not(HasSubstr("Ann")));
  service.erase(admin, {*Bounded<1, 128>::parse("usr_ann")});
  const auto restore = [&] {
    database->write([&](db::Tx& tx) {
      tx.run("UPDATE audit_records SET personal = ? WHERE actor_id = ? AND action = ?", backup, "usr_ann",
             "model.create");
    });
  };
  restore();
  EXPECT_FALSE(records(admin).at(0).actor_name);
  act(ann);  // with a new key: the old text does not open with it either
  restore();
  EXPECT_TRUE(records(admin).at(0).personal_erased);
  EXPECT_FALSE(records(admin).at(0).actor_name);
}

TEST_P(AuditTest, APrunedPayloadLeavesTheProofs) {
  for (int i = 0; i < 5; ++i) act(ann);
  integrate();
  sql("UPDATE audit_records SET payload = NULL, payload_salt = NULL WHERE leaf_index < 3");
  const auto all = records(admin);
  EXPECT_FALSE(all[0].data);
  EXPECT_EQ(all[0].action, "model.create");
  EXPECT_FALSE(all[0].altered);
  for (const AuditRecord& record : all) expect_proven(admin, record);
  const VerifyReport report = verify(admin, exported(admin));
  EXPECT_TRUE(report.ok);
  EXPECT_EQ(report.payloads_erased, 3u);
}

TEST_P(AuditTest, AnExportOfManyBatchesVerifies) {
  database->write([&](db::Tx& tx) {
    for (int i = 0; i < 450; ++i) trail.record(tx, i % 2 == 0 ? ann : bob, {"model.create", "model", "mdl_1"});
  });
  while (step(120) > 0) {}
  const VerifyReport report = verify(admin, exported(admin));
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_TRUE(report.ok);
  EXPECT_EQ(report.records, 450u);
  EXPECT_EQ(report.heads, 4u);
  EXPECT_EQ(report.root_hash, service.head(admin, {}).root_hash);
  EXPECT_THAT(records(admin, "action = 'audit.export'"), SizeIs(1));
}

TEST_P(AuditTest, TamperingIsFoundInTheExport) {
  const std::string org = "org_id = '" + acme + "' AND ";
  const std::string first = "UPDATE audit_records SET ";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {first + "payload = replace(payload, 'model.create', 'model.delete') WHERE " + org + "leaf_index = 2",
       "the payload was changed"},
      {first + "payload_salt = payload_hash WHERE " + org + "leaf_index = 2", "the payload was changed"},
      {first + "personal = (SELECT o.personal FROM audit_records o WHERE o." + org + "o.leaf_index = 4) WHERE " + org +
           "leaf_index = 2",
       "the personal fields were changed"},
      {first + "time = time + 1 WHERE " + org + "leaf_index = 2", "was changed"},
      {first + "payload_hash = replace(payload_hash, substr(payload_hash, 1, 1), 'x') WHERE " + org + "leaf_index = 2",
       "cannot be encoded"},
      {first + "personal_hash = NULL, personal = NULL WHERE " + org + "leaf_index = 2", "was changed"},
      {"DELETE FROM audit_records WHERE " + org + "leaf_index = 2", "missing"},
      {"DELETE FROM audit_records WHERE " + org + "leaf_index >= 4", "missing"},
      {first + "leaf_index = CASE leaf_index WHEN 2 THEN 1003 ELSE 1002 END WHERE " + org + "leaf_index IN (2, 3); " +
           first + "leaf_index = leaf_index - 1000 WHERE " + org + "leaf_index >= 1000",
       "was changed"},
      {"UPDATE audit_heads SET root_hash = (SELECT max(o.root_hash) FROM audit_heads o WHERE o.tree_size = 3) WHERE "
       "tree_size = 6",
       "signature of the head is wrong"},
  };
  for (int i = 0; i < 6; ++i) {
    act(i % 2 == 0 ? ann : bob, "mdl_" + std::to_string(i));
    if (i == 2) integrate();
  }
  integrate();
  ASSERT_TRUE(verify(admin, exported(admin)).ok);
  for (const auto& [statements, message] : cases) {
    SCOPED_TRACE(statements);
    const auto rows = database->read([](db::Tx& tx) {
      return std::pair(tx.all<RecordRow>("SELECT " + reflect::columns<RecordRow>() + " FROM audit_records"),
                       tx.all<HeadRow>("SELECT " + reflect::columns<HeadRow>() + " FROM audit_heads"));
    });
    for (const std::string_view statement : split(statements, ';')) sql(std::string(trim(statement)));
    try {
      const VerifyReport report = verify(admin, exported(admin));
      EXPECT_FALSE(report.ok);
      EXPECT_THAT(report.problems, Contains(Field(&VerifyProblem::message, HasSubstr(message))));
    } catch (const Error& error) {
      EXPECT_THAT(error.message, HasSubstr(message));  // the export itself stops
    }
    database->write([&](db::Tx& tx) {
      tx.run("DELETE FROM audit_records");
      tx.run("DELETE FROM audit_heads");
      for (const RecordRow& row : rows.first) tx.insert("audit_records", row);
      for (const HeadRow& row : rows.second) tx.insert("audit_heads", row);
    });
    ASSERT_TRUE(verify(admin, exported(admin)).ok);
  }
}

TEST_P(AuditTest, ReadsShowWhatWasRecordedAndTellWhatWasAltered) {
  act(ann, "mdl_1");
  act(bob, "mdl_2");
  integrate();
  sql("UPDATE audit_records SET action = 'model.delete', actor_id = 'usr_eve' WHERE subject_id = 'mdl_1'");
  sql("UPDATE audit_records SET payload = replace(payload, 'mdl_2', 'mdl_9') WHERE subject_id = 'mdl_2'");
  const auto all = records(admin);
  EXPECT_EQ(all[0].action, "model.create");
  EXPECT_EQ(all[0].actor_id, "usr_ann");
  EXPECT_TRUE(all[1].altered);
  EXPECT_EQ(all[1].subject_id, "mdl_2");
  EXPECT_FALSE(all[1].data);
}

TEST_P(AuditTest, TenantsAreSeparated) {
  const Context other = administrator(globex);
  act(ann);
  act(other);
  act(ann);
  integrate();
  EXPECT_THAT(records(admin), SizeIs(2));
  EXPECT_THAT(records(other), SizeIs(1));
  const AuditRecord theirs = records(other)[0];
  EXPECT_EQ(theirs.index, 0);  // a tree of its own
  EXPECT_EQ(code_of([&] { service.get_record(admin, {theirs.id}); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { service.inclusion_proof(admin, {theirs.id, {}}); }), ErrorCode::not_found);
  EXPECT_EQ(service.head(admin, {}).tree_size, 2);
  EXPECT_EQ(service.head(other, {}).tree_size, 1);
  EXPECT_NE(service.list_keys(admin, {}).items.at(0).id, service.list_keys(other, {}).items.at(0).id);
  EXPECT_EQ(code_of([&] { service.erase(other, {*Bounded<1, 128>::parse("usr_ann")}); }), ErrorCode::not_found);
  EXPECT_EQ(verify(admin, exported(admin)).records, 2u);
  EXPECT_EQ(verify(other, exported(other)).records, 1u);
  service.erase(other, {*Bounded<1, 128>::parse("usr_admin")});
  act(admin);
  EXPECT_EQ(records(admin).back().actor_name, "Ada Admin");
}

TEST_P(AuditTest, WhoDoesNotSeeAllReadsTheirOwnRecords) {
  act(ann);
  act(bob);
  integrate();
  EXPECT_THAT(records(ann), ElementsAre(Field(&AuditRecord::actor_id, "usr_ann")));
  const RecordId bobs = records(bob).at(0).id;
  EXPECT_EQ(code_of([&] { service.get_record(ann, {bobs}); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { service.inclusion_proof(ann, {bobs, {}}); }), ErrorCode::not_found);
  expect_proven(ann, records(ann)[0]);
}

TEST_P(AuditTest, RecordsAreFilteredAndPaged) {
  for (int i = 0; i < 5; ++i) act(i < 2 ? ann : bob, "mdl_" + std::to_string(i));
  EXPECT_THAT(records(admin, "actor_id = 'usr_ann'"), SizeIs(2));
  EXPECT_THAT(records(admin, "subject_id = 'mdl_3' AND subject_kind = 'model'"), SizeIs(1));
  EXPECT_THAT(records(admin, "action LIKE 'model.%' AND actor_kind = 'user' AND request_id = 'req-1'"), SizeIs(5));
  EXPECT_THAT(records(admin, "time > '" + format_rfc3339(records(admin)[1].time) + "'"), SizeIs(3));
  ListAuditRecords request;
  request.page_size = *query::PageSize::parse(2);
  std::vector<std::string> seen;
  for (;;) {
    const AuditRecordPage page = service.list_records(admin, request);
    for (const AuditRecord& record : page.items) seen.push_back(record.subject_id);
    if (!page.next_page_token) break;
    request.page_token = *page.next_page_token;
  }
  EXPECT_THAT(seen, ElementsAre("mdl_4", "mdl_3", "mdl_2", "mdl_1", "mdl_0"));
}

TEST_P(AuditTest, OldKeysVerifyWhatTheySigned) {
  act(ann);
  integrate();
  const AuditKey made = service.rotate_key(admin, {});
  integrate();
  EXPECT_EQ(service.head(admin, {}).key_id, made.id);
  const auto keys = service.list_keys(admin, {}).items;
  ASSERT_THAT(keys, SizeIs(2));
  EXPECT_TRUE(keys[0].retired_at);
  EXPECT_FALSE(keys[1].retired_at);
  EXPECT_EQ(count("audit_keys WHERE private_key IS NOT NULL"), 1);
  const VerifyReport report = verify(admin, exported(admin));
  EXPECT_TRUE(report.ok);
  EXPECT_EQ(report.heads, 2u);
}

TEST_P(AuditTest, AClockSetBackDoesNotSpoilTheHeads) {
  act(ann);
  integrate();
  clock.advance(-std::chrono::hours(1));
  act(ann);
  integrate();
  EXPECT_TRUE(verify(admin, exported(admin)).ok);
}

TEST_P(AuditTest, FailuresOfNobodyKnownAreAggregatedAndBounded) {
  trail.unknown_failure("sign_in", "192.0.2.7");  // written at once
  EXPECT_EQ(count("security_events"), 1);
  for (int i = 0; i < 1000; ++i) trail.unknown_failure("sign_in", "192.0.2.8");
  trail.unknown_failure("api_key", "192.0.2.8");
  EXPECT_EQ(count("security_events"), 1);  // counted, not written
  clock.advance(std::chrono::seconds(1));
  trail.unknown_failure("sign_in", "192.0.2.9");
  const auto events = service.list_security_events(admin, {}).items;
  ASSERT_THAT(events, SizeIs(2));
  const auto& sign_in = events[0].kind == "sign_in" ? events[0] : events[1];
  EXPECT_EQ(sign_in.failures, 1002);
  EXPECT_EQ(sign_in.address_prefix, "192.0.2.0/24");
  EXPECT_EQ(sign_in.last_at - sign_in.first_at, std::chrono::seconds(1));

  for (int i = 0; i < 3000; ++i) trail.unknown_failure("sign_in", fmt::format("10.{}.{}.1", i / 256, i % 256));
  trail.flush();
  for (int i = 3000; i < 6000; ++i) trail.unknown_failure("sign_in", fmt::format("10.{}.{}.1", i / 256, i % 256));
  trail.flush();
  trail.flush();
  EXPECT_LE(count("security_events"), security_events_per_hour_max + 1);
  const auto all =
      database->read([](db::Tx& tx) { return tx.values<std::int64_t>("SELECT failures FROM security_events"); });
  std::int64_t sum = 0;
  for (const std::int64_t failures : all) sum += failures;
  EXPECT_EQ(sum, 7003);  // none is lost
  clock.advance(security_events_kept + std::chrono::hours(2));
  trail.unknown_failure("sign_in", "192.0.2.9");
  EXPECT_EQ(count("security_events"), 1);
}

TEST_P(AuditTest, FailuresAreKeptWhileTheDatabaseRefusesThem) {
  const auto rename = [&](const char* statement) { database->write([&](db::Tx& tx) { tx.run(statement); }); };
  rename("ALTER TABLE security_events RENAME TO away");
  trail.unknown_failure("sign_in", "192.0.2.7");
  rename("ALTER TABLE away RENAME TO security_events");
  trail.flush();
  EXPECT_EQ(service.list_security_events(admin, {}).items.at(0).failures, 1);
}

TEST_P(AuditTest, WhatWasCountedIsWrittenAfterTheNextStep) {
  trail.unknown_failure("sign_in", "192.0.2.7");
  trail.unknown_failure("sign_in", "192.0.2.7");
  const Integrator integrator(clock, keyring);
  database->write([&](db::Tx& tx) {
    tx.after_commit([&] { trail.flush(); });
    return integrator.step(tx);
  });
  EXPECT_EQ(service.list_security_events(admin, {}).items.at(0).failures, 2);
}

TEST_P(AuditTest, TwoIntegratorsThatRaceMakeOneTree) {
  const auto second = db::Database::open({.url = database.url()});
  std::atomic<bool> writing = true;
  std::atomic<int> failed = 0;
  const auto integrate_in = [&](db::Database& handle) {
    const Integrator integrator(clock, keyring, 5);
    for (bool more = true; more;) {
      const bool last = !writing;
      try {
        more = handle.write([&](db::Tx& tx) { return integrator.step(tx); }) > 0 || !last;
      } catch (const Error& error) {
        if (error.code != ErrorCode::unavailable) ++failed;  // lost the race for too long: the loop comes again
      }
    }
  };
  std::thread a([&] { integrate_in(*database); });
  std::thread b([&] { integrate_in(*second); });
  int recorded = 0;
  for (int i = 0; i < 60; ++i) {
    db::Database& handle = i % 2 == 0 ? *database : *second;
    for (const Context& ctx : {ann, administrator(globex)}) {
      try {
        handle.write([&](db::Tx& tx) { trail.record(tx, ctx, {"model.create", "model", "mdl_1"}); });
        ++recorded;
      } catch (const Error& error) {
        EXPECT_EQ(error.code, ErrorCode::unavailable);
      }
    }
  }
  writing = false;
  a.join();
  b.join();
  integrate();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(count("audit_records WHERE leaf_index IS NOT NULL"), recorded);
  const VerifyReport one = verify(admin, exported(admin));
  const VerifyReport two = verify(administrator(globex), exported(administrator(globex)));
  EXPECT_THAT(one.problems, IsEmpty());
  EXPECT_THAT(two.problems, IsEmpty());
  EXPECT_EQ(static_cast<int>(one.records + two.records), recorded);
}

TEST_P(AuditTest, TheRoutesAreWellFormed) {
  const api::Routes table = routes(service);
  EXPECT_THAT(table, SizeIs(10));
  EXPECT_THAT(api::openapi(table, "1"), HasSubstr("AuditRecordPage"));
  for (const api::Route& row : table) EXPECT_NE(row.permission, api::signed_in) << row.path;
}

MODELOPS_ON_BOTH_DATABASES(AuditTest);

TEST(AddressPrefix, IsTheNetwork) {
  EXPECT_EQ(address_prefix("192.0.2.7"), "192.0.2.0/24");
  EXPECT_EQ(address_prefix("::ffff:192.0.2.7"), "192.0.2.0/24");
  EXPECT_EQ(address_prefix("2001:db8:1:2::3"), "2001:db8:1::/48");
  EXPECT_EQ(address_prefix(""), "unknown");
  EXPECT_EQ(address_prefix("192.0.2.7 OR 1=1"), "unknown");
}

}  // namespace
}  // namespace modelops::audit
