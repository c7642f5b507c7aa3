#include "apps/assets.hpp"
#include "tests/api/control_plane_test.hpp"

namespace modelops {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using enum http::Method;

/// The web app and what else both ports answer outside the API.
class PagesTest : public ControlPlaneTest {
 protected:
  std::string web() const { return fmt::format("http://127.0.0.1:{}", plane->web_port()); }
  http::Response fetch(const std::string& address, http::Headers headers = {}) {
    return client.send({.url = address, .headers = std::move(headers)});
  }
  static http::Headers with(std::string_view name, std::string_view value) {
    http::Headers headers;
    headers.set(name, value);
    return headers;
  }
  /// The values of every `name="…"` in a document.
  static std::vector<std::string> attributes(const std::string& html, const std::string& name) {
    std::vector<std::string> out;
    const std::string opening = " " + name + "=\"";
    for (std::size_t at = html.find(opening); at != std::string::npos; at = html.find(opening, at + 1)) {
      const std::size_t begin = at + opening.size();
      out.push_back(html.substr(begin, html.find('"', begin) - begin));
    }
    return out;
  }
  /// The files with hashed names that the app's document asks for.
  std::vector<std::string> hashed_files() {
    const std::string html = fetch(web() + "/modelops").body;
    std::vector<std::string> out;
    for (const char* name : {"src", "href"})
      for (const std::string& path : attributes(html, name))
        if (path.starts_with("/modelops/assets/")) out.push_back(path);
    return out;
  }
};

TEST_P(PagesTest, TheRootLeadsToTheApp) {
  const auto root = fetch(web() + "/");
  EXPECT_EQ(root.status, 303);
  EXPECT_EQ(root.headers.get("Location"), "/modelops");
}

TEST_P(PagesTest, EveryPathOfTheAppAnswersWithItsDocument) {
  const auto document = fetch(web() + "/modelops");
  ASSERT_EQ(document.status, 200);
  EXPECT_THAT(document.body, HasSubstr("<div id=\"root\">"));
  EXPECT_EQ(document.headers.get("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(document.headers.get("Cache-Control"), "no-cache");
  for (const char* path : {"/modelops/", "/modelops/registry/digits", "/modelops/deployments/new"})
    EXPECT_EQ(fetch(web() + path).body, document.body) << path;
  const auto dotted = fetch(web() + "/modelops/registry/llama-3.1_8b", with("Accept", "text/html,*/*;q=0.8"));
  EXPECT_EQ(dotted.body, document.body);
}

TEST_P(PagesTest, AnUnchangedDocumentIsNotSentAgain) {
  const std::string tag(fetch(web() + "/modelops").headers.get("ETag"));
  ASSERT_THAT(tag, Not(""));
  for (const std::string& known : {tag, "\"other\", " + tag}) {
    const auto again = fetch(web() + "/modelops/registry", with("If-None-Match", known));
    EXPECT_EQ(again.status, 304);
    EXPECT_EQ(again.body, "");
    EXPECT_EQ(again.headers.get("ETag"), tag);
  }
  EXPECT_EQ(fetch(web() + "/modelops", with("If-None-Match", "\"other\"")).status, 200);
}

TEST_P(PagesTest, AFileThatIsNotThereIsNotTheDocument) {
  for (const char* path : {"/modelops/assets/index-old.js", "/modelops/assets/", "/modelops/nothing.svg",
                           "/modelops/.vite/manifest.json"}) {
    const auto answer = fetch(web() + path);
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_EQ(answer.headers.get("Content-Type"), "application/problem+json") << path;
  }
}

TEST_P(PagesTest, HashedFilesAreKeptForEverAndComeCompressed) {
  const auto files = hashed_files();
  ASSERT_FALSE(files.empty());
  for (const std::string& path : files) {
    const auto plain = fetch(web() + path);
    ASSERT_EQ(plain.status, 200) << path;
    EXPECT_EQ(plain.headers.get("Cache-Control"), "public, max-age=31536000, immutable") << path;
    EXPECT_FALSE(plain.headers.find("Content-Encoding")) << path;
    const auto packed = fetch(web() + path, with("Accept-Encoding", "br, gzip"));
    if (plain.body.size() <= 1024 || !(path.ends_with(".js") || path.ends_with(".css"))) continue;
    EXPECT_EQ(packed.headers.get("Content-Encoding"), "gzip") << path;
    EXPECT_EQ(packed.headers.get("Vary"), "Accept-Encoding") << path;
    EXPECT_EQ(packed.headers.get("Content-Type"), plain.headers.get("Content-Type")) << path;
    EXPECT_LT(packed.body.size(), plain.body.size()) << path;
    EXPECT_FALSE(fetch(web() + path, with("Accept-Encoding", "gzip;q=0")).headers.find("Content-Encoding")) << path;
  }
}

TEST_P(PagesTest, TheAppsDocumentKeepsItsOwnPolicy) {
  const auto document = fetch(web() + "/modelops");
  const std::string policy(document.headers.get("Content-Security-Policy"));
  EXPECT_THAT(policy, HasSubstr("default-src 'none'; script-src 'self'; style-src 'self';"));
  EXPECT_THAT(policy, HasSubstr("connect-src 'self' http://localhost:18088;"));
  EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
  EXPECT_EQ(document.headers.get("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(document.headers.get("Referrer-Policy"), "same-origin");
  EXPECT_EQ(document.headers.get("Cross-Origin-Opener-Policy"), "same-origin");
  EXPECT_THAT(std::string(document.headers.get("Permissions-Policy")), HasSubstr("camera=()"));
  EXPECT_THAT(document.body, Not(HasSubstr("<style")));
  EXPECT_THAT(document.body, Not(HasSubstr("<script>")));
  // Nothing of it comes from elsewhere.
  for (const char* name : {"src", "href"})
    for (const std::string& path : attributes(document.body, name))
      EXPECT_TRUE(path.starts_with("/modelops/") || path.starts_with("data:")) << path;
}

TEST_P(PagesTest, EveryPageIsStrict) {
  std::vector<std::string> pages{
      web() + "/",        web() + "/modelops/registry", web() + "/healthz", url() + "/",
      url() + "/docs",    url() + "/healthz",           url() + "/readyz",  url() + "/metrics",
      url() + "/sign-in", url() + "/openapi.json"};
  for (const apps::Asset& asset : apps::assets()) {
    const std::string path(asset.path);
    if (path.starts_with("/docs/")) pages.push_back(url() + path);
    pages.push_back(web() + path);
  }
  ASSERT_GT(pages.size(), 20u);
  for (const std::string& page : pages) {
    const auto answer = fetch(page);
    EXPECT_LT(answer.status, 400) << page;
    const std::string policy(answer.headers.get("Content-Security-Policy"));
    EXPECT_THAT(policy, ::testing::StartsWith("default-src 'none'")) << page;
    EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'")) << page;
    EXPECT_THAT(policy, Not(::testing::AnyOf(HasSubstr("unsafe-eval"), HasSubstr("*")))) << page;
    EXPECT_THAT(policy, Not(HasSubstr("script-src 'self' 'unsafe"))) << page;
    // Only Swagger UI sets styles of its own.
    if (page.find("/docs") == page.npos) EXPECT_THAT(policy, Not(HasSubstr("unsafe-inline"))) << page;
    EXPECT_EQ(answer.headers.get("X-Content-Type-Options"), "nosniff") << page;
    EXPECT_EQ(answer.headers.get("Referrer-Policy"), "same-origin") << page;
    EXPECT_EQ(answer.headers.get("Cross-Origin-Opener-Policy"), "same-origin") << page;
    EXPECT_EQ(answer.headers.get("Cross-Origin-Resource-Policy"), "same-origin") << page;
    EXPECT_THAT(std::string(answer.headers.get("Permissions-Policy")), HasSubstr("camera=()")) << page;
    EXPECT_FALSE(answer.headers.find("Set-Cookie")) << page;
    EXPECT_FALSE(answer.headers.find("Access-Control-Allow-Origin")) << page;
  }
}

TEST_P(PagesTest, OneSessionWorksOnBothPortsAndChangesNeedItsOwnPage) {
  const std::string link = plane->first_sign_in_link().value();
  EXPECT_THAT(link, ::testing::StartsWith("http://localhost:3000/modelops/sign-in#token="));
  http::ClientRequest sign_in{.method = post, .url = web() + "/api/v1/session/link"};
  sign_in.headers.set("Content-Type", "application/json");
  sign_in.body = reflect::to_json(boost::json::value(boost::json::object{{"token", link.substr(link.find('=') + 1)}}));
  const auto signed_in = client.send(sign_in);
  ASSERT_EQ(signed_in.status, 200) << signed_in.body;
  const std::string set_cookie(signed_in.headers.get("Set-Cookie"));
  EXPECT_THAT(set_cookie, HasSubstr("; Path=/; HttpOnly; SameSite=Lax; "));
  const std::string cookie = set_cookie.substr(0, set_cookie.find(';'));
  const std::string csrf(reflect::parse_json_value(signed_in.body).at("csrf_token").as_string());

  for (const std::string& port : {web(), url()})
    EXPECT_EQ(fetch(port + "/api/v1/session", with("Cookie", cookie)).status, 200) << port;
  const auto change = [&](const std::string& port, const std::string& origin, const std::string& sent_csrf) {
    http::ClientRequest request{.method = post, .url = port + "/api/v1/teams"};
    request.headers.set("Content-Type", "application/json");
    request.headers.set("Cookie", cookie);
    request.headers.set("Origin", origin);
    request.headers.set("X-CSRF-Token", sent_csrf);
    request.body = R"({"name":"t)" + new_uuid7() + R"("})";
    return client.send(request).status;
  };
  EXPECT_EQ(change(web(), web(), csrf), 201);
  EXPECT_EQ(change(url(), url(), csrf), 201);
  // Cookies and SameSite ignore ports: the origin does not.
  EXPECT_EQ(change(url(), web(), csrf), 403);
  EXPECT_EQ(change(web(), url(), csrf), 403);
  EXPECT_EQ(change(web(), "null", csrf), 403);
  EXPECT_EQ(change(web(), web(), "guessed"), 403);
}

TEST_P(PagesTest, EachPortAnswersItsOwnPages) {
  for (const char* path : {"/docs", "/docs/docs.js", "/docs/swagger-ui-bundle.js", "/openapi.json", "/healthz"}) {
    for (const std::string& port : {web(), url()}) {
      const auto answer = fetch(port + path);
      EXPECT_EQ(answer.status, 200) << port << path;
      EXPECT_FALSE(answer.body.empty()) << port << path;
    }
  }
  for (const char* path : {"/metrics", "/readyz"}) {
    EXPECT_EQ(fetch(url() + path).status, 200) << path;
    EXPECT_EQ(fetch(web() + path).status, 404) << path;
  }
  EXPECT_EQ(fetch(url() + "/modelops").status, 404);
  EXPECT_EQ(fetch(url() + "/docs/nothing.js").status, 404);
  const auto sign_in = fetch(url() + "/sign-in");
  EXPECT_EQ(sign_in.status, 303);
  EXPECT_EQ(sign_in.headers.get("Location"), "http://localhost:3000/modelops/sign-in");
}

TEST_P(PagesTest, TheReferenceComesFromThisServerAlone) {
  const auto page = fetch(url() + "/docs");
  EXPECT_THAT(std::string(page.headers.get("Content-Security-Policy")), HasSubstr("default-src 'none'"));
  EXPECT_THAT(page.body, Not(HasSubstr("http")));
}

TEST_P(PagesTest, OverHttpsBrowsersAreToldToStayThere) {
  EXPECT_FALSE(fetch(web() + "/modelops").headers.find("Strict-Transport-Security"));
  plane.reset();
  apps::ServeConfig config;
  config.data.folder = (folder / "data").string();
  config.data.database = database.url();
  config.api.port = config.web.port = *reflect::Ranged<0, 65535>::parse(0);
  config.web.public_url = "https://models.example.org";
  plane.emplace(config);
  EXPECT_EQ(fetch(web() + "/modelops").headers.get("Strict-Transport-Security"), "max-age=31536000");
}

TEST_P(PagesTest, TheWebAppCanBeLeftOut) {
  plane.reset();
  apps::ServeConfig config;
  config.data.folder = (folder / "data").string();
  config.data.database = database.url();
  config.api.port = *reflect::Ranged<0, 65535>::parse(0);
  config.web.enabled = false;
  plane.emplace(config);
  EXPECT_EQ(plane->web_port(), 0);
  EXPECT_EQ(fetch(url() + "/healthz").status, 200);
}

INSTANTIATE_TEST_SUITE_P(Sqlite, PagesTest, ::testing::Values(db::Dialect::sqlite));

}  // namespace
}  // namespace modelops
