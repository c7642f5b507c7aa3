// The history of metrics, with a real Prometheus that finds and scrapes the real server.
#include <fstream>

#include "adapters/prometheus/configuration.hpp"
#include "base/eventually_test.hpp"
#include "cli/flows.hpp"
#include "cli/output.hpp"
#include "cli/uploads.hpp"
#include "platform/http/server.hpp"
#include "targets/signed_agent_test.hpp"
#include "tests/api/control_plane_test.hpp"
#include "tests/support/process.hpp"

namespace modelops {
namespace {

using enum http::Method;
using namespace std::chrono_literals;
using ::testing::AllOf;
using testing::eventually;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string text_of(const boost::json::value& value, const char* member) {
  return std::string(value.at(member).as_string());
}

/// What a gateway and an engine expose, as the test says.
class Exposing final : public http::Handler {
 public:
  http::Plan plan(const http::Request&) noexcept override { return {}; }
  http::Answer handle(const http::Plan&, http::Request&&) override {
    std::lock_guard lock(mutex);
    return http::Response{200, {}, body};
  }
  std::unique_ptr<http::BodySink> receive(const http::Plan&, const http::Request&) override { return nullptr; }
  std::mutex mutex;
  std::string body;
};

class HistoryApiTest : public ControlPlaneTest {
 protected:
  HistoryApiTest() {
    prometheus_url = fmt::format("http://127.0.0.1:{}", prometheus_port);
    api_port = testing::free_port();
    restart();
    std::filesystem::create_directories(folder / "prometheus");
    other = key_of(text_of(admin().post("/api/v1/organizations",
                                        boost::json::object{{"name", "globex"}, {"admin_email", "boss@globex.org"}}),
                           "sign_in_token"));
    digits = deploy(admin(), agent);
  }

  /// A deployment `digits` with a ready replica, in the caller's organization. Returns its id.
  std::string deploy(cli::Api caller, targets::testing::SignedAgent& machine) {
    const std::string upload =
        cli::upload_files(caller, {std::string(MODELOPS_SOURCE_DIR) + "/examples/digits/digits.onnx"});
    const auto operation = caller.post("/api/v1/models/analyze", boost::json::object{{"upload_id", upload}});
    cli::wait_for_operation(caller, text_of(operation, "id"), "analysis");
    caller.post("/api/v1/models", boost::json::object{{"name", "digits"},
                                                      {"visibility", "organization"},
                                                      {"analysis_operation_id", text_of(operation, "id")}});
    const auto version = caller.post("/api/v1/models/digits/versions", boost::json::object{{"upload_id", upload}});
    const auto target = caller.post("/api/v1/targets", boost::json::object{{"name", "local"}});
    const auto made = caller.post("/api/v1/deployments", boost::json::object{{"name", "digits"},
                                                                             {"model", text_of(version, "id")},
                                                                             {"target", "local"},
                                                                             {"environment", "development"}});
    http::ClientRequest enroll{.method = post, .url = url() + "/api/v1/machines/enroll"};
    enroll.headers.set("Content-Type", "application/json");
    enroll.body = reflect::to_json(machine.enrollment(text_of(target, "token")));
    machine.enrolled = reflect::from_json<targets::Enrolled>(client.send(enroll).body);
    return text_of(made, "id");
  }
  /// The agent says that its replicas are ready, with an engine that has counted so much.
  void observe(double tokens) {
    const auto replicas = admin().get("/api/v1/deployments/digits/replicas").at("items").as_array();
    targets::ReportObserved report{{1}, 1, {}, {}};
    for (const auto& replica : replicas) {
      targets::ObservedReplica& seen = report.replicas.emplace_back();
      seen.replica_id = text_of(replica, "id");
      seen.state = targets::ReplicaState::ready;
      seen.address = fmt::format("127.0.0.1:{}", exposer.port());
      seen.pid = 1;
      seen.memory_bytes = 5'000'000;
      seen.engine = {{"requests_waiting", 4, {}}, {"requests_ok_total", tokens, {}}};
    }
    const http::Request made =
        agent.request(post, "/api/v1/machines/observed", SystemClock().now(), "", reflect::to_json(report));
    http::ClientRequest request{.method = post, .url = url() + "/api/v1/machines/observed", .headers = made.headers};
    request.headers.set("Content-Type", "application/json");
    request.body = made.body;
    ASSERT_EQ(client.send(request).status, 204);
  }

  void start_prometheus() {
    const auto place = [&](const char* name) { return (folder / "prometheus" / name).string(); };
    const auto write = [&](const char* name, const boost::json::value& value) {
      std::ofstream(place(name)) << cli::render(value, cli::Format::yaml, {});
    };
    const auto key = admin().post(
        "/api/v1/api-keys",
        boost::json::object{{"name", "prometheus"}, {"scopes", boost::json::array{"monitoring:discover"}}});
    std::ofstream(place("token")) << text_of(key, "token");
    write("rules.yml", adapters::prometheus::recording_rules());
    write("prometheus.yml", adapters::prometheus::configuration({.server = url(),
                                                                 .token_file = place("token"),
                                                                 .local = "local",
                                                                 .rules_file = place("rules.yml"),
                                                                 .scrape_interval = "1s"}));
    server.emplace(std::vector<std::string>{"prometheus", "--config.file=" + place("prometheus.yml"),
                                            "--storage.tsdb.path=" + place("data"),
                                            fmt::format("--web.listen-address=127.0.0.1:{}", prometheus_port)},
                   place("log"));
  }
  /// The newest value of a metric; nothing while there is none.
  std::optional<double> newest(cli::Api caller, const std::string& metric) {
    try {
      const auto found = caller.get("/api/v1/monitoring/deployments/" + digits + "/history?step=15&metrics=" + metric);
      std::optional<double> out;
      for (const auto& series : found.at("series").as_array())
        for (const auto& value : series.at("values").as_array())
          if (!value.is_null()) out = value.to_number<double>();
      return out;
    } catch (const Error& error) {
      if (error.code == ErrorCode::unavailable) return std::nullopt;
      throw;
    }
  }
  std::string problem(const std::string& bearer, const std::string& path) {
    http::ClientRequest request{.url = url() + path};
    request.headers.set("Authorization", "Bearer " + bearer);
    const auto answer = client.send(request);
    return std::to_string(answer.status) + " " + answer.body;
  }

