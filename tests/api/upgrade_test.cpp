#include <fstream>

#include "audit/verify.hpp"
#include "base/text.hpp"
#include "migrations/migrations.hpp"
#include "tests/api/control_plane_test.hpp"

namespace modelops {
namespace {

namespace fs = std::filesystem;

const fs::path released = fs::path(MODELOPS_SOURCE_DIR) / "tests" / "data" / "upgrade";

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// The schemas of earlier releases, with what their programs wrote.
std::vector<int> released_versions() {
  std::vector<int> out;
  for (const auto& entry : fs::directory_iterator(released))
    if (entry.path().extension() == ".sql")
      out.push_back(static_cast<int>(parse_int(entry.path().stem().string().substr(7)).value()));
  return out;
}

class UpgradeTest : public ControlPlaneTest {
 protected:
  ~UpgradeTest() override { plane.reset(); }  // before its database

  /// The control plane of the fixture makes way for one on a released database.
  void start_on(int version) {
    plane.reset();
    old_database.emplace(GetParam());
    (*old_database)->migrate(all_migrations().first(static_cast<std::size_t>(version)));
    (*old_database)->write([&](db::Tx& tx) {
      std::ifstream rows(file(version, "sql"));
      for (std::string insert; std::getline(rows, insert);) tx.execute(insert, {});
    });
    apps::ServeConfig config;
    config.data.folder = (folder / "old").string();
    config.data.key_file = (folder / "old.key").string();
    config.data.database = old_database->url();
    config.api.port = config.web.port = *reflect::Ranged<0, 65535>::parse(0);
    fs::copy_file(file(version, "key"), config.data.key_file, fs::copy_options::overwrite_existing);
    fs::permissions(config.data.key_file, fs::perms::owner_read | fs::perms::owner_write);
    plane.emplace(config);
    EXPECT_FALSE(plane->first_api_token()) << "nothing is made anew";
    token = trim(text_of(file(version, "token")));
  }
  static fs::path file(int version, const std::string& kind) {
    return released / fmt::format("schema-{}.{}", version, kind);
  }

  std::optional<testing::TestDatabase> old_database;
};

TEST_P(UpgradeTest, WhatAnEarlierReleaseWroteIsThereAndGoesOn) {
  ASSERT_FALSE(released_versions().empty());
  for (const int version : released_versions()) {
    SCOPED_TRACE(version);
    start_on(version);
    cli::Api root = admin();
    const auto model = root.get("/api/v1/models/digits");
    EXPECT_EQ(model.at("tags").at("team"), "vision");
    EXPECT_EQ(model.at("parameter_count"), 4810);
    const auto model_version = root.get("/api/v1/models/digits/versions/1");
    EXPECT_EQ(model_version.at("approval_state"), "approved");
    const auto deployment = root.get("/api/v1/deployments/digits");
    EXPECT_EQ(deployment.at("version_digest"), model_version.at("digest"));
    EXPECT_EQ(root.get("/api/v1/members").at("items").as_array().size(), 2u);
    EXPECT_EQ(root.get("/api/v1/targets/local").at("state"), "pending");

    // Changed rows and new ones, over sealed secrets and the audit log of before.
    root.post("/api/v1/deployments/digits/scale", boost::json::object{{"replicas", 2}});
    root.post("/api/v1/deployments/digits/restart", boost::json::object());
    root.post("/api/v1/teams", boost::json::object{{"name", "after"}});
    const auto records = root.get("/api/v1/audit/head").at("tree_size").to_number<std::int64_t>();
    EXPECT_GE(records, 20);
    std::stringstream exported;
    root.stream("/api/v1/audit/export", [&](std::string_view piece) { exported << piece; });
    const audit::VerifyReport report = audit::verify_export(exported, {});
    EXPECT_TRUE(report.ok);
    EXPECT_GE(static_cast<std::int64_t>(report.records), records);
  }
}

MODELOPS_ON_BOTH_DATABASES(UpgradeTest);

}  // namespace
}  // namespace modelops
