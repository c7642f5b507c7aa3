#include "platform/http/tls.hpp"

#include <gmock/gmock.h>

#include "base/id.hpp"
#include "platform/http/certificates_test.hpp"
#include "platform/http/client.hpp"
#include "platform/http/server_fixture_test.hpp"

namespace modelops::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class TlsTest : public ServerFixture {
 protected:
  TlsTest() {
    std::filesystem::create_directories(folder);
    authority.write(ca, folder / "ca.key");
    make_certificate("server", &authority).write(files.certificate_file, files.key_file);
    options.head_timeout = 200ms;
  }
  ~TlsTest() override {
    server.reset();
    std::filesystem::remove_all(folder);
  }

  void start() {
    tls = std::make_shared<Tls>(files);
    options.tls = tls;
    ServerFixture::start();
  }
  std::string url(const std::string& path) const { return fmt::format("https://127.0.0.1:{}{}", server->port(), path); }
  Client client(const std::filesystem::path& trusted, const std::string& certificate = {},
                const std::string& key = {}) {
    return Client(
        {.addresses = AddressPolicy::any, .ca_file = trusted, .certificate_file = certificate, .key_file = key});
  }
  /// What is wrong with the files as they are; empty: nothing.
  std::string refusal() const {
    try {
      const Tls loaded(files);
      return "";
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::invalid);
      return error.message;
    }
  }
  /// The status of a request, or the error of the connection.
  std::string call(const Client& with) const {
    try {
      return std::to_string(const_cast<Client&>(with).send({.url = url("/hello")}).status);
    } catch (const Error& error) {
      return error.message;
    }
  }

  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("modelops-tls-" + new_uuid7());
  const std::filesystem::path ca = folder / "ca.pem";
  const Certificate authority = make_certificate("authority");
  TlsFiles files{(folder / "server.pem").string(), (folder / "server.key").string(), ""};
  std::shared_ptr<Tls> tls;
};

TEST_F(TlsTest, requests_travel_on_a_kept_connection_whatever_their_size) {
  start();
  Client client = this->client(ca);
  for (const std::size_t size : {0, 1, 16 * 1024, 300 * 1024}) {
    const std::string body(size, 'x');
    const Response response = client.send({.method = Method::post, .url = url("/echo"), .body = body});
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, body);
  }
  EXPECT_EQ(server->connections(), 1u);
  EXPECT_TRUE(server->drain(20s, 0ms));
}

TEST_F(TlsTest, a_client_that_does_not_speak_it_is_closed) {
  start();
  Peer plain(server->port());
  plain.get("/hello");
  EXPECT_EQ(plain.read().status, 0);
  Peer silent(server->port());
  EXPECT_TRUE(silent.await_close());  // when the time for a head has passed
  EXPECT_EQ(call(client(ca)), "200");
  EXPECT_THAT(call(client("")), HasSubstr("No trusted TLS connection"));
}

TEST_F(TlsTest, only_clients_with_a_certificate_of_the_authority_connect) {
  const Certificate client_authority = make_certificate("client authority");
  const Certificate stranger = make_certificate("stranger");
  files.client_ca_file = folder / "client_ca.pem";
  client_authority.write(files.client_ca_file, folder / "client_ca.key");
  const auto issue = [&](const std::string& name, const Certificate& issuer, long until_s) {
    make_certificate(name, &issuer, -3600, until_s).write(folder / (name + ".pem"), folder / (name + ".key"));
    return client(ca, folder / (name + ".pem"), folder / (name + ".key"));
  };
  start();
  EXPECT_EQ(call(issue("agent", client_authority, 3600)), "200");
  EXPECT_NE(call(client(ca)), "200");
  EXPECT_NE(call(issue("other", stranger, 3600)), "200");
  EXPECT_NE(call(issue("old", client_authority, -60)), "200");
  EXPECT_NE(call(issue("by-the-servers-authority", authority, 3600)), "200");
}

TEST_F(TlsTest, files_that_cannot_be_used_say_why) {
  EXPECT_EQ(refusal(), "");
  const auto rewrite = [&](long from_s, long until_s, const char* passphrase = nullptr) {
    make_certificate("server", &authority, from_s, until_s).write(files.certificate_file, files.key_file, passphrase);
  };
  rewrite(-7200, -3600);
  EXPECT_THAT(refusal(), testing::AllOf(HasSubstr(files.certificate_file), HasSubstr("has expired on 20")));
  rewrite(3600, 7200);
  EXPECT_THAT(refusal(), testing::AllOf(HasSubstr("not valid before 20"), HasSubstr("clock")));
  rewrite(-3600, 3600, "secret");
  EXPECT_THAT(refusal(), testing::AllOf(HasSubstr(files.key_file), HasSubstr("without a passphrase")));
  rewrite(-3600, 3600);
  make_certificate("other", &authority).write(folder / "other.pem", files.key_file);
  EXPECT_THAT(refusal(), HasSubstr("is not that of the certificate " + files.certificate_file));
  Certificate::replace(files.certificate_file, [](std::FILE* file) { std::fputs("nonsense\n", file); });
  EXPECT_THAT(refusal(), HasSubstr("is not a PEM certificate"));
  std::filesystem::remove(files.certificate_file);
  EXPECT_THAT(refusal(), testing::AllOf(HasSubstr(files.certificate_file), HasSubstr("No such file")));
  files.certificate_file.clear();
  EXPECT_THAT(refusal(), HasSubstr("needs a certificate"));
}

TEST_F(TlsTest, certificates_are_replaced_while_connections_go_on) {
  start();
  const Certificate next_authority = make_certificate("next authority");
  const std::filesystem::path next_ca = folder / "next_ca.pem";
  const std::filesystem::path both = folder / "both.pem";
  next_authority.write(next_ca, folder / "next_ca.key");
  Certificate::replace(both, [&](std::FILE* file) {
    PEM_write_X509(file, authority.certificate.get());
    PEM_write_X509(file, next_authority.certificate.get());
  });
  std::atomic<bool> done = false;
  std::mutex mutex;
  std::vector<std::string> failures;
  Count answered;
  std::vector<std::jthread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&, keeps = i % 2 == 0] {
      std::optional<Client> mine;
      while (!done) {
        if (!mine || !keeps) mine.emplace(ClientOptions{.addresses = AddressPolicy::any, .ca_file = both});
        const std::string result = call(*mine);
        std::lock_guard lock(mutex);
        if (result != "200") failures.push_back(result);
        answered.add();
      }
    });
  }
  ASSERT_TRUE(answered.await(20));
  EXPECT_EQ(call(client(ca)), "200");
  EXPECT_NE(call(client(next_ca)), "200");
  make_certificate("server", &next_authority).write(files.certificate_file, files.key_file);
  tls->reload();
  EXPECT_EQ(call(client(next_ca)), "200");
  EXPECT_NE(call(client(ca)), "200");
  // What cannot be used changes nothing.
  Certificate::replace(files.certificate_file, [](std::FILE* file) { std::fputs("nonsense\n", file); });
  tls->reload();
  EXPECT_EQ(call(client(next_ca)), "200");
  // A change is seen without being told.
  make_certificate("server", &authority).write(files.certificate_file, files.key_file);
  const auto patience = std::chrono::steady_clock::now() + 30s;
  while (call(client(ca)) != "200" && std::chrono::steady_clock::now() < patience) {}
  EXPECT_EQ(call(client(ca)), "200");
  ASSERT_TRUE(answered.await(answered.value() + 20));
  done = true;
  clients.clear();
  EXPECT_THAT(failures, testing::IsEmpty());
}

}  // namespace
}  // namespace modelops::http
