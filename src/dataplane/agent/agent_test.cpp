#include "dataplane/agent/agent.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/listener_test.hpp"
#include "dataplane/agent/replica.hpp"
#include "dataplane/machine/control_plane_test.hpp"
#include "platform/crypto/seal.hpp"

namespace modelops::agent {
namespace {

using std::chrono::milliseconds;
using targets::DesiredReplica;
using targets::ObservedReplica;
using targets::ReplicaState;
using ::testing::Contains;
using testing::ControlPlane;
using testing::eventually;
using ::testing::HasSubstr;
using testing::Listener;
using testing::TemporaryFolder;

bool exists(std::int64_t pid) { return ::kill(static_cast<pid_t>(pid), 0) == 0; }
/// Gone or a zombie that nobody has fetched.
bool ended(std::int64_t pid) {
  std::ifstream stat(fmt::format("/proc/{}/stat", pid));
  std::string text;
  return !std::getline(stat, text) || text.substr(text.rfind(')') + 2, 1) == "Z";
}

class AgentTest : public ::testing::Test {
 protected:
  AgentTest() { std::filesystem::create_directories(engines / "llama.cpp" / "b1"); }
  ~AgentTest() override {
    agent.reset();
    if (child > 0) kill_child(SIGKILL);
    stop_engines(state, clock);
  }

  AgentOptions options() {
    AgentOptions out;
    out.server = server.url();
    out.token = server.new_token();
    out.state = state;
    out.engines = engines;
    out.report_interval = milliseconds(200);
    out.restart_delay_first = milliseconds(20);
    return out;
  }
  void start() { start(options()); }
  void start(AgentOptions with) {
    agent = std::make_unique<Agent>(std::move(with), clock, [this](std::string message) {
      std::lock_guard lock(mutex);
      finished = std::move(message);
    });
  }
  std::string why_finished() {
    std::lock_guard lock(mutex);
    return finished;
  }

  /// An agent as a process of its own.
  void start_child() {
    const std::string self = std::filesystem::canonical("/proc/self/exe");
    std::vector<std::string> words = {self,      "agent",        "--server",  server.url(),
                                      "--state", state.string(), "--engines", engines.string()};
    if (!enrolled) words.insert(words.end(), {"--token", server.new_token()});
    enrolled = true;
    child = spawn({.command = words,
                   .environment = {},
                   .folder = folder.path(),
                   .standard_output = folder.path() / "agent.out",
                   .standard_error = folder.path() / "agent.err"})
                .pid;
  }
  int kill_child(int signal) {
    ::kill(child, signal);
    int status = 0;
    ::waitpid(std::exchange(child, 0), &status, 0);
    return status;
  }

  /// A replica of the engine in engine_test.cpp.
  static DesiredReplica replica(std::string id, std::vector<std::string> more = {}) {
    DesiredReplica out;
    out.replica_id = std::move(id);
    out.deployment_id = "dep_1";
    out.engine = "fake";
    out.command = {"{modelops}", "engine", "--port", "{port}"};
    out.command.insert(out.command.end(), more.begin(), more.end());
    out.readiness = out.liveness = {.path = "/health", .period_ms = 50, .timeout_ms = 5000, .failures_max = 3};
    out.stop_grace_ms = 20'000;
    out.restarts_max = 2;
    return out;
  }
  ObservedReplica ready(const std::string& id) {
    EXPECT_TRUE(server.await(id, ReplicaState::ready))
        << id << ": " << server.observed(id).value_or(ObservedReplica{}).message;
    return server.observed(id).value_or(ObservedReplica{});
  }
  ObservedReplica failed(const std::string& id) {
    EXPECT_TRUE(server.await(id, ReplicaState::failed)) << id;
    return server.observed(id).value_or(ObservedReplica{});
  }

  /// Of an engine that has been ready, as its agent noted it on disk; 0 when there is none.
  std::int64_t ready_pid(const std::string& id) const {
    std::ifstream file(state / "replicas" / id / "engine.json");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (text.empty()) return 0;
    const auto record = reflect::from_stored_json<EngineRecord>(text);
    return record.ready_at ? record.pid : 0;
  }

