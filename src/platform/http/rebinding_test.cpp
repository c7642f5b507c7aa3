// A name whose addresses change between two look-ups (DNS rebinding), played by a resolver of the test's own: what
// counts is the address that is connected to, however often and whatever the name was resolved to before.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <netdb.h>

#include <thread>

#include "base/error.hpp"
#include "platform/http/address.hpp"
#include "platform/http/client.hpp"

namespace modelops::http {
namespace {

constexpr std::string_view rebound_name = "rebound.test";

/// What the next look-ups of the name answer, one after the other; the last one stays.
struct Resolver {
  std::mutex mutex;
  std::vector<std::vector<std::string>> answers;
  std::size_t lookups = 0;
  std::vector<std::string> connected;  // to public addresses: they were refused, nothing left this machine

  std::vector<std::string> next() {
    std::lock_guard lock(mutex);
    return answers.at(std::min(lookups++, answers.size() - 1));
  }
};
Resolver resolver;

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// A server that nobody may reach.
class Inside {
 public:
  Inside() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address), length);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
    ::listen(fd_, 10);
    port = ntohs(address.sin_port);
  }
  ~Inside() { ::close(fd_); }
  bool was_reached() const {
    const int peer = ::accept(fd_, nullptr, nullptr);
    if (peer >= 0) ::close(peer);
    return peer >= 0;
  }
  int port = 0;

 private:
  int fd_;
};

class Rebinding : public testing::Test {
 protected:
  void answers(std::vector<std::vector<std::string>> wanted) {
    std::lock_guard lock(resolver.mutex);
    resolver.answers = std::move(wanted);
    resolver.lookups = 0;
    resolver.connected.clear();
  }
  /// By a client of its own: libcurl keeps the answer of a look-up for a while, and asks again after it.
  ErrorCode get() {
    ClientRequest request;
    request.url = fmt::format("http://{}:{}/", rebound_name, inside.port);
    try {
      Client().send(request);
    } catch (const Error& error) {
      return error.code;
    }
    ADD_FAILURE() << "it was answered";
    return ErrorCode::internal;
  }

  Inside inside;
};

}  // namespace
}  // namespace modelops::http

// These two stand before those of the C library, for libcurl too.
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
  if (!is_public_address(*address)) return original(socket, address, length);
  std::lock_guard lock(resolver.mutex);
  resolver.connected.push_back(address_text(*address));
  errno = ECONNREFUSED;
  return -1;
}

namespace modelops::http {
namespace {

using testing::AllOf;
using testing::Each;
using testing::Ne;

TEST_F(Rebinding, a_name_that_leads_inside_is_refused) {
  for (const std::string address : {"127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"}) {
    answers({{address}});
    EXPECT_EQ(get(), ErrorCode::forbidden) << address;
  }
  EXPECT_FALSE(inside.was_reached());
}

TEST_F(Rebinding, a_name_that_leads_inside_the_second_time_is_refused) {
  answers({{"9.9.9.9"}, {"127.0.0.1"}});
  EXPECT_EQ(get(), ErrorCode::unavailable);
  EXPECT_THAT(resolver.connected, testing::ElementsAre("9.9.9.9")) << "the first look-up was public, and was tried";
  EXPECT_EQ(get(), ErrorCode::forbidden);
  EXPECT_EQ(resolver.lookups, 2u);
  EXPECT_FALSE(inside.was_reached());
}

TEST_F(Rebinding, an_address_inside_among_public_ones_is_not_tried) {
  answers({{"9.9.9.9", "127.0.0.1", "2620:fe::fe", "::ffff:127.0.0.1", "::1"}});
  get();
  EXPECT_THAT(resolver.connected, AllOf(testing::Not(testing::IsEmpty()), Each(Ne("127.0.0.1")), Each(Ne("::1"))));
  EXPECT_FALSE(inside.was_reached());
}

}  // namespace
}  // namespace modelops::http
