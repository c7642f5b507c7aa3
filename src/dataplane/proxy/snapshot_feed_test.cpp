#include "dataplane/proxy/snapshot_feed.hpp"

#include <sys/stat.h>

#include "dataplane/proxy/fake_control_plane_test.hpp"
#include "dataplane/proxy/gateway_fixture_test.hpp"

namespace modelops::proxy {
namespace {

using namespace std::chrono_literals;
using http::Count;
using ::testing::HasSubstr;

class SnapshotFeedTest : public GatewayFixture {
 protected:
  SnapshotFeedTest() { feed_options.token = crypto::make_token("enroll").reveal(); }
  ~SnapshotFeedTest() override {
    feed.reset();
    std::filesystem::remove_all(state);
  }
  void follow() {
    feed_options.state = state;
    feed_options.version = "0.1.0";
    feed_options.retry_first = 5ms;
    feed_options.retry_longest = 20ms;
    feed.emplace(
        feed_options, wall_clock,
        [this](gateway::Snapshot made) {
          std::lock_guard lock(mutex);
          versions.push_back(made.version);
          published.add();
          if (gateway) gateway->publish(std::move(made));
        },
        [this](const std::string& message) {
          std::lock_guard lock(mutex);
          refusal = message;
          refused.add();
        });
  }
  gateway::Snapshot version(std::int64_t number) {
    gateway::Snapshot out = snapshot;
    out.version = number;
    return out;
  }
  std::vector<std::int64_t> seen() {
    std::lock_guard lock(mutex);
    return versions;
  }

  const std::filesystem::path state = std::filesystem::temp_directory_path() / ("modelops_proxy_" + new_uuid7());
  SystemClock wall_clock;
  FakeControlPlane server;
  SnapshotFeed::Options feed_options;
  std::mutex mutex;
  std::vector<std::int64_t> versions;
  std::string refusal;
  Count published, refused;
  std::optional<SnapshotFeed> feed;
};

TEST_F(SnapshotFeedTest, follows_the_server) {
  server.set(version(1));
  feed_options.server = server.start();
  follow();
  ASSERT_TRUE(published.await(1));
  ASSERT_TRUE(server.polls.await(2));
  server.set(version(2));
  ASSERT_TRUE(published.await(2));
  EXPECT_THAT(seen(), ::testing::ElementsAre(1, 2));
  struct stat status{};
  ASSERT_TRUE(eventually([&] { return ::stat((state / "snapshot.json").c_str(), &status) == 0; }));
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(SnapshotFeedTest, inference_goes_on_without_the_server_and_survives_a_restart) {
  RawEngine engine([](int fd, int) {
    while (!RawEngine::read_head(fd).empty()) RawEngine::write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  add_route("chat", {engine.address()});
  gateway.emplace(options, clock, registry);
  gateway->listen();
  server.set(version(5));
  feed_options.server = server.start();
  follow();
  ASSERT_TRUE(published.await(1));
  ASSERT_TRUE(server.polls.await(2));  // so the first one is on disk
  server.stop();
  EXPECT_EQ(call("/serve/acme/chat/").status, 200);

  feed.reset();
  gateway.emplace(options, clock, registry);
  follow();
  gateway->listen();
  EXPECT_THAT(seen(), ::testing::ElementsAre(5, 5));  // from disk, before anything else
  EXPECT_EQ(call("/serve/acme/chat/").status, 200);

  server.set(version(6));
  server.start();
  ASSERT_TRUE(published.await(3));
  EXPECT_EQ(seen().back(), 6);
  EXPECT_EQ(server.enrollments.value(), 1);  // the same token does not enroll again
}

TEST_F(SnapshotFeedTest, what_the_server_did_not_sign_is_not_believed) {
  server.set(version(1), 200, true);
  feed_options.server = server.start();
  follow();
  ASSERT_TRUE(server.polls.await(3));
  EXPECT_TRUE(seen().empty());
  server.set(version(2));
  ASSERT_TRUE(published.await(1));
  EXPECT_EQ(seen().front(), 2);
}

TEST_F(SnapshotFeedTest, an_unsigned_refusal_changes_nothing_and_a_signed_one_ends_it) {
  server.set(version(1));
  feed_options.server = server.start();
  follow();
  ASSERT_TRUE(server.polls.await(2));
  server.set(version(1), 401, true);
  ASSERT_TRUE(server.polls.await(4));
  EXPECT_EQ(refused.value(), 0);
  server.set(version(1), 401);
  ASSERT_TRUE(refused.await(1));
  EXPECT_THAT(refusal, HasSubstr("Enroll it again"));
  EXPECT_FALSE(std::filesystem::exists(state / "snapshot.json"));
}

TEST_F(SnapshotFeedTest, a_damaged_or_newer_snapshot_is_not_used) {
  server.set(version(1));
  feed_options.server = server.start();
  follow();
  ASSERT_TRUE(server.polls.await(2));
  feed.reset();
  std::ofstream(state / "snapshot.json") << R"({"protocol":1,"rou)";
  follow();
  ASSERT_TRUE(published.await(2));
  gateway::Snapshot newer = version(9);
  newer.protocol = 2;
  const int polls = server.polls.value();
  server.set(newer);
  ASSERT_TRUE(server.polls.await(polls + 3));
  EXPECT_THAT(seen(), ::testing::ElementsAre(1, 1));
}

TEST_F(SnapshotFeedTest, needs_a_token_at_first) {
  feed_options.token.clear();
  feed_options.server = "http://127.0.0.1:1";
  EXPECT_THROW(follow(), Error);
}

TEST_F(SnapshotFeedTest, a_server_that_is_not_there_yet_is_waited_for) {
  feed_options.server = server.start();
  server.stop();
  follow();
  server.set(version(3));
  server.start();
  ASSERT_TRUE(published.await(1));
}

}  // namespace
}  // namespace modelops::proxy