  ControlPlane server;
  SystemClock clock;
  TemporaryFolder folder;
  std::filesystem::path state = folder.path() / "state";
  std::filesystem::path engines = folder.path() / "engines";
  std::mutex mutex;
  std::string finished;
  bool enrolled = false;
  pid_t child = 0;
  std::unique_ptr<Agent> agent;
};

TEST_F(AgentTest, RunsWhatIsDesiredAndSaysWhere) {
  start();
  server.want({replica("r1")});
  const ObservedReplica seen = ready("r1");
  EXPECT_THAT(seen.address, ::testing::StartsWith("127.0.0.1:"));
  EXPECT_TRUE(exists(seen.pid));
  EXPECT_TRUE(seen.started_at && seen.ready_at);
  EXPECT_TRUE(server.await("r1", [](const auto& r) { return r.memory_bytes > 0; }));
  EXPECT_EQ(server.reported_generation(), 1);
  ASSERT_TRUE(server.inventory());
  EXPECT_GT(server.inventory()->memory_bytes, 0);
  ASSERT_EQ(server.inventory()->engines.size(), 1u);
  EXPECT_EQ(server.inventory()->engines[0].id, "llama_cpp");

  server.want({});
  EXPECT_TRUE(server.await("r1", ReplicaState::stopped));
  EXPECT_TRUE(ended(seen.pid));
  EXPECT_TRUE(eventually([&] { return !server.observed("r1"); })) << "once told, it is forgotten";
  EXPECT_TRUE(eventually([&] { return std::filesystem::is_empty(state / "replicas"); }));
}

TEST_F(AgentTest, GivesTheEngineItsFilesAndItsEnvironmentOnly) {
  start();
  ASSERT_TRUE(eventually([&] { return server.inventory().has_value(); }));
  DesiredReplica wanted = replica("r1", {"--show-environment", "1", "--words", "{artifact}|{host}|{engines}|$HOME"});
  const std::string sha256 = server.put_artifact("weights");
  wanted.artifact = {{"models/m.onnx", 7, sha256}};
  wanted.artifact_digest = std::string(64, 'd');
  wanted.environment = {{"PLAIN", "at {port}"}};
  const std::string context = targets::secret_context("mch_1", "dep_1", "API_KEY");
  wanted.secrets = {{"API_KEY", to_base64url(crypto::seal_to(server.sealing_key(), "s3cret", context))}};
  wanted.cpus_max = 0.5;
  server.want({wanted});
  const ObservedReplica seen = ready("r1");
  const auto artifact = state / "versions" / wanted.artifact_digest;
  EXPECT_TRUE(eventually([&] {
    return !server.lines("r1", "stderr").empty() &&
           std::ranges::count(server.lines("r1", "stdout"), "API_KEY=s3cret") == 1;
  }));
  EXPECT_EQ(server.lines("r1", "stderr").front(), artifact.string() + "|127.0.0.1|" + engines.string() + "|$HOME");
  EXPECT_THAT(server.lines("r1", "stdout"), Contains("PLAIN=at " + seen.address.substr(10)));
  EXPECT_EQ(server.lines("r1", "stdout").size(), 6u) << "PATH, LANG, HOME, PLAIN, API_KEY, MODELOPS_NONCE";
  EXPECT_TRUE(std::filesystem::exists(artifact / "models" / "m.onnx"));
  cpu_set_t cpus;
  ASSERT_EQ(::sched_getaffinity(static_cast<pid_t>(seen.pid), sizeof cpus, &cpus), 0);
  EXPECT_EQ(CPU_COUNT(&cpus), 1);

  server.want({});
  EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(artifact); })) << "nobody needs it any more";
}

TEST_F(AgentTest, ResumesACutDownload) {
  start();
  const std::string bytes(3'000'000, 'w');
  DesiredReplica wanted = replica("r1");
  wanted.artifact = {{"m", static_cast<std::int64_t>(bytes.size()), server.put_artifact(bytes)}};
  wanted.artifact_digest = std::string(64, 'e');
  server.artifact_bytes_max = 1'000'000;
  server.want({wanted});
  ready("r1");
  ASSERT_EQ(server.ranges().size(), 2u);
  EXPECT_THAT(server.ranges()[1], ::testing::StartsWith("bytes="));
}

TEST_F(AgentTest, RefusesAnArtifactThatIsNotWhatItsDigestSays) {
  start();
  DesiredReplica wanted = replica("r1");
  wanted.artifact = {{"m", 5, std::string(64, '1')}};
  wanted.artifact_digest = std::string(64, 'd');
  server.put_artifact_as(std::string(64, '1'), "other");
  server.want({wanted});
  EXPECT_EQ(failed("r1").reason, "artifact_mismatch");
}

