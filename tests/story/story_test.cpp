#include <gmock/gmock.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/id.hpp"
#include "cli/flows.hpp"
#include "reflect/json.hpp"

namespace modelops {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  socklen_t length = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  ::close(fd);
  return ntohs(address.sin_port);
}

/// One installation in a folder of its own, through the program.
class StoryTest : public ::testing::Test {
 protected:
  StoryTest() {
    std::filesystem::create_directories(home);
    ::setenv("MODELOPS_HOME", (home / "state").c_str(), 1);              // NOLINT(concurrency-mt-unsafe)
    ::setenv("MODELOPS_PROFILES", (home / "profiles.json").c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  }
  ~StoryTest() override {
    run({"down"});
    std::filesystem::remove_all(home);
  }

  struct Ran {
    int status = 0;
    std::string output;
  };
  Ran run(std::vector<std::string> words) {
    words.insert(words.begin(), MODELOPS_PROGRAM);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::filesystem::path output = home / "output.txt";
    const pid_t pid = ::fork();
    if (pid == 0) {
      if (::freopen(output.c_str(), "w", stdout) == nullptr || ::dup2(STDOUT_FILENO, STDERR_FILENO) < 0) ::_exit(126);
      ::execv(MODELOPS_PROGRAM, argv.data());
      ::_exit(127);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    std::ifstream file(output);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128,
            {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()}};
  }
  Ran up() {
    return run({"up", "--detach", "--api-port", std::to_string(api_port), "--gateway-port",
                std::to_string(gateway_port), "--examples", std::string(MODELOPS_SOURCE_DIR) + "/examples"});
  }
  int pid_of(const std::string& name) {
    std::ifstream file(home / "state" / "run" / (name + ".pid"));
    int pid = 0;
    file >> pid;
    return pid;
  }
  cli::Profile profile() { return cli::choose_profile(cli::load_profiles(home / "profiles.json"), ""); }
  cli::Api api() { return cli::Api(profile()); }
  std::int64_t engine_pid(const std::string& deployment) {
    const auto replicas = api().get("/api/v1/deployments/" + deployment + "/replicas");
    return replicas.at("items").as_array().at(0).at("pid").to_number<std::int64_t>();
  }

  std::filesystem::path home = std::filesystem::temp_directory_path() / ("modelops-story-" + new_uuid7());
  int api_port = free_port();
  int gateway_port = free_port();
};

TEST_F(StoryTest, TwoModelsAnswerAndComeBackAfterKill9) {
  const Ran first = up();
  ASSERT_EQ(first.status, 0) << first.output;
  EXPECT_THAT(first.output, HasSubstr("digits    this is a 9"));
  EXPECT_THAT(first.output, HasSubstr("Paris"));
  EXPECT_THAT(first.output, HasSubstr("tokens/s"));
  EXPECT_THAT(first.output, HasSubstr("sign in once"));
  for (const std::string name : {"agent", "gateway"}) {
    std::ifstream arguments(fmt::format("/proc/{}/cmdline", pid_of(name)));
    const std::string seen(std::istreambuf_iterator<char>(arguments), {});
    EXPECT_THAT(seen, ::testing::AllOf(HasSubstr("--state"), Not(HasSubstr("enroll")))) << "every user sees arguments";
  }

  // Again: nothing changes, everything answers.
  const auto events_before =
      api().get("/api/v1/audit/records?page_size=1&order_by=time%20desc").at("items").as_array().at(0).at("id");
  const Ran second = up();
  ASSERT_EQ(second.status, 0) << second.output;
  EXPECT_THAT(second.output, HasSubstr("digits    this is a 9"));
  EXPECT_THAT(second.output, Not(HasSubstr("sign in once")));
  EXPECT_EQ(api().get("/api/v1/audit/records?page_size=1&order_by=time%20desc").at("items").as_array().at(0).at("id"),
            events_before);

  // kill -9 of every process, engines included.
  std::vector<std::int64_t> pids{pid_of("serve"), pid_of("agent"), pid_of("gateway"), engine_pid("digits"),
                                 engine_pid("gemma-3-270m")};
  for (const std::int64_t pid : pids) {
    ASSERT_GT(pid, 1);
    ::kill(static_cast<pid_t>(pid), SIGKILL);
  }
  const Ran third = up();
  ASSERT_EQ(third.status, 0) << third.output;
  EXPECT_THAT(third.output, HasSubstr("digits    this is a 9"));
  EXPECT_THAT(third.output, HasSubstr("was registered"));
}

/// Two callers of digits, one request after the other, with a key of their own: the gateway's rate limit paces them,
/// and must not hold up others.
class Load {
 public:
  Load(cli::Api api, cli::Profile caller) {
    const auto key =
        api.post("/api/v1/api-keys", boost::json::object{{"name", "load"}, {"scopes", {"inference:call"}}});
    caller.token = std::string(key.at("token").as_string());
    for (int i = 0; i < 2; ++i) callers_.emplace_back([this, caller](std::stop_token stop) { call(caller, stop); });
  }

