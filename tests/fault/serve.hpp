#pragma once
#include <gmock/gmock.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/id.hpp"
#include "base/text.hpp"
#include "cli/flows.hpp"
#include "cli/uploads.hpp"
#include "reflect/json.hpp"
#include "tests/support/process.hpp"

namespace modelops {

/// `modelops serve` as a process, on a folder of the test's own.
class ServeTest : public ::testing::Test {
 protected:
  ServeTest() { std::filesystem::create_directories(folder); }
  ~ServeTest() override {
    server.reset();
    std::filesystem::remove_all(folder);
  }

  virtual std::vector<std::string> arguments() const {
    return {"--api.port=0", "--data.folder=" + (folder / "data").string(),
            "--data.key_file=" + (folder / "master.key").string(),
            "--first_start.profile=" + (folder / "profiles.json").string(), "--web.port=0"};
  }
  virtual std::vector<std::string> command() const {
    std::vector<std::string> words{program, "serve"};
    for (const std::string& argument : arguments()) words.push_back(argument);
    return words;
  }
  void launch() { server = std::make_unique<testing::Process>(command(), folder / "serve.log"); }
  void start() {
    launch();
    port = std::stoi(server->wait_for_line("the API listens on port "));
  }
  /// Starts it and kills it a moment later, wherever it is then.
  void start_and_kill(std::chrono::milliseconds moment) {
    launch();
    const auto until = std::chrono::steady_clock::now() + moment;
    while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
    kill_server();
  }
  void kill_server() {
    server->signal(SIGKILL);
    server->wait();
  }

  cli::Profile profile() const {
    cli::Profile chosen = cli::choose_profile(cli::load_profiles(folder / "profiles.json"), "default");
    chosen.url = fmt::format("http://127.0.0.1:{}", port);
    return chosen;
  }
  cli::Api api() const { return cli::Api(profile()); }

  /// The name of every item of a list, page after page.
  std::set<std::string> all(const std::string& list) const {
    cli::Api reader = api();
    std::set<std::string> out;
    std::string token;
    do {
      const auto page = reader.get(list + (token.empty() ? "" : "&page_token=" + token));
      for (const auto& item : page.at("items").as_array()) out.insert(cli::text_member(item, "name"));
      token = cli::text_member(page, "next_page_token");
    } while (!token.empty());
    return out;
  }

  static std::int64_t tree_size(cli::Api& reader) {
    try {
      return reader.get("/api/v1/audit/head").at("tree_size").to_number<std::int64_t>();
    } catch (const Error& error) {
      if (error.code != ErrorCode::not_found) throw;
      return 0;  // no head yet
    }
  }
  /// Waits until the audit log has so many records, exports it, checks it with the program; returns how many it has.
  std::int64_t audited(std::int64_t wanted) const {
    cli::Api reader = api();
    // What was written last is taken into the log a moment later; after a kill, when the lease of the dead one ends.
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(90);
    while (tree_size(reader) < wanted && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
    const std::filesystem::path file = folder / "audit.jsonl";
    {
      std::ofstream out(file, std::ios::binary | std::ios::trunc);
      reader.stream("/api/v1/audit/export", [&](std::string_view piece) { out << piece; });
    }
    const testing::Ran ran = testing::run_program({MODELOPS_PROGRAM, "audit", "verify", file.string()});
    EXPECT_EQ(ran.status, 0) << ran.output;
    const std::string_view start = "intact: ";
    if (!ran.output.starts_with(start)) return 0;
    const std::string_view rest = std::string_view(ran.output).substr(start.size());
    return parse_int(rest.substr(0, rest.find(' '))).value_or(0);
  }

  std::filesystem::path folder = std::filesystem::temp_directory_path() / ("modelops-fault-" + new_uuid7());
  std::string program = MODELOPS_PROGRAM;
  std::unique_ptr<testing::Process> server;
  int port = 0;
};

}  // namespace modelops