TEST_F(AgentTest, RefusesPathTricks) {
  start();
  DesiredReplica wanted = replica("r1");
  wanted.artifact = {{"../../r1", 5, server.put_artifact("other")}};
  wanted.artifact_digest = std::string(64, 'd');
  DesiredReplica escaping = replica("../escape");
  server.want({wanted, escaping, replica("r2")});
  EXPECT_EQ(failed("r1").reason, "invalid");
  EXPECT_EQ(failed("../escape").reason, "invalid");
  ready("r2");
  EXPECT_FALSE(std::filesystem::exists(state / "escape"));
}

TEST_F(AgentTest, SaysWhoHasThePort) {
  start();
  Listener listener;
  DesiredReplica wanted = replica("r1");
  wanted.port = listener.port();
  wanted.restarts_max = 0;
  server.want({wanted});
  const ObservedReplica seen = failed("r1");
  EXPECT_EQ(seen.reason, "port_taken");
  EXPECT_THAT(seen.message, HasSubstr(std::to_string(listener.port())));
  EXPECT_THAT(seen.message, HasSubstr(fmt::format("(pid {})", ::getpid())));

  listener.close();
  wanted.restarts_max = 1;
  server.want({wanted});
  EXPECT_EQ(ready("r1").address, fmt::format("127.0.0.1:{}", wanted.port));
}

TEST_F(AgentTest, ACrashLoopEndsFailedWithTheEnginesLastWords) {
  start();
  server.want({replica("r1", {"--words", "cannot load the model: bad magic", "--exit", "3"})});
  const ObservedReplica seen = failed("r1");
  EXPECT_EQ(seen.reason, "engine_exited");
  EXPECT_THAT(seen.message, HasSubstr("exited with code 3"));
  EXPECT_THAT(seen.message, HasSubstr("cannot load the model: bad magic"));
  EXPECT_EQ(seen.exit_code, 3);
  EXPECT_EQ(seen.restarts, 2);
  EXPECT_TRUE(eventually([&] { return server.lines("r1", "stderr").size() == 3; })) << "one of each attempt";
}

TEST_F(AgentTest, AnEngineThatIsMissingFailsAtOnce) {
  start();
  DesiredReplica wanted = replica("r1");
  wanted.command = {"{engines}/none/serve"};
  server.want({wanted});
  const ObservedReplica seen = failed("r1");
  EXPECT_EQ(seen.reason, "engine_missing");
  EXPECT_THAT(seen.message, HasSubstr((engines / "none/serve").string()));
}

TEST_F(AgentTest, RestartsAnEngineThatCrashes) {
  start();
  DesiredReplica wanted = replica("r1");
  server.want({wanted});
  const ObservedReplica first = ready("r1");
  ::kill(static_cast<pid_t>(first.pid), SIGSEGV);
  EXPECT_TRUE(server.await("r1", [&](const auto& r) { return r.state == ReplicaState::ready && r.pid != first.pid; }));
  EXPECT_EQ(server.observed("r1")->restarts, 1);
}

TEST_F(AgentTest, RestartsAnEngineThatHangs) {
  start();
  DesiredReplica wanted = replica("r1", {"--hang-after-ms", "300"});
  wanted.readiness.timeout_ms = wanted.liveness.timeout_ms = 200;
  wanted.restarts_max = 1000;
  server.want({wanted});
  const ObservedReplica first = ready("r1");
  EXPECT_TRUE(server.await("r1", [&](const auto& r) { return r.pid != 0 && r.pid != first.pid; }));
  EXPECT_THAT(server.history(), Contains(::testing::Field(&ObservedReplica::reason, "engine_hung")));
}

TEST_F(AgentTest, AnEngineThatNeverGetsReadyFails) {
  start();
  DesiredReplica wanted = replica("r1", {"--ready-after-ms", "1000000", "--words", "loading"});
  wanted.startup_ms_max = 300;
  wanted.restarts_max = 0;
  server.want({wanted});
  const ObservedReplica seen = failed("r1");
  EXPECT_EQ(seen.reason, "startup_timeout");
  EXPECT_THAT(seen.message, HasSubstr("loading"));
}

