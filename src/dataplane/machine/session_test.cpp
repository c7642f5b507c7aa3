#include "dataplane/machine/session.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "dataplane/machine/backoff.hpp"
#include "dataplane/machine/control_plane_test.hpp"
#include "dataplane/machine/files.hpp"

namespace modelops::machine {
namespace {

using testing::ControlPlane;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

template <class F>
Error error_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return Error(ErrorCode::internal, "");
}

class SessionTest : public ::testing::Test {
 protected:
  Identity enroll_with(const std::string& token) { return enroll(server.url() + "/", token, {"1.0", {}}, clock); }
  Session session() { return Session(enroll_with(server.new_token()), file, "1.0", clock); }
  const Session::Call ask{.target = "/api/v1/machines/desired?after=-1&wait_s=0"};

  TemporaryFolder folder;
  std::filesystem::path file = folder.path() / "identity.json";
  SystemClock clock;
  ControlPlane server;
};

TEST_F(SessionTest, EnrollsAndSpeaksSigned) {
  Session session = this->session();
  EXPECT_EQ(session.identity().machine_id, "mch_1");
  EXPECT_EQ(session.identity().server_url, server.url());
  const auto state = reflect::from_json<targets::DesiredState>(session.send(ask).body);
  EXPECT_EQ(state.generation, 0);
}

TEST_F(SessionTest, ATokenWorksOnce) {
  const std::string token = server.new_token();
  enroll_with(token);
  const Error error = error_of([&] { enroll_with(token); });
  EXPECT_EQ(error.code, ErrorCode::unauthenticated);
  EXPECT_THAT(error.message, HasSubstr("The token is unknown or used."));
}

TEST_F(SessionTest, AnUnknownKeyIsRefused) {
  const Identity first = enroll_with(server.new_token());
  enroll_with(server.new_token());  // the server now knows another key for this machine
  Session session(first, file, "1.0", clock);
  const Error error = error_of([&] { session.send(ask); });
  EXPECT_THAT(error.message, HasSubstr("not signed by an enrolled machine"));
  EXPECT_FALSE(is_final(error)) << "without a signature anybody could have said it";
}

TEST_F(SessionTest, KeepsTheIdentityPrivateAndWhole) {
  EXPECT_EQ(load_identity(file), std::nullopt);
  const Identity identity = enroll_with(server.new_token());
  save_identity(file, identity);
  struct stat status{};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  Session session(load_identity(file).value(), file, "1.0", clock);
  EXPECT_EQ(session.send(ask).status, 200);

  ::chmod(file.c_str(), 0644);
  EXPECT_THAT(error_of([&] { load_identity(file); }).message, HasSubstr("chmod 600"));
  write_file(file, "{\"machine_id\":\"x\"}");
  EXPECT_THAT(error_of([&] { load_identity(file); }).message, HasSubstr("enroll with a new token"));
}

TEST_F(SessionTest, BelievesNoAnswerOfAnotherServer) {
  Session session = this->session();
  server.sign_with_strange_key = true;
  const Error error = error_of([&] { session.send(ask); });
  EXPECT_EQ(error.code, ErrorCode::bad_gateway);
  EXPECT_THAT(error.message, HasSubstr("not signed by the server"));
}

TEST_F(SessionTest, OnlyASignedRefusalIsFinal) {
  Session session = this->session();
  server.refuse_unsigned = true;
  EXPECT_FALSE(is_final(error_of([&] { session.send(ask); })));
  server.refuse_unsigned = false;
  server.revoked = true;
  const Error error = error_of([&] { session.send(ask); });
  EXPECT_TRUE(is_final(error));
  EXPECT_THAT(error.message, HasSubstr("This machine was revoked."));
}

TEST_F(SessionTest, SaysThatTheClockIsWrong) {
  const Identity identity = enroll_with(server.new_token());
  ManualClock ahead(clock.now() + std::chrono::minutes(17));
  Session session(identity, file, "1.0", ahead);
  const Error error = error_of([&] { session.send(ask); });
  EXPECT_FALSE(is_final(error));
  EXPECT_THAT(error.message, HasSubstr("minutes ahead of the server's: set the clock"));
}

TEST_F(SessionTest, RenewsAtHalfLifeAndLearnsTheNewKeyOfTheServer) {
  Identity identity = enroll_with(server.new_token());
  save_identity(file, identity);
  Session young(identity, file, "1.0", clock);
  young.renew_when_due({});
  EXPECT_EQ(server.renewals(), 0);

  identity.renewed_at = clock.now() - std::chrono::hours(3);  // expires in one
  server.rotate_key();
  Session session(identity, file, "1.0", clock);
  session.renew_when_due({});
  EXPECT_EQ(server.renewals(), 1);
  EXPECT_EQ(session.identity().server_keys.back().id, "key-2");
  EXPECT_EQ(session.send(ask).status, 200);
  EXPECT_EQ(load_identity(file)->server_keys.back().id, "key-2");
  session.renew_when_due({});
  EXPECT_EQ(server.renewals(), 1);
}

TEST_F(SessionTest, DownloadsFromAnOffset) {
  Session session = this->session();
  const std::string target = "/api/v1/machines/artifacts/" + server.put_artifact("0123456789");
  std::string bytes;
  std::uint64_t begin = 0;
  const auto download = [&](std::uint64_t offset) {
    bytes.clear();
    session.download(
        target, offset, [&](std::uint64_t at) { begin = at; }, [&](std::string_view part) { bytes += part; }, {});
  };
  download(0);
  EXPECT_EQ(bytes, "0123456789");
  download(4);
  EXPECT_EQ(begin, 4u);
  EXPECT_EQ(bytes, "456789");
  EXPECT_EQ(error_of([&] { session.download("/api/v1/machines/artifacts/none", 0, {}, {}, {}); }).code,
            ErrorCode::not_found);
}

TEST_F(SessionTest, SaysThatTheServerIsAway) {
  Session session = this->session();
  server.stop();
  EXPECT_EQ(error_of([&] { session.send(ask); }).code, ErrorCode::unavailable);
}

TEST(Backoff, DoublesWithJitterUpToAMinute) {
  Backoff backoff;
  for (const int seconds : {1, 2, 4, 8, 16, 32, 60, 60}) {
    const auto pause = backoff.next();
    EXPECT_GE(pause, std::chrono::milliseconds(seconds * 500));
    EXPECT_LE(pause, std::chrono::milliseconds(seconds * 1000));
  }
  backoff.reset();
  EXPECT_LE(backoff.next(), std::chrono::seconds(1));
}

TEST(Files, AFullFolderLeavesTheOldFile) {
  TemporaryFolder folder;
  const auto file = folder.path() / "a";
  write_file(file, "old");
  EXPECT_THROW(write_file(folder.path() / "missing" / "a", "new"), Error);
  EXPECT_EQ(read_file(file, 10), "old");
  EXPECT_THROW(read_file(file, 2), Error);
  EXPECT_EQ(read_file(folder.path() / "none", 10), std::nullopt);
}

}  // namespace
}  // namespace modelops::machine
