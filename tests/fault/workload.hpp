#pragma once
#include <atomic>
#include <random>
#include <thread>

#include "tests/fault/serve.hpp"

namespace modelops {

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
  }
  void deleted(const std::string& name) {
    std::lock_guard lock(mutex_);
    asked_.erase(name);
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

 private:
  std::mutex mutex_;
  std::set<std::string> asked_;
  std::set<std::string> made_;
  std::set<std::string> gone_;
  std::atomic<std::int64_t> changes_ = 0;
};

/// Clients that change things while the server may go away, and afterwards tell what must be there.
class Workload {
 public:
  Workload(std::filesystem::path folder, std::function<cli::Api()> api)
      : folder_(std::move(folder)), api_(std::move(api)) {}
  ~Workload() { stop(); }

  void start() {
    ++round_;
    stopping_ = false;
    for (int writer = 0; writer < 4; ++writer) writers_.emplace_back([this, writer] { write(writer); });
    if (!model_.empty()) writers_.emplace_back([this] { deploy(); });
  }
  void stop() {
    stopping_ = true;
    for (auto& writer : writers_) writer.join();
    writers_.clear();
  }
  /// From now on deployments of this model on the target `local` come, change and go too.
  void deploy_also(const std::string& model) { model_ = model; }

  /// Changes that were acknowledged.
  std::int64_t changes() const { return teams_.changes() + models_.changes() + deployments_.changes(); }
  /// Until so many more are; false when that takes too long, or a writer was refused for another reason than a server
  /// or database that is away.
  bool wait_for(std::int64_t more) {
    const std::int64_t moment = changes() + more;
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (changes() < moment && failures().empty() && std::chrono::steady_clock::now() < patience)
      std::this_thread::yield();
    return changes() >= moment;
  }
  std::vector<std::string> failures() {
    std::lock_guard lock(mutex_);
    return failures_;
  }

  /// `all` reads the names of a list.
  void compare(const std::function<std::set<std::string>(const std::string&)>& all) const {
    teams_.compare(all("/api/v1/teams"));
    models_.compare(all("/api/v1/models?page_size=1000&filter=" + http::percent_encode("tags.load = 'yes'")));
    deployments_.compare(all("/api/v1/deployments?page_size=1000"));
  }
  /// Every model of the load has its version with its file, or it is not there at all.
  static void expect_whole(cli::Api reader, const std::set<std::string>& models) {
    for (const std::string& name : models) {
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
  }

 private:
  /// Does one change after the other until it is told to stop.
  template <class F>
  void repeat(F&& change) {
    for (int i = 0; !stopping_; ++i) {
      try {
        change(i);
      } catch (const Error& error) {
        // The connection is lost, or the server or its database is away: neither was acknowledged.
        if (error.code == ErrorCode::unavailable || error.code == ErrorCode::bad_gateway) continue;
        std::lock_guard lock(mutex_);
        failures_.push_back(error.message + " " + error.detail);
        return;
      }
    }
  }
  void write(int writer) {
    cli::Api mine = api_();
    repeat([&](int i) {
      const std::string name = fmt::format("r{}-w{}-{}", round_, writer, i);
      switch (i % 3) {
        case 0: make(mine, "/api/v1/teams", teams_, name); break;
        case 1:
          make(mine, "/api/v1/teams", teams_, name);
          teams_.asked_to_delete(name);
          mine.call(http::Method::delete_, "/api/v1/teams/" + name);
          teams_.deleted(name);
          break;
        default: register_model(mine, name);
      }
    });
  }
  void deploy() {
    cli::Api mine = api_();
    repeat([&](int i) {
      const std::string name = fmt::format("r{}-d{}", round_, i);
      make(mine, "/api/v1/deployments", deployments_, name,
           {{"model", model_}, {"target", "local"}, {"environment", "development"}});
      mine.post("/api/v1/deployments/" + name + "/scale", boost::json::object{{"replicas", 1 + i % 2}});
      deployments_.changed();
      // It takes its time to go, so it may be seen for a while.
      deployments_.asked_to_delete(name);
      mine.call(http::Method::delete_, "/api/v1/deployments/" + name);
      deployments_.changed();
    });
  }
  static void make(cli::Api& mine, const std::string& collection, Ledger& ledger, const std::string& name,
                   boost::json::object body = {}) {
    body["name"] = name;
    ledger.asked(name);
    mine.post(collection, body);
    ledger.made(name);
  }
  /// An upload of one file that says its name, and a model with it as version 1.
  void register_model(cli::Api& mine, const std::string& name) {
    const std::filesystem::path file = folder_ / (name + ".txt");
    std::ofstream(file) << name;
    const std::string upload =
        cli::upload_files(mine, {file.string()}, {.memory = folder_ / "uploads", .patience = std::chrono::seconds(0)});
    models_.changed();
    make(mine, "/api/v1/models", models_, name,
         {{"source", {{"type", "upload"}, {"upload_id", upload}}},
          {"create_version", true},
          {"tags", {{"load", "yes"}}}});
    std::filesystem::remove(file);
  }

  const std::filesystem::path folder_;
  const std::function<cli::Api()> api_;
  std::string model_;
  int round_ = 0;
  std::atomic<bool> stopping_ = true;
  Ledger teams_;
  Ledger models_;
  Ledger deployments_;
  std::mutex mutex_;
  std::vector<std::string> failures_;
  std::vector<std::thread> writers_;
};

}  // namespace modelops