TEST_F(AgentTest, EndsAnEngineThatTakesTooMuchMemory) {
  start();
  DesiredReplica wanted = replica("r1", {"--allocate-mib", "600"});
  wanted.memory_bytes_max = 300 << 20;
  wanted.restarts_max = 0;
  server.want({wanted});
  EXPECT_EQ(failed("r1").reason, "out_of_memory");
}

TEST_F(AgentTest, KillsWhatDoesNotEndByItself) {
  start();
  DesiredReplica wanted = replica("r1", {"--ignore-term", "1", "--child", "1"});
  wanted.stop_grace_ms = 200;
  server.want({wanted});
  const ObservedReplica seen = ready("r1");
  ASSERT_TRUE(eventually([&] { return !server.lines("r1", "stdout").empty(); }));
  const auto grandchild = parse_int(server.lines("r1", "stdout").front().substr(6)).value_or(0);
  ASSERT_TRUE(exists(grandchild));
  server.want({});
  EXPECT_TRUE(server.await("r1", ReplicaState::stopped));
  EXPECT_TRUE(ended(seen.pid));
  EXPECT_TRUE(eventually([&] { return ended(grandchild); }));
  EXPECT_EQ(server.observed("r1").value_or(ObservedReplica{.exit_code = 128 + SIGKILL}).exit_code, 128 + SIGKILL);
}

TEST_F(AgentTest, RollsOverToANewRevision) {
  start();
  server.want({replica("r1")});
  const ObservedReplica old = ready("r1");
  server.want({replica("r1"), replica("r2")});
  ready("r2");
  EXPECT_TRUE(exists(old.pid));
  server.want({replica("r2")});
  EXPECT_TRUE(eventually([&] { return ended(old.pid); }));
  EXPECT_EQ(ready("r2").restarts, 0);

  // The same replica with another command is ended and started anew.
  const std::int64_t before = server.observed("r2")->pid;
  server.want({replica("r2", {"--words", "new"})});
  EXPECT_TRUE(server.await("r2", [&](const auto& r) { return r.state == ReplicaState::ready && r.pid != before; }));
  EXPECT_TRUE(ended(before));
}

TEST_F(AgentTest, SendsLinesInOrder) {
  start();
  server.want({replica("r1", {"--lines", "300", "--lines-per-second", "100"})});
  ready("r1");
  ASSERT_TRUE(eventually([&] { return server.lines("r1", "stdout").size() >= 300; }));
  const auto lines = server.lines("r1", "stdout");
  for (std::size_t i = 0; i < lines.size(); ++i) ASSERT_EQ(lines[i], fmt::format("line {}", i));
}

TEST_F(AgentTest, WorksOnWhileTheServerIsAway) {
  start();
  server.want({replica("r1")});
  const ObservedReplica first = ready("r1");
  server.stop();
  ::kill(static_cast<pid_t>(first.pid), SIGSEGV);
  // It comes back without anybody's help; the server hears of it later.
  EXPECT_TRUE(eventually([&] { return ready_pid("r1") != 0 && ready_pid("r1") != first.pid; }));
  server.start();
  EXPECT_TRUE(server.await("r1", [&](const auto& r) { return r.state == ReplicaState::ready && r.pid != first.pid; }));
  server.want({replica("r1"), replica("r2")});
  ready("r2");
}

TEST_F(AgentTest, AKilledAgentFindsItsEnginesAgain) {
  start_child();
  server.want({replica("r1"), replica("r2")});
  const ObservedReplica first = ready("r1");
  const ObservedReplica second = ready("r2");
  kill_child(SIGKILL);
  EXPECT_TRUE(exists(first.pid));
  server.want({replica("r1")});  // while it is down
  start_child();
  EXPECT_TRUE(eventually([&] { return ended(second.pid); }));
  EXPECT_TRUE(eventually([&] { return server.reported_generation() == 2; }));
  const ObservedReplica again = ready("r1");
  EXPECT_EQ(again.pid, first.pid);
  EXPECT_EQ(again.address, first.address);
  EXPECT_EQ(again.restarts, 0);

  // Ended by hand it leaves them too, and starts offline with what it last knew.
  EXPECT_EQ(kill_child(SIGTERM), 0);
  EXPECT_TRUE(exists(first.pid));
  ::kill(static_cast<pid_t>(first.pid), SIGKILL);
  EXPECT_TRUE(eventually([&] { return ended(first.pid); }));
  server.stop();
  start_child();
  EXPECT_TRUE(eventually([&] { return ready_pid("r1") != 0 && ready_pid("r1") != first.pid; }));
  EXPECT_EQ(kill_child(SIGTERM), 0);
  stop_engines(state, clock);
  EXPECT_TRUE(std::filesystem::exists(state / "desired.json"));
  EXPECT_FALSE(std::filesystem::exists(state / "replicas" / "r1" / "engine.json"));
}

