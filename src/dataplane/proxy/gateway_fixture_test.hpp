#pragma once
#include <gmock/gmock.h>

#include "base/eventually_test.hpp"
#include "base/id.hpp"
#include "dataplane/proxy/fake_engine_test.hpp"
#include "dataplane/proxy/gateway.hpp"
#include "platform/crypto/token.hpp"

namespace modelops::proxy {

using modelops::testing::eventually;

/// A gateway with one organisation, one key, and the routes that a test adds.
class GatewayFixture : public ::testing::Test {
 protected:
  GatewayFixture() {
    options.port = 0;
    options.drain_linger = std::chrono::milliseconds(50);
    options.sweep_interval = std::chrono::milliseconds(20);
    add_key("acme", token);
  }

  gateway::Key& add_key(const std::string& organization, const std::string& secret) {
    gateway::Key key;
    key.digest = crypto::token_digest(secret);
    key.id = "key_" + std::to_string(snapshot.keys.size());
    key.organization = organization;
    key.requests_per_second = 0;
    return snapshot.keys.emplace_back(key);
  }
  gateway::Route& add_route(const std::string& deployment, std::vector<std::string> addresses) {
    gateway::Route route;
    route.organization = "acme";
    route.deployment = deployment;
    route.deployment_id = "dep_" + deployment;
    route.model_names = {deployment, deployment + "@production"};
    for (const std::string& address : addresses) {
      route.replicas.push_back({"rep_" + std::to_string(route.replicas.size()), address});
    }
    return snapshot.routes.emplace_back(route);
  }
  Gateway& start() {
    ++snapshot.version;
    const bool first = !gateway;
    if (first) gateway.emplace(options, clock, registry);
    gateway->publish(snapshot);
    if (first) gateway->listen();
    return *gateway;
  }
  http::Peer peer(int receive_buffer_bytes = 0) { return http::Peer(gateway->port(), receive_buffer_bytes); }
  std::string key_field() const { return "Authorization: Bearer " + token + "\r\n"; }

  bool get(http::Peer& peer, const std::string& target, const std::string& fields = {}) {
    return peer.get(target, key_field() + fields);
  }
  bool post(http::Peer& peer, const std::string& target, const std::string& body, const std::string& fields = {}) {
    return peer.send("POST " + target + " HTTP/1.1\r\nHost: h\r\n" + key_field() + fields +
                     "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  http::Peer::Reply call(const std::string& target, const std::string& fields = {}) {
    http::Peer peer = this->peer();
    get(peer, target, fields);
    return peer.read();
  }
  http::Peer::Reply call_with(const std::string& target, const std::string& body) {
    http::Peer peer = this->peer();
    post(peer, target, body);
    return peer.read();
  }
  double gauge(const std::string& name, const std::string& deployment) {
    return registry
        .gauge(name,
               name == "modelops_gateway_queue_depth" ? "Requests that wait for a replica." : "Requests being served.",
               {{"organization", "acme"}, {"deployment", deployment}, {"deployment_id", "dep_" + deployment}})
        .value();
  }

  const std::string token = crypto::make_token("api").reveal();
  ManualClock clock;
  metrics::Registry registry;
  GatewayOptions options;
  gateway::Snapshot snapshot;
  std::optional<Gateway> gateway;
};

}  // namespace modelops::proxy
