#include "dataplane/runtime/main.hpp"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "base/error.hpp"
#include "base/listener_test.hpp"
#include "dataplane/runtime/test_models.hpp"
#include "platform/http/client.hpp"

namespace modelops::runtime {
namespace {

using namespace testing;

int run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "runtime");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  return run_runtime(static_cast<int>(argv.size()), argv.data());
}

std::string write_model(const std::string& bytes) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("modelops-main-{}.onnx", ::getpid());
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

/// Serves one model, asks it once it is ready, and ends the process with SIGTERM.
[[noreturn]] void serve_once() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const std::string model = write_model(identity_model());
  const std::string url = fmt::format("http://127.0.0.1:{}", modelops::testing::Listener().port());
  std::thread caller([&] {
    http::Client client({.addresses = http::AddressPolicy::any});
    const auto status = [&] {
      try {
        return client.send({.url = url + "/health"}).status;
      } catch (const Error&) {
        return 0;
      }
    };
    while (status() != 200) std::this_thread::yield();
    const auto answer =
        client.send({.method = http::Method::post,
                     .url = url + "/v2/models/x/infer",
                     .body = R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[5,6]}]})"});
    std::fprintf(stderr, "answer: %s\n", answer.body.c_str());
    ::kill(::getpid(), SIGTERM);
  });
  const int code =
      run({"--port", url.substr(url.rfind(':') + 1), "--model", "x=" + model + ":4", "--library", library().string(),
           "--batch-max", "4", "--batch-delay-us", "100", "--graph-level", "basic", "--workers", "2"});
  caller.join();
  std::filesystem::remove(model);
  std::_Exit(code);
}

[[noreturn]] void fail_to_load() {
  const std::string model = write_model(unknown_operator_model());
  const int code = run({"--port", "0", "--model", "x=" + model, "--library", library().string()});
  std::filesystem::remove(model);
  std::_Exit(code);
}

class RunRuntime : public ::testing::Test {
 protected:
  RunRuntime() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(RunRuntime, serves_until_sigterm_and_ends_with_0) {
  EXPECT_EXIT(serve_once(), ::testing::ExitedWithCode(0), "\"model_version\":\"4\".*\"data\":\\[5,6\\]");
}

TEST_F(RunRuntime, ends_with_the_engines_words_when_a_model_cannot_be_loaded) {
  EXPECT_EXIT(fail_to_load(), ::testing::ExitedWithCode(1), "runtime ends.*NoSuchOperator");
}

TEST_F(RunRuntime, says_what_is_wrong_with_its_command_line) {
  EXPECT_EXIT(std::_Exit(run({"--port", "0"})), ::testing::ExitedWithCode(1), "--model");
  EXPECT_EXIT(std::_Exit(run({"--model", "nonsense"})), ::testing::ExitedWithCode(1), "name=path");
  EXPECT_EXIT(std::_Exit(run({"--nonsense"})), ::testing::ExitedWithCode(2), "nonsense");
  EXPECT_EXIT(std::_Exit(run({"--batch-max", "0"})), ::testing::ExitedWithCode(2), "batch-max");
  EXPECT_EXIT(std::_Exit(run({"--model", "x=y", "--library", "/nowhere.so"})), ::testing::ExitedWithCode(1),
              "Cannot load the engine");
}

}  // namespace
}  // namespace modelops::runtime
