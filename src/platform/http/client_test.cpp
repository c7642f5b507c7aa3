#include "platform/http/client.hpp"

#include <gmock/gmock.h>
#include <netdb.h>

#include <thread>

#include "base/error.hpp"
#include "base/listener_test.hpp"
#include "platform/http/address.hpp"
#include "platform/http/server_fixture_test.hpp"

namespace modelops::http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

bool is_public(const std::string& text) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  EXPECT_EQ(::getaddrinfo(text.c_str(), "80", &hints, &found), 0) << text;
  if (!found) return false;
  const bool result = is_public_address(*found->ai_addr);
  EXPECT_EQ(address_text(*found->ai_addr), text);
  ::freeaddrinfo(found);
  return result;
}

TEST(Addresses, of_the_public_internet_are_public) {
  for (const std::string text : {"1.1.1.1",         "8.8.8.8",
                                 "9.255.255.255",   "11.0.0.0",
                                 "100.63.255.255",  "100.128.0.0",
                                 "126.255.255.255", "128.0.0.0",
                                 "168.63.129.15",   "169.253.255.255",
                                 "169.255.0.0",     "172.15.255.255",
                                 "172.32.0.0",      "192.167.255.255",
                                 "192.169.0.0",     "198.17.255.255",
                                 "198.20.0.0",      "223.255.255.255",
                                 "2606:4700::1111", "2a00:1450::1",
                                 "2001:200::1",     "2001:4860:4860::8888",
                                 "2400::1"}) {
    EXPECT_TRUE(is_public(text)) << text;
  }
}

TEST(Addresses, that_may_lead_inside_are_not) {
  for (const std::string text : {"0.0.0.0",
                                 "0.1.2.3",
                                 "10.0.0.1",
                                 "10.255.255.255",
                                 "100.64.0.1",
                                 "100.100.100.200",
                                 "100.127.255.255",
                                 "127.0.0.1",
                                 "127.255.255.255",
                                 "168.63.129.16",
                                 "169.254.169.254",
                                 "169.254.170.2",
                                 "172.16.0.1",
                                 "172.31.255.255",
                                 "192.0.0.192",
                                 "192.0.2.1",
                                 "192.88.99.1",
                                 "192.168.0.1",
                                 "192.168.255.255",
                                 "198.18.0.1",
                                 "198.19.255.255",
                                 "198.51.100.1",
                                 "203.0.113.1",
                                 "224.0.0.1",
                                 "239.255.255.255",
                                 "240.0.0.1",
                                 "255.255.255.255",
                                 "::",
                                 "::1",
                                 "::ffff:8.8.8.8",
                                 "::ffff:127.0.0.1",
                                 "::ffff:169.254.169.254",
                                 "64:ff9b::7f00:1",
                                 "64:ff9b:1::1",
                                 "100::1",
                                 "2001::1",
                                 "2001:1ff::1",
                                 "2001:db8::1",
                                 "2002:7f00:1::",
                                 "3fff::1",
                                 "fc00::1",
                                 "fd00:ec2::254",
                                 "fe80::1",
                                 "fec0::1",
                                 "ff02::1",
                                 "5f00::1"}) {
    EXPECT_FALSE(is_public(text)) << text;
  }
}

class HttpClient : public ServerFixture {
 protected:
  HttpClient() {
    handler.routes["/echo"] = [](Request& request) {
      Response response = text(std::string(method_name(request.method)) + " " + request.body);
      response.headers.add("X-Seen", request.headers.get("X-Sent"));
      return response;
    };
    start();
    inside.addresses = AddressPolicy::any;
  }
  std::string url(const std::string& path) const { return "http://127.0.0.1:" + std::to_string(server->port()) + path; }
  ClientRequest request(const std::string& path) const {
    ClientRequest out;
    out.url = url(path);
    return out;
  }
  static ErrorCode error_of(Client& client, const ClientRequest& request, std::string* message = nullptr) {
    try {
      client.send(request);
    } catch (const Error& error) {
      if (message) *message = error.message;
      return error.code;
    }
    ADD_FAILURE() << "no error for " << request.url;
    return ErrorCode::internal;
  }

  ClientOptions inside;
};

