#pragma once
// For the tests of this folder: a server with its routes, which a test may change before it starts it.
#include <gtest/gtest.h>

#include <optional>

#include "platform/http/test_peer.hpp"

namespace modelops::http {

class ServerFixture : public ::testing::Test {
 protected:
  ServerFixture() {
    options.sweep_interval = std::chrono::milliseconds(5);
    options.linger_timeout = std::chrono::milliseconds(100);
    handler.routes["/hello"] = [](Request&) { return text("hello"); };
    handler.routes["/echo"] = [](Request& request) { return text(request.body); };
  }
  Server& start() { return server.emplace(options, handler, topics, &registry); }
  Peer peer() { return Peer(server->port()); }

  ServerOptions options;
  events::Topics topics;
  metrics::Registry registry;
  Routes handler;
  std::optional<Server> server;
};

}  // namespace modelops::http
