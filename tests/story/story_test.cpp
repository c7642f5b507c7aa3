#include <signal.h>

#include <fstream>
#include <thread>

#include "base/eventually_test.hpp"
#include "reflect/json.hpp"
#include "tests/story/installation.hpp"

namespace modelops {
namespace {

using testing::eventually;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string infer_body() {
  std::string data;
  for (int i = 0; i < 64; ++i) data += (i == 0 ? "" : ",") + std::to_string(i % 17);
  return R"({"inputs":[{"name":"pixels","shape":[1,64],"datatype":"FP32","data":[)" + data + "]}]}";
}

class StoryTest : public InstallationTest {
 protected:
  int pid_of(const std::string& name) {
    std::ifstream file(home / "state" / "run" / (name + ".pid"));
    int pid = 0;
    file >> pid;
    return pid;
  }
  /// False once it has ended, even before the process above it has noticed.
  static bool runs(int pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string line;
    if (!std::getline(file, line)) return false;
    return line.substr(line.rfind(')') + 2, 1) != "Z";
  }
  std::string app() const { return fmt::format("http://localhost:{}/modelops", web_port); }
  std::int64_t engine_pid(const std::string& deployment) {
    const auto replicas = api().get("/api/v1/deployments/" + deployment + "/replicas");
    return replicas.at("items").as_array().at(0).at("pid").to_number<std::int64_t>();
  }
  std::string engine_address(const std::string& deployment) {
    const auto replicas = api().get("/api/v1/deployments/" + deployment + "/replicas");
    return std::string(replicas.at("items").as_array().at(0).at("address").as_string());
  }
  /// What Prometheus keeps of a metric.
  boost::json::array history(const std::string& deployment, const std::string& metric) {
    return api()
        .get("/api/v1/monitoring/deployments/" + deployment + "/history?metrics=" + metric)
        .at("series")
        .as_array();
  }
  /// The largest value of a chart.
  double highest(const std::string& deployment, const std::string& series) {
    double out = 0;
    const auto metrics = api().get("/api/v1/monitoring/deployments/" + deployment);
    for (const auto& value : metrics.at("traffic").at(series).as_array())
      if (!value.is_null()) out = std::max(out, value.to_number<double>());
    return out;
  }
};

TEST_F(StoryTest, TwoModelsAnswerAndComeBackAfterKill9) {
  const Ran first = up();
  ASSERT_EQ(first.status, 0) << first.output;
  EXPECT_THAT(first.output, HasSubstr("digits    this is a 9"));
  EXPECT_THAT(first.output, HasSubstr("Paris"));
  EXPECT_THAT(first.output, HasSubstr("tokens/s"));
  EXPECT_THAT(first.output,
              HasSubstr(fmt::format("sign in once (administrator, no password yet): {}/sign-in#token=", app())));
  EXPECT_THAT(first.output, HasSubstr(fmt::format("open    {}\n", app())));
  http::Client browser({.addresses = http::AddressPolicy::any});
  EXPECT_THAT(browser.send({.url = app()}).body, HasSubstr("<title>ModelOps</title>"));
  for (const std::string name : {"agent", "gateway"}) {
    std::ifstream arguments(fmt::format("/proc/{}/cmdline", pid_of(name)));
    const std::string seen(std::istreambuf_iterator<char>(arguments), {});
    EXPECT_THAT(seen, ::testing::AllOf(HasSubstr("--state"), Not(HasSubstr("enroll")))) << "every user sees arguments";
  }

  // What was called just now is on the charts, and so are the engines.
  EXPECT_TRUE(eventually([&] { return highest("digits", "requests_per_second") > 0; }));
  EXPECT_TRUE(eventually([&] { return highest("gemma-3-270m", "tokens_out_per_second") > 0; }));
  EXPECT_GT(highest("gemma-3-270m", "first_token_p95_ms"), 0);
  EXPECT_TRUE(eventually([&] {
    const auto replicas = api().get("/api/v1/monitoring/deployments/digits").at("replicas").as_array();
    return replicas.size() == 1;
  }));

  // The engines tell how they are: llama.cpp in the vocabulary of all.
  EXPECT_TRUE(eventually([&] {
    const auto replicas = api().get("/api/v1/monitoring/deployments/gemma-3-270m").at("replicas").as_array();
    return !replicas.empty() && std::ranges::any_of(replicas[0].at("engine").as_array(), [](const auto& series) {
      return series.at("name") == "tokens_out_total";
    });
  }));
  // Prometheus keeps it, under names that follow its conventions.
  EXPECT_THAT(first.output, HasSubstr(fmt::format("http://localhost:{}, kept for 15 days", prometheus_port)));
  EXPECT_TRUE(eventually([&] { return !history("gemma-3-270m", "tokens_out_per_second").empty(); }));
  EXPECT_TRUE(eventually([&] { return !history("gemma-3-270m", "requests_running").empty(); }));
  for (const std::string& address : {fmt::format("localhost:{}", gateway_port), engine_address("digits")}) {
    const Ran checked = testing::run_program(
        {"bash", "-c", fmt::format("set -o pipefail; curl -sS http://{}/metrics | promtool check metrics", address)});
    EXPECT_EQ(checked.status, 0) << address << "\n" << checked.output;
  }

  // A page gets a key for a moment and calls the gateway itself.
  const auto trial = api().post("/api/v1/deployments/digits/try", boost::json::object());
  cli::Profile page = profile();
  page.token = std::string(trial.at("token").as_string());
  const auto path = std::string(trial.at("serve_path").as_string()) + "/v2/models/digits/infer";
  EXPECT_EQ(trial.at("gateway_url").as_string(), fmt::format("http://localhost:{}", gateway_port));
  EXPECT_TRUE(eventually([&] {
    try {
      return cli::Api(page).gateway(http::Method::post, path, infer_body()).status == 200;
    } catch (const Error& error) {
      if (error.code != ErrorCode::unauthenticated) throw;
      return false;
    }
  }));

  // Again: nothing changes, everything answers.
  const auto events_before =
      api().get("/api/v1/audit/records?page_size=1&order_by=time%20desc").at("items").as_array().at(0).at("id");
  const Ran second = up();
  ASSERT_EQ(second.status, 0) << second.output;
  EXPECT_THAT(second.output, HasSubstr("digits    this is a 9"));
  EXPECT_THAT(second.output, Not(HasSubstr("sign in once")));
  EXPECT_THAT(second.output, ::testing::ContainsRegex("history .* was running"));
  EXPECT_EQ(api().get("/api/v1/audit/records?page_size=1&order_by=time%20desc").at("items").as_array().at(0).at("id"),
            events_before);

  // The command that it prints for a new link, pasted into a shell.
  const std::size_t hint = second.output.find("\nsign in ");
  ASSERT_NE(hint, std::string::npos) << second.output;
  const std::string command = second.output.substr(hint + 9, second.output.find('\n', hint + 1) - hint - 9);
  const Ran link = testing::run_program({"/bin/sh", "-c", command});
  EXPECT_EQ(link.status, 0) << command << link.output;
  EXPECT_THAT(link.output, StartsWith(app() + "/sign-in#token="));

  // A newer program takes the places of the one that runs; engines go on.
  const std::vector<std::int64_t> old{pid_of("serve"), pid_of("agent"), pid_of("gateway")};
  const std::vector<std::int64_t> engines{engine_pid("digits"), engine_pid("gemma-3-270m")};
  const std::filesystem::path newer = home / "newer-modelops";
  std::filesystem::copy_file(MODELOPS_PROGRAM, newer);
  const Ran upgraded = up(newer);
  ASSERT_EQ(upgraded.status, 0) << upgraded.output;
  EXPECT_THAT(upgraded.output, HasSubstr("the new program took over"));
  EXPECT_THAT(upgraded.output, HasSubstr("digits    this is a 9"));
  for (const char* name : {"serve", "agent", "gateway"}) {
    EXPECT_THAT(old, Not(::testing::Contains(pid_of(name)))) << name;
    EXPECT_EQ(std::filesystem::read_symlink(fmt::format("/proc/{}/exe", pid_of(name))), newer);
  }
  EXPECT_EQ((std::vector<std::int64_t>{engine_pid("digits"), engine_pid("gemma-3-270m")}), engines);

  // kill -9 of every process, engines included.
  std::vector<std::int64_t> pids{
      pid_of("serve"),     pid_of("agent"), pid_of("gateway"), engine_pid("digits"), engine_pid("gemma-3-270m"),
      pid_of("prometheus")};
  for (const std::int64_t pid : pids) {
    ASSERT_GT(pid, 1);
    ::kill(static_cast<pid_t>(pid), SIGKILL);
  }
  const Ran third = up();
  ASSERT_EQ(third.status, 0) << third.output;
  EXPECT_THAT(third.output, HasSubstr("digits    this is a 9"));
  EXPECT_THAT(third.output, HasSubstr("was registered"));
  const int prometheus = pid_of("prometheus");
  EXPECT_THAT(pids, Not(::testing::Contains(prometheus)));
  EXPECT_FALSE(history("gemma-3-270m", "tokens_out_per_second").empty()) << "what it had kept is still there";
  EXPECT_EQ(run({"down"}).status, 0);
  EXPECT_FALSE(runs(prometheus));
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
  change(gemma,
         boost::json::object{
             {"runtime", boost::json::object{{"type", "process"}, {"drain_ms", 0}, {"stop_grace_ms", 300'000}}}});
  until_only(gemma, 2, 1);
  std::string streamed;
  const auto receive = [&](std::string_view bytes) {
    if (streamed.empty()) mine.post(gemma + "/stop", boost::json::object());
    streamed += bytes;
    return true;
  };
  const std::string long_story =
      R"({"model":"gemma-3-270m","prompt":"Once upon a time","max_tokens":200,"ignore_eos":true,"temperature":0,)"
      R"("stream":true})";
  EXPECT_EQ(api().gateway(http::Method::post, "/v1/completions", long_story, receive).status, 200);
  EXPECT_THAT(streamed, HasSubstr("data: [DONE]"));
}

/// Another installation's server at the same port is not taken for ours.
TEST_F(StoryTest, APortOfAnotherInstallationIsSaid) {
  testing::Process other({MODELOPS_PROGRAM, "serve", fmt::format("--api.port={}", api_port), "--web.enabled=false",
                          "--data.folder=" + (home / "other").string()},
                         home / "other.log");
  other.wait_for_line("the API listens on port ");
  const Ran ran = up();
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.output, HasSubstr(fmt::format("127.0.0.1:{} is already in use", api_port)));
}

}  // namespace
}  // namespace modelops
