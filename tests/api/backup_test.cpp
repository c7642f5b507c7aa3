#include "apps/backup.hpp"

#include <atomic>
#include <fstream>
#include <thread>

#include "apps/doctor.hpp"
#include "cli/uploads.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/crypto/keyring.hpp"
#include "tests/api/control_plane_test.hpp"
#include "tests/support/process.hpp"

namespace modelops {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::SizeIs;

namespace fs = std::filesystem;

class BackupTest : public ControlPlaneTest {
 protected:
  apps::ServeConfig config() const {
    apps::ServeConfig out;
    out.data.folder = (folder / "data").string();
    out.data.database = database.url();
    out.data.key_file = (folder / "data.master.key").string();
    out.api.port = *reflect::Ranged<0, 65535>::parse(plane ? plane->port() : 0);
    return out;
  }
  /// Where nothing is yet, with a copy of the master keys.
  apps::ServeConfig elsewhere() {
    apps::ServeConfig out = config();
    out.data.folder = (folder / "restored" / "data").string();
    out.data.key_file = (folder / "restored" / "master.key").string();
    out.data.database = GetParam() == db::Dialect::sqlite ? "" : empty_database.url();
    fs::create_directories(folder / "restored");
    fs::copy_file(config().data.key_file, out.data.key_file, fs::copy_options::overwrite_existing);
    return out;
  }
  apps::Backup backup(int keep = 0) { return apps::make_backup(config(), to, keep, quiet); }

  /// A model whose one file has this content.
  void add_model(const std::string& name, const std::string& content) {
    const fs::path file = folder / (name + ".bin");
    std::ofstream(file, std::ios::binary) << content;
    cli::Api root = admin();
    const std::string upload = cli::upload_files(root, {file.string()}, {.memory = folder / "uploads"});
    root.post("/api/v1/models", boost::json::object{{"name", name}});
    root.post("/api/v1/models/" + name + "/versions", boost::json::object{{"upload_id", upload}});
  }
  /// The files of the artifacts below a folder.
  static std::vector<fs::path> artifacts_in(const fs::path& root) {
    std::vector<fs::path> out;
    for (const auto& entry : fs::recursive_directory_iterator(root / "blobs"))
      if (entry.is_regular_file()) out.push_back(entry.path());
    return out;
  }
  template <class F>
  static std::string refusal(F&& act) {
    try {
      act();
    } catch (const Error& error) {
      return error.message;
    }
    return "";
  }

