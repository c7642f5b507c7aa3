#include <future>

#include "identity/visibility.hpp"
#include "platform/api/router.hpp"
#include "registry/fixture_test.hpp"

namespace modelops::registry {
namespace {

using namespace fixture;  // NOLINT: a test's own vocabulary
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RegistryTest : public RegistryFixture {
 protected:
  std::vector<std::string> names(const Context& ctx, const std::string& filter, const std::string& order_by = "",
                                 ModelScope scope = ModelScope::organization) {
    ListModels list;
    list.scope = scope;
    list.filter = filter;
    list.order_by = order_by;
    list.page_size = *query::PageSize::parse(2);
    std::vector<std::string> out;
    for (;;) {
      const ModelPage page = service.list_models(ctx, list);
      for (const Model& model : page.items) out.push_back(model.name.str());
      if (!page.next_page_token) return out;
      list.page_token = *page.next_page_token;
    }
  }
  evidence::Approval ask(const Context& ctx, const std::string& model, std::int64_t version) {
    return service.request_approval(ctx, {named(model), number(version), *evidence::Comment::parse("please")});
  }
  void decide(const Context& ctx, const evidence::Approval& approval,
              evidence::Verdict verdict = evidence::Verdict::approve) {
    evidence.decide(ctx, {approval.id, {verdict}, *evidence::Comment::parse("")});
  }
  bool sees_operation(const Context& ctx, const jobs::OperationId& id) {
    try {
      return operations.get(ctx, jobs::OperationReference{id}).id == id;
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::not_found);
      return false;
    }
  }
  std::string resolve(const Context& ctx, const std::string& selector) {
    return database->read([&](db::Tx& tx) {
      const ResolvedVersion found = service.resolve(tx, ctx, selector);
      return fmt::format("{}:v{}", found.model.name.str(), found.version.version);
    });
  }
};

TEST_P(RegistryTest, AModelIsMadeReadChangedAndDeleted) {
  CreateModel wanted = model_named("digits");
  wanted.description = *Description::parse("Reads\nhandwriting");
  wanted.tags = {{*reflect::TagKey::parse("domain"), *reflect::TagValue::parse("vision")}};
  wanted.engine = *Slug::parse("onnxruntime");
  const Model made = service.create_model(ada, wanted);
  EXPECT_EQ(made.display_name, "digits");
  EXPECT_EQ(made.row_version, 1);
  for (const std::string& key : {made.id.str(), std::string("digits")}) {
    const Model read = service.get_model(bob, {named(key)});
    EXPECT_EQ(reflect::to_json(read), reflect::to_json(made));
  }
  Context ctx = bob;
  ctx.if_match = 1;
  UpdateModel update;
  update.model = named("digits");
  update.display_name = {true, *DisplayName::parse("Digits")};
  update.tags = {true, Tags{{*reflect::TagKey::parse("stage"), *reflect::TagValue::parse("beta")}}};
  update.engine = {true, std::nullopt};
  const Model changed = service.update_model(ctx, update);
  EXPECT_EQ(changed.row_version, 2);
  EXPECT_EQ(changed.display_name, "Digits");
  EXPECT_EQ(changed.description, made.description);
  EXPECT_FALSE(changed.engine);
  EXPECT_EQ(names(ada, "tags.stage = 'beta'").size(), 1u);
  EXPECT_THAT(names(ada, "tags.domain = 'vision'"), IsEmpty());
  EXPECT_EQ(code_of([&] { service.update_model(ctx, update); }), ErrorCode::precondition_failed);
  service.delete_model(ada, {named("digits")});
  EXPECT_EQ(code_of([&] { service.get_model(ada, {named(made.id.str())}); }), ErrorCode::not_found);
  EXPECT_THAT(names(ada, ""), IsEmpty());
  EXPECT_THAT(trail.actions, ElementsAre("model.create", "model.update", "model.delete"));
  EXPECT_EQ(count("events"), 3);
}

TEST_P(RegistryTest, ANameIsTakenUntilItsModelIsDeleted) {
  const Model first = service.create_model(ada, model_named("digits", Visibility::private_));
  const Error error = error_of([&] { service.create_model(bob, model_named("digits")); });
  EXPECT_EQ(error.code, ErrorCode::conflict);
  EXPECT_EQ(error.violations.at(0).pointer, "/name");
  service.create_model(stranger, model_named("digits"));
  service.delete_model(ada, {named("digits")});
  EXPECT_NE(service.create_model(bob, model_named("digits")).id, first.id);
  EXPECT_EQ(code_of([&] { service.create_model(ada, model_named(first.id.str())); }), ErrorCode::unprocessable);
}

TEST_P(RegistryTest, WhatOneMayNotSeeIsNotThere) {
  const auto team = team_of(ada, "vision");
  Context mate = bob;
  mate.actor.team_ids.push_back(team.str());
  CreateModel teams = model_named("teams", Visibility::team);
  EXPECT_EQ(error_of([&] { service.create_model(ada, teams); }).violations.at(0).pointer, "/team");
  teams.team = named("vision");
  EXPECT_EQ(code_of([&] { service.create_model(bob, teams); }), ErrorCode::unprocessable);
  service.create_model(ada, teams);
  service.create_model(ada, model_named("own", Visibility::private_));
  service.create_model(ada, model_named("all", Visibility::organization));
  const Model open = service.create_model(ada, model_named("open", Visibility::public_));
  EXPECT_THAT(names(ada, ""), ElementsAre("all", "open", "own", "teams"));
  EXPECT_THAT(names(mate, ""), ElementsAre("all", "open", "teams"));
  EXPECT_THAT(names(bob, ""), ElementsAre("all", "open"));
  EXPECT_THAT(names(admin, ""), ElementsAre("all", "open", "own", "teams"));
  EXPECT_THAT(names(stranger, ""), IsEmpty());
  EXPECT_THAT(names(stranger, "", "", ModelScope::public_), ElementsAre("open"));
  for (const char* hidden : {"own", "teams", "none"})
    EXPECT_EQ(code_of([&] { service.get_model(bob, {named(hidden)}); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { service.get_model(stranger, {named("open")}); }), ErrorCode::not_found) << "names are local";
  EXPECT_EQ(service.get_model(stranger, {named(open.id.str())}).name.str(), "open");
  Context ctx = stranger;
  ctx.if_match = 1;
  UpdateModel update;
  update.model = named(open.id.str());
  EXPECT_EQ(code_of([&] { service.update_model(ctx, update); }), ErrorCode::forbidden);
  EXPECT_EQ(code_of([&] { service.delete_model(stranger, {named(open.id.str())}); }), ErrorCode::forbidden);
  EXPECT_EQ(code_of([&] { service.preview_deletion(stranger, {named(open.id.str())}); }), ErrorCode::forbidden);
  EXPECT_EQ(code_of([&] { service.delete_model(bob, {named("own")}); }), ErrorCode::not_found);
}

TEST_P(RegistryTest, ListsAreFilteredOrderedAndPaged) {
  for (int i = 0; i < 7; ++i) {
    clock.advance(std::chrono::seconds(1));
    CreateModel wanted = model_named(fmt::format("m{}", (i * 3) % 7));
    if (i % 2 == 0) wanted.interface = ModelInterface::chat;
    wanted.tags = {{*reflect::TagKey::parse("n"), *reflect::TagValue::parse(std::to_string(i % 3))}};
    service.create_model(ada, wanted);
  }
  EXPECT_THAT(names(ada, ""), ElementsAre("m0", "m1", "m2", "m3", "m4", "m5", "m6"));
  EXPECT_THAT(names(ada, "", "created_at desc"), ElementsAre("m4", "m1", "m5", "m2", "m6", "m3", "m0"));
  EXPECT_THAT(names(ada, "interface = 'chat'"), ElementsAre("m0", "m4", "m5", "m6"));
  EXPECT_THAT(names(ada, "tags.n = '0' AND (interface = 'chat' OR name LIKE 'M2%')"), ElementsAre("m0", "m2", "m4"));
  EXPECT_EQ(code_of([&] { names(ada, "secret = 1"); }), ErrorCode::invalid);
}

TEST_P(RegistryTest, EveryOrderHasItsIndex) {
  if (GetParam() != db::Dialect::sqlite) return;  // its planner says so without statistics; the indexes are the same
  const identity::Predicate seen = identity::changeable_by(ada, "m");
  for (const char* column : {"name", "created_at", "updated_at"}) {
    for (const char* direction : {"", " desc"}) {
      std::string plan;
      std::vector<db::SqlValue> args{ada.org_id};
      args.insert(args.end(), seen.args.begin(), seen.args.end());
      database->read([&](db::Tx& tx) {
        tx.query(fmt::format("EXPLAIN QUERY PLAN SELECT m.id FROM models m WHERE m.deleted_at IS NULL AND m.org_id = ? "
                             "AND {0} AND 1 = 1 AND (m.{1}, m.id) > ('a', 'b') ORDER BY m.{1}{2}, m.id{2} LIMIT 51",
                             seen.sql, column, direction),
                 args, 4, [&](const auto& cells) { plan += std::string(*cells[3]) + "\n"; });
      });
      EXPECT_THAT(plan, ::testing::Not(HasSubstr("TEMP B-TREE"))) << column << direction;
      EXPECT_THAT(plan, HasSubstr("USING INDEX models_by_")) << column << direction;
    }
  }
}

TEST_P(RegistryTest, AnalysisRunsBesideAndDescribesTheModel) {
  const UploadId upload = upload_with(ada, "weights");
  const jobs::Operation operation = service.analyze(ada, {upload});
  EXPECT_EQ(operation.kind, "model.analyze");
  EXPECT_EQ(operation.subject_id, upload.str());
  CreateModel wanted = model_named("digits");
  wanted.analysis_operation_id = operation.id;
  const Model before = service.create_model(ada, wanted);
  EXPECT_EQ(before.analysis_operation_id, operation.id);
  EXPECT_FALSE(before.framework);
  EXPECT_EQ(code_of([&] { service.model_analysis(ada, {named("digits")}); }), ErrorCode::not_found);
  run_analysis(upload);
  const Model after = service.get_model(ada, {named("digits")});
  EXPECT_EQ(after.framework, Framework::onnx);
  EXPECT_EQ(after.interface, ModelInterface::embedding);
  EXPECT_EQ(after.engine, "onnxruntime");
  EXPECT_EQ(after.parameter_count, 42);
  EXPECT_EQ(service.model_analysis(ada, {named("digits")}).architecture, "mlp");
  EXPECT_THAT(names(ada, "framework = 'onnx' AND license LIKE 'mit'"), ElementsAre("digits"));
  // The same content is known at once, and what was chosen stays.
  CreateModel again = model_named("again");
  again.source = UploadSource{upload_with(bob, "weights")};
  again.engine = *Slug::parse("triton");
  again.create_version = true;
  const Model known = service.create_model(bob, again);
  EXPECT_FALSE(known.analysis_operation_id);
  EXPECT_EQ(known.engine, "triton");
  EXPECT_EQ(known.latest_version, 1);
  EXPECT_EQ(service.version_analysis(ada, {named("again"), number(1)}).size_bytes, 7);
}

TEST_P(RegistryTest, AnAnalysisIsItsStartersUntilItsModelIsSeen) {
  Context carol = person(org);
  const identity::TeamId team = team_of(carol, "vision");
  Context dan = person(org);
  dan.actor.team_ids.push_back(team.str());
  const auto seen_by = [&](const jobs::OperationId& id) {
    std::string out;
    for (const auto& [name, who] : {std::pair("ada", ada),
                                    {"bob", bob},
                                    {"carol", carol},
                                    {"dan", dan},
                                    {"admin", admin},
                                    {"stranger", stranger}}) {
      const bool seen = !operations.list(who, {}).items.empty();
      if (seen) out += std::string(name) + " ";
      EXPECT_EQ(sees_operation(who, id), seen) << name;
    }
    return out;
  };
  const jobs::Operation operation = service.analyze(carol, {upload_with(carol, "weights")});
  EXPECT_EQ(seen_by(operation.id), "carol admin ");
  CreateModel wanted = model_named("digits", Visibility::team);
  wanted.team = named("vision");
  wanted.analysis_operation_id = operation.id;
  const Model model = service.create_model(carol, wanted);
  EXPECT_EQ(seen_by(operation.id), "carol dan admin ");
  UpdateModel change;
  change.model = named("digits");
  for (const auto& [visibility, seen] :
       {std::pair(Visibility::public_, "ada bob carol dan admin "), {Visibility::private_, "carol admin "}}) {
    change.visibility = {true, visibility};
    carol.if_match = service.get_model(carol, {named("digits")}).row_version;
    service.update_model(carol, change);
    EXPECT_EQ(seen_by(operation.id), seen);
  }
  // The one that registering starts belongs to the model from the beginning.
  CreateModel open = model_named("open");
  open.source = UploadSource{upload_with(carol, "other weights")};
  const auto started = service.create_model(carol, open).analysis_operation_id.value();
  EXPECT_TRUE(sees_operation(bob, started));
  EXPECT_FALSE(sees_operation(stranger, started));
}

TEST_P(RegistryTest, EventsAreToldToWhoSeesTheirSubject) {
  const auto told = [&](const Context& who) {
    std::vector<std::string> out;
    while (database->write([&](db::Tx& tx) { return events.step(tx); }) > 0) {}
    for (const auto& [seq, event] : event_reader.read(who, 0, 1000).events) out.push_back(event.kind);
    return out;
  };
  CreateModel wanted = model_named("secret", Visibility::private_);
  wanted.source = UploadSource{upload_with(ada, "weights")};
  const Model secret = service.create_model(ada, wanted);
  run_analysis(*secret.source_upload_id);
  service.create_version(ada, {named("secret"), std::nullopt, std::nullopt, *Description::parse("")});
  service.set_alias(ada, {named("secret"), *AliasName::parse("best"), number(1)});
  decide(admin, ask(ada, "secret", 1));
  EXPECT_THAT(told(ada),
              ElementsAre("upload.create", "upload.seal", "model.create", "upload.analyzed", "model_version.create",
                          "model_alias.set", "approval.request", "model_alias.set", "approval.approve"));
  EXPECT_EQ(told(admin), told(ada));
  EXPECT_THAT(told(bob), ElementsAre());
  EXPECT_THAT(told(stranger), ElementsAre());
  service.create_model(ada, model_named("open"));
  EXPECT_THAT(told(bob), ElementsAre("model.create"));
  EXPECT_THAT(told(stranger), ElementsAre()) << "not even of a public one: the log is the organisation's";
}

TEST_P(RegistryTest, ASourceWithoutAnalysisStartsOne) {
  CreateModel wanted = model_named("digits");
  wanted.source = UploadSource{upload_with(ada, "weights")};
  const Model made = service.create_model(ada, wanted);
  ASSERT_TRUE(made.analysis_operation_id);
  EXPECT_EQ(operations.get(ada, {*made.analysis_operation_id}).state, jobs::OperationState::pending);
  EXPECT_EQ(service.create_version(ada, {named("digits"), {}, {}, *Description::parse("")}).digest, made.source_digest);
  wanted.name = *Slug::parse("other");
  wanted.source = UploadSource{upload_with(bob, "weights")};
  EXPECT_EQ(code_of([&] { service.create_model(ada, wanted); }), ErrorCode::not_found);
  wanted.source.reset();
  wanted.analysis_operation_id = jobs::OperationId::make();
  EXPECT_EQ(error_of([&] { service.create_model(ada, wanted); }).violations.at(0).pointer, "/analysis_operation_id");
}

TEST_P(RegistryTest, AMalformedFileEndsItsOperationWithTheReadersWords) {
  const UploadId upload = upload_with(ada, "broken");
  const jobs::Operation operation = service.analyze(ada, {upload});
  {
    jobs::LeaseKeeper keeper(*database);
    jobs::JobRunner runner(*database, topics, clock, keeper, {&handler}, {.threads = 1});
    const std::string topic = jobs::operation_topic(operation.id);
    for (;;) {
      const std::uint64_t seen = topics.version(topic);
      if (jobs::has_ended(operations.get(ada, {operation.id}).state)) break;
      std::promise<void> woken;
      topics.wait(topic, seen, [&] { woken.set_value(); });
      woken.get_future().wait();
    }
  }
  const jobs::Operation failed = operations.get(ada, {operation.id});
  EXPECT_EQ(failed.state, jobs::OperationState::failed);
  ASSERT_TRUE(failed.problem);
  EXPECT_EQ(failed.problem->status, 422);
  EXPECT_THAT(failed.problem->detail, HasSubstr("model.onnx ends at byte 6"));
  CreateModel wanted = model_named("digits");
  wanted.analysis_operation_id = operation.id;
  const Error error = error_of([&] { service.create_model(ada, wanted); });
  EXPECT_EQ(error.code, ErrorCode::unprocessable);
  EXPECT_THAT(error.violations.at(0).message, HasSubstr("model.onnx ends at byte 6"));
}

TEST_P(RegistryTest, VersionsAreNumberedAndBoundToTheirContent) {
  service.create_model(ada, model_named("digits"));
  const ModelVersion first = version_with(ada, "digits", "one");
  const ModelVersion second = version_with(bob, "digits", "two");
  EXPECT_EQ(first.version, 1);
  EXPECT_EQ(second.version, 2);
  EXPECT_EQ(second.created_by, bob.actor.id);
  EXPECT_EQ(first.digest, manifest_digest({{*RelativePath::parse("model.onnx"), 3, sha256("one")}}));
  EXPECT_THAT(error_of([&] { version_with(ada, "digits", "one"); }).message, HasSubstr("Version 1"));
  const FileList files = service.version_files(bob, {named("digits"), number(1)});
  EXPECT_EQ(files.digest, first.digest);
  EXPECT_EQ(files.items.at(0).size_bytes, 3);
  ListModelVersions list;
  list.model = named("digits");
  list.page_size = *query::PageSize::parse(1);
  const ModelVersionPage newest = service.list_versions(ada, list);
  EXPECT_EQ(newest.items.at(0).version, 2);
  list.page_token = *newest.next_page_token;
  EXPECT_EQ(service.list_versions(ada, list).items.at(0).version, 1);
  EXPECT_EQ(code_of([&] { service.get_version(ada, {named("digits"), number(3)}); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { service.create_version(ada, {named("digits"), {}, {}, *Description::parse("")}); }),
            ErrorCode::unprocessable);
  EXPECT_EQ(count("lineage_edges"), 4);
}

TEST_P(RegistryTest, FilesAreDownloadedWholeOrInPart) {
  const Model model = service.create_model(ada, model_named("digits", Visibility::public_));
  version_with(ada, "digits", "0123456789");
  const auto read = [&](const Context& ctx, std::string_view range) {
    auto answer = std::get<http::Download>(
        service.download(ctx, {named(model.id.str()), number(1), sha256("0123456789")}, range));
    std::string out;
    std::array<char, 4> part{};
    while (const std::size_t got = answer.source->read(part)) out.append(part.data(), got);
    EXPECT_EQ(answer.length_bytes, out.size());
    return std::pair(answer.head.status, out);
  };
  EXPECT_EQ(read(ada, ""), std::pair(200, std::string("0123456789")));
  EXPECT_EQ(read(stranger, "bytes=2-6"), std::pair(206, std::string("23456")));
  EXPECT_EQ(read(ada, "bytes=-1"), std::pair(206, std::string("9")));
  EXPECT_EQ(code_of([&] { read(ada, "bytes=10-"); }), ErrorCode::range_not_satisfiable);
  EXPECT_EQ(code_of([&] { service.download(ada, {named("digits"), number(1), sha256("x")}, ""); }),
            ErrorCode::not_found);
}

TEST_P(RegistryTest, AliasesMoveAndAreReserved) {
  service.create_model(ada, model_named("digits"));
  version_with(ada, "digits", "one");
  const ModelVersion second = version_with(ada, "digits", "two");
  const auto set = [&](std::string_view alias, std::int64_t version) {
    return service.set_alias(ada, {named("digits"), *AliasName::parse(alias), number(version)});
  };
  set("production", 1);
  EXPECT_EQ(resolve(ada, "digits@production"), "digits:v1");
  set("production", 2);
  set("staging", 2);
  EXPECT_EQ(resolve(ada, "digits@production"), "digits:v2");
  EXPECT_THAT(service.get_version(ada, {named("digits"), number(2)}).aliases, ElementsAre("production", "staging"));
  EXPECT_THAT(service.get_version(ada, {named("digits"), number(1)}).aliases, IsEmpty());
  EXPECT_EQ(service.list_aliases(bob, {named("digits")}).items.size(), 2u);
  EXPECT_EQ(code_of([&] { set("production", 3); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { set("latest-approved", 1); }), ErrorCode::unprocessable);
  EXPECT_EQ(code_of([&] { service.remove_alias(ada, {named("digits"), *AliasName::parse("latest-approved")}); }),
            ErrorCode::unprocessable);
  service.remove_alias(ada, {named("digits"), *AliasName::parse("staging")});
  EXPECT_EQ(code_of([&] { service.remove_alias(ada, {named("digits"), *AliasName::parse("staging")}); }),
            ErrorCode::not_found);
  EXPECT_EQ(resolve(ada, "digits@latest"), "digits:v2");
  EXPECT_EQ(resolve(ada, "digits:v1"), "digits:v1");
  EXPECT_EQ(resolve(bob, second.id.str()), "digits:v2");
  EXPECT_EQ(resolve(ada, second.model_id.str() + "@production"), "digits:v2");
  for (const std::string missing : {"digits@staging", "digits:v9", "other:v1"})
    EXPECT_EQ(code_of([&] { resolve(ada, missing); }), ErrorCode::not_found) << missing;
  EXPECT_EQ(code_of([&] { resolve(stranger, second.id.str()); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { resolve(ada, "digits"); }), ErrorCode::unprocessable);
}

TEST_P(RegistryTest, DecisionsChangeVersionsAndLatestApproved) {
  service.create_model(ada, model_named("digits"));
  version_with(ada, "digits", "one");
  version_with(ada, "digits", "two");
  const auto state = [&](std::int64_t version) {
    return service.get_version(ada, {named("digits"), number(version)}).approval_state;
  };
  const evidence::Approval first = ask(ada, "digits", 1);
  EXPECT_EQ(first.author_id, ada.actor.id);
  EXPECT_EQ(state(1), VersionApproval::pending);
  EXPECT_EQ(code_of([&] { ask(bob, "digits", 1); }), ErrorCode::conflict);
  EXPECT_EQ(code_of([&] { decide(ada, first); }), ErrorCode::forbidden);
  EXPECT_EQ(code_of([&] { resolve(ada, "digits@latest-approved"); }), ErrorCode::not_found);
  decide(bob, first);
  EXPECT_EQ(state(1), VersionApproval::approved);
  EXPECT_EQ(resolve(ada, "digits@latest-approved"), "digits:v1");
  decide(bob, ask(ada, "digits", 2), evidence::Verdict::reject);
  EXPECT_EQ(state(2), VersionApproval::rejected);
  EXPECT_EQ(resolve(ada, "digits@latest-approved"), "digits:v1");
  decide(bob, ask(ada, "digits", 2));
  EXPECT_EQ(resolve(ada, "digits@latest-approved"), "digits:v2");
}

TEST_P(RegistryTest, AnApprovalIsSeenByWhoSeesItsModel) {
  service.create_model(ada, model_named("digits", Visibility::private_));
  version_with(ada, "digits", "one");
  const evidence::Approval asked = ask(ada, "digits", 1);
  EXPECT_EQ(code_of([&] { decide(bob, asked); }), ErrorCode::not_found);
  Context ctx = ada;
  ctx.if_match = service.get_model(ada, {named("digits")}).row_version;
  UpdateModel update;
  update.model = named("digits");
  update.visibility = {true, Visibility::organization};
  service.update_model(ctx, update);
  decide(bob, asked);
  EXPECT_EQ(resolve(bob, "digits@latest-approved"), "digits:v1");
}

TEST_P(RegistryTest, DeletingIsPreviewedAndRefusedWhileInUse) {
  const Model model = service.create_model(ada, model_named("digits"));
  version_with(ada, "digits", "one");
  version_with(ada, "digits", "three");
  service.set_alias(ada, {named("digits"), *AliasName::parse("production"), number(2)});
  const evidence::Approval pending = ask(ada, "digits", 2);
  usage.uses = {{"deployment", "dep_1", "digits-prod"}};
  const DeletionPreview preview = service.preview_deletion(ada, {named("digits")});
  EXPECT_FALSE(preview.deletable);
  EXPECT_EQ(preview.versions, 2);
  EXPECT_THAT(preview.aliases, ElementsAre("production"));
  EXPECT_EQ(preview.size_bytes, 8);
  EXPECT_EQ(preview.uses.at(0).name, "digits-prod");
  EXPECT_THAT(error_of([&] { service.delete_model(ada, {named("digits")}); }).message, HasSubstr("digits-prod"));
  usage.uses.clear();
  EXPECT_TRUE(service.preview_deletion(ada, {named("digits")}).deletable);
  service.delete_model(ada, {named("digits")});
  EXPECT_EQ(code_of([&] { decide(bob, pending); }), ErrorCode::conflict);
  EXPECT_EQ(code_of([&] { resolve(ada, "digits@production"); }), ErrorCode::not_found);
}

MODELOPS_ON_BOTH_DATABASES(RegistryTest);

/// The routes as a client meets them.
class RegistryRoutesTest : public RegistryFixture, public api::Access {
 protected:
  Context authenticate(const http::Request&) override { return ada; }
  void authorize(const Context&, Permission) override {}
  void refused(const Context&, Permission, std::string_view) override {}
  std::string protect(const Context&, std::string_view, std::string_view body) override { return std::string(body); }
  std::string unprotect(const Context&, std::string_view, std::string_view body) override { return std::string(body); }

  http::Request request(http::Method method, std::string path, std::string body = {}) {
    http::Request out;
    out.method = method;
    const std::size_t query = path.find('?');
    out.query = query == std::string::npos ? "" : path.substr(query + 1);
    out.path = path.substr(0, query);
    out.body = std::move(body);
    out.headers.set("Content-Type", "application/json");
    return out;
  }
  http::Response send(http::Request sent) {
    try {
      const http::Plan plan = router.plan(sent);
      return std::get<http::Response>(router.handle(plan, std::move(sent)));
    } catch (...) {
      return http::problem_of_current_exception("test");
    }
  }
  http::Response post(std::string path, std::string body) {
    return send(request(http::Method::post, std::move(path), std::move(body)));
  }

  api::Router router{routes(service, uploads), *this};
  UploadId upload = uploads.create(ada, {}).id;
};

TEST_P(RegistryRoutesTest, BothWaysOfRegisteringAreOne) {
  for (const char* path : {"/api/v1/models", "/api/v1/models/register-v2"}) {
    const http::Response made = post(path, fmt::format(R"({{"name":"m{}"}})", std::string_view(path).size()));
    EXPECT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(made.headers.get("ETag"), "\"1\"");
    EXPECT_THAT(std::string(made.headers.get("Location")), ::testing::StartsWith("/api/v1/models/mdl_"));
  }
  EXPECT_EQ(send(request(http::Method::get, "/api/v1/models/m14")).status, 200);
  EXPECT_EQ(send(request(http::Method::patch, "/api/v1/models/m14", "{}")).status, 428);
  EXPECT_EQ(send(request(http::Method::get, "/api/v1/models?filter=name+LIKE+'m%25'")).status, 200);
  EXPECT_EQ(send(request(http::Method::delete_, "/api/v1/models/m14")).status, 204);
}

TEST_P(RegistryRoutesTest, HostileNamesAreRefusedByField) {
  for (const char* name : {"..", "a..b", "a/b", "A", "a\\u0000b", "a\\u202eb", "a\\u200fb", "a b", "-a", ""}) {
    const http::Response response = post("/api/v1/models", fmt::format(R"({{"name":"{}"}})", name));
    EXPECT_EQ(response.status, 422) << name;
    EXPECT_THAT(response.body, HasSubstr("/name")) << name;
  }
  const http::Response many =
      post("/api/v1/models", R"({"name":"..","display_name":"a\u202e","tags":{"..":"x"},"visibility":"secret"})");
  for (const char* pointer : {"/name", "/display_name", "/tags/", "/visibility"})
    EXPECT_THAT(many.body, HasSubstr(pointer));
  EXPECT_EQ(count("models"), 0);
}

TEST_P(RegistryRoutesTest, AnalyzingIsAccepted) {
  put(ada, upload, "a", "a");
  const http::Response accepted = post("/api/v1/models/analyze", fmt::format(R"({{"upload_id":"{}"}})", upload.str()));
  EXPECT_EQ(accepted.status, 202) << accepted.body;
  EXPECT_THAT(std::string(accepted.headers.get("Location")), ::testing::StartsWith("/api/v1/operations/opr_"));
}

TEST_P(RegistryRoutesTest, TheTableHasADescription) {
  EXPECT_THAT(api::openapi(routes(service, uploads), "test"), HasSubstr("\"register_model\""));
}

MODELOPS_ON_BOTH_DATABASES(RegistryRoutesTest);

}  // namespace
}  // namespace modelops::registry
