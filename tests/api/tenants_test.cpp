#include "cli/flows.hpp"
#include "cli/uploads.hpp"
#include "monitoring/wire.hpp"
#include "targets/signed_agent_test.hpp"
#include "tests/api/control_plane_test.hpp"

namespace modelops {
namespace {

using enum http::Method;

std::string id_of(const boost::json::value& made) { return std::string(made.at("id").as_string()); }

class TenantsTest : public ControlPlaneTest {
 protected:
  /// One of each kind of resource, by the name of its path parameter.
  std::map<std::string, std::string> one_of_each() {
    cli::Api root = admin();
    std::map<std::string, std::string> ids;
    ids["team"] = id_of(root.post("/api/v1/teams", boost::json::object{{"name", "vision"}}));
    ids["role"] =
        id_of(root.post("/api/v1/roles", boost::json::object{{"name", "auditor"}, {"permissions", {"*:read"}}}));
    ids["member"] = std::string(root.get("/api/v1/session").at("actor_id").as_string());
    ids["service_account"] =
        id_of(root.post("/api/v1/service-accounts", boost::json::object{{"name", "ci"}, {"role", "viewer"}}));
    ids["key"] = id_of(root.post("/api/v1/api-keys", boost::json::object{{"name", "k"}}));
    ids["upload"] = cli::upload_files(root, {std::string(MODELOPS_SOURCE_DIR) + "/examples/digits/digits.onnx"});
    http::Headers headers;
    headers.set("Tus-Resumable", "1.0.0");
    headers.set("Upload-Length", "7");
    headers.set("Upload-Metadata", "filename YQ==");
    const std::string location(root.exchange(post, "/api/v1/uploads/tus", headers).headers.get("Location"));
    ids["transfer"] = location.substr(location.rfind('/') + 1);
    ids["organization"] = "default";
    ids["operation"] = id_of(root.post("/api/v1/models/analyze", boost::json::object{{"upload_id", ids["upload"]}}));
    cli::wait_for_operation(root, ids["operation"], "analysis");
    ids["model"] = id_of(root.post("/api/v1/models", boost::json::object{{"name", "digits"},
                                                                         {"visibility", "organization"},
                                                                         {"analysis_operation_id", ids["operation"]}}));
    root.post("/api/v1/models/digits/versions", boost::json::object{{"upload_id", ids["upload"]}});
    ids["version"] = "1";
    root.post("/api/v1/models/digits/aliases", boost::json::object{{"alias", "production"}, {"version", 1}});
    ids["alias"] = "production";
    ids["sha256"] = std::string(
        root.get("/api/v1/models/digits/versions/1/files").at("items").as_array().at(0).at("sha256").as_string());
    ids["approval"] = id_of(root.post("/api/v1/models/digits/versions/1/approval-request", boost::json::object()));
    ids["target"] = id_of(root.post("/api/v1/targets", boost::json::object{{"name", "local"}}));
    const auto gateway = root.post("/api/v1/gateways", boost::json::object{{"name", "local"}});
    ids["gateway"] = id_of(gateway);
    ids["deployment"] = id_of(root.post("/api/v1/deployments", boost::json::object{{"name", "digits"},
                                                                                   {"model", "digits@production"},
                                                                                   {"target", "local"},
                                                                                   {"environment", "development"},
                                                                                   {"visibility", "organization"}}));
    ids["request_id"] = told_by(std::string(gateway.at("token").as_string()), ids["deployment"]);
    ids["environment"] = "development";
    ids["revision"] = "1";
    ids["record"] = id_of(root.get("/api/v1/audit/records").at("items").as_array().at(0));
    return ids;
  }
  /// Enrols a gateway that tells of one request.
  std::string told_by(const std::string& enrollment_token, const std::string& deployment_id) {
    targets::testing::SignedAgent gateway;
    gateway.enrolled = reflect::from_json<targets::Enrolled>(
        send("/api/v1/machines/enroll", {}, reflect::to_json(gateway.enrollment(enrollment_token))));
    monitoring::ReportMetrics report{{1}, {"run"}, {1}, {}, {}, {}};
    monitoring::RequestTrace& told = report.requests.emplace_back();
    told.deployment_id = deployment_id;
    told.request.request_id = "request-1";
    told.request.started_at = SystemClock().now();
    const http::Request made =
        gateway.request(post, "/api/v1/machines/metrics", SystemClock().now(), "", reflect::to_json(report));
    send("/api/v1/machines/metrics", made.headers, made.body);
    return told.request.request_id;
  }
  std::string send(const std::string& path, http::Headers headers, std::string body) {
    headers.set("Content-Type", "application/json");
    const auto answer =
        client.send({.method = post, .url = url() + path, .headers = std::move(headers), .body = std::move(body)});
    EXPECT_LT(answer.status, 300) << answer.body;
    return answer.body;
  }
  std::string other_tenant() {
    const auto invitation = admin().post("/api/v1/organizations",
                                         boost::json::object{{"name", "globex"}, {"admin_email", "boss@globex.org"}});
    return key_of(std::string(invitation.at("sign_in_token").as_string()));
  }
};

TEST_P(TenantsTest, NothingOfAnotherTenantCanBeSeenOrTouched) {
  const auto ids = one_of_each();
  cli::Api mine = admin();
  cli::Api other = api(other_tenant());
  const auto document = reflect::parse_json_value(plane->document(), {.depth_max = 64});
  int routes = 0;
  for (const auto& [path, methods] : document.at("paths").as_object()) {
    if (path.find('{') == std::string::npos || path.find("/machines/") != std::string::npos) continue;
    std::string filled(path);
    for (std::size_t at = filled.find('{'); at != std::string::npos; at = filled.find('{')) {
      const std::size_t end = filled.find('}', at);
      const std::string name = filled.substr(at + 1, end - at - 1);
      ASSERT_TRUE(ids.contains(name)) << "no example for {" << name << "} of " << path;
      filled.replace(at, end - at + 1, ids.at(name));
    }
    if (path.ends_with("/diff")) filled += "?against=1";
    for (const auto& [method, operation] : methods.as_object()) {
      ++routes;
      // Every organisation has environments of these names of its own, and some routes are for whoever runs all of
      // them.
      if (path.find("/environments/") != std::string::npos) continue;
      if (operation.at("x-permission") == "organizations:create") continue;
      std::string upper(method);
      for (char& c : upper) c = static_cast<char>(std::toupper(c));
      const http::Method verb = *http::parse_method(upper);
      const int status = status_of(other, verb, filled, verb == get || verb == delete_ ? "" : "{}");
      // A body that lacks what the operation needs is refused before anything is looked up.
      if (verb == post)
        EXPECT_TRUE(status == 404 || status == 422) << upper << " " << path << " " << status;
      else
        EXPECT_EQ(status, 404) << upper << " " << path;
      if (verb == get && path.find("proof") == std::string::npos && path.find("/stream") == std::string::npos &&
          path.find("/follow") == std::string::npos)
        // There is no Prometheus here, which its owner is told.
        EXPECT_EQ(status_of(mine, get, filled), path.ends_with("/history") ? 503 : 200)
            << "and its owner may: " << path;
    }
  }
  EXPECT_GT(routes, 40);
  for (const char* list : {"/api/v1/models", "/api/v1/deployments", "/api/v1/targets", "/api/v1/approvals",
                           "/api/v1/operations", "/api/v1/teams", "/api/v1/service-accounts"})
    EXPECT_TRUE(other.get(list).at("items").as_array().empty()) << list;
}

TEST_P(TenantsTest, ColleaguesSeeAnAnalysisOnceTheySeeItsModel) {
  cli::Api mine = admin();
  cli::Api colleague = api(member("viewer"));
  const std::string upload =
      cli::upload_files(mine, {std::string(MODELOPS_SOURCE_DIR) + "/examples/digits/digits.onnx"});
  const std::string operation = id_of(mine.post("/api/v1/models/analyze", boost::json::object{{"upload_id", upload}}));
  cli::wait_for_operation(mine, operation, "analysis");
  const std::string path = "/api/v1/operations/" + operation;
  for (const std::string part : {"", "/logs", "/logs/stream"}) {
    EXPECT_EQ(status_of(mine, get, path + part), 200) << part;
    EXPECT_EQ(status_of(colleague, get, path + part), 404) << part;
  }
  EXPECT_TRUE(colleague.get("/api/v1/operations").at("items").as_array().empty());
  const auto model =
      mine.post("/api/v1/models", boost::json::object{{"name", "digits"}, {"analysis_operation_id", operation}});
  EXPECT_EQ(model.at("visibility"), "private");
  EXPECT_EQ(status_of(colleague, get, path), 404);
  mine.post(
      "/api/v1/models",
      boost::json::object{{"name", "open"}, {"visibility", "organization"}, {"analysis_operation_id", operation}});
  EXPECT_EQ(status_of(colleague, get, path), 200);
}

TEST_P(TenantsTest, PublicModelsAreReadableByEveryTenantAndWritableByNone) {
  cli::Api mine = admin();
  const auto model = mine.post("/api/v1/models", boost::json::object{{"name", "shared"}, {"visibility", "public"}});
  cli::Api other = api(other_tenant());
  EXPECT_EQ(status_of(other, get, "/api/v1/models/" + id_of(model)), 200);
  EXPECT_NE(status_of(other, patch, "/api/v1/models/" + id_of(model), "{}"), 200);
  EXPECT_NE(status_of(other, delete_, "/api/v1/models/" + id_of(model)), 204);
  EXPECT_EQ(status_of(mine, get, "/api/v1/models/shared"), 200);
}

MODELOPS_ON_BOTH_DATABASES(TenantsTest);

}  // namespace
}  // namespace modelops
