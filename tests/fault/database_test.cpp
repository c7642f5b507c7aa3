#include <csignal>

#include "tests/fault/workload.hpp"
#include "tests/support/relay.hpp"

namespace modelops {
namespace {

/// `modelops serve` on a PostgreSQL of the test's own, behind a port that can fall silent.
class LostDatabaseTest : public ServeTest {
 protected:
  LostDatabaseTest() {
    const testing::Ran ran = testing::run_program({tool, "start", cluster.string()});
    EXPECT_EQ(ran.status, 0) << ran.output;
    url = trim(ran.output);
    const std::size_t colon = url.rfind(':');
    relay.emplace(std::stoi(url.substr(colon + 1)));
    url = fmt::format("{}:{}/postgres?connect_timeout=2", url.substr(0, colon), relay->port());
  }
  ~LostDatabaseTest() override {
    server.reset();
    testing::run_program({tool, "stop", cluster.string()});
  }
  std::vector<std::string> arguments() const override {
    auto out = ServeTest::arguments();
    out.insert(out.end(), {"--data.database=" + url, "--data.statement_timeout=1s"});
    return out;
  }
  /// The status of the readiness page.
  int ready() {
    http::Client client({.addresses = http::AddressPolicy::any});
    return client.send({.url = profile().url + "/readyz"}).status;
  }
  void wait_until_ready() {
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (ready() != 200 && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
    EXPECT_EQ(ready(), 200);
  }
  void expect_all_kept() {
    EXPECT_THAT(work.failures(), ::testing::IsEmpty());
    work.compare([&](const std::string& list) { return all(list); });
    EXPECT_GE(audited(work.changes()), work.changes());
  }

  const std::string tool = std::string(MODELOPS_SOURCE_DIR) + "/tools/postgres";
  const std::filesystem::path cluster = std::filesystem::temp_directory_path() / ("modelops-postgres-" + new_uuid7());
  std::string url;
  std::optional<testing::Relay> relay;
  Workload work{folder, [this] { return api(); }};
};

TEST_F(LostDatabaseTest, APostgresThatCrashesAndComesBackLosesNothing) {
  start();
  work.start();
  for (int crash = 0; crash < 3; ++crash) {
    EXPECT_TRUE(work.wait_for(20));
    const testing::Ran ran = testing::run_program({tool, "crash", cluster.string()});
    EXPECT_EQ(ran.status, 0) << ran.output;
  }
  EXPECT_TRUE(work.wait_for(20));
  work.stop();
  wait_until_ready();
  expect_all_kept();
}

TEST_F(LostDatabaseTest, APostgresThatFallsSilentIsReportedAndFoundAgain) {
  start();
  work.start();
  EXPECT_TRUE(work.wait_for(20));
  relay->freeze();
  EXPECT_EQ(ready(), 503);
  try {
    api().get("/api/v1/teams");
    ADD_FAILURE() << "nobody answered";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::unavailable) << error.message;
  }
  relay->thaw();
  EXPECT_TRUE(work.wait_for(20));
  work.stop();
  wait_until_ready();
  expect_all_kept();
}

}  // namespace
}  // namespace modelops
