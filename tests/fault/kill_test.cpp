#include <random>
#include <thread>

#include "tests/fault/serve.hpp"
#include "tests/support/database.hpp"

namespace modelops {
namespace {

/// What the writers asked for, and what the server said was done.
class Ledger {
 public:
  void asked(const std::string& name) {
    std::lock_guard lock(mutex_);
    asked_.insert(name);
  }
  void made(const std::string& name) {
    std::lock_guard lock(mutex_);
    made_.insert(name);
    ++changes_;
  }
  void asked_to_delete(const std::string& name) {
    std::lock_guard lock(mutex_);
    made_.erase(name);
    going_.insert(name);
  }
  void deleted(const std::string& name) {
    std::lock_guard lock(mutex_);
    asked_.erase(name);
    going_.erase(name);
    gone_.insert(name);
    ++changes_;
  }
  void changed() { ++changes_; }
  std::int64_t changes() const { return changes_; }

  /// What was acknowledged is there, what was deleted is not, and nothing else appears than what was asked for.
  void compare(const std::set<std::string>& found) const {
    for (const std::string& name : made_) EXPECT_TRUE(found.contains(name)) << name << " was acknowledged and is lost";
    for (const std::string& name : found) {
      EXPECT_TRUE(asked_.contains(name)) << name << (gone_.contains(name) ? " was deleted" : " was never asked for");
    }
  }
  const std::set<std::string>& kept() const { return made_; }

 private:
  std::mutex mutex_;
  std::set<std::string> asked_;
  std::set<std::string> made_;
  std::set<std::string> going_;
  std::set<std::string> gone_;
  std::atomic<std::int64_t> changes_ = 0;
};

class KillTest : public ServeTest, public ::testing::WithParamInterface<db::Dialect> {
 protected:
  KillTest() {
    // A SQLite file is the server's alone: another process that has it open would keep its shared memory alive.
    if (GetParam() == db::Dialect::postgres) database.emplace(GetParam());
  }
  std::vector<std::string> arguments() const override {
    auto out = ServeTest::arguments();
    if (database) out.push_back("--data.database=" + database->url());
    return out;
  }

  /// Creates and deletes until the server is gone.
  void write(int writer, int round) {
    cli::Api mine = api();
    for (int i = 0; !killing; ++i) {
      const std::string name = fmt::format("r{}-w{}-{}", round, writer, i);
      try {
        switch (i % 3) {
          case 0: make(mine, "/api/v1/teams", teams, name); break;
          case 1: make(mine, "/api/v1/teams", teams, name), remove(mine, name); break;
          default: register_model(mine, name);
        }
      } catch (const Error& error) {
        // The connection is lost, or the server is busy: neither was acknowledged.
        if (error.code == ErrorCode::unavailable || error.code == ErrorCode::bad_gateway) continue;
        std::lock_guard lock(mutex);
        failures.push_back(error.message + " " + error.detail);
        return;
      }
    }
  }
  static void make(cli::Api& mine, const std::string& collection, Ledger& ledger, const std::string& name,
                   boost::json::object body = {}) {
    body["name"] = name;
    ledger.asked(name);
    mine.post(collection, body);
    ledger.made(name);
  }
  void remove(cli::Api& mine, const std::string& name) {
    teams.asked_to_delete(name);
    mine.call(http::Method::delete_, "/api/v1/teams/" + name);
    teams.deleted(name);
  }
  /// An upload of one file that says its name, and a model with it as version 1.
  void register_model(cli::Api& mine, const std::string& name) {
    const std::filesystem::path file = folder / (name + ".txt");
    std::ofstream(file) << name;
    const std::string upload = cli::text_member(mine.post("/api/v1/uploads", boost::json::object()), "id");
    models.changed();
    mine.upload(fmt::format("/api/v1/uploads/{}/files?path=model.txt", upload), file.string(), {});
    make(mine, "/api/v1/models", models, name,
         {{"source", {{"type", "upload"}, {"upload_id", upload}}}, {"create_version", true}});
  }

  /// A model has its version with its file, or it is not there at all.
  void expect_whole(cli::Api& reader, const std::string& name) {
    const std::string version = "/api/v1/models/" + name + "/versions/1";
    EXPECT_NO_THROW({
      const auto files = reader.get(version + "/files").at("items").as_array();
      ASSERT_EQ(files.size(), 1u) << name;
      std::string content;
      reader.stream(version + "/files/" + cli::text_member(files.at(0), "sha256"),
                    [&](std::string_view piece) { content += piece; });
      EXPECT_EQ(content, name);
    }) << name;
  }

  void round(int number, std::mt19937& random) {
    if (number % 4 == 3) start_and_kill(std::chrono::milliseconds(random() % 200));
    start();
    teams.compare(all("/api/v1/teams"));
    const auto registered = all("/api/v1/models?page_size=1000");
    models.compare(registered);
    const std::int64_t moment = changes() + random() % 60;
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    killing = false;
    std::vector<std::thread> writers;
    for (int writer = 0; writer < 4; ++writer) writers.emplace_back([&, writer] { write(writer, number); });
    while (changes() < moment && failures_seen() == 0 && std::chrono::steady_clock::now() < patience)
      std::this_thread::yield();
    EXPECT_GE(changes(), moment);
    killing = true;
    kill_server();
    for (auto& writer : writers) writer.join();
  }
  std::int64_t changes() const { return teams.changes() + models.changes(); }
  std::size_t failures_seen() {
    std::lock_guard lock(mutex);
    return failures.size();
  }

  std::optional<testing::TestDatabase> database;
  std::atomic<bool> killing = false;
  Ledger teams;
  Ledger models;
  std::mutex mutex;
  std::vector<std::string> failures;
};

TEST_P(KillTest, NothingAcknowledgedIsLostAndNothingIsHalfMade) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const int rounds = GetParam() == db::Dialect::sqlite ? 20 : 10;
  for (int number = 0; number < rounds; ++number) round(number, random);
  EXPECT_THAT(failures, ::testing::IsEmpty());
  start();
  teams.compare(all("/api/v1/teams"));
  const auto registered = all("/api/v1/models?page_size=1000");
  models.compare(registered);
  cli::Api reader = api();
  for (const std::string& name : registered) expect_whole(reader, name);
  EXPECT_GT(changes(), rounds);
  EXPECT_GE(audited(changes()), changes());
}

MODELOPS_ON_BOTH_DATABASES(KillTest);

}  // namespace
}  // namespace modelops
