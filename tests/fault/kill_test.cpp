#include <cstdlib>

#include "tests/fault/workload.hpp"
#include "tests/support/database.hpp"

namespace modelops {
namespace {

/// Times that the server is killed, on each database: `make soak` asks for more.
int kill_rounds() {
  const char* wanted = std::getenv("MODELOPS_KILL_ROUNDS");  // NOLINT(concurrency-mt-unsafe): nothing here sets it
  return wanted == nullptr ? 100 : static_cast<int>(parse_int(wanted).value());
}

class KillTest : public ServeTest, public ::testing::WithParamInterface<db::Dialect> {
 protected:
  KillTest() {
    // A SQLite file is the server's alone: another process that has it open would keep its shared memory alive.
    if (GetParam() == db::Dialect::postgres) database.emplace(GetParam());
    port = testing::free_port();
  }
  ~KillTest() override {
    // Its engines outlive an agent.
    agent.reset();
    testing::run_program({MODELOPS_PROGRAM, "agent", "--state", (folder / "agent").string(), "stop-engines"});
    server.reset();
  }
  std::vector<std::string> arguments() const override {
    auto out = ServeTest::arguments();
    out[0] = fmt::format("--api.port={}", port);  // the agent finds it again
    if (database) out.push_back("--data.database=" + database->url());
    return out;
  }

  /// A model that an engine of this machine can serve, and an agent.
  void prepare_deployments() {
    cli::Api root = api();
    const std::string upload = cli::upload_files(
        root, {std::string(MODELOPS_SOURCE_DIR) + "/examples/digits/digits.onnx"}, {.memory = folder / "uploads"});
    const auto analysis = root.post("/api/v1/models/analyze", boost::json::object{{"upload_id", upload}});
    cli::wait_for_operation(root, cli::text_member(analysis, "id"), "analysis");
    root.post("/api/v1/models",
              boost::json::object{{"name", "digits"}, {"analysis_operation_id", cli::text_member(analysis, "id")}});
    root.post("/api/v1/models/digits/versions", boost::json::object{{"upload_id", upload}});
    const auto target = root.post("/api/v1/targets", boost::json::object{{"name", "local"}});
    const std::filesystem::path engines = std::filesystem::path(std::getenv("HOME")) / ".cache" / "modelops" /
                                          "engines";  // NOLINT(concurrency-mt-unsafe)
    agent.emplace(std::vector<std::string>{MODELOPS_PROGRAM, "agent", "--server", profile().url, "--state",
                                           (folder / "agent").string(), "--engines", engines.string(), "--token",
                                           cli::text_member(target, "token")},
                  folder / "agent.log");
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (cli::text_member(root.get("/api/v1/targets/local"), "state") != "online" &&
           std::chrono::steady_clock::now() < patience)
      std::this_thread::yield();
    work.deploy_also("digits:v1");
  }

  void round(int number, std::mt19937& random) {
    if (number % 4 == 3) start_and_kill(std::chrono::milliseconds(random() % 200));
    start();
    // Reading all of it takes longer from round to round.
    if (number % 10 == 0) work.compare([&](const std::string& list) { return all(list); });
    work.start();
    EXPECT_TRUE(work.wait_for(random() % 30));
    kill_server();
    work.stop();
  }

  /// Each is healthy, with the replicas that were wanted, or gone.
  void wait_until_deployments_converged() {
    cli::Api reader = api();
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    const auto unfinished = [&] {
      std::string out;
      const auto page = reader.get("/api/v1/deployments?page_size=1000");
      for (const auto& each : page.at("items").as_array())
        if (each.at("state") != "healthy" || each.at("replicas_ready") != each.at("replicas_desired"))
          out += cli::text_member(each, "name") + " is " + cli::text_member(each, "state") + "; ";
      return out;
    };
    while (!unfinished().empty() && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
    EXPECT_EQ(unfinished(), "");
  }

  std::optional<testing::TestDatabase> database;
  std::optional<testing::Process> agent;
  Workload work{folder, [this] { return api(); }};
};

TEST_P(KillTest, NothingAcknowledgedIsLostNothingIsHalfMadeAndDeploymentsConverge) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  start();
  prepare_deployments();
  kill_server();
  for (int number = 0; number < kill_rounds() && !HasFailure(); ++number) round(number, random);
  EXPECT_THAT(work.failures(), ::testing::IsEmpty());
  start();
  work.compare([&](const std::string& list) { return all(list); });
  Workload::expect_whole(api(),
                         all("/api/v1/models?page_size=1000&filter=" + http::percent_encode("tags.load = 'yes'")));
  wait_until_deployments_converged();
  EXPECT_GT(work.changes(), kill_rounds());
  EXPECT_GE(audited(work.changes()), work.changes());
}

MODELOPS_ON_BOTH_DATABASES(KillTest);

}  // namespace
}  // namespace modelops
