#include "cli/flows.hpp"
#include "cli/uploads.hpp"
#include "platform/crypto/hash.hpp"
#include "targets/signed_agent_test.hpp"
#include "tests/api/control_plane_test.hpp"

namespace modelops {
namespace {

using enum http::Method;

std::string text_of(const boost::json::value& value, const char* member) {
  return std::string(value.at(member).as_string());
}

class DeploymentsApiTest : public ControlPlaneTest {
 protected:
  /// Version 1 of a new model of the installation's first organization. Returns its id.
  std::string version_of(const std::string& name, const std::string& visibility) {
    cli::Api root = admin();
    const std::string upload =
        cli::upload_files(root, {std::string(MODELOPS_SOURCE_DIR) + "/examples/digits/digits.onnx"});
    const auto operation = root.post("/api/v1/models/analyze", boost::json::object{{"upload_id", upload}});
    cli::wait_for_operation(root, text_of(operation, "id"), "analysis");
    root.post("/api/v1/models",
              boost::json::object{
                  {"name", name}, {"visibility", visibility}, {"analysis_operation_id", text_of(operation, "id")}});
    const auto version = root.post("/api/v1/models/" + name + "/versions", boost::json::object{{"upload_id", upload}});
    return text_of(version, "id");
  }
  std::string other_organization() {
    const auto invitation = admin().post("/api/v1/organizations",
                                         boost::json::object{{"name", "globex"}, {"admin_email", "boss@globex.org"}});
    return key_of(text_of(invitation, "sign_in_token"));
  }
  static boost::json::object deployment(const std::string& name, const std::string& version) {
    return {{"name", name}, {"model", version}, {"target", "local"}, {"environment", "development"}};
  }
  targets::testing::SignedAgent enrolled_agent(const std::string& enrollment_token) {
    targets::testing::SignedAgent agent;
    http::ClientRequest enroll{.method = post, .url = url() + "/api/v1/machines/enroll"};
    enroll.headers.set("Content-Type", "application/json");
    enroll.body = reflect::to_json(agent.enrollment(enrollment_token));
    const auto answer = client.send(enroll);
    EXPECT_EQ(answer.status, 201) << answer.body;
    agent.enrolled = reflect::from_json<targets::Enrolled>(answer.body);
    return agent;
  }
  http::Response ask(const targets::testing::SignedAgent& agent, const std::string& path,
                     const std::string& query = "") {
    const http::Request made = agent.request(get, path, SystemClock().now(), query);
    http::ClientRequest request{.method = get, .url = url() + path + (query.empty() ? "" : "?" + query)};
    request.headers = made.headers;
    return client.send(request);
  }
  targets::DesiredState desired(const targets::testing::SignedAgent& agent) {
    return reflect::from_json<targets::DesiredState>(ask(agent, "/api/v1/machines/desired", "after=0&wait_s=0").body);
  }
};

TEST_P(DeploymentsApiTest, AnotherOrganizationsPublicModelRunsAndGoesOnWhenItIsPublicNoMore) {
  const std::string version = version_of("shared", "public");
  cli::Api other = api(other_organization());
  const auto target = other.post("/api/v1/targets", boost::json::object{{"name", "local"}});
  other.post("/api/v1/deployments", deployment("borrowed", version));
  const auto agent = enrolled_agent(text_of(target, "token"));
  const auto wanted = desired(agent);
  ASSERT_EQ(wanted.replicas.size(), 1u);
  ASSERT_EQ(wanted.replicas[0].artifact.size(), 1u);
  const std::string sha256 = wanted.replicas[0].artifact[0].sha256;
  const auto file = ask(agent, "/api/v1/machines/artifacts/" + sha256);
  EXPECT_EQ(file.status, 200) << file.body;
  EXPECT_EQ(crypto::sha256_hex(file.body), sha256);

  cli::Api root = admin();
  http::Headers headers;
  headers.set("If-Match", root.call(get, "/api/v1/models/shared").etag);
  const boost::json::value closed = boost::json::object{{"visibility", "organization"}};
  root.call(patch, "/api/v1/models/shared", &closed, headers);
  EXPECT_EQ(ask(agent, "/api/v1/machines/artifacts/" + sha256).status, 200) << "what is deployed goes on";
  other.post("/api/v1/deployments/borrowed/scale", boost::json::object{{"replicas", 2}});
  EXPECT_EQ(desired(agent).replicas.size(), 2u);
  const std::string again = reflect::to_json(boost::json::value(deployment("again", version)));
  EXPECT_EQ(status_of(other, post, "/api/v1/deployments", again), 422) << "nothing new comes of it";
  other.call(delete_, "/api/v1/deployments/borrowed");
  EXPECT_EQ(ask(agent, "/api/v1/machines/artifacts/" + sha256).status, 404);
}

TEST_P(DeploymentsApiTest, AnotherOrganizationsOwnModelIsNeitherDeployedNorFetched) {
  cli::Api other = api(other_organization());
  for (const std::string visibility : {"private", "organization"}) {
    const std::string version = version_of(visibility + "-digits", visibility);
    const auto files = admin().get("/api/v1/models/" + visibility + "-digits/versions/1/files");
    const std::string sha256 = text_of(files.at("items").as_array().at(0), "sha256");
    const auto target = other.post("/api/v1/targets", boost::json::object{{"name", visibility}});
    boost::json::object request = deployment("stolen", version);
    request["target"] = visibility;
    EXPECT_EQ(status_of(other, post, "/api/v1/deployments", reflect::to_json(boost::json::value(request))), 422);
    const auto agent = enrolled_agent(text_of(target, "token"));
    EXPECT_EQ(ask(agent, "/api/v1/machines/artifacts/" + sha256).status, 404);
  }
}

TEST_P(DeploymentsApiTest, ATargetIsDeletedOnceNoDeploymentUsesIt) {
  const std::string version = version_of("digits", "organization");
  cli::Api root = admin();
  const auto target = root.post("/api/v1/targets", boost::json::object{{"name", "local"}});
  root.post("/api/v1/deployments", deployment("digits", version));
  try {
    root.call(delete_, "/api/v1/targets/local");
    ADD_FAILURE() << "a deployment uses it";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::conflict);
    EXPECT_THAT(error.message, ::testing::HasSubstr("digits"));
  }
  root.call(delete_, "/api/v1/deployments/digits");
  EXPECT_EQ(status_of(root, delete_, "/api/v1/targets/local"), 204);
  EXPECT_EQ(status_of(root, get, "/api/v1/targets/" + text_of(target, "id")), 404);
  EXPECT_EQ(status_of(root, post, "/api/v1/targets", R"({"name":"local"})"), 201) << "the name is free again";
  const auto acts = root.get("/api/v1/audit/records?filter=" + http::percent_encode("action = 'target.delete'"));
  EXPECT_EQ(acts.at("items").as_array().size(), 1u);
}

MODELOPS_ON_BOTH_DATABASES(DeploymentsApiTest);

}  // namespace
}  // namespace modelops