  const int prometheus_port = testing::free_port();
  Exposing exposed;
  events::Topics topics;
  http::Server exposer{{}, exposed, topics};
  targets::testing::SignedAgent agent;
  std::string other;   ///< the token of another organization's administrator
  std::string digits;  ///< the id of a deployment
  std::optional<testing::Process> server;
};

TEST_P(HistoryApiTest, PrometheusFindsScrapesAndRemembers) {
  double tokens = 100;
  observe(tokens);
  {
    std::lock_guard lock(exposed.mutex);
    exposed.body = "modelops_gateway_requests_total{organization=\"globex\",status=\"2xx\"} 1000\n";
  }
  start_prometheus();
  EXPECT_TRUE(eventually([&] {
    observe(tokens += 10);
    return newest(admin(), "requests_waiting") == 4 && newest(admin(), "memory_bytes") == 5'000'000 &&
           newest(admin(), "requests_ok_total").value_or(0) > 0;
  })) << problem(token, "/api/v1/monitoring/deployments/digits/history");

  http::ClientRequest ask{.url = prometheus_url + "/api/v1/targets?state=active"};
  EXPECT_TRUE(eventually([&] {
    const std::string found = client.send(ask).body;
    return found.find("\"component\":\"server\"") != found.npos &&
           found.find("\"component\":\"engine\"") != found.npos && found.find("\"health\":\"unknown\"") == found.npos;
  }));
  EXPECT_THAT(client.send(ask).body, AllOf(Not(HasSubstr("\"health\":\"down\"")), HasSubstr("\"target\":\"local\"")));

  // What an engine exposes counts for its own deployment, whatever it claims.
  const auto count_of = [&](const std::string& label) {
    return client
        .send({.url = prometheus_url + "/api/v1/query?query=" +
                      http::percent_encode("modelops_gateway_requests_total{" + label + "=\"globex\"}")})
        .body;
  };
  EXPECT_TRUE(eventually([&] { return count_of("exported_organization").find("1000") != std::string::npos; }));
  EXPECT_THAT(count_of("organization"), HasSubstr("\"result\":[]"));

  // Another organization sees nothing of it.
  cli::Api foreign = api(other);
  EXPECT_THAT(problem(other, "/api/v1/monitoring/deployments/" + digits + "/history"), HasSubstr("404"));
  EXPECT_THAT(foreign.get("/api/v1/inference/performance?window=7d").at("items").as_array(), IsEmpty());
  EXPECT_EQ(foreign.get("/api/v1/monitoring/targets?local=local").as_array().size(), 0u);
  EXPECT_EQ(admin().get("/api/v1/inference/performance?window=7d").at("items").as_array().size(), 1u);

  server.reset();
  EXPECT_THAT(problem(token, "/api/v1/monitoring/deployments/digits/history"),
              AllOf(HasSubstr("503"), HasSubstr("see that it runs")));
  EXPECT_EQ(admin().get("/api/v1/monitoring/deployments/digits").at("replicas").as_array().size(), 1u)
      << "live values need no Prometheus";
  EXPECT_EQ(admin().get("/api/v1/inference/performance?window=1h").at("items").as_array().size(), 1u);
}

TEST_P(HistoryApiTest, WhatIsAskedIsBoundedAndNeedsItsPermission) {
  const std::string base = "/api/v1/monitoring/deployments/digits/history?";
  for (const char* query : {"metrics=up", "step=1", "step=100000", "from=2020-01-01T00:00:00Z", "from=yesterday",
                            "to=2100-01-01T00:00:00Z", "query=up", "metrics=a%22%7D%20or%20up"})
    EXPECT_THAT(problem(token, base + query), AllOf(HasSubstr("422"), HasSubstr("violations"))) << query;
  EXPECT_THAT(problem(token, "/api/v1/inference/performance?window=2d"), HasSubstr("422"));
  cli::Api viewer = api(member("viewer"));
  for (const char* path : {"/api/v1/monitoring/targets", "/api/v1/monitoring/engines"})
    EXPECT_EQ(status_of(viewer, get, path), 403);
  EXPECT_EQ(status_of(viewer, get, "/api/v1/inference/performance"), 200);
}

TEST_P(HistoryApiTest, WhatIsExposedFollowsTheConventions) {
  observe(10);
  const auto check = [&](const std::string& path) {
    http::ClientRequest request{.url = url() + path};
    request.headers.set("Authorization", "Bearer " + token);
    const std::filesystem::path file = folder / "exposition";
    std::ofstream(file) << client.send(request).body;
    return testing::run_program({"sh", "-c", "exec promtool check metrics < " + file.string()});
  };
  for (const char* path : {"/metrics", "/api/v1/monitoring/engines"}) {
    const auto ran = check(path);
    EXPECT_EQ(ran.status, 0) << path << "\n" << ran.output;
    EXPECT_THAT(ran.output, IsEmpty());
  }
}

MODELOPS_ON_BOTH_DATABASES(HistoryApiTest);

}  // namespace
}  // namespace modelops
