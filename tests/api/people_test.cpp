#include <sstream>

#include "audit/verify.hpp"
#include "tests/api/control_plane_test.hpp"

namespace modelops {
namespace {

using enum http::Method;

class PeopleTest : public ControlPlaneTest {};

TEST_P(PeopleTest, RolesDecideWhatMembersMayDo) {
  cli::Api viewer = api(member("viewer"));
  EXPECT_EQ(status_of(viewer, get, "/api/v1/members"), 200);
  EXPECT_EQ(status_of(viewer, post, "/api/v1/teams", R"({"name":"vision"})"), 403);
  cli::Api root = admin();
  EXPECT_EQ(status_of(root, post, "/api/v1/teams", R"({"name":"vision"})"), 201);
  EXPECT_EQ(status_of(root, post, "/api/v1/teams", R"({"name":"vision"})"), 409);
}

TEST_P(PeopleTest, RefusalsAreAuditedAndTheExportVerifies) {
  cli::Api viewer = api(member("viewer"));
  EXPECT_EQ(status_of(viewer, post, "/api/v1/teams", R"({"name":"x"})"), 403);
  cli::Api root = admin();
  const auto denials = root.get("/api/v1/audit/records?filter=" + http::percent_encode("outcome = 'denied'"));
  ASSERT_EQ(denials.at("items").as_array().size(), 1u) << reflect::to_json(denials);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::int64_t open = 1;
  while (open > 0 && std::chrono::steady_clock::now() < deadline) {
    open = 0;
    const auto records = root.get("/api/v1/audit/records");
    for (const auto& record : records.at("items").as_array()) open += !record.at("integrated").as_bool();
  }
  http::ClientRequest request{.url = url() + "/api/v1/audit/export"};
  request.headers.set("Authorization", "Bearer " + token);
  std::istringstream lines(client.send(request).body);
  const audit::VerifyReport report = audit::verify_export(lines);
  EXPECT_TRUE(report.ok) << (report.problems.empty() ? "" : report.problems.front().message);
  EXPECT_GE(report.records, 3u);
}

TEST_P(PeopleTest, AnswersSurviveARestart) {
  cli::Api before = admin();
  http::Headers headers;
  headers.set("Idempotency-Key", "once");
  const boost::json::value body = boost::json::object{{"name", "kept"}};
  const auto made = before.call(post, "/api/v1/api-keys", &body, headers);
  restart();
  cli::Api after = admin();
  EXPECT_EQ(after.call(post, "/api/v1/api-keys", &body, headers).body, made.body);
  EXPECT_EQ(status_of(after, get, "/api/v1/session"), 200);
}

TEST_P(PeopleTest, HostileInputIsRefusedAndChangesNothing) {
  cli::Api root = admin();
  for (const char* body : {R"({"name":"../x"})", R"({"name":"a\u0000b"})", "{\"name\":\"a\\u202eb\"}",
                           R"({"name":["x"]})", R"({"name":"x","name":"y"})", R"({"name":"x","more":1})"})
    EXPECT_EQ(status_of(root, post, "/api/v1/teams", body), 422) << body;
  EXPECT_EQ(status_of(root, post, "/api/v1/teams", "{\"name\":\"\xff\"}"), 400);
  EXPECT_EQ(status_of(root, post, "/api/v1/teams", "[" + std::string(100'000, '[')), 400);
  EXPECT_EQ(status_of(root, post, "/api/v1/teams", "{\"name\":\"" + std::string(100'000'000, 'a') + "\"}"), 413);
  EXPECT_EQ(status_of(root, get, "/api/v1/members?page_token=bm9uc2Vuc2U"), 400);
  EXPECT_EQ(status_of(root, get, "/api/v1/members?filter=nonsense"), 400);
  EXPECT_EQ(root.get("/api/v1/teams").at("items").as_array().size(), 0u);
}

MODELOPS_ON_BOTH_DATABASES(PeopleTest);

}  // namespace
}  // namespace modelops
