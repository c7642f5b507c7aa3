#include "dataplane/agent/launch.hpp"

#include <gmock/gmock.h>

namespace modelops::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

targets::DesiredReplica good() {
  targets::DesiredReplica out;
  out.replica_id = "rep_1";
  out.command = {"{modelops}", "runtime"};
  out.artifact_digest = std::string(64, 'a');
  out.artifact = {{"model.onnx", 3, std::string(64, 'b')}, {"more/labels.txt", 0, std::string(64, 'c')}};
  return out;
}

TEST(Launch, ExpandsEachPlaceholderOnceAndNothingElse) {
  const Placeholders values{
      .port = 4711, .host = "127.0.0.1", .artifact = "/a/{port}", .engines = "/e", .modelops = "/m"};
  EXPECT_EQ(expand("--at={host}:{port}", values), "--at=127.0.0.1:4711");
  EXPECT_EQ(expand("{artifact}{engines}{modelops}", values), "/a/{port}/e/m");
  EXPECT_EQ(expand("$HOME `x` {other} {{port}} {port", values), "$HOME `x` {other} {4711} {port");
}

TEST(Launch, AcceptsWhatIsInOrder) { EXPECT_THAT(objection_to(good()), IsEmpty()); }

TEST(Launch, RefusesPathsThatLeaveTheFolder) {
  for (const char* path : {"../x", "a/../../x", "/etc/passwd", "a//b", "./a", "", "a\\b", "a\nb", "a/."}) {
    targets::DesiredReplica replica = good();
    replica.artifact[0].path = path;
    EXPECT_THAT(objection_to(replica), HasSubstr("path of a file")) << path;
  }
}

TEST(Launch, RefusesWhatCannotBeAFileOrItsDigest) {
  const std::vector<std::function<void(targets::DesiredReplica&)>> changes = {
      [](auto& r) { r.artifact[0].sha256 = "../../x"; },
      [](auto& r) { r.artifact[0].size_bytes = -1; },
      [](auto& r) { r.artifact[0].path = r.artifact[1].path; },
      [](auto& r) { r.artifact[0].path = "more"; },
      [](auto& r) { r.artifact_digest = "../x"; },
      [](auto& r) { r.artifact_digest = ".hidden"; },
      [](auto& r) { r.replica_id = "../x"; },
      [](auto& r) { r.replica_id = ""; },
      [](auto& r) { r.command.clear(); },
      [](auto& r) { r.command[0] = std::string("a\0b", 3); },
      [](auto& r) { r.environment["A B"] = "x"; },
      [](auto& r) { r.environment["MODELOPS_NONCE"] = "x"; },
      [](auto& r) { r.secrets = {{"A=B", ""}}; },
      [](auto& r) { r.port = 65536; },
      [](auto& r) { r.readiness.path = "/a b"; },
      [](auto& r) { r.liveness.path = "/a\r\nX: y"; },
      [](auto& r) { r.liveness.period_ms = 0; },
      [](auto& r) { r.cpus_max = -1; },
      [](auto& r) { r.stop_grace_ms = -1; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    targets::DesiredReplica replica = good();
    changes[i](replica);
    EXPECT_NE(objection_to(replica), "") << "change " << i;
  }
}

TEST(Launch, SealingAnewIsNoChange) {
  targets::DesiredReplica replica = good();
  replica.secrets = {{"KEY", "one"}};
  const std::string digest = digest_of(replica);
  replica.secrets[0].sealed = "two";
  EXPECT_EQ(digest_of(replica), digest);
  replica.command.push_back("more");
  EXPECT_NE(digest_of(replica), digest);
}

}  // namespace
}  // namespace modelops::agent
