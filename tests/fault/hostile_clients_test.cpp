#include "platform/http/test_peer.hpp"
#include "tests/fault/serve.hpp"

namespace modelops {
namespace {

/// Clients that want to hurt, against the program as it is shipped.
class HostileClientsTest : public ServeTest {
 protected:
  http::Peer peer() const { return http::Peer(static_cast<std::uint16_t>(port)); }
  void expect_ordinary_requests_are_answered() const {
    for (int i = 0; i < 20; ++i) EXPECT_NO_THROW(api().get("/api/v1/session")) << i;
  }
};

TEST_F(HostileClientsTest, a_thousand_heads_that_never_end) {
  start();
  std::vector<http::Peer> slow;
  slow.reserve(1000);
  for (int i = 0; i < 1000; ++i) {
    slow.push_back(peer());
    ASSERT_TRUE(slow.back().send("GET /api/v1/session HTTP/1.1\r\nX-Slow: "));
  }
  expect_ordinary_requests_are_answered();
  for (http::Peer& each : slow) each.send("a");
  expect_ordinary_requests_are_answered();
  // One byte now and then does not buy more time.
  int timed_out = 0;
  for (http::Peer& each : slow) timed_out += each.read().status == 408 ? 1 : 0;
  EXPECT_EQ(timed_out, 1000);
}

TEST_F(HostileClientsTest, heads_without_measure) {
  start();
  std::string fields;
  for (int i = 0; i < 2000; ++i) fields += fmt::format("X-{}: {}\r\n", i, i);
  for (const std::string& head : {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n",
                                  "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(1 << 20, 'a') + "\r\n\r\n",
                                  "GET / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n",
                                  "GET / HTTP/1.1\r\n" + std::string(20000, 'a'), std::string(1 << 20, 'a')}) {
    http::Peer mine = peer();
    mine.send(head);
    const auto reply = mine.read();
    EXPECT_TRUE(reply.status == 431 || reply.status == 400) << reply.status << " " << head.substr(0, 40);
    EXPECT_TRUE(mine.await_close());
  }
  expect_ordinary_requests_are_answered();
}

class FewConnectionsTest : public HostileClientsTest {
 protected:
  std::vector<std::string> arguments() const override {
    auto out = ServeTest::arguments();
    out.insert(out.end(), {"--limits.connections_max=50", "--limits.connections_per_client_max=40"});
    return out;
  }
};

TEST_F(FewConnectionsTest, more_connections_than_there_may_be) {
  start();
  std::vector<http::Peer> open;
  for (int i = 0; i < 40; ++i) {
    open.push_back(peer());
    ASSERT_TRUE(open.back().get("/healthz"));
    ASSERT_EQ(open.back().read().status, 200);
  }
  for (int i = 0; i < 100; ++i) {
    http::Peer more = peer();
    more.get("/healthz");
    const auto reply = more.read();
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.headers.get("Retry-After"), "1");
    EXPECT_TRUE(more.await_close());
  }
  for (http::Peer& each : open) {  // those that are open go on
    ASSERT_TRUE(each.get("/healthz"));
    EXPECT_EQ(each.read().status, 200);
  }
  open.clear();
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  int status = 0;
  while (status != 200 && std::chrono::steady_clock::now() < patience) {
    http::Peer again = peer();
    again.get("/healthz");
    status = again.read().status;
  }
  EXPECT_EQ(status, 200);
}

/// Whatever a client sends as a secret, and wherever it sends it by mistake, it stands in no log.
TEST_F(HostileClientsTest, no_secret_is_logged) {
  start();
  const std::string canary = "canary" + new_uuid7();
  const std::string token = profile().token;
  const std::vector<std::string> targets{
      "/api/v1/session",           "/api/v1/session?token=" + canary + "&password=" + canary,
      "/api/v1/session/" + canary, "/modelops/sign-in?token=" + canary,
      "/sign-in?token=" + canary,  "/api/v1/models?filter=" + canary,
      "/api/v1/api-keys",          "/api/v1/machines/enroll",
      "/nothing/" + canary};
  const std::vector<std::string> bodies{"",
                                        canary,
                                        "{\"password\":\"" + canary + "\"",
                                        R"({"email":"a@b.org","password":")" + canary + "\"}",
                                        R"({"token":")" + canary + "\"}",
                                        R"({"name":"n","unknown":")" + canary + "\"}"};
  for (const std::string& target : targets) {
    for (const std::string& credentials : {"Bearer " + token, "Bearer " + canary, "Basic " + canary, canary}) {
      for (const std::string& body : bodies) {
        http::Peer mine = peer();
        mine.send(fmt::format(
            "{} {} HTTP/1.1\r\nHost: h\r\nAuthorization: {}\r\nX-Api-Key: {}\r\nX-CSRF-Token: {}\r\n"
            "Cookie: modelops_session={}\r\nIdempotency-Key: {}\r\nContent-Type: application/json\r\n"
            "Connection: close\r\nContent-Length: {}\r\n\r\n{}",
            body.empty() ? "GET" : "POST", target, credentials, canary, canary, canary, canary, body.size(), body));
        EXPECT_NE(mine.read().status, 0) << target;
      }
    }
  }
  for (const std::string& broken : {"GET /" + canary + " HTTP/9.9\r\n\r\n", "G" + canary + "\r\n\r\n",
                                    "GET / HTTP/1.1\r\nHost: h\r\nA" + canary + "\r\n\r\n"}) {
    http::Peer mine = peer();
    mine.send(broken);
    mine.read();
  }
  server->signal(SIGTERM);
  EXPECT_EQ(server->wait(), 0);
  std::ifstream file(folder / "serve.log");
  const std::string log(std::istreambuf_iterator<char>(file), {});
  EXPECT_THAT(log, ::testing::Not(::testing::HasSubstr(canary)));
  EXPECT_THAT(log, ::testing::Not(::testing::HasSubstr(token)));
}

}  // namespace
}  // namespace modelops
