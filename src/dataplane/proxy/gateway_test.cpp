// Whole requests through a gateway: who may call what, and what reaches the engine.
#include "dataplane/proxy/gateway_fixture_test.hpp"

namespace modelops::proxy {
namespace {

using namespace std::chrono_literals;
using http::text;
using ::testing::HasSubstr;
using ::testing::Not;

class GatewayRouting : public GatewayFixture {
 protected:
  GatewayRouting() {
    const auto echo = [this](http::Request& request) {
      std::lock_guard lock(mutex);
      seen.push_back(request);
      return text(request.body);
    };
    for (const char* path : {"/", "/v1/chat/completions", "/v1/embeddings", "/v2/models/m/infer", "/hello"}) {
      engine.handler.routes[path] = echo;
    }
    engine.handler.routes["/open"] = [](http::Request&) -> http::Answer {
      http::Response response{200, {}, "open"};
      response.headers.add("Access-Control-Allow-Origin", "*");
      response.headers.add("Access-Control-Allow-Credentials", "true");
      response.headers.add("Vary", "Accept-Encoding");
      return response;
    };
    engine.handler.body_bytes_max = 64 << 20;
    engine.start();
  }
  http::Request last() {
    std::lock_guard lock(mutex);
    return seen.back();
  }

  std::mutex mutex;
  std::vector<http::Request> seen;
  FakeEngine engine;
};

TEST_F(GatewayRouting, a_deployment_is_served_below_its_path) {
  add_route("digits", {engine.address()});
  start();
  http::Peer client = peer();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(post(client, "/serve/acme/digits/v2/models/m/infer?a=1&b=%20", "{\"x\":1}",
                     "X-Request-Id: my-id\r\nCookie: modelops_session=s\r\nX-Kept: yes\r\n"));
    const auto reply = client.read();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "{\"x\":1}");
    EXPECT_EQ(reply.headers.get("X-ModelOps-Deployment"), "digits");
    EXPECT_EQ(reply.headers.get("X-ModelOps-Replica"), "rep_0");
    EXPECT_EQ(reply.headers.get("X-Request-Id"), "my-id");
    EXPECT_EQ(reply.headers.count("Date"), 1u);
    EXPECT_FALSE(reply.headers.find("Connection"));
  }
  const http::Request request = last();
  EXPECT_EQ(request.path, "/v2/models/m/infer");
  EXPECT_EQ(request.query, "a=1&b=%20");
  EXPECT_EQ(request.headers.get("X-Request-Id"), "my-id");
  EXPECT_EQ(request.headers.get("X-Forwarded-For"), "127.0.0.1");
  EXPECT_EQ(request.headers.get("X-Kept"), "yes");
  EXPECT_EQ(request.headers.get("traceparent").size(), 55u);
  EXPECT_EQ(request.headers.get("Host"), engine.address());
  EXPECT_FALSE(request.headers.find("Authorization"));
  EXPECT_FALSE(request.headers.find("Cookie"));
  EXPECT_EQ(engine.server->connections(), 1u);  // kept for the next request
  EXPECT_EQ(call("/serve/acme/digits").status, 200);
  EXPECT_EQ(last().path, "/");
}

