// What lists of models show without asking again: facets, the latest approval, aliases.
#include "registry/fixture_test.hpp"

namespace modelops::registry {
namespace {

using namespace fixture;  // NOLINT: a test's own vocabulary
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class FacetsOfModels : public RegistryFixture {
 protected:
  Model make(const Context& ctx, std::string_view name, Visibility visibility, std::string_view engine,
             const std::vector<std::string>& tags = {}) {
    CreateModel wanted = model_named(name, visibility);
    wanted.engine = *Slug::parse(engine);
    for (const std::string& tag : tags)
      wanted.tags.emplace(*reflect::TagKey::parse(tag), *reflect::TagValue::parse("x"));
    return service.create_model(ctx, wanted);
  }
  query::Facets facets(const Context& ctx, const std::string& filter = "",
                       ModelScope scope = ModelScope::organization) {
    return service.facets(ctx, {scope, filter});
  }
  static std::vector<std::pair<std::string, std::int64_t>> values(const query::Facets& found, std::string_view field) {
    std::vector<std::pair<std::string, std::int64_t>> out;
    for (const query::Facet& facet : found.facets)
      if (facet.field == field)
        for (const query::FacetValue& value : facet.values) out.emplace_back(value.value, value.count);
    return out;
  }
  Model listed(const Context& ctx, const std::string& filter = "") {
    ListModels request;
    request.filter = filter;
    return service.list_models(ctx, request).items.at(0);
  }
};

TEST_P(FacetsOfModels, CountWhatTheListShows) {
  make(ada, "a", Visibility::organization, "onnxruntime", {"stage", "team"});
  make(ada, "b", Visibility::organization, "vllm", {"stage"});
  make(ada, "c", Visibility::private_, "vllm", {"secret"});
  make(ada, "d", Visibility::public_, "vllm");
  make(stranger, "e", Visibility::public_, "tei", {"theirs"});

  const query::Facets own = facets(ada);
  EXPECT_EQ(own.total, 4);
  EXPECT_THAT(values(own, "engine"), ElementsAre(Pair("vllm", 3), Pair("onnxruntime", 1)));
  EXPECT_THAT(values(own, "tags"), ElementsAre(Pair("stage", 2), Pair("secret", 1), Pair("team", 1)));
  EXPECT_THAT(values(own, "latest_approval"), ElementsAre(Pair("none", 4)));
  EXPECT_THAT(values(own, "license"), IsEmpty());

  // What a colleague may not see is not counted either, nor are its tags.
  const query::Facets colleagues = facets(bob);
  EXPECT_EQ(colleagues.total, 3);
  EXPECT_THAT(values(colleagues, "visibility"), ElementsAre(Pair("organization", 2), Pair("public", 1)));
  EXPECT_THAT(values(colleagues, "tags"), ElementsAre(Pair("stage", 2), Pair("team", 1)));

  const query::Facets filtered = facets(ada, "engine = 'vllm' AND NOT visibility = 'private'");
  EXPECT_EQ(filtered.total, 2);
  EXPECT_THAT(values(filtered, "tags"), ElementsAre(Pair("stage", 1)));
  EXPECT_EQ(facets(ada, "tags.stage = 'x'").total, 2);

  const query::Facets open = facets(bob, "", ModelScope::public_);
  EXPECT_EQ(open.total, 2);
  EXPECT_THAT(values(open, "engine"), UnorderedElementsAre(Pair("vllm", 1), Pair("tei", 1)));
  service.delete_model(ada, {named("a")});
  EXPECT_EQ(facets(ada).total, 3);
  EXPECT_EQ(code_of([&] { facets(ada, "nonsense"); }), ErrorCode::invalid);
  EXPECT_EQ(code_of([&] { service.create_model(ada, model_named("facets")); }), ErrorCode::unprocessable);
}

TEST_P(FacetsOfModels, TheListTellsTheLatestApprovalAndAllAliases) {
  service.create_model(ada, model_named("digits"));
  EXPECT_EQ(listed(ada).latest_approval, VersionApproval::none);
  version_with(ada, "digits", "one");
  const auto ask = [&](std::int64_t version) {
    return service.request_approval(ada, {named("digits"), number(version), *evidence::Comment::parse("")});
  };
  const auto first = ask(1);
  const Model pending = listed(ada, "latest_approval = 'pending'");
  EXPECT_EQ(pending.latest_approval, VersionApproval::pending);
  evidence.decide(bob, {first.id, {evidence::Verdict::approve}, *evidence::Comment::parse("")});
  const Model approved = listed(ada);
  EXPECT_EQ(approved.latest_approval, VersionApproval::approved);
  EXPECT_GT(approved.row_version, pending.row_version);  // so that nobody keeps the old one in a cache
  EXPECT_THAT(approved.aliases, ElementsAre(Pair(*AliasName::parse("latest-approved"), 1)));

  version_with(ada, "digits", "two");
  EXPECT_EQ(listed(ada).latest_approval, VersionApproval::none);  // of the new version
  service.set_alias(ada, {named("digits"), *AliasName::parse("production"), number(1)});
  service.set_alias(ada, {named("digits"), *AliasName::parse("production"), number(2)});
  EXPECT_THAT(listed(ada).aliases,
              ElementsAre(Pair(*AliasName::parse("latest-approved"), 1), Pair(*AliasName::parse("production"), 2)));
  // A decision on an older version says nothing about the latest.
  const auto second = ask(2);
  evidence.decide(bob, {second.id, {evidence::Verdict::reject}, *evidence::Comment::parse("")});
  EXPECT_EQ(listed(ada).latest_approval, VersionApproval::rejected);
  const Model before = listed(ada);
  service.remove_alias(ada, {named("digits"), *AliasName::parse("production")});
  EXPECT_THAT(listed(ada).aliases, ElementsAre(Pair(*AliasName::parse("latest-approved"), 1)));
  EXPECT_EQ(reflect::to_json(service.get_model(ada, {named("digits")})), reflect::to_json(listed(ada)));
  EXPECT_GT(listed(ada).row_version, before.row_version);
}

MODELOPS_ON_BOTH_DATABASES(FacetsOfModels);

/// Databases from before these columns get what the columns say.
class ModelCopies : public ::testing::TestWithParam<db::Dialect> {};

TEST_P(ModelCopies, AreMadeForTheModelsThatAreThere) {
  testing::TestDatabase database(GetParam());
  std::size_t before = 0;
  while (all_migrations()[before].version < 13) ++before;
  database->migrate(all_migrations().first(before));
  database->write([](db::Tx& tx) {
    tx.run(
        "INSERT INTO organizations (id, name, display_name, self_approval, row_version, created_at, updated_at) "
        "VALUES ('org_1', 'acme', '', ?, 1, 0, 0)",
        false);
    for (const std::string id : {"mdl_1", "mdl_2"}) {
      tx.run(
          "INSERT INTO models (org_id, id, name, display_name, description, visibility, tags, latest_version, "
          "created_by, row_version, created_at, updated_at) VALUES ('org_1', ?, ?, '', '', 'organization', '{}', ?, "
          "'usr_1', 1, 0, 0)",
          id, id, id == "mdl_1" ? 3 : 0);
    }
    for (int version = 1; version <= 3; ++version) {
      tx.run(
          "INSERT INTO model_versions (org_id, id, model_id, version, digest, size_bytes, file_count, description, "
          "approval_state, self_approved, created_by, row_version, created_at) VALUES ('org_1', ?, 'mdl_1', ?, ?, 1, "
          "1, '', ?, ?, 'usr_1', 1, 0)",
          fmt::format("mdv_{}", version), version, std::string(64, static_cast<char>('0' + version)),
          version == 3 ? "pending" : "approved", false);
    }
    for (const auto& [alias, version] : std::map<std::string, int>{{"production", 2}, {"canary", 3}, {"a-b_C", 1}})
      tx.run(
          "INSERT INTO model_aliases (org_id, model_id, alias, version, updated_by, updated_at) VALUES ('org_1', "
          "'mdl_1', ?, ?, 'usr_1', 0)",
          alias, version);
  });
  database->migrate(all_migrations());
  const auto copies = database->read([](db::Tx& tx) {
    return tx.values<std::string>("SELECT latest_approval || ' ' || aliases FROM models ORDER BY id");
  });
  EXPECT_THAT(copies, ElementsAre(R"(pending {"a-b_C":1,"canary":3,"production":2})", "none {}"));
}

MODELOPS_ON_BOTH_DATABASES(ModelCopies);

}  // namespace
}  // namespace modelops::registry
