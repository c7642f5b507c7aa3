#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "adapters/prometheus/configuration.hpp"
#include "adapters/prometheus/history.hpp"
#include "adapters/prometheus/metrics.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "platform/http/server.hpp"
#include "tests/support/process.hpp"

namespace modelops::adapters::prometheus {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Optional;
using ::testing::SizeIs;

// ---- expressions
// -----------------------------------------------------------------------------------------------------

TEST(ExpressionTest, ATextStaysAText) {
  const Expression made = per_second("m", {{"a", "x\"} or up{b=\"\\\n\t\x01"}}, 60s);
  EXPECT_EQ(made.text(), R"(rate(m{a="x\"} or up{b=\"\\\x0a\x09\x01"}[60s]))");
  EXPECT_EQ(sum_by({"a", "le"}, per_second("m", {}, 60s)).text(), "sum by (a, le) (rate(m{}[60s]))");
}

/// Names that the product may ask for, in the scope of a hostile name.
std::vector<std::string> all_metrics() {
  std::vector<std::string> out{"requests", "errors", "cpu_cores", "memory_bytes", "kv_usage_ratio", "tokens_out_total"};
  const monitoring::TrafficSeries traffic;
  reflect::visit_members(traffic, [&](std::string_view name, const auto&) { out.emplace_back(name); });
  return out;
}

TEST(MetricsTest, EachMetricOfTrafficHasItsExpression) {
  const Scope scope{{{"organization", "acme"}, {"deployment_id", "dep_1"}}, {}, 60s};
  const monitoring::TrafficSeries traffic;
  reflect::visit_members(traffic, [&](std::string_view name, const auto&) {
    EXPECT_TRUE(is_of_deployment(std::string(name))) << name;
    EXPECT_THAT(expression_of(std::string(name), scope).text(),
                AllOf(HasSubstr("modelops_gateway_"), HasSubstr(R"({organization="acme",deployment_id="dep_1")")))
        << name;
  });
  EXPECT_FALSE(is_of_deployment("kv_usage_ratio"));
}

// ---- configuration
// ---------------------------------------------------------------------------------------------------

class PromtoolTest : public ::testing::Test {
 protected:
  PromtoolTest() { std::filesystem::create_directories(folder); }
  ~PromtoolTest() override { std::filesystem::remove_all(folder); }
  /// JSON is YAML too.
  std::string write(const std::string& name, const boost::json::value& value) {
    const std::filesystem::path file = folder / name;
    std::ofstream(file) << reflect::to_json(value);
    return file.string();
  }
  std::filesystem::path folder = std::filesystem::temp_directory_path() / ("modelops-promtool-" + new_uuid7());
};

TEST_F(PromtoolTest, TakesTheConfigurationAndTheRules) {
  const std::string rules = write("rules.yml", recording_rules());
  const std::string token = write("token", boost::json::value("mo_api_x"));
  const boost::json::value made = configuration(
      {.server = "http://localhost:18087", .token_file = token, .local = "a \"b\"&c", .rules_file = rules});
  EXPECT_THAT(reflect::to_json(made), HasSubstr("local=a%20%22b%22%26c"));
  const auto ran = modelops::testing::run_program({"promtool", "check", "config", write("prometheus.yml", made)});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("14 rules found"));
}

TEST_F(PromtoolTest, TakesEachExpressionWhateverIsInAName) {
  const Scope scope{{{"organization", "a\"} or vector(1) #\\\n"}, {"deployment_id", "'`{}"}}, {"replica"}, 120s};
  boost::json::array rules;
  for (const std::string& metric : all_metrics())
    rules.push_back(boost::json::object{{"record", "test:" + metric}, {"expr", expression_of(metric, scope).text()}});
  const boost::json::value file =
      boost::json::object{{"groups", boost::json::array{boost::json::object{{"name", "all"}, {"rules", rules}}}}};
  const auto ran = modelops::testing::run_program({"promtool", "check", "rules", write("rules.yml", file)});
  EXPECT_EQ(ran.status, 0) << ran.output;
}

// ---- answers
// ---------------------------------------------------------------------------------------------------------

/// Says what the test wants instead of what a Prometheus would.
class Answering final : public http::Handler {
 public:
  http::Plan plan(const http::Request&) noexcept override { return {}; }
  http::Answer handle(const http::Plan&, http::Request&& request) override {
    std::lock_guard lock(mutex);
    path = request.path;
    form = http::parse_query(request.body);
    return http::Response{status, {}, body};
  }
  std::unique_ptr<http::BodySink> receive(const http::Plan&, const http::Request&) override { return nullptr; }
  std::mutex mutex;
  int status = 200;
  std::string path;
  std::vector<std::pair<std::string, std::string>> form;
  std::string body;
};

