#pragma once
#include <gmock/gmock.h>

#include <filesystem>

#include "apps/control_plane.hpp"
#include "base/id.hpp"
#include "cli/api.hpp"
#include "reflect/json.hpp"
#include "tests/support/database.hpp"

namespace modelops {

/// A whole control plane on a database and a folder of its own, and clients for it.
class ControlPlaneTest : public ::testing::TestWithParam<db::Dialect> {
 protected:
  ControlPlaneTest() { start(); }
  ~ControlPlaneTest() override {
    plane.reset();
    std::filesystem::remove_all(folder);
  }

  void start() {
    apps::ServeConfig config;
    config.data.folder = (folder / "data").string();
    config.data.database = database.url();
    config.api.port = *reflect::Ranged<0, 65535>::parse(api_port);
    if (api_port != 0) config.api.public_url = fmt::format("http://127.0.0.1:{}", api_port);
    config.web.port = *reflect::Ranged<0, 65535>::parse(0);
    config.prometheus.url = prometheus_url;
    config.telemetry.otlp_url = otlp_url;
    plane.emplace(config);
    if (const auto made = plane->first_api_token()) token = *made;
  }
  void restart() {
    plane->drain();
    plane.reset();
    start();
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}", plane->port()); }
  cli::Api api(const std::string& bearer) { return cli::Api({url(), "", bearer}); }
  cli::Api admin() { return api(token); }
  /// The token of a new API key of a new member with `role`.
  std::string member(const std::string& role) {
    const auto invitation =
        admin().post("/api/v1/members", boost::json::object{{"email", new_uuid7() + "@acme.org"}, {"role", role}});
    return key_of(std::string(invitation.at("sign_in_token").as_string()));
  }
  /// Signs in with a one-time token as a browser does and makes an API key there.
  std::string key_of(const std::string& sign_in_token) {
    http::ClientRequest sign_in{.method = http::Method::post, .url = url() + "/api/v1/session/link"};
    sign_in.headers.set("Content-Type", "application/json");
    sign_in.body = reflect::to_json(boost::json::value(boost::json::object{{"token", sign_in_token}}));
    const auto signed_in = client.send(sign_in);
    EXPECT_EQ(signed_in.status, 200) << signed_in.body;
    const std::string cookie(signed_in.headers.get("Set-Cookie"));
    const auto session = reflect::parse_json_value(signed_in.body);
    http::ClientRequest make{.method = http::Method::post, .url = url() + "/api/v1/api-keys"};
    make.headers.set("Content-Type", "application/json");
    make.headers.set("Cookie", cookie.substr(0, cookie.find(';')));
    make.headers.set("X-CSRF-Token", std::string(session.at("csrf_token").as_string()));
    make.body = R"({"name":"test"})";
    const auto made = client.send(make);
    EXPECT_EQ(made.status, 201) << made.body;
    return std::string(reflect::parse_json_value(made.body).at("token").as_string());
  }
  /// The status of a request, whatever it is.
  int status_of(cli::Api& caller, http::Method method, const std::string& path, const std::string& body = "") {
    http::ClientRequest request{.method = method, .url = url() + path};
    request.headers.set("Authorization", "Bearer " + caller.profile().token);
    if (!body.empty()) request.headers.set("Content-Type", "application/json");
    if (method == http::Method::patch || method == http::Method::put) request.headers.set("If-Match", "\"1\"");
    request.body = body;
    return client.send(request).status;
  }

  std::filesystem::path folder = std::filesystem::temp_directory_path() / ("modelops-api-" + new_uuid7());
  testing::TestDatabase database{GetParam()};
  // From the next `restart` on.
  std::string prometheus_url;
  std::string otlp_url;
  int api_port = 0;  ///< 0: any free one
  std::optional<apps::ControlPlane> plane;
  std::string token;
  http::Client client{{.addresses = http::AddressPolicy::any}};
};

}  // namespace modelops