TEST_F(GatewayRouting, only_a_key_of_the_organization_gets_in) {
  add_route("digits", {engine.address()});
  const std::string stranger = crypto::make_token("api").reveal();
  const std::string old = crypto::make_token("api").reveal();
  add_key("other", stranger);
  add_key("acme", old).expires_at = clock.now() + 1min;
  start();
  const auto status = [&](const std::string& fields) {
    http::Peer client = peer();
    client.get("/serve/acme/digits/hello", fields);
    return client.read().status;
  };
  EXPECT_EQ(status(""), 401);
  EXPECT_EQ(status("Authorization: Bearer " + crypto::make_token("api").reveal() + "\r\n"), 401);
  EXPECT_EQ(status("Authorization: Basic " + token + "\r\n"), 401);
  EXPECT_EQ(status("Authorization: Bearer " + stranger + "\r\n"), 404);
  EXPECT_EQ(status("x-api-key: " + token + "\r\n"), 200);
  EXPECT_EQ(status("authorization: bearer " + token + "\r\n"), 200);
  EXPECT_EQ(status("x-api-key: " + old + "\r\n"), 200);
  clock.advance(2min);
  EXPECT_EQ(status("x-api-key: " + old + "\r\n"), 401);
  http::Peer client = peer();
  client.get("/serve/acme/digits/hello");
  const auto reply = client.read();
  EXPECT_EQ(reply.headers.get("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(reply.headers.get("Content-Type"), "application/problem+json");
  EXPECT_EQ(call("/serve/acme/other/hello").status, 404);
  EXPECT_EQ(call("/serve/acme").status, 404);
  EXPECT_EQ(call("/elsewhere").status, 404);
  EXPECT_EQ(seen.size(), 3u);
}

TEST_F(GatewayRouting, a_key_that_is_withdrawn_is_refused_on_open_connections_too) {
  add_route("digits", {engine.address()});
  start();
  http::Peer client = peer();
  get(client, "/serve/acme/digits/hello");
  EXPECT_EQ(client.read().status, 200);
  snapshot.keys.clear();
  start();
  get(client, "/serve/acme/digits/hello");
  EXPECT_EQ(client.read().status, 401);
}

TEST_F(GatewayRouting, a_key_is_held_to_its_rate) {
  add_route("digits", {engine.address()});
  snapshot.keys[0].requests_per_second = 0.01;
  snapshot.keys[0].burst = 2;
  start();
  EXPECT_EQ(call("/serve/acme/digits/hello").status, 200);
  EXPECT_EQ(call("/serve/acme/digits/hello").status, 200);
  auto reply = call("/serve/acme/digits/hello");
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.headers.get("Retry-After"), "100");
  reply = call_with("/v1/chat/completions", "{\"model\":\"digits\"}");
  EXPECT_EQ(reply.status, 429);
  EXPECT_THAT(reply.body, HasSubstr(R"("type":"rate_limit_error")"));
  start();  // another snapshot fills no bucket
  EXPECT_EQ(call("/serve/acme/digits/hello").status, 429);
}

TEST_F(GatewayRouting, a_model_is_found_by_name_or_alias_and_renamed_for_the_engine) {
  add_route("chat", {engine.address()}).engine_model = "/models/tiny.gguf";
  add_route("plain", {engine.address()});
  start();
  auto reply =
      call_with("/v1/chat/completions", R"({"messages":[{"content":"\"model\""}], "model": "chat@production","n":1})");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, R"({"messages":[{"content":"\"model\""}], "model": "/models/tiny.gguf","n":1})");
  EXPECT_EQ(reply.headers.get("X-ModelOps-Deployment"), "chat");
  EXPECT_EQ(last().path, "/v1/chat/completions");
  reply = call_with("/v1/embeddings", R"({"model":"plain"})");
  EXPECT_EQ(reply.body, R"({"model":"plain"})");

  reply = call_with("/v1/chat/completions", R"({"model":"none"})");
  EXPECT_EQ(reply.status, 404);
  EXPECT_THAT(reply.body, HasSubstr(R"("code":"model_not_found")"));
  EXPECT_EQ(call_with("/v1/chat/completions", R"({"model":)").status, 400);
  reply = call_with("/v1/chat/completions", R"({"model":"chat","model":"plain"})");
  EXPECT_EQ(reply.status, 422);
  EXPECT_THAT(reply.body, HasSubstr(R"("param":"model")"));
  EXPECT_EQ(call("/v1/chat/completions").status, 405);
  EXPECT_EQ(call_with("/v1/files", "{}").status, 404);
  EXPECT_EQ(seen.size(), 2u);
}

