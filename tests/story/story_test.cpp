#include <gmock/gmock.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
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
  cli::Api api() { return cli::Api(cli::choose_profile(cli::load_profiles(home / "profiles.json"), "")); }
  std::int64_t engine_pid(const std::string& deployment) {
    const auto replicas = api().get("/api/v1/deployments/" + deployment + "/replicas");
    return replicas.at("items").as_array().at(0).at("pid").to_number<std::int64_t>();
  }
  static std::string infer_body() {
    std::string data;
    for (int i = 0; i < 64; ++i) data += (i == 0 ? "" : ",") + std::to_string(i % 17);
    return R"({"inputs":[{"name":"pixels","shape":[1,64],"datatype":"FP32","data":[)" + data + "]}]}";
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

TEST_F(StoryTest, InferenceGoesOnWhileTheControlPlaneIsKilled) {
  const Ran first = up();
  ASSERT_EQ(first.status, 0) << first.output;
  std::atomic<bool> stop = false;
  std::atomic<int> answered = 0;
  std::mutex mutex;
  std::condition_variable pace;
  std::vector<std::string> failures;
  std::vector<std::thread> load;
  // A key of its own: the gateway's rate limit paces the load, and must not hold up `up`.
  cli::Profile caller = cli::choose_profile(cli::load_profiles(home / "profiles.json"), "");
  const auto key =
      api().post("/api/v1/api-keys", boost::json::object{{"name", "load"}, {"scopes", {"inference:call"}}});
  caller.token = std::string(key.at("token").as_string());
  for (int i = 0; i < 2; ++i) {
    load.emplace_back([&] {
      cli::Api mine(caller);
      bool known = false;  // a new key reaches the gateway with its next snapshot
      while (!stop) {
        try {
          mine.gateway(http::Method::post, "/serve/default/digits/v2/models/digits/infer", infer_body());
          known = true;
          ++answered;
        } catch (const Error& error) {
          if (error.code == ErrorCode::too_many_requests || (!known && error.code == ErrorCode::unauthenticated))
            continue;
          std::lock_guard lock(mutex);
          failures.push_back(error.message);
        }
      }
    });
  }
  const auto until_answered = [&](int more) {
    const int wanted = answered + more;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (answered < wanted && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_GE(answered, wanted);
  };
  until_answered(100);
  for (int round = 0; round < 3; ++round) {
    ::kill(pid_of("serve"), SIGKILL);
    until_answered(100);
    const Ran again = up();
    EXPECT_EQ(again.status, 0) << again.output;
    until_answered(100);
  }
  stop = true;
  for (auto& thread : load) thread.join();
  EXPECT_THAT(failures, ::testing::IsEmpty());
}

}  // namespace
}  // namespace modelops
