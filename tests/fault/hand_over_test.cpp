#include <fcntl.h>

#include "tests/fault/gateway.hpp"
#include "tests/fault/serve.hpp"
#include "tests/support/database.hpp"

namespace modelops {
namespace {

/// Clients of one port that never stop: half keep their connections, half open one for each request.
class Load {
 public:
  /// `right(reply)` says whether an answer is what it should be.
  Load(int port, std::string target, std::string fields, std::function<bool(const http::Peer::Reply&)> right) {
    for (int i = 0; i < 8; ++i) {
      const std::string mine = fields + (i % 2 == 0 ? "" : "Connection: close\r\n");
      clients_.emplace_back([this, port, target, mine, right](const std::stop_token& stop) {
        while (!stop.stop_requested()) call(port, target, mine, right, stop);
      });
    }
  }
  bool until_answered(int more) { return answered_.await(answered_.value() + more); }
  std::vector<std::string> failures() {
    clients_.clear();
    return failures_;
  }

 private:
  void call(int port, const std::string& target, const std::string& fields,
            const std::function<bool(const http::Peer::Reply&)>& right, const std::stop_token& stop) {
    http::Peer peer(static_cast<std::uint16_t>(port));
    if (!peer.connected()) return fail_with("no connection");
    for (int request = 0; !stop.stop_requested(); ++request) {
      if (!peer.get(target, fields)) return fail_with("not sent");
      const auto reply = peer.read();
      if (!reply.complete || !right(reply))
        return fail_with(fmt::format("request {} of a connection: status {} {}", request, reply.status, reply.body));
      answered_.add();
      if (reply.headers.get("Connection") == "close") return;
    }
  }
  void fail_with(std::string what) {
    std::lock_guard lock(mutex_);
    failures_.push_back(std::move(what));
  }

  http::Count answered_;
  std::mutex mutex_;
  std::vector<std::string> failures_;
  std::vector<std::jthread> clients_;
};

class HandOverTest : public ServeTest, public ::testing::WithParamInterface<db::Dialect> {
 protected:
  std::vector<std::string> arguments() const override {
    auto out = ServeTest::arguments();
    out.push_back("--data.database=" + database.url());
    return out;
  }
  testing::TestDatabase database{GetParam()};
};

TEST_P(HandOverTest, no_request_fails_while_the_server_is_replaced) {
  start();
  Load load(port, "/api/v1/teams", "Authorization: Bearer " + profile().token + "\r\n",
            [](const auto& reply) { return reply.status == 200; });
  ASSERT_TRUE(load.until_answered(50));
  const int first_port = port;
  for (int round = 0; round < 3; ++round) {
    const std::unique_ptr<testing::Process> before = std::move(server);
    start();  // says that it listens before the one before is told to finish
    EXPECT_EQ(port, first_port);
    api().post("/api/v1/teams", boost::json::object{{"name", fmt::format("round-{}", round)}});
    ASSERT_TRUE(load.until_answered(50));
    // Each of its connections ends with its next answer, and it with the last of them.
    EXPECT_EQ(before->wait(), 0);
  }
  EXPECT_THAT(load.failures(), ::testing::IsEmpty());
  EXPECT_EQ(all("/api/v1/teams").size(), 3u);
}

/// Old code must not meet a new schema: the one before ends first, and who asks meanwhile waits in the socket's queue.
TEST_P(HandOverTest, no_request_fails_while_a_release_of_another_schema_takes_over) {
  start();
  Load load(port, "/api/v1/teams", "Authorization: Bearer " + profile().token + "\r\n",
            [](const auto& reply) { return reply.status == 200; });
  ASSERT_TRUE(load.until_answered(50));
  api().post("/api/v1/teams", boost::json::object{{"name", "before"}});
  const int first_port = port;
  const int first_schema = database->schema_version().value();
  const std::unique_ptr<testing::Process> before = std::move(server);
  program = MODELOPS_NEXT_RELEASE;
  start();
  EXPECT_TRUE(before->has_ended());
  EXPECT_EQ(before->wait(), 0);
  EXPECT_EQ(port, first_port);
  EXPECT_GT(database->schema_version(), first_schema);
  api().post("/api/v1/teams", boost::json::object{{"name", "after"}});
  ASSERT_TRUE(load.until_answered(50));
  EXPECT_THAT(load.failures(), ::testing::IsEmpty());
  EXPECT_THAT(all("/api/v1/teams"), ::testing::ElementsAre("after", "before"));
}

/// The one before ends only for a release that has read its settings and opened all that it needs.
TEST_P(HandOverTest, a_release_of_another_schema_that_cannot_start_changes_nothing) {
  start();
  const int schema = database->schema_version().value();
  program = MODELOPS_NEXT_RELEASE;
  auto next = command();
  next.push_back("--tls.certificate_file=/nowhere.pem");
  const testing::Ran ran = testing::run_program(next);
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.output, ::testing::HasSubstr("/nowhere.pem"));
  EXPECT_EQ(database->schema_version(), schema);
  EXPECT_NO_THROW(api().get("/api/v1/session"));
}

MODELOPS_ON_BOTH_DATABASES(HandOverTest);

/// A second start on the same folder and port that fails leaves what runs alone.
TEST_F(ServeTest, a_next_process_that_cannot_start_changes_nothing) {
  start();
  auto next = command();
  next.push_back("--tls.certificate_file=/nowhere.pem");
  const testing::Ran ran = testing::run_program(next);
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.output, ::testing::HasSubstr("/nowhere.pem"));
  EXPECT_NO_THROW(api().get("/api/v1/session"));
}

/// As systemd does it: the socket exists before the server, and connections wait in it.
TEST_F(ServeTest, listens_at_the_sockets_that_systemd_gives) {
  const Descriptor listener = http::open_listener("127.0.0.1", 0);
  port = http::port_of(listener.get());
  http::Peer early(static_cast<std::uint16_t>(port));
  ASSERT_TRUE(early.get("/healthz"));
  ::fcntl(listener.get(), F_SETFD, 0);
  auto words = command();
  words.insert(
      words.begin(),
      {"bash", "-c",
       fmt::format("exec 3<&{}; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=api; exec \"$@\"", listener.get()),
       "bash"});
  server = std::make_unique<testing::Process>(words, folder / "serve.log");
  EXPECT_EQ(server->wait_for_line("the API listens on port "), std::to_string(port));
  EXPECT_EQ(early.read().status, 200);
}

TEST_F(GatewayTest, no_request_fails_while_the_gateway_is_replaced) {
  engine.handler.routes["/"] = [](http::Request&) { return http::text("done"); };
  add_route("chat");
  write_routes();
  running = start_gateway();
  Load load(port, "/serve/acme/chat/", key_field(),
            [](const auto& reply) { return reply.status == 200 && reply.body == "done"; });
  ASSERT_TRUE(load.until_answered(200));
  for (int round = 0; round < 3; ++round) {
    auto next = start_gateway();
    ASSERT_TRUE(load.until_answered(200));
    EXPECT_EQ(running->wait(), 0);
    running = std::move(next);
  }
  EXPECT_THAT(load.failures(), ::testing::IsEmpty());
}

}  // namespace
}  // namespace modelops
