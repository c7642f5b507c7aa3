#include <unistd.h>

#include <fstream>

#include "tests/fault/serve.hpp"
#include "tests/support/database.hpp"

namespace modelops {
namespace {

using ::testing::HasSubstr;

/// Starts that cannot succeed: they end at once, with one line that says what to do.
class StartTest : public ServeTest {
 protected:
  static void expect_refusal(const testing::Ran& ran, const std::vector<std::string>& words) {
    EXPECT_EQ(ran.status, 1) << ran.output;
    std::vector<std::string> errors;
    for (const std::string_view line : split(ran.output, '\n'))
      if (!line.empty() && !line.starts_with("{") && !line.starts_with("level=")) errors.emplace_back(line);
    ASSERT_EQ(errors.size(), 1u) << ran.output;
    EXPECT_THAT(errors.front(), ::testing::StartsWith("error: "));
    for (const std::string& word : words) EXPECT_THAT(errors.front(), HasSubstr(word));
  }
};

TEST_F(StartTest, APortThatIsTaken) {
  start();
  auto second = command();
  second[2] = fmt::format("--api.port={}", port);
  second[3] = "--data.folder=" + (folder / "other").string();
  second[4] = "--data.key_file=" + (folder / "other.key").string();
  expect_refusal(testing::run_program(second), {std::to_string(port), "in use"});
}

TEST_F(StartTest, AKeyFileThatCannotBeRead) {
  start();
  kill_server();
  const std::filesystem::path key = folder / "master.key";
  std::filesystem::permissions(key, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  expect_refusal(testing::run_program(command()), {key.string(), "chmod 600"});

  // Somebody else's: the folders are theirs, the file is root's.
  std::filesystem::permissions(key, std::filesystem::perms::owner_read, std::filesystem::perm_options::replace);
  for (const auto& path : {folder, folder / "data"}) {
    ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0) << "run the tests as root";
  }
  auto other = command();
  other.insert(other.begin(), {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"});
  other[7] = "--data.folder=" + (folder / "empty").string();
  expect_refusal(testing::run_program(other), {key.string(), "ermission denied"});

  std::filesystem::permissions(key, std::filesystem::perms::owner_all, std::filesystem::perm_options::replace);
  std::ofstream(key, std::ios::trunc) << "not a key\n";
  expect_refusal(testing::run_program(command()), {key.string(), "backup"});
}

TEST_F(StartTest, AFirstStartThatIsKilledIsMadeAgain) {
  for (const int moment : {1, 10, 20, 40, 80, 160}) {
    start_and_kill(std::chrono::milliseconds(moment));
    start();
    http::Client client({.addresses = http::AddressPolicy::any});
    EXPECT_EQ(client.send({.url = profile().url + "/readyz"}).status, 200);
    kill_server();
    std::filesystem::remove_all(folder / "data");
    std::filesystem::remove(folder / "master.key");
  }
}

class StartOnDatabaseTest : public StartTest, public ::testing::WithParamInterface<db::Dialect> {
 protected:
  std::vector<std::string> arguments() const override {
    auto out = ServeTest::arguments();
    out.push_back("--data.database=" + database.url());
    return out;
  }
  testing::TestDatabase database{GetParam()};
};

TEST_P(StartOnDatabaseTest, ADatabaseOfANewerProgram) {
  start();
  kill_server();
  database->write([](db::Tx& tx) {
    tx.run("INSERT INTO schema_migrations (version, name, sha256, applied_at) VALUES (9999, 'later', '0', 0)");
  });
  expect_refusal(testing::run_program(command()), {"9999", "newer program"});
}

MODELOPS_ON_BOTH_DATABASES(StartOnDatabaseTest);

}  // namespace
}  // namespace modelops