TEST_F(AgentTest, FindsAnEngineWhoseStartItDidNotSurvive) {
  start();
  server.want({replica("r1")});
  const ObservedReplica first = ready("r1");
  agent.reset();
  // As the record was when the engine had been started but not yet noted.
  const auto file = state / "replicas" / "r1" / "engine.json";
  std::ifstream in(file);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::string pid = fmt::format("\"pid\":{}", first.pid);
  ASSERT_NE(text.find(pid), text.npos);
  text.replace(text.find(pid), pid.size(), "\"pid\":0");
  std::ofstream(file) << text;
  AgentOptions again = options();
  again.token.clear();
  start(again);
  EXPECT_TRUE(server.await("r1", ReplicaState::ready));
  EXPECT_EQ(server.observed("r1")->pid, first.pid);
}

TEST_F(AgentTest, TakesNoStrangerForItsEngine) {
  start();
  server.want({replica("r1")});
  const ObservedReplica first = ready("r1");
  agent.reset();
  ::kill(static_cast<pid_t>(first.pid), SIGKILL);
  ::waitpid(static_cast<pid_t>(first.pid), nullptr, 0);
  const auto file = state / "replicas" / "r1" / "engine.json";
  std::ifstream in(file);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::string pid = fmt::format("\"pid\":{}", first.pid);
  text.replace(text.find(pid), pid.size(), fmt::format("\"pid\":{}", ::getpid()));  // used again by somebody else
  std::ofstream(file) << text;
  AgentOptions again = options();
  again.token.clear();
  start(again);
  EXPECT_TRUE(server.await("r1", [&](const auto& r) {
    return r.state == ReplicaState::ready && r.pid != first.pid && r.pid != ::getpid();
  }));
}

TEST_F(AgentTest, OneAgentPerFolder) {
  start();
  EXPECT_THROW(Agent(options(), clock, {}), Error);
  EXPECT_THROW(stop_engines(state, clock), Error);
}

TEST_F(AgentTest, StopsWhenItIsRevokedAndLeavesTheEngines) {
  start();
  server.want({replica("r1")});
  const ObservedReplica seen = ready("r1");
  server.revoked = true;
  EXPECT_TRUE(eventually([&] { return !why_finished().empty(); }));
  EXPECT_THAT(why_finished(), HasSubstr("This machine was revoked."));
  agent.reset();
  EXPECT_TRUE(exists(seen.pid));

  // A new token enrolls it anew, and it finds its engine.
  start();
  EXPECT_TRUE(server.await("r1", ReplicaState::ready));
  EXPECT_EQ(server.observed("r1")->pid, seen.pid);
}

TEST_F(AgentTest, ASecretThatCannotBeReadIsReadOnceItIsSealedAnew) {
  start();
  ASSERT_TRUE(eventually([&] { return server.inventory().has_value(); }));
  DesiredReplica wanted = replica("r1");
  wanted.secrets = {{"API_KEY", to_base64url("not sealed to anybody")}};
  server.want({wanted});
  EXPECT_EQ(failed("r1").reason, "secret_unreadable");
  const std::string context = targets::secret_context("mch_1", "dep_1", "API_KEY");
  wanted.secrets[0].sealed = to_base64url(crypto::seal_to(server.sealing_key(), "s3cret", context));
  server.want({wanted});
  ready("r1");
}

TEST_F(AgentTest, EndsItsEnginesWhenTold) {
  AgentOptions with = options();
  with.stop_engines_on_exit = true;
  start(with);
  server.want({replica("r1")});
  const ObservedReplica seen = ready("r1");
  agent.reset();
  EXPECT_TRUE(ended(seen.pid));
}

TEST_F(AgentTest, NeedsATokenOnce) {
  AgentOptions with = options();
  with.token.clear();
  EXPECT_THROW(start(with), Error);
  with.token = "mo_enroll_wrong";
  start(with);
  EXPECT_TRUE(eventually([&] { return !why_finished().empty(); }));
  EXPECT_THAT(why_finished(), HasSubstr("The token is unknown or used."));
}

}  // namespace
}  // namespace modelops::agent
