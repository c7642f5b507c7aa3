#include "platform/http/hand_over.hpp"

#include <gmock/gmock.h>

#include <filesystem>

#include "base/id.hpp"
#include "platform/http/test_peer.hpp"

namespace modelops::http {
namespace {

using namespace std::chrono_literals;

class HandOverTest : public ::testing::Test {
 protected:
  HandOverTest() {
    std::filesystem::create_directories(folder);
    handler.routes["/"] = [](Request&) { return text("one"); };
  }
  ~HandOverTest() override { std::filesystem::remove_all(folder); }

  /// A name longer than the address of a Unix socket may be.
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("modelops-hand-over-" + new_uuid7() + std::string(120, 'x'));
  const std::filesystem::path path = folder / "run" / "serve.sock";
  Listeners listeners;
  events::Topics topics;
  Routes handler;
  Count changes;
};

TEST_F(HandOverTest, gives_the_sockets_and_sees_the_next_process_end) {
  const std::uint16_t port = port_of(listeners.open("api", "127.0.0.1", 0).get());
  listeners.open("web", "127.0.0.1", 0);
  HandOver running(path, listeners, [&] { changes.add(); });
  EXPECT_EQ(pid_at(path), ::getpid());
  {
    auto predecessor = Predecessor::find(path);
    ASSERT_TRUE(predecessor);
    Listeners given = predecessor->take_listeners();
    EXPECT_EQ(port_of(given.open("api", "127.0.0.1", port).get()), port);
    // Whoever connects now is served by the next one, whatever the old one does.
    listeners.close();
    EXPECT_FALSE(running.farewell());
    predecessor->say(Farewell::finish);
    ASSERT_TRUE(changes.await(1));
    EXPECT_EQ(running.farewell(), Farewell::finish);
  }
  EXPECT_TRUE(changes.await(2));
  EXPECT_FALSE(pid_at(path));
}

TEST_F(HandOverTest, a_next_process_that_fails_leaves_the_running_one) {
  listeners.open("api", "127.0.0.1", 0);
  HandOver running(path, listeners, [&] { changes.add(); });
  for (int i = 0; i < 3; ++i) {
    auto predecessor = Predecessor::find(path);
    ASSERT_TRUE(predecessor);
    EXPECT_FALSE(predecessor->await_end(0ms));
  }
  EXPECT_EQ(changes.value(), 0);
  auto predecessor = Predecessor::find(path);
  ASSERT_TRUE(predecessor);
  predecessor->say(Farewell::stop);
  EXPECT_TRUE(changes.await(1));
  EXPECT_EQ(running.farewell(), Farewell::stop);
}

TEST_F(HandOverTest, the_next_process_sees_the_end_of_the_running_one) {
  listeners.open("api", "127.0.0.1", 0);
  std::optional<HandOver> running(std::in_place, path, listeners, [&] { changes.add(); });
  auto predecessor = Predecessor::find(path);
  ASSERT_TRUE(predecessor);
  predecessor->say(Farewell::stop);
  ASSERT_TRUE(changes.await(1));
  // The next one may take the path while the running one finishes.
  const HandOver next(path, listeners, [] {});
  EXPECT_FALSE(predecessor->await_end(0ms));
  running.reset();
  EXPECT_TRUE(predecessor->await_end(30s));
  EXPECT_EQ(pid_at(path), ::getpid());
}

TEST_F(HandOverTest, without_a_running_process_there_is_nothing) {
  EXPECT_FALSE(Predecessor::find(path));
  EXPECT_FALSE(pid_at(path));
  {
    const HandOver killed(path, listeners, [] {});
  }
  EXPECT_TRUE(std::filesystem::exists(path));  // left over
  EXPECT_FALSE(Predecessor::find(path));
}

TEST_F(HandOverTest, only_a_socket_that_listens_where_it_should_is_used) {
  const Descriptor given = open_listener("127.0.0.1", 0);
  const std::uint16_t port = port_of(given.get());
  listeners.give("api", copy_of(given));
  const std::uint16_t other = port_of(open_listener("127.0.0.1", 0).get());
  EXPECT_EQ(port_of(listeners.open("api", "127.0.0.1", other).get()), other);
  listeners.give("web", copy_of(given));
  EXPECT_THROW(listeners.open("web", "0.0.0.0", port), Error);  // its port is taken, by the one that was given
  EXPECT_THROW(port_of(Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)).get()), Error);
}

/// Two servers on one socket, clients that keep their connections and clients that do not: no request fails.
TEST_F(HandOverTest, no_request_fails_while_one_server_follows_another) {
  ServerOptions options;
  options.sweep_interval = 5ms;
  options.listeners = &listeners;
  auto server = std::make_unique<Server>(options, handler, topics);
  const std::uint16_t port = server->port();
  std::atomic<bool> done = false;
  std::atomic<int> failed = 0;
  Count answered;
  std::vector<std::jthread> clients;
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back([&, keeps = i % 2 == 0] {
      while (!done) {
        Peer peer(port);
        bool open = peer.connected();
        if (!open) ++failed;
        while (open && !done) {
          const bool sent = peer.get("/", keeps ? "" : "Connection: close\r\n");
          const auto reply = peer.read();
          if (!sent || reply.status != 200 || !reply.complete) ++failed;
          answered.add();
          open = reply.status == 200 && reply.headers.get("Connection") != "close";
        }
      }
    });
  }
  for (int round = 0; round < 5; ++round) {
    EXPECT_TRUE(answered.await(answered.value() + 200));
    Listeners given;
    given.give("api", copy_of(listeners.all().at("api")));
    ServerOptions next_options = options;
    next_options.port = port;
    next_options.listeners = &given;
    auto next = std::make_unique<Server>(next_options, handler, topics);
    listeners.close();
    EXPECT_TRUE(server->drain(30s, 30s));
    listeners = std::move(given);
    server = std::move(next);
  }
  done = true;
  clients.clear();
  EXPECT_EQ(failed, 0);
}

}  // namespace
}  // namespace modelops::http
