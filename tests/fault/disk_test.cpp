#include "tests/fault/workload.hpp"

namespace modelops {
namespace {

/// `modelops serve` on a disk that fails when it is told to.
class BrokenDiskTest : public ServeTest {
 protected:
  std::vector<std::string> command() const override {
    auto out = ServeTest::command();
    out.insert(out.begin(), {"env", "LD_PRELOAD=" MODELOPS_BROKEN_DISK, "MODELOPS_BROKEN_CONTROL=" + control.string(),
                             "MODELOPS_BROKEN_FOLDER=" + (folder / "data").string()});
    return out;
  }
  void break_disk(const std::string& how) const { std::ofstream(control) << how; }
  void mend_disk() const { std::filesystem::remove(control); }

  /// Nothing is acknowledged, what is there can be read, and the words say where to look.
  void expect_refusals() {
    for (int i = 0; i < 3; ++i) {
      try {
        api().post("/api/v1/teams", boost::json::object{{"name", fmt::format("refused-{}", refused++)}});
        ADD_FAILURE() << "acknowledged";
      } catch (const Error& error) {
        EXPECT_EQ(error.code, ErrorCode::unavailable) << error.message;
        EXPECT_THAT(error.message, ::testing::HasSubstr("disk"));
      }
    }
    EXPECT_NO_THROW(api().get("/api/v1/teams"));
  }
  /// In this state and after it, also once it is started anew: no more and no less than was acknowledged.
  void run(const std::string& how) {
    start();
    work.start();
    EXPECT_TRUE(work.wait_for(20));
    work.stop();
    break_disk(how);
    expect_refusals();
    mend_disk();
    work.start();
    EXPECT_TRUE(work.wait_for(20));
    break_disk(how);  // under load
    expect_refusals();
    kill_server();
    work.stop();
    mend_disk();
    start();
    EXPECT_THAT(work.failures(), ::testing::IsEmpty());
    work.compare([&](const std::string& list) { return all(list); });
    EXPECT_GE(audited(work.changes()), work.changes());
  }

  const std::filesystem::path control = folder / "broken";
  int refused = 0;
  Workload work{folder, [this] { return api(); }};
};

TEST_F(BrokenDiskTest, NothingIsAcknowledgedThatDoesNotReachTheDisk) { run("sync"); }

TEST_F(BrokenDiskTest, AReadOnlyDiskRefusesChangesAndLosesNothing) { run("write"); }

/// Its wall clock can be set; the monotonic one goes on, as on a real machine.
class ClockTest : public ServeTest {
 protected:
  std::vector<std::string> command() const override {
    auto out = ServeTest::command();
    out.insert(out.begin(), {"env", "LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
                             "FAKETIME_TIMESTAMP_FILE=" + (folder / "clock").string(), "FAKETIME_NO_CACHE=1",
                             "FAKETIME_DONT_FAKE_MONOTONIC=1"});
    return out;
  }
  void set_clock(const std::string& offset) const { std::ofstream(folder / "clock") << offset << "\n"; }

  Workload work{folder, [this] { return api(); }};
};

TEST_F(ClockTest, WorkGoesOnWhenTheClockJumps) {
  set_clock("+0");
  start();
  work.start();
  for (const char* offset : {"+3d", "-2d", "+1y", "-1d"}) {
    EXPECT_TRUE(work.wait_for(20)) << offset;
    set_clock(offset);
  }
  EXPECT_TRUE(work.wait_for(20));
  const std::string teams = reflect::to_json(api().get("/api/v1/teams"));
  EXPECT_THAT(teams,
              ::testing::HasSubstr(format_rfc3339(SystemClock().now() + std::chrono::hours(365 * 24)).substr(0, 4)))
      << "the clock did jump";
  // Started in the past of what it wrote, it does not wait for the leases of its future.
  kill_server();
  work.stop();
  start();
  EXPECT_THAT(work.failures(), ::testing::IsEmpty());
  work.compare([&](const std::string& list) { return all(list); });
  EXPECT_GE(audited(work.changes()), work.changes());
}

}  // namespace
}  // namespace modelops