/// A server that says one fixed thing to whoever connects, then closes when told.
class Scripted {
 public:
  explicit Scripted(std::string answer, bool close_after = true) {
    url = "http://127.0.0.1:" + std::to_string(listener_.port()) + "/";
    thread_ = std::thread([this, answer = std::move(answer), close_after] {
      for (;;) {
        const int peer = ::accept(listener_.fd(), nullptr, nullptr);
        if (peer < 0) return;
        char head[4096];
        [[maybe_unused]] auto n = ::recv(peer, head, sizeof head, 0);
        n = ::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
        if (!close_after) {
          while (::recv(peer, head, sizeof head, 0) > 0) {}
        }
        ::close(peer);
      }
    });
  }
  ~Scripted() {
    ::shutdown(listener_.fd(), SHUT_RDWR);
    thread_.join();
  }
  std::string url;

 private:
  modelops::testing::Listener listener_;
  std::thread thread_;
};

TEST_F(HttpClient, sends_every_method_with_headers_and_body) {
  Client client(inside);
  for (const Method method :
       {Method::get, Method::post, Method::put, Method::patch, Method::delete_, Method::options}) {
    auto request = this->request("/echo");
    request.method = method;
    request.headers.add("X-Sent", "a value");
    if (method != Method::get) request.body = "body";
    const Response response = client.send(request);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, std::string(method_name(method)) + " " + request.body);
    EXPECT_EQ(response.headers.get("x-seen"), "a value");
  }
  auto head = request("/echo");
  head.method = Method::head;
  EXPECT_EQ(client.send(head).headers.get("Content-Length"), "5");
  EXPECT_EQ(client.send(request("/missing")).status, 404);
  EXPECT_EQ(server->connections(), 1u);  // one connection, used again
}

TEST_F(HttpClient, goes_only_to_the_public_internet_unless_told) {
  Client client;
  std::string message;
  EXPECT_EQ(error_of(client, request("/echo"), &message), ErrorCode::forbidden);
  EXPECT_THAT(message, HasSubstr("127.0.0.1:" + std::to_string(server->port())));
  const std::string port = std::to_string(server->port());
  for (const std::string host :
       {"localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0", "169.254.169.254"}) {
    ClientRequest other;
    other.url = "http://" + host + ":" + port + "/";
    EXPECT_EQ(error_of(client, other), ErrorCode::forbidden) << host;
  }
}

/// Every way that is known to us of writing an address that leads inside.
TEST_F(HttpClient, odd_spellings_of_inside_addresses_lead_nowhere) {
  Client client;
  const std::string port = std::to_string(server->port());
  for (const std::string host :
       {// loopback: shortened, decimal, octal, hexadecimal, mixed, overlong, with a dot at the end
        "127.1", "127.0.1", "2130706433", "017700000001", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "0x7f.1",
        "00000177.0.0.1", "127.0.0.1.", "localhost.", "LOCALHOST", "127.000.000.001", "%31%32%37.0.0.1",
        // this host, private networks, metadata services
        "0", "0.0.0.0", "0x0", "10.1", "0xa000001", "192.168.257", "3232235777", "172.16.1", "169.254.169.254",
        "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "100.100.100.200", "168.63.129.16",
        "[fd00:ec2::254]",
        // IPv6: loopback, unspecified, mapped, compatible, NAT64, 6to4, Teredo, unique local, link-local with a zone
        "[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:a9fe:a9fe]",
        "[::127.0.0.1]", "[::7f00:1]", "[64:ff9b::7f00:1]", "[64:ff9b::169.254.169.254]", "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[2001:0:7f00:1::]", "[fc00::1]", "[fe80::1]", "[fe80::1%25lo]",
        "[ff02::1]", "[100::1]", "[5f00::1]"}) {
    ClientRequest request;
    request.url = "http://" + host + ":" + port + "/echo";
    std::string message;
    const ErrorCode code = error_of(client, request, &message);
    // Refused by the address policy, or not an address at all for libcurl and the resolver.
    const bool refused = code == ErrorCode::forbidden || code == ErrorCode::invalid ||
                         (code == ErrorCode::unavailable && message.find("cannot be resolved") != message.npos);
    EXPECT_TRUE(refused) << host << ": " << message;
  }
  EXPECT_EQ(server->connections(), 0u);
}