TEST_F(GatewayRouting, large_and_chunked_bodies_are_routed_by_model_too) {
  add_route("chat", {engine.address()}).engine_model = "m";
  start();
  const std::string prompt(300'000, 'x');
  auto reply = call_with("/v1/chat/completions", R"({"prompt":")" + prompt + R"(","model":"chat"})");
  EXPECT_EQ(reply.body, R"({"prompt":")" + prompt + R"(","model":"m"})");
  http::Peer client = peer();
  client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n" + key_field() +
              "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
  ASSERT_TRUE(client.await("HTTP/1.1 100 Continue\r\n\r\n"));
  client.send("7\r\n{\"model\r\n9\r\n\":\"chat\"}\r\n0\r\n\r\n");
  reply = client.read();
  EXPECT_EQ(reply.body, R"({"model":"m"})");
  EXPECT_EQ(last().content_length, 13u);
  EXPECT_FALSE(reply.headers.find("Connection"));
}

TEST_F(GatewayRouting, a_body_beyond_the_limit_is_refused) {
  options.model_body_bytes_max = 100'000;
  add_route("chat", {engine.address()});
  start();
  EXPECT_EQ(call_with("/v1/chat/completions", std::string(100'001, ' ')).status, 413);
  http::Peer client = peer();
  client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n" + key_field() + "Transfer-Encoding: chunked\r\n\r\n");
  client.send("186a1\r\n" + std::string(100'001, ' ') + "\r\n0\r\n\r\n");
  EXPECT_EQ(client.read().status, 413);
}

TEST_F(GatewayRouting, models_are_listed) {
  add_route("chat", {});
  gateway::Route& foreign = add_route("secret", {engine.address()});
  foreign.organization = "other";
  start();
  auto reply = call("/v1/models");
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, HasSubstr(R"({"object":"list","data":[{"id":"chat","object":"model",)"));
  EXPECT_THAT(reply.body, HasSubstr(R"("id":"chat@production")"));
  EXPECT_THAT(reply.body, Not(HasSubstr("secret")));
  EXPECT_THAT(call("/v1/models/chat%40production").body, HasSubstr(R"({"id":"chat@production")"));
  EXPECT_EQ(call("/v1/models/secret").status, 404);
  EXPECT_EQ(call_with("/v1/chat/completions", R"({"model":"secret"})").status, 404);
  EXPECT_EQ(call_with("/v1/models", "{}").status, 405);
}

TEST_F(GatewayRouting, says_how_it_is) {
  gateway.emplace(options, clock, registry);
  gateway->listen();
  http::Peer client = peer();
  client.get("/healthz");
  EXPECT_EQ(client.read().status, 200);
  client.get("/readyz");
  EXPECT_EQ(client.read().status, 503);
  get(client, "/serve/acme/digits/hello");
  EXPECT_EQ(client.read().status, 503);
  add_route("digits", {engine.address()});
  start();
  client.get("/readyz");
  EXPECT_EQ(client.read().status, 200);
  get(client, "/serve/acme/digits/hello");
  EXPECT_EQ(client.read().status, 200);
  client.get("/metrics");
  const auto reply = client.read();
  EXPECT_THAT(reply.body, HasSubstr(R"(modelops_gateway_requests_total{deployment="digits",deployment_id="dep_digits",)"
                                    R"(organization="acme",status="2xx"} 1)"));
}

TEST_F(GatewayRouting, the_series_of_a_deployment_that_is_gone_leave_the_metrics) {
  http::Count entered, released;
  engine.handler.routes["/hello"] = [&](http::Request&) {
    entered.add();
    released.await(1);
    return text("late");
  };
  add_route("chat", {engine.address()});
  add_route("digits", {engine.address()});
  start();
  const auto metrics = [&] {
    gateway->take_traffic(1s);
    http::Peer prometheus = peer();
    prometheus.get("/metrics");
    return prometheus.read().body;
  };
  http::Peer client = peer();
  ASSERT_TRUE(get(client, "/serve/acme/digits/hello"));
  ASSERT_TRUE(entered.await(1));
  snapshot.routes.pop_back();
  start();
  EXPECT_THAT(metrics(), HasSubstr("dep_digits")) << "a request is under way";
  released.add();
  EXPECT_EQ(client.read().body, "late");
  EXPECT_TRUE(eventually([&] { return metrics().find("dep_digits") == std::string::npos; }));
  EXPECT_THAT(metrics(), HasSubstr("dep_chat"));
  EXPECT_EQ(call("/serve/acme/digits/hello").status, 404);
}

TEST_F(GatewayRouting, upgrades_are_refused) {
  add_route("digits", {engine.address()});
  start();
  EXPECT_EQ(call("/serve/acme/digits/hello", "Connection: Upgrade\r\nUpgrade: websocket\r\n").status, 501);
  EXPECT_THAT(call("/v1/models", "Connection: Upgrade\r\nUpgrade: h2c\r\n").body, HasSubstr("\"error\""));
}

TEST_F(GatewayRouting, what_two_servers_could_read_differently_is_refused) {
  add_route("digits", {engine.address()});
  start();
  const std::string start_line = "POST /serve/acme/digits/hello HTTP/1.1\r\nHost: h\r\n" + key_field();
  for (const std::string& rest : {
           std::string("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
           std::string("Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
           std::string("Content-Length: +5\r\n\r\nhello"),
           std::string("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
           std::string("Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
           std::string("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
           std::string("X: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
           std::string("X: a\nContent-Length: 0\r\n\r\n"),
           std::string("Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n"),
           std::string("Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n"),
           std::string("Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n"),
           std::string("Transfer-Encoding: chunked\r\n\r\n5\r\nhelloGET / HTTP/1.1\r\n\r\n"),
       }) {
    http::Peer client = peer();
    client.send(start_line + rest);
    const auto reply = client.read();
    EXPECT_EQ(reply.status, 400) << rest;
    EXPECT_EQ(reply.headers.get("Connection"), "close") << rest;
    EXPECT_TRUE(client.await_close()) << rest;
  }
  std::lock_guard lock(mutex);
  EXPECT_TRUE(seen.empty());
}

TEST_F(GatewayRouting, requests_may_be_pipelined) {
  add_route("digits", {engine.address()});
  start();
  http::Peer client = peer();
  const std::string one =
      "POST /serve/acme/digits/hello HTTP/1.1\r\nHost: h\r\n" + key_field() + "Content-Length: 5\r\n\r\nhello";
  client.send(one + one + one);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.read().body, "hello");
}

// ---- from a browser (CORS) ----------------------------------------------------------------------------------------

class GatewayCors : public GatewayRouting {
 protected:
  GatewayCors() {
    add_route("digits", {engine.address()});
    snapshot.cors_origins = {"https://models.example.org", "http://localhost:3000"};
    start();
  }
  http::Peer::Reply preflight(const std::string& origin) {
    http::Peer client = peer();
    client.send("OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: h\r\nOrigin: " + origin +
                "\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n\r\n");
    return client.read();
  }
  static std::string vary(const http::Peer::Reply& reply) {
    std::string out;
    for (const auto& [name, value] : reply.headers)
      if (http::equal_without_case(name, "Vary")) out.append(value).append(";");
    return out;
  }
};

TEST_F(GatewayCors, a_preflight_is_answered_without_a_key_for_known_origins_only) {
  for (const char* origin : {"https://models.example.org", "http://localhost:3000"}) {
    const auto reply = preflight(origin);
    EXPECT_EQ(reply.status, 204);
    EXPECT_EQ(reply.headers.get("Access-Control-Allow-Origin"), origin);
    EXPECT_THAT(std::string(reply.headers.get("Access-Control-Allow-Headers")), HasSubstr("Authorization"));
    EXPECT_THAT(std::string(reply.headers.get("Access-Control-Allow-Methods")), HasSubstr("POST"));
    EXPECT_EQ(vary(reply), "Origin;");
    EXPECT_FALSE(reply.headers.find("Access-Control-Allow-Credentials"));
  }
  for (const char* origin : {"https://evil.example.org", "https://models.example.org.evil.org", "null", "*",
                             "http://models.example.org", "https://MODELS.example.org"}) {
    const auto reply = preflight(origin);
    EXPECT_EQ(reply.status, 401) << origin;
    EXPECT_FALSE(reply.headers.find("Access-Control-Allow-Origin")) << origin;
    EXPECT_EQ(vary(reply), "Origin;");
  }
  EXPECT_TRUE(seen.empty());  // no engine was asked
}

TEST_F(GatewayCors, a_page_may_read_answers_and_refusals_and_an_engine_has_no_say) {
  const std::string origin = "Origin: http://localhost:3000\r\n";
  const auto answered = call("/serve/acme/digits/open", origin);
  EXPECT_EQ(answered.status, 200);
  EXPECT_EQ(answered.headers.count("Access-Control-Allow-Origin"), 1u);
  EXPECT_EQ(answered.headers.get("Access-Control-Allow-Origin"), "http://localhost:3000");
  EXPECT_FALSE(answered.headers.find("Access-Control-Allow-Credentials"));
  for (const char* field : {"X-Request-Id", "Retry-After", "X-ModelOps-Replica"})
    EXPECT_THAT(std::string(answered.headers.get("Access-Control-Expose-Headers")), HasSubstr(field));
  EXPECT_EQ(vary(answered), "Accept-Encoding;Origin;");

  http::Peer client = peer();
  client.get("/v1/models", origin);  // without a key
  const auto refused = client.read();
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.headers.get("Access-Control-Allow-Origin"), "http://localhost:3000");

  const auto foreign = call("/serve/acme/digits/open", "Origin: https://evil.example.org\r\n");
  EXPECT_EQ(foreign.status, 200);  // it has a key; its page cannot read this
  EXPECT_FALSE(foreign.headers.find("Access-Control-Allow-Origin"));
  EXPECT_EQ(vary(foreign), "Accept-Encoding;Origin;");
  EXPECT_EQ(vary(call("/serve/acme/digits/open")), "Accept-Encoding;Origin;");
}

TEST_F(GatewayCors, without_configured_origins_nothing_is_said) {
  snapshot.cors_origins.clear();
  start();
  EXPECT_EQ(preflight("http://localhost:3000").status, 401);
  const auto answered = call("/serve/acme/digits/open", "Origin: http://localhost:3000\r\n");
  EXPECT_FALSE(answered.headers.find("Access-Control-Allow-Origin"));
  EXPECT_EQ(vary(answered), "Accept-Encoding;");
}

}  // namespace
}  // namespace modelops::proxy
