#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "apps/control_plane.hpp"
#include "base/id.hpp"
#include "cli/api.hpp"
#include "identity/rules.hpp"
#include "reflect/json.hpp"

namespace modelops {
namespace {

using apps::ControlPlane;

std::string source_file(const std::string& name) { return std::string(MODELOPS_SOURCE_DIR) + "/" + name; }

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class ContractTest : public ::testing::Test {
 protected:
  ContractTest() {
    apps::ServeConfig config;
    config.data.folder = (folder / "data").string();
    config.api.port = *reflect::Ranged<0, 65535>::parse(0);
    config.web.enabled = false;
    plane.emplace(config);
    document = reflect::parse_json_value(plane->document(), {.depth_max = 64});
  }
  ~ContractTest() override {
    plane.reset();
    std::filesystem::remove_all(folder);
  }
  http::Response send(const std::string& method, std::string path, const std::string& token) {
    // Any value will do for a path parameter: who may not come in learns nothing of it.
    for (std::size_t at = path.find('{'); at != std::string::npos; at = path.find('{'))
      path.replace(at, path.find('}') - at + 1, "x");
    http::ClientRequest request;
    request.method = *http::parse_method(method);
    request.url = fmt::format("http://127.0.0.1:{}{}", plane->port(), path);
    if (!token.empty()) request.headers.set("Authorization", "Bearer " + token);
    return client.send(request);
  }
  template <class F>
  void each_route(F&& f) {
    for (const auto& [path, methods] : document.at("paths").as_object()) {
      for (const auto& [method, operation] : methods.as_object()) {
        std::string upper(method);
        for (char& c : upper) c = static_cast<char>(std::toupper(c));
        f(upper, std::string(path), operation.as_object());
      }
    }
  }

  std::filesystem::path folder = std::filesystem::temp_directory_path() / ("modelops-contract-" + new_uuid7());
  std::optional<ControlPlane> plane;
  boost::json::value document;
  http::Client client{{.addresses = http::AddressPolicy::any}};
};

TEST_F(ContractTest, TheCommittedDocumentIsWhatTheProgramSays) {
  EXPECT_EQ(read_file(source_file("openapi.json")), plane->document() + "\n") << "Run: make openapi";
}

TEST_F(ContractTest, EveryRouteRefusesStrangers) {
  int routes = 0;
  bool told_to_wait = false;
  each_route([&](const std::string& method, const std::string& path, const boost::json::object& operation) {
    ++routes;
    if (operation.at("x-permission") == "anyone") return;
    EXPECT_EQ(send(method, path, "").status, 401) << method << " " << path;
    const http::Response refused = send(method, path, "mo_api_nonsense");
    // There are more routes than wrong keys that an address may show.
    EXPECT_TRUE(refused.status == 401 || refused.status == 429) << method << " " << path << " " << refused.status;
    told_to_wait = told_to_wait || refused.status == 429;
    EXPECT_EQ(refused.headers.find("Retry-After").has_value(), refused.status == 429) << method << " " << path;
  });
  EXPECT_GT(routes, 50);
  EXPECT_TRUE(told_to_wait);
  EXPECT_EQ(send("GET", "/api/v1/session", plane->first_api_token().value()).status, 200)
      << "a right one gets in still";
}

TEST_F(ContractTest, EveryRouteRefusesWhoseKeyDoesNotCoverIt) {
  cli::Api admin({fmt::format("http://127.0.0.1:{}", plane->port()), "", plane->first_api_token().value()});
  const auto key =
      admin.post("/api/v1/api-keys", boost::json::object{{"name", "nothing"}, {"scopes", {"nothing:at_all"}}});
  const std::string token(key.at("token").as_string());
  each_route([&](const std::string& method, const std::string& path, const boost::json::object& operation) {
    const std::string permission(operation.at("x-permission").as_string());
    if (permission == "anyone" || permission == "signed in") return;
    EXPECT_EQ(send(method, path, token).status, 403) << method << " " << path;
  });
}

TEST_F(ContractTest, EverySettingIsWrittenDown) {
  const std::string guide = source_file("docs/guides/configuration.md");
  const std::string text =
      "# Settings of `modelops serve`\n\n"
      "In the order of their strength: a YAML file (`--config FILE`), variables, and flags `--section.field=value`.\n"
      "Secrets cannot be flags, which everybody on the machine sees.\n"
      "`modelops gateway --help`, `modelops agent --help` and `modelops runtime --help` list those of the other "
      "parts.\n\n" +
      config::reference<apps::ServeConfig>();
  if (std::getenv("MODELOPS_WRITE_GOLDEN") != nullptr) std::ofstream(guide) << text;  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EQ(read_file(guide), text) << "Run: make openapi";
}

TEST_F(ContractTest, WhatEachRoleMayDoIsWrittenDown) {
  std::string table;
  each_route([&](const std::string& method, const std::string& path, const boost::json::object& operation) {
    const std::string permission(operation.at("x-permission").as_string());
    std::string allowed;
    for (const identity::BuiltInRole& role : identity::built_in_roles()) {
      const bool may = permission == "anyone" || permission == "signed in" ||
                       (permission != identity::organizations_create.name &&
                        std::any_of(role.permissions.begin(), role.permissions.end(),
                                    [&](std::string_view pattern) { return identity::covers(pattern, permission); }));
      if (may) allowed += " " + std::string(role.name);
    }
    table += fmt::format("{} {} [{}]{}\n", method, path, permission, allowed);
  });
  const std::string golden = source_file("tests/contract/roles.golden.txt");
  if (std::getenv("MODELOPS_WRITE_GOLDEN") != nullptr) std::ofstream(golden) << table;  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EQ(read_file(golden), table) << "Run: make openapi";
}

}  // namespace
}  // namespace modelops
