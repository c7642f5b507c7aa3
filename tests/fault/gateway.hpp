#pragma once
#include <signal.h>

#include <fstream>

#include "base/eventually_test.hpp"
#include "base/id.hpp"
#include "dataplane/proxy/fake_engine_test.hpp"
#include "gateway/wire.hpp"
#include "platform/crypto/token.hpp"
#include "platform/http/hand_over.hpp"
#include "reflect/json.hpp"
#include "tests/support/process.hpp"

namespace modelops {

using testing::eventually;

/// `modelops gateway` as a process, with the routes of a file and an engine of the test's own.
class GatewayTest : public ::testing::Test {
 protected:
  GatewayTest() {
    std::filesystem::create_directories(folder);
    engine.start();
    gateway::Key& key = snapshot.keys.emplace_back();
    key.digest = crypto::token_digest(token);
    key.id = "key_1";
    key.organization = "acme";
    key.requests_per_second = 0;
  }
  ~GatewayTest() override {
    running.reset();
    std::filesystem::remove_all(folder);
  }

  void add_route(const std::string& deployment) {
    gateway::Route& route = snapshot.routes.emplace_back();
    route.organization = "acme";
    route.deployment = deployment;
    route.deployment_id = "dep_" + deployment;
    route.model_names = {deployment};
    route.replicas.push_back({"rep_1", engine.address()});
  }
  void write_routes() {
    ++snapshot.version;
    std::ofstream(folder / "routes.json") << reflect::to_json(snapshot);
  }
  /// Started on the same folder and port it takes the place of the one that runs.
  std::unique_ptr<testing::Process> start_gateway(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{MODELOPS_PROGRAM,  "gateway",
                                   "--snapshot-file", (folder / "routes.json").string(),
                                   "--state",         (folder / "gateway").string(),
                                   "--port",          std::to_string(port)};
    words.insert(words.end(), more.begin(), more.end());
    auto out = std::make_unique<testing::Process>(words, folder / "gateway.log");
    const std::filesystem::path place = folder / "gateway" / "run" / fmt::format("gateway-{}.sock", port);
    EXPECT_TRUE(eventually([&] { return http::pid_at(place) == out->pid(); }));
    return out;
  }

  http::Peer peer() const { return http::Peer(static_cast<std::uint16_t>(port)); }
  std::string key_field() const { return "Authorization: Bearer " + token + "\r\n"; }
  std::string read_file(const std::string& name) const {
    std::ifstream file(folder / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("modelops-fault-" + new_uuid7());
  const std::string token{crypto::make_token("api").reveal()};
  const int port = testing::free_port();
  proxy::FakeEngine engine;
  gateway::Snapshot snapshot;
  std::unique_ptr<testing::Process> running;
};

}  // namespace modelops
