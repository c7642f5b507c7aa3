// The program of these tests is three: the tests, an agent ("agent …"), and an engine ("engine …") that behaves or
// misbehaves as its arguments say.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "base/text.hpp"
#include "dataplane/agent/agent.hpp"

namespace modelops::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class FakeEngine {
 public:
  explicit FakeEngine(std::map<std::string, std::string> options) : options_(std::move(options)) {}

  int run() {
    if (has("--words")) fmt::print(stderr, "{}\n", options_.at("--words"));
    if (has("--show-environment")) show_environment();
    if (has("--exit")) return static_cast<int>(number("--exit"));
    if (has("--ignore-term")) ::signal(SIGTERM, SIG_IGN);
    if (has("--child")) start_child();
    if (has("--allocate-mib")) memory_.assign(static_cast<std::size_t>(number("--allocate-mib")) << 20, 'x');
    const Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int yes = 1;
    ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(number("--port")));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return 98;
    ::listen(listener.get(), 16);
    for (;;) {
      pollfd ready{listener.get(), POLLIN, 0};
      const bool hangs = has("--hang-after-ms") && age() >= number("--hang-after-ms");
      if (::poll(&ready, hangs ? 0 : 1, 5) > 0) answer(listener.get());
      if (has("--crash-after-ms") && age() >= number("--crash-after-ms")) ::abort();
      while (has("--lines") && line_ < number("--lines") && line_ < age() * number("--lines-per-second") / 1000) {
        fmt::print("line {}\n", line_++);
      }
      std::fflush(stdout);
    }
  }

 private:
  bool has(const std::string& name) const { return options_.contains(name); }
  std::int64_t number(const std::string& name) const { return parse_int(options_.at(name)).value_or(0); }
  std::int64_t age() const { return std::chrono::duration_cast<milliseconds>(steady_clock::now() - begun_).count(); }
  void answer(int listener) const {
    const Descriptor peer(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    char request[1024];
    if (::recv(peer.get(), request, sizeof request, 0) <= 0) return;
    const bool ready = !has("--ready-after-ms") || age() >= number("--ready-after-ms");
    const std::string body = has("--metrics") ? options_.at("--metrics") : std::string();
    const std::string reply = fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n\r\n{}",
                                          ready ? "200 OK" : "503 Service Unavailable", body.size(), body);
    [[maybe_unused]] const auto sent = ::send(peer.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
  }
  static void show_environment() {
    for (char** variable = environ; *variable != nullptr; ++variable) fmt::print("{}\n", *variable);
    std::fflush(stdout);
  }
  static void start_child() {
    const pid_t child = ::fork();
    if (child > 0) fmt::print("child {}\n", child);
    std::fflush(stdout);
    while (child == 0) ::pause();
  }

  std::map<std::string, std::string> options_;
  steady_clock::time_point begun_ = steady_clock::now();
  std::int64_t line_ = 0;
  std::string memory_;
};

}  // namespace
}  // namespace modelops::agent

int main(int argc, char** argv) {
  const std::string role = argc > 1 ? argv[1] : "";
  if (role == "engine") {
    std::map<std::string, std::string> options;
    for (int i = 2; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
    return modelops::agent::FakeEngine(options).run();
  }
  if (role == "agent") return modelops::agent::run_agent(argc - 1, argv + 1);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