TEST_F(HttpClient, odd_urls_are_not_read_in_two_ways) {
  Client client;
  const std::string inside = "127.0.0.1:" + std::to_string(server->port());
  for (const std::string& url :
       {"http://example.org@" + inside + "/", "http://example.org:80@" + inside + "/", "http://example.org%40" + inside,
        "http://example.org#@" + inside + "/\r\n", "http://" + inside + "\\@example.org/",
        "http://example.org\\@" + inside + "/", "http:/" + inside + "/", "http:" + inside, "//" + inside + "/",
        "http://" + inside + "\t/", "http://" + inside + "\n.example.org/", "dict://" + inside + "/",
        "file://" + inside + "/etc/passwd", "http+unix://" + inside + "/", "HTTP://user@" + inside + "/"}) {
    ClientRequest request;
    request.url = url;
    const ErrorCode code = error_of(client, request);
    EXPECT_TRUE(code == ErrorCode::invalid || code == ErrorCode::forbidden) << url << ": " << static_cast<int>(code);
  }
  EXPECT_EQ(server->connections(), 0u);
}

/// A connection that is kept for a name cannot be used by somebody who may not go there: each client has one policy.
TEST_F(HttpClient, the_proxies_of_the_environment_are_not_used) {
  const std::string proxy = "http://127.0.0.1:" + std::to_string(server->port());
  for (const char* name : {"http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"})
    ::setenv(name, proxy.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): before the client's threads
  Client client;
  ClientRequest request;
  request.url = "http://169.254.169.254/latest/meta-data/";
  EXPECT_EQ(error_of(client, request), ErrorCode::forbidden);
  Client any(inside);
  EXPECT_EQ(any.send(this->request("/echo")).status, 200);
  EXPECT_EQ(server->connections(), 1u);
  for (const char* name : {"http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"})
    ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe): as above
}

TEST_F(HttpClient, refuses_urls_and_headers_that_are_not_what_they_seem) {
  Client client(inside);
  for (const std::string bad : {"", "file:///etc/passwd", "gopher://h/", "127.0.0.1", "http://", "http://u:p@h/",
                                "http://h/a b", "http://h/\r\nX: y", "ftp://h/"}) {
    ClientRequest request;
    request.url = bad;
    EXPECT_EQ(error_of(client, request), ErrorCode::invalid) << bad;
  }
  auto split = request("/echo");
  split.headers.add("X-A", "b\r\nX-C: d");
  EXPECT_EQ(error_of(client, split), ErrorCode::invalid);
}

TEST_F(HttpClient, does_not_follow_redirects) {
  handler.routes["/away"] = [](Request&) {
    Response response = text("", 302);
    response.headers.add("Location", "/echo");
    return response;
  };
  Client client(inside);
  EXPECT_EQ(client.send(request("/away")).status, 302);
}

TEST_F(HttpClient, streams_an_upload_with_and_without_a_length) {
  struct Sink final : BodySink {
    void write(std::string_view bytes) override { size += bytes.size(); }
    Response finish() override { return text(std::to_string(size)); }
    std::size_t size = 0;
  };
  handler.sink = [](const Request&) { return std::make_unique<Sink>(); };
  Client client(inside);
  for (const bool sized : {true, false}) {
    auto request = this->request("/upload");
    request.method = Method::put;
    UploadSource source;
    source.read = [left = std::size_t{3'000'000}](std::span<char> into) mutable {
      const std::size_t count = std::min(left, into.size());
      std::fill_n(into.begin(), count, 'u');
      left -= count;
      return count;
    };
    if (sized) source.length_bytes = 3'000'000;
    request.upload = source;
    EXPECT_EQ(client.send(request).body, "3000000");
  }
  auto broken = request("/upload");
  broken.method = Method::put;
  broken.upload = UploadSource{[](std::span<char>) -> std::size_t { throw std::runtime_error("disk"); }, {}};
  EXPECT_THROW(client.send(broken), std::runtime_error);
}

