#include "registry/activity.hpp"

#include "audit/trail.hpp"
#include "registry/fixture_test.hpp"

namespace modelops::registry {
namespace {

using namespace fixture;  // NOLINT: a test's own vocabulary
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// The registry with a real audit log.
class ActivityTest : public RegistryFixture {
 protected:
  ActivityTest() {
    ada.actor.name = "Ada Lovelace";
    ada.remote_address = "192.0.2.7";
  }
  ~ActivityTest() override { std::filesystem::remove_all(keys); }

  void tick() { clock.advance(std::chrono::seconds(1)); }
  UploadId upload(std::string_view bytes) {
    const UploadId id = recorded_uploads.create(ada, {}).id;
    put(ada, id, "model.onnx", bytes);
    tick();
    return id;
  }
  ModelActivityPage list(const Context& ctx, std::int64_t page_size = 50, const std::string& token = "") {
    return activity.list(ctx, {named("digits"), *query::PageSize::parse(page_size), token});
  }
  std::vector<std::string> lines(const Context& ctx, std::int64_t page_size = 50) {
    std::vector<std::string> out;
    std::string token;
    do {
      const ModelActivityPage page = list(ctx, page_size, token);
      for (const ModelActivity& item : page.items)
        out.push_back(item.action + (item.version ? fmt::format(" v{}", *item.version) : ""));
      token = page.next_page_token.value_or("");
    } while (!token.empty());
    return out;
  }

  std::filesystem::path keys = [] {
    auto path = std::filesystem::temp_directory_path() / ("modelops_activity_" + new_uuid7());
    std::filesystem::create_directories(path / "data");
    return path;
  }();
  crypto::Keyring keyring{keys / "master.key", keys / "data"};
  audit::Trail log{*database, clock, keyring};
  audit::Service audit_service{*database, clock, keyring, log};
  evidence::Service recorded_evidence{*database, clock, log, events, {&outcome}};
  Uploads recorded_uploads{*database, clock, blobs, log, events, {.file_bytes_max = 1 << 20, .files_max = 4}};
  Service recorded{*database, clock, blobs, log, events, recorded_evidence, operations, recorded_uploads, {&usage}};
  Activity activity{*database, recorded, recorded_evidence, audit_service, {&usage}};
};

TEST_P(ActivityTest, TellsWhatWasDoneTheNewestFirstAndNothingPersonal) {
  recorded.create_model(ada, model_named("digits"));
  tick();
  recorded.create_model(ada, model_named("other"));  // another model's acts are not told
  tick();
  recorded.create_version(ada, {named("digits"), upload("one"), std::nullopt, *Description::parse("")});
  tick();
  const auto approval = recorded.request_approval(ada, {named("digits"), number(1), *evidence::Comment::parse("")});
  tick();
  recorded_evidence.decide(bob, {approval.id, {evidence::Verdict::approve}, *evidence::Comment::parse("")});
  tick();
  recorded.set_alias(ada, {named("digits"), *AliasName::parse("production"), number(1)});
  tick();
  database->write([&](db::Tx& tx) {
    log.record(tx, ada, {"deployment.created", "deployment", "dep_1", {{"name", "digits"}}});
    Context system;
    system.org_id = ada.org_id;
    system.actor = {.kind = ActorKind::system, .id = "system"};
    log.record(tx, system, {"deployment.healthy", "deployment", "dep_1"});
    log.record(tx, ada, {"deployment.created", "deployment", "dep_hidden"});
  });
  usage.seen = {"dep_1"};

  const auto wanted = ElementsAre("deployment.created", "model_alias.set", "approval.approve v1", "approval.request v1",
                                  "model_version.create v1", "model.create");
  EXPECT_THAT(lines(ada), wanted);
  EXPECT_THAT(lines(bob, 1), wanted);  // who may not read the audit log of others sees it too
  EXPECT_EQ(list(bob).items.back().actor_id, ada.actor.id);
  const std::string text = reflect::to_json(list(bob));
  EXPECT_THAT(text, HasSubstr(R"("alias":"production")"));
  EXPECT_THAT(text, Not(HasSubstr("Lovelace")));
  EXPECT_THAT(text, Not(HasSubstr("192.0.2.7")));
  usage.seen.clear();
  EXPECT_EQ(lines(bob).front(), "model_alias.set");
}

TEST_P(ActivityTest, IsToldToThoseWhoSeeTheModel) {
  recorded.create_model(ada, model_named("digits", Visibility::private_));
  EXPECT_EQ(code_of([&] { list(bob); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { list(stranger); }), ErrorCode::not_found);
  EXPECT_EQ(lines(admin).size(), 1u);
  const Model open = recorded.create_model(ada, model_named("open", Visibility::public_));
  EXPECT_EQ(code_of([&] { activity.list(stranger, {named(open.id.str()), query::default_page_size(), ""}); }),
            ErrorCode::forbidden);
}

TEST_P(ActivityTest, APageTokenOfSomethingElseIsRefused) {
  recorded.create_model(ada, model_named("digits"));
  EXPECT_EQ(code_of([&] { list(ada, 1, "nonsense"); }), ErrorCode::invalid);
}

MODELOPS_ON_BOTH_DATABASES(ActivityTest);

}  // namespace
}  // namespace modelops::registry
