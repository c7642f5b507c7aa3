#include "apps/rotation.hpp"

#include <fstream>

#include "platform/crypto/keyring.hpp"
#include "tests/api/control_plane_test.hpp"

namespace modelops {
namespace {

using ::testing::Each;

class RotationTest : public ControlPlaneTest {
 protected:
  apps::ServeConfig config() const {
    apps::ServeConfig out;
    out.data.folder = (folder / "data").string();
    out.data.database = database.url();
    return out;
  }
  /// The master keys that the data keys are sealed with, one for each.
  std::vector<std::string> used() {
    std::vector<std::string> out;
    for (const std::string& wrapped :
         database->read([](db::Tx& tx) { return tx.values<std::string>("SELECT wrapped FROM data_keys"); }))
      out.emplace_back(crypto::Keyring::master_key_id(wrapped));
    return out;
  }
};

TEST_P(RotationTest, EverythingIsSealedWithTheNewKeyAndARunningServerGoesOn) {
  const auto secret = [&](const std::string& name) {
    admin().post("/api/v1/targets", boost::json::object{{"name", name}});
  };
  secret("before");
  const std::vector<std::string> before = used();
  ASSERT_FALSE(before.empty());
  const apps::Rotation rotation = apps::rotate_master_key(config());
  EXPECT_EQ(rotation.rewrapped, static_cast<std::int64_t>(before.size()));
  EXPECT_THAT(used(), Each(rotation.key_id));

  // A new organization's key, made by the server that was there before.
  admin().post("/api/v1/organizations", boost::json::object{{"name", "globex"}, {"admin_email", "boss@globex.org"}});
  secret("after");
  EXPECT_GT(used().size(), before.size());
  EXPECT_THAT(used(), Each(rotation.key_id));

  // The new key alone opens all of it.
  const std::filesystem::path file = apps::key_file(config());
  std::ifstream in(file);
  std::string header;
  std::string line;
  std::getline(in, header);
  while (std::getline(in, line) && !line.starts_with(rotation.key_id)) {}
  std::ofstream(file, std::ios::trunc) << header << "\n" << line << "\n";
  restart();
  secret("restarted");
  EXPECT_EQ(admin().get("/api/v1/targets").at("items").as_array().size(), 3u);
}

TEST_P(RotationTest, NothingIsMadeBeforeTheFirstStart) {
  apps::ServeConfig elsewhere = config();
  elsewhere.data.key_file = (folder / "other.key").string();
  EXPECT_THROW(apps::rotate_master_key(elsewhere), Error);
  EXPECT_FALSE(std::filesystem::exists(elsewhere.data.key_file));
}

MODELOPS_ON_BOTH_DATABASES(RotationTest);

}  // namespace
}  // namespace modelops