TEST_F(HttpClient, receives_a_stream_while_it_is_sent_and_can_end_it) {
  Count ended;
  handler.routes["/events"] = [&](Request&) {
    Stream stream;
    stream.interval = 1ms;
    stream.poll = [n = 0, guard = std::shared_ptr<void>(nullptr, [&](void*) { ended.add(); })]() mutable {
      return Stream::Batch{"event " + std::to_string(++n) + "\n", false};
    };
    return stream;
  };
  Client client(inside);
  auto request = this->request("/events");
  std::string seen;
  int status = 0;
  request.on_head = [&](const Response& head) {
    status = head.status;
    return true;
  };
  request.receive = [&](std::string_view bytes) {
    EXPECT_EQ(status, 200);
    seen += bytes;
    return seen.find("event 5\n") == seen.npos;
  };
  EXPECT_EQ(client.send(request).status, 200);
  EXPECT_THAT(seen, HasSubstr("event 1\nevent 2\n"));
  EXPECT_TRUE(ended.await(1));
  server.reset();
}

TEST_F(HttpClient, keeps_the_body_of_a_refusal_out_of_the_stream) {
  Client client(inside);
  auto request = this->request("/missing");
  bool received = false;
  request.receive = [&](std::string_view) { return received = true; };
  EXPECT_THAT(client.send(request).body, HasSubstr("There is nothing here"));
  EXPECT_FALSE(received);
}

TEST_F(HttpClient, an_exception_of_the_receiver_comes_through) {
  Client client(inside);
  auto request = this->request("/echo");
  request.receive = [](std::string_view) -> bool { throw std::runtime_error("full"); };
  EXPECT_THROW(client.send(request), std::runtime_error);
  EXPECT_EQ(client.send(this->request("/echo")).status, 200);
}

TEST_F(HttpClient, names_who_does_not_answer) {
  const std::uint16_t port = server->port();
  server.reset();
  Client client(inside);
  ClientRequest request;
  request.url = "http://127.0.0.1:" + std::to_string(port) + "/";
  std::string message;
  EXPECT_EQ(error_of(client, request, &message), ErrorCode::unavailable);
  EXPECT_THAT(message, HasSubstr("127.0.0.1:" + std::to_string(port)));
}

TEST_F(HttpClient, gives_up_after_its_time_outs) {
  Scripted silent("", false);
  Scripted half("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", false);
  for (const std::string& url : {silent.url, half.url}) {
    ClientRequest request;
    request.url = url;
    ClientOptions total = inside;
    total.total_timeout = 50ms;
    Client slow(total);
    EXPECT_EQ(error_of(slow, request), ErrorCode::gateway_timeout);
    ClientOptions idle = inside;
    idle.idle_timeout = 50ms;
    Client quiet(idle);
    EXPECT_EQ(error_of(quiet, request), ErrorCode::gateway_timeout);
  }
}

TEST_F(HttpClient, tells_nonsense_from_an_answer) {
  Client client(inside);
  for (const std::string answer :
       {"", "nonsense\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    Scripted peer(answer);
    ClientRequest request;
    request.url = peer.url;
    EXPECT_EQ(error_of(client, request), ErrorCode::bad_gateway) << answer;
  }
  Scripted endless("HTTP/1.1 200 OK\r\n" + std::string(200'000, 'x'));
  ClientRequest request;
  request.url = endless.url;
  EXPECT_EQ(error_of(client, request), ErrorCode::bad_gateway);
}

TEST_F(HttpClient, bounds_what_it_keeps) {
  handler.routes["/long"] = [](Request&) { return text(std::string(10'000, 'a')); };
  inside.response_bytes_max = 9'999;
  Client client(inside);
  EXPECT_EQ(error_of(client, request("/long")), ErrorCode::bad_gateway);
}

TEST_F(HttpClient, is_stopped_at_once_from_another_thread) {
  Count parked;
  handler.routes["/poll"] = [&](Request&) {
    LongPoll poll;
    poll.deadline = std::chrono::steady_clock::now() + 1h;
    poll.poll = [&](bool) -> std::optional<Response> {
      parked.add();
      return std::nullopt;
    };
    return poll;
  };
  Client client(inside);
  auto request = this->request("/poll");
  std::stop_source stop;
  request.stop = stop.get_token();
  std::thread stopper([&] {
    parked.await(1);
    stop.request_stop();
  });
  EXPECT_EQ(error_of(client, request), ErrorCode::unavailable);
  stopper.join();
  server.reset();
}

TEST_F(HttpClient, is_shared_by_threads) {
  Client client(inside);
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 20; ++n) good += client.send(request("/echo")).status == 200;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 160);
}

}  // namespace
}  // namespace modelops::http