  void until_answered(int more) {
    const int wanted = answered_ + more;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (answered_ < wanted && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_GE(answered_, wanted);
  }
  /// Ends it: what failed.
  std::vector<std::string> failures() {
    callers_.clear();
    return failures_;
  }

 private:
  static std::string infer_body() {
    std::string data;
    for (int i = 0; i < 64; ++i) data += (i == 0 ? "" : ",") + std::to_string(i % 17);
    return R"({"inputs":[{"name":"pixels","shape":[1,64],"datatype":"FP32","data":[)" + data + "]}]}";
  }
  void call(const cli::Profile& caller, const std::stop_token& stop) {
    cli::Api mine(caller);
    bool known = false;  // a new key reaches the gateway with its next snapshot
    while (!stop.stop_requested()) {
      try {
        mine.gateway(http::Method::post, "/serve/default/digits/v2/models/digits/infer", infer_body());
        known = true;
        ++answered_;
      } catch (const Error& error) {
        if (error.code == ErrorCode::too_many_requests || (!known && error.code == ErrorCode::unauthenticated))
          continue;
        std::lock_guard lock(mutex_);
        failures_.push_back(error.message);
      }
    }
  }

  std::atomic<int> answered_ = 0;
  std::mutex mutex_;
  std::vector<std::string> failures_;
  std::vector<std::jthread> callers_;
};

TEST_F(StoryTest, InferenceGoesOnWhileTheControlPlaneIsKilled) {
  const Ran first = up();
  ASSERT_EQ(first.status, 0) << first.output;
  Load load(api(), profile());
  load.until_answered(100);
  for (int round = 0; round < 3; ++round) {
    ::kill(pid_of("serve"), SIGKILL);
    load.until_answered(100);
    const Ran again = up();
    EXPECT_EQ(again.status, 0) << again.output;
    load.until_answered(100);
  }
  EXPECT_THAT(load.failures(), ::testing::IsEmpty());
}

TEST_F(StoryTest, NoRequestFailsWhileReplicasAreReplacedAndRemoved) {
  const Ran first = up();
  ASSERT_EQ(first.status, 0) << first.output;
  cli::Api mine = api();
  const auto change = [&](const std::string& deployment, const boost::json::value& patch) {
    http::Headers headers;
    headers.set("If-Match", mine.call(http::Method::get, deployment).etag);
    mine.call(http::Method::patch, deployment, &patch, headers);
  };
  /// `count` replicas of `revision` serve, and nothing else runs any more.
  const auto until_only = [&](const std::string& deployment, std::int64_t revision, std::size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(90);
    for (;;) {
      const auto found = mine.get(deployment + "/replicas");
      const auto& replicas = found.at("items").as_array();
      const bool done = replicas.size() == count && std::ranges::all_of(replicas, [&](const auto& replica) {
                          return replica.at("revision") == revision && replica.at("state") == "ready" &&
                                 replica.at("retired") == false;
                        });
      if (done) return;
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << reflect::to_json(found);
      std::this_thread::yield();
    }
  };
  const std::string digits = "/api/v1/deployments/digits";
  Load load(api(), profile());
  load.until_answered(100);
  mine.post(digits + "/scale", boost::json::object{{"replicas", 2}});
  until_only(digits, 1, 2);
  load.until_answered(100);
  const boost::json::object variable{{"type", "literal"}, {"name", "MODE"}, {"value", "new"}};
  change(digits, boost::json::object{{"environment_variables", boost::json::array{variable}}});
  until_only(digits, 2, 2);
  load.until_answered(100);
  mine.post(digits + "/scale", boost::json::object{{"replicas", 1}});
  until_only(digits, 2, 1);
  load.until_answered(100);
  mine.post(digits + "/rollback", boost::json::object{{"revision", 1}});
  until_only(digits, 1, 1);
  load.until_answered(100);
  EXPECT_THAT(load.failures(), ::testing::IsEmpty());

  // An engine that is told to end finishes what it streams, even without time to drain.
  const std::string gemma = "/api/v1/deployments/gemma-3-270m";
  change(gemma, boost::json::object{
                    {"runtime", boost::json::object{{"type", "process"}, {"drain_ms", 0}, {"stop_grace_ms", 60'000}}}});
  until_only(gemma, 2, 1);
  std::string streamed;
  const auto receive = [&](std::string_view bytes) {
    if (streamed.empty()) mine.post(gemma + "/stop", boost::json::object());
    streamed += bytes;
    return true;
  };
  const std::string long_story =
      R"({"model":"gemma-3-270m","prompt":"Once upon a time","max_tokens":300,"ignore_eos":true,"temperature":0,)"
      R"("stream":true})";
  EXPECT_EQ(api().gateway(http::Method::post, "/v1/completions", long_story, receive).status, 200);
  EXPECT_THAT(streamed, HasSubstr("data: [DONE]"));
}

}  // namespace
}  // namespace modelops