class HistoryTest : public ::testing::Test {
 protected:
  monitoring::HistoryQuery query(const std::string& metric = "requests_per_second") {
    return {"acme", "dep_1", metric, Time{1'800'000'000'000'000}, 15s, 3};
  }
  std::vector<monitoring::HistorySeries> range(const std::string& body,
                                               const std::string& metric = "requests_per_second") {
    peer.body = body;
    return history.range(query(metric), std::chrono::steady_clock::now() + 20s);
  }
  template <class F>
  static std::string problem_of(F&& f) {
    try {
      f();
    } catch (const Error& error) {
      return std::to_string(http_status(error.code)) + " " + error.message;
    }
    return "nothing was thrown";
  }

  Answering peer;
  events::Topics topics;
  http::Server server{{}, peer, topics};
  PrometheusHistory history{fmt::format("http://127.0.0.1:{}/", server.port())};
};

TEST_F(HistoryTest, AMatrixBecomesPoints) {
  const auto series =
      range(R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1800000015,"1.5"],)"
            R"([1800000030.001,"NaN"],[1800000045,"2"],[1900000000,"9"]]}]},"warnings":["w"]})");
  ASSERT_THAT(series, SizeIs(1));
  EXPECT_THAT(series[0].values, ElementsAre(Optional(1.5), std::nullopt, Optional(2.0)));
  EXPECT_EQ(peer.path, "/api/v1/query_range");
  using Field = std::pair<std::string, std::string>;
  EXPECT_THAT(peer.form,
              ElementsAre(Field{"query",
                                "sum by () (rate(modelops_gateway_requests_total{organization=\"acme\","
                                "deployment_id=\"dep_1\"}[60s]))"},
                          Field{"start", "1800000015.000"}, Field{"end", "1800000045.000"}, Field{"step", "15"}));
}

TEST_F(HistoryTest, WhatIsOfReplicasNamesThem) {
  const auto series =
      range(R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{"replica":"rep_1"},"values":)"
            R"([[1800000015,"1"]]},{"metric":{"replica":"rep_2"},"values":[[1800000015,"+Inf"]]}]}})",
            "kv_usage_ratio");
  ASSERT_THAT(series, SizeIs(1)) << "one without any value is left out";
  EXPECT_EQ(series[0].replica_id, "rep_1");
}

TEST_F(HistoryTest, AVectorBecomesASummary) {
  peer.body = R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{"deployment_id":"dep_1"},)"
              R"("value":[1800000000,"12"]},{"metric":{"deployment_id":"dep_2"},"value":[1800000000,"NaN"]}]}})";
  const auto found =
      history.summary({"acme", "requests", Time{1'800'000'000'000'000}, 24h}, std::chrono::steady_clock::now() + 20s);
  EXPECT_THAT(found, ElementsAre(std::pair<const std::string, double>("dep_1", 12)));
  EXPECT_EQ(peer.path, "/api/v1/query");
}

TEST_F(HistoryTest, GarbageIsRefusedWithWhatToDo) {
  const std::string deep(100'000, '[');
  const std::vector<std::string> garbage = {
      "",
      "not JSON",
      deep,
      "[]",
      "{}",
      R"({"status":"error","error":"x"})",
      R"({"status":"success"})",
      R"({"status":"success","data":{"resultType":"scalar","result":[]}})",
      R"({"status":"success","data":{"resultType":"matrix","result":{}}})",
      R"({"status":"success","data":{"resultType":"matrix","result":[1]}})",
      R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,2,3]]}]}})",
      R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[["x","1"]]}]}})",
      R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1800000015,"1x"]]}]}})",
      "{\"status\":\"success\"," + std::string(9 << 20, ' ') + "}"};
  for (const std::string& body : garbage)
    EXPECT_THAT(problem_of([&] { range(body); }), AllOf(HasSubstr("503"), HasSubstr("prometheus.url")))
        << body.substr(0, 100);
  peer.status = 500;
  EXPECT_THAT(problem_of([&] { range("{}"); }), AllOf(HasSubstr("503"), Not(HasSubstr("127.0.0.1"))));
}

TEST_F(HistoryTest, ASilentPeerAndNoneAtAllSaySo) {
  PrometheusHistory nobody(fmt::format("http://127.0.0.1:{}", modelops::testing::free_port()));
  const auto ask = [&](PrometheusHistory& whom, std::chrono::milliseconds patience) {
    return problem_of([&] { whom.range(query(), std::chrono::steady_clock::now() + patience); });
  };
  EXPECT_THAT(ask(nobody, 20s), AllOf(HasSubstr("503"), HasSubstr("see that it runs")));
  EXPECT_THAT(ask(history, 0ms), HasSubstr("503")) << "its time is up";
  {
    std::lock_guard hold(peer.mutex);  // it hangs
    EXPECT_THAT(ask(history, 100ms), AllOf(HasSubstr("503"), HasSubstr("does not answer")));
  }
}

}  // namespace
}  // namespace modelops::adapters::prometheus
