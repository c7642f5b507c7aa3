// A name whose addresses change between two look-ups (DNS rebinding), played by a resolver of the test's own: what
// counts is the address that is connected to, however often and whatever the name was resolved to before.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <netdb.h>

#include <thread>

#include "base/error.hpp"
#include "base/listener_test.hpp"
#include "platform/http/address.hpp"
#include "platform/http/client.hpp"
#include "platform/http/test_peer.hpp"

namespace modelops::http {
namespace {

constexpr std::string_view rebound_name = "rebound.test";

/// What the next look-ups of the name answer, one after the other; the last one stays.
struct Resolver {
  std::mutex mutex;
  std::vector<std::vector<std::string>> answers;
  std::size_t lookups = 0;
  int port = 0;                        // of the server that nobody may reach
  std::vector<std::string> connected;  // at that port

  std::vector<std::string> next() {
    std::lock_guard lock(mutex);
    return answers.at(std::min(lookups++, answers.size() - 1));
  }
};
Resolver resolver;

int port_of(const sockaddr& address) {
  if (address.sa_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.sa_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return 0;
}

bool is_of_this_machine(const sockaddr& address) {
  const std::string text = address.sa_family == AF_INET || address.sa_family == AF_INET6 ? address_text(address) : "";
  return text.empty() || text == "::1" || text.starts_with("127.") || text.starts_with("::ffff:127.");
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

class Rebinding : public ::testing::Test {
 protected:
  Rebinding() {
    std::lock_guard lock(resolver.mutex);
    resolver.port = inside.port();
  }
  bool was_reached() const {
    const Descriptor peer(::accept(inside.fd(), nullptr, nullptr));
    return peer.get() >= 0;
  }
  void answers(std::vector<std::vector<std::string>> wanted) {
    std::lock_guard lock(resolver.mutex);
    resolver.answers = std::move(wanted);
    resolver.lookups = 0;
    resolver.connected.clear();
  }
  std::string url(std::string_view host) const { return fmt::format("http://{}:{}/", host, inside.port()); }
  /// By a client of its own: libcurl keeps the answer of a look-up for a while, and asks again after it.
  ErrorCode get() {
    Client client;
    return get(client);
  }
  ErrorCode get(Client& client) {
    try {
      client.send({.url = url(rebound_name)});
    } catch (const Error& error) {
      return error.code;
    }
    ADD_FAILURE() << "it was answered";
    return ErrorCode::internal;
  }

  modelops::testing::Listener inside{SOCK_NONBLOCK};  // a server that nobody may reach
};

}  // namespace
}  // namespace modelops::http

// These two stand before those of the C library, for libcurl too. Nothing leaves this machine, whatever the client
// does.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** out) {
  using namespace modelops::http;
  static auto* const original = real<int(const char*, const char*, const addrinfo*, addrinfo**)>("getaddrinfo");
  if (node == nullptr || node != rebound_name) return original(node, service, hints, out);
  addrinfo numeric = hints != nullptr ? *hints : addrinfo{};
  numeric.ai_flags |= AI_NUMERICHOST;
  numeric.ai_family = AF_UNSPEC;
  addrinfo** end = out;
  for (const std::string& address : resolver.next()) {
    if (const int failed = original(address.c_str(), service, &numeric, end)) return failed;
    while (*end != nullptr) end = &(*end)->ai_next;
  }
  return 0;
}

extern "C" int connect(int socket, const sockaddr* address, socklen_t length) {
  using namespace modelops::http;
  static auto* const original = real<int(int, const sockaddr*, socklen_t)>("connect");
  {
    std::lock_guard lock(resolver.mutex);
    if (port_of(*address) == resolver.port) resolver.connected.push_back(address_text(*address));
  }
  if (is_of_this_machine(*address)) return original(socket, address, length);
  errno = ECONNREFUSED;
  return -1;
}

namespace modelops::http {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(Rebinding, a_name_that_leads_inside_is_refused) {
  for (const std::string address : {"127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1",
                                    "::ffff:169.254.169.254", "64:ff9b::7f00:1", "fd00::1"}) {
    answers({{address}});
    EXPECT_EQ(get(), ErrorCode::forbidden) << address;
    EXPECT_THAT(resolver.connected, IsEmpty()) << address;
  }
  EXPECT_FALSE(was_reached());
}

TEST_F(Rebinding, a_name_that_leads_inside_the_second_time_is_refused) {
  for (const std::string address : {"127.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "::1"}) {
    answers({{"9.9.9.9"}, {address}});
    EXPECT_EQ(get(), ErrorCode::unavailable) << "the first look-up was public, and was tried";
    EXPECT_EQ(get(), ErrorCode::forbidden);
    EXPECT_EQ(resolver.lookups, 2u);
    EXPECT_THAT(resolver.connected, ElementsAre("9.9.9.9"));
  }
  EXPECT_FALSE(was_reached());
}

/// However often, and whether or not it keeps what it looked up.
TEST_F(Rebinding, one_client_that_asks_again_is_refused) {
  answers({{"9.9.9.9"}, {"127.0.0.1"}});
  Client client;
  for (int i = 0; i < 3; ++i) get(client);
  EXPECT_THAT(resolver.connected, Each("9.9.9.9"));
  EXPECT_FALSE(was_reached());
}

TEST_F(Rebinding, an_address_inside_among_public_ones_is_not_tried) {
  answers({{"9.9.9.9", "127.0.0.1", "2620:fe::fe", "::ffff:127.0.0.1", "::1", "169.254.169.254"}});
  get();
  EXPECT_THAT(resolver.connected, AllOf(Contains("9.9.9.9"), Each(AnyOf("9.9.9.9", "2620:fe::fe"))));
  EXPECT_FALSE(was_reached());
}

/// A server that may be reached sends the client on to one that may not.
TEST_F(Rebinding, a_redirect_is_not_followed) {
  answers({{"127.0.0.1"}});
  Routes handler;
  events::Topics topics;
  const Server server(ServerOptions{}, handler, topics);
  Client client({.addresses = AddressPolicy::any});  // it is not the address that holds it back
  for (const int status : {301, 302, 303, 307, 308}) {
    for (const std::string& location : {url(rebound_name), url("127.0.0.1"), url("[::ffff:127.0.0.1]")}) {
      handler.routes["/"] = [&](Request&) {
        Response response = text("", status);
        response.headers.add("Location", location);
        return response;
      };
      EXPECT_EQ(client.send({.url = fmt::format("http://127.0.0.1:{}/", server.port())}).status, status);
    }
  }
  EXPECT_EQ(resolver.lookups, 0u);
  EXPECT_THAT(resolver.connected, IsEmpty());
  EXPECT_FALSE(was_reached());
}

}  // namespace
}  // namespace modelops::http
