#include "tests/fault/gateway.hpp"

#include <gmock/gmock.h>

namespace modelops {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// Whatever a client sends as a secret, and wherever it sends it by mistake, it stands in no log; but the access log
/// has the paths.
TEST_F(GatewayTest, no_secret_is_logged) {
  const std::string canary = "canary" + new_uuid7();
  engine.handler.routes["/hello"] = [](http::Request& request) { return http::text(request.body); };
  engine.handler.routes["/fails"] = [](http::Request& request) { return http::text(request.body, 500); };
  add_route("chat");
  write_routes();
  running = start_gateway({"--access-log", (folder / "access.log").string()});
  const std::vector<std::string> targets{"/serve/acme/chat/hello",
                                         "/serve/acme/chat/hello?api_key=" + canary,
                                         "/serve/acme/chat/fails?token=" + canary,
                                         "/v1/chat/completions?key=" + canary,
                                         "/metrics?token=" + canary,
                                         "/serve/acme/nothing?a=" + canary};
  const std::vector<std::string> bodies{"", canary, "{\"model\":\"" + canary + "\"}",
                                        "{\"model\":\"chat\",\"user\":\"" + canary + "\"}", "{\"" + canary};
  for (const std::string& target : targets) {
    for (const std::string& credentials : {"Bearer " + token, "Bearer " + canary, "Basic " + canary, canary}) {
      for (const std::string& body : bodies) {
        http::Peer client = peer();
        ASSERT_TRUE(client.send(
            fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\nX-Api-Key: {}\r\nCookie: session={}\r\n"
                        "Origin: https://{}\r\nReferer: https://h/?token={}\r\nUser-Agent: {}\r\ntracestate: a={}\r\n"
                        "Content-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}",
                        body.empty() ? "GET" : "POST", target, canary, credentials, canary, canary, canary, canary,
                        canary, canary, body.size(), body)));
        EXPECT_NE(client.read().status, 0) << target;
      }
    }
  }
  for (const std::string& broken : {"GET /?" + canary + " HTTP/9.9\r\n\r\n", "G" + canary + "\r\n\r\n",
                                    "GET / HTTP/1.1\r\nHost: h\r\nA" + canary + "\r\n\r\n"}) {
    http::Peer client = peer();
    client.send(broken);
    client.read();
  }
  engine.server.reset();  // what is said of a replica that is gone
  http::Peer client = peer();
  client.get("/serve/acme/chat/hello?key=" + canary, key_field());
  EXPECT_GE(client.read().status, 500);
  // Routes that cannot be read are told of, not repeated.
  std::ofstream(folder / "routes.json") << "{\"keys\":[{\"digest\":\"" << canary << "\"," << canary;
  running->signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return read_file("gateway.log").find("not read again") != std::string::npos; }));
  running->signal(SIGTERM);
  EXPECT_EQ(running->wait(), 0);
  const std::string access = read_file("access.log");
  EXPECT_THAT(access, HasSubstr(R"("status":200)"));
  EXPECT_THAT(access, HasSubstr(R"("status":401)"));
  for (const std::string& log : {access, read_file("gateway.log")}) {
    EXPECT_THAT(log, Not(HasSubstr(canary)));
    EXPECT_THAT(log, Not(HasSubstr(token)));
    EXPECT_THAT(log, Not(HasSubstr(crypto::token_digest(token))));
  }
}

/// Also where no control plane takes what is counted.
TEST_F(GatewayTest, the_series_of_a_deployment_that_is_gone_leave_the_metrics) {
  engine.handler.routes["/hello"] = [](http::Request&) { return http::text("hello"); };
  add_route("chat");
  add_route("digits");
  write_routes();
  running = start_gateway();
  const auto metrics = [&] {
    http::Peer prometheus = peer();
    prometheus.get("/metrics", "Connection: close\r\n");
    return prometheus.read().body;
  };
  http::Peer client = peer();
  ASSERT_TRUE(client.get("/serve/acme/digits/hello", key_field()));
  EXPECT_EQ(client.read().body, "hello");
  EXPECT_THAT(metrics(), HasSubstr("dep_digits"));
  snapshot.routes.pop_back();
  write_routes();
  running->signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return metrics().find("dep_digits") == std::string::npos; }));
  EXPECT_THAT(metrics(), HasSubstr("dep_chat"));
}

}  // namespace
}  // namespace modelops
