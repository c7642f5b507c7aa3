#pragma once
#include <gmock/gmock.h>

#include <filesystem>

#include "base/id.hpp"
#include "cli/flows.hpp"
#include "tests/support/process.hpp"

namespace modelops {

/// One installation in a folder of its own, through the program.
class InstallationTest : public ::testing::Test {
 protected:
  using Ran = testing::Ran;

  InstallationTest() {
    std::filesystem::create_directories(home);
    ::setenv("MODELOPS_HOME", (home / "state").c_str(), 1);              // NOLINT(concurrency-mt-unsafe)
    ::setenv("MODELOPS_PROFILES", (home / "profiles.json").c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  }
  ~InstallationTest() override {
    run({"down"});
    std::filesystem::remove_all(home);
  }

  static Ran run(std::vector<std::string> words, const std::string& program = MODELOPS_PROGRAM) {
    words.insert(words.begin(), program);
    return testing::run_program(std::move(words));
  }
  Ran up(const std::string& program = MODELOPS_PROGRAM) {
    return run({"up", "--detach", "--api-port", std::to_string(api_port), "--web-port", std::to_string(web_port),
                "--gateway-port", std::to_string(gateway_port), "--prometheus-port", std::to_string(prometheus_port),
                "--examples", std::string(MODELOPS_SOURCE_DIR) + "/examples"},
               program);
  }
  cli::Profile profile() { return cli::choose_profile(cli::load_profiles(home / "profiles.json"), ""); }
  cli::Api api() { return cli::Api(profile()); }

  std::filesystem::path home = std::filesystem::temp_directory_path() / ("modelops-story-" + new_uuid7());
  int api_port = testing::free_port();
  int web_port = testing::free_port();
  int gateway_port = testing::free_port();
  int prometheus_port = testing::free_port();
};

}  // namespace modelops