  const fs::path to = folder / "backups";
  const apps::ProgressOf quiet = [](const std::string&, double) {};
  testing::TestDatabase empty_database{GetParam()};
};

TEST_P(BackupTest, WhatIsRestoredIsTheInstallationAtOneMomentWhileOthersWrote) {
  add_model("kept", "the weights");
  std::atomic<bool> stop = false;
  std::atomic<int> made = 0;
  std::thread writer([&] {
    cli::Api other = admin();
    while (!stop) {
      other.post("/api/v1/teams", boost::json::object{{"name", fmt::format("team-{}", made.load())}});
      ++made;
    }
  });
  while (made < 3) std::this_thread::yield();
  const apps::Backup kept = backup();
  stop = true;
  writer.join();
  EXPECT_EQ(kept.manifest.artifacts, 1);
  EXPECT_EQ(kept.bytes_copied, 11);
  EXPECT_EQ(apps::verify_backup(to, quiet).folder, kept.folder);
  const auto sums = testing::run_program({"/usr/bin/sha256sum", "--check", "--quiet", "SHA256SUMS"}, kept.folder);
  EXPECT_EQ(sums.status, 0) << sums.output;

  apps::restore_backup(elsewhere(), to, quiet);
  const auto original = admin().get("/api/v1/models/kept/versions/1");
  plane->drain();
  plane.reset();
  apps::ServeConfig restored = elsewhere();
  restored.api.port = restored.web.port = *reflect::Ranged<0, 65535>::parse(0);
  plane.emplace(restored);
  // The token of before opens it, so its secrets came with it.
  cli::Api root = admin();
  EXPECT_EQ(root.get("/api/v1/models/kept/versions/1").at("digest"), original.at("digest"));
  std::string content;
  root.stream("/api/v1/models/kept/versions/1/files/" + crypto::sha256_hex("the weights"),
              [&](std::string_view piece) { content += piece; });
  EXPECT_EQ(content, "the weights");
  const auto teams = root.get("/api/v1/teams").at("items").as_array().size();
  EXPECT_GE(teams, 3u);
  EXPECT_LE(teams, static_cast<std::size_t>(made) + 1);
  root.post("/api/v1/teams", boost::json::object{{"name", "after"}});
}

TEST_P(BackupTest, AFurtherBackupCopiesWhatIsNewAndOldOnesGo) {
  add_model("first", "11111");
  const auto one = backup();
  add_model("second", "22222222");
  const auto two = backup();
  EXPECT_EQ(two.bytes_copied, 8);
  EXPECT_EQ(two.manifest.artifact_bytes, 13);
  admin().call(http::Method::delete_, "/api/v1/models/first");
  const auto three = backup(1);
  EXPECT_FALSE(fs::exists(one.folder));
  EXPECT_FALSE(fs::exists(two.folder));
  EXPECT_EQ(apps::verify_backup(to, quiet).manifest.artifacts, three.manifest.artifacts);
  EXPECT_THAT(artifacts_in(to / "artifacts"), SizeIs(three.manifest.artifacts));
}

TEST_P(BackupTest, DamageIsFoundAndNothingIsRestored) {
  add_model("kept", "the weights");
  const apps::Backup kept = backup();
  const fs::path artifact = artifacts_in(to / "artifacts").at(0);
  fs::resize_file(artifact, 5);
  EXPECT_THAT(refusal([&] { apps::restore_backup(elsewhere(), to, quiet); }),
              HasSubstr("damaged: " + artifact.string()));
  EXPECT_FALSE(fs::exists(elsewhere().data.folder));
  fs::remove(artifact);
  EXPECT_THAT(refusal([&] { apps::verify_backup(to, quiet); }), HasSubstr("not complete"));
  // The next one mends it.
  EXPECT_EQ(backup().bytes_copied, 11);
  apps::verify_backup(kept.folder, quiet);
}

TEST_P(BackupTest, RestoringNeedsTheMasterKeysAndAnEmptyPlace) {
  backup();
  EXPECT_THAT(refusal([&] { apps::restore_backup(config(), to, quiet); }), HasSubstr("already"));
  apps::ServeConfig keyless = elsewhere();
  fs::remove(keyless.data.key_file);
  EXPECT_THAT(refusal([&] { apps::restore_backup(keyless, to, quiet); }), HasSubstr("There is no key file"));
  const crypto::Keyring other(keyless.data.key_file, keyless.data.folder);
  EXPECT_THAT(refusal([&] { apps::restore_backup(keyless, to, quiet); }), HasSubstr("lacks the key"));
  EXPECT_FALSE(fs::exists(keyless.data.folder));
  EXPECT_THAT(refusal([&] { apps::verify_backup(folder / "nowhere", quiet); }), HasSubstr("There is no backup"));
}

TEST_P(BackupTest, TheDoctorFindsNothingInAHealthyInstallation) {
  add_model("kept", "the weights");
  const apps::Diagnosis diagnosis = apps::diagnose(config(), true);
  for (const apps::Check& check : diagnosis.checks)
    EXPECT_EQ(check.state, apps::CheckState::ok) << check.name << ": " << check.finding;
  EXPECT_THAT(diagnosis.checks, SizeIs(11));
}

TEST_P(BackupTest, TheDoctorSaysWhatIsWrong) {
  add_model("kept", "the weights");
  const auto finding = [](const std::string& name, apps::CheckState state, const std::string& words) {
    return Contains(AllOf(Field(&apps::Check::name, name), Field(&apps::Check::state, state),
                          Field(&apps::Check::finding, HasSubstr(words))));
  };
  const fs::path artifact = artifacts_in(apps::blobs_folder(config())).at(0);
  std::ofstream(artifact, std::ios::binary) << "other bytes";
  EXPECT_THAT(apps::diagnose(config(), false).checks, Not(finding("artifacts", apps::CheckState::failed, "")));
  EXPECT_THAT(apps::diagnose(config(), true).checks, finding("artifacts", apps::CheckState::failed, "1 of 1"));
  fs::remove(artifact);
  fs::permissions(config().data.folder, fs::perms::owner_all | fs::perms::others_read);
  plane.reset();  // it would give the events their places meanwhile
  database->write([](db::Tx& tx) { tx.run("UPDATE events SET seq = NULL, created_at = 5"); });
  apps::ServeConfig unreachable = config();
  unreachable.api.port = *reflect::Ranged<0, 65535>::parse(testing::free_port());
  unreachable.data.key_file = (folder / "other.key").string();
  auto checks = apps::diagnose(unreachable, false).checks;
  EXPECT_THAT(checks, finding("artifacts", apps::CheckState::failed, "1 of 1"));
  EXPECT_THAT(checks, finding("data folder", apps::CheckState::warning, "other users"));
  EXPECT_THAT(checks, finding("logs of changes", apps::CheckState::warning, "waited"));
  EXPECT_THAT(checks, finding("server", apps::CheckState::warning, "Nothing answers"));
  EXPECT_THAT(checks, finding("master keys", apps::CheckState::failed, "no key file"));
  EXPECT_FALSE(fs::exists(folder / "other.key")) << "it changes nothing";
  database->write([](db::Tx& tx) { tx.run("UPDATE schema_migrations SET version = version + 1000"); });
  checks = apps::diagnose(config(), false).checks;
  EXPECT_THAT(checks, finding("database", apps::CheckState::failed, "this program knows"));
}

MODELOPS_ON_BOTH_DATABASES(BackupTest);

}  // namespace
}  // namespace modelops
