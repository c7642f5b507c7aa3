#include "apps/pages.hpp"

#include <algorithm>

#include "apps/assets.hpp"
#include "platform/http/wire.hpp"

namespace modelops::apps {
namespace {

// Swagger UI sets styles of its own; everything else comes from this server alone.
constexpr std::string_view docs_policy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

// Of what is no document.
constexpr std::string_view no_policy = "default-src 'none'; frame-ancestors 'none'";

std::string web_policy(const std::string& gateway_url) {
  // Only the origin: a path in a source expression would have to match too.
  const std::string gateway = gateway_url.substr(0, gateway_url.find('/', gateway_url.find("://") + 3));
  return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
         "connect-src 'self' " +
         gateway +
         "; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
}

const Asset* find_asset(std::string_view path) {
  const auto all = assets();
  const auto at = std::ranges::lower_bound(all, path, {}, &Asset::path);
  return at != all.end() && at->path == path ? &*at : nullptr;
}

/// What holds for every page, whatever it is.
void harden(http::Response& response, std::string_view policy) {
  response.headers.set("Content-Security-Policy", policy);
  response.headers.set("Referrer-Policy", "same-origin");
  response.headers.set("Permissions-Policy",
                       "camera=(), display-capture=(), geolocation=(), microphone=(), payment=()");
  response.headers.set("Cross-Origin-Opener-Policy", "same-origin");
  response.headers.set("Cross-Origin-Resource-Policy", "same-origin");
}

http::Response answer(std::string_view type, std::string body) {
  http::Response response;
  harden(response, no_policy);
  response.headers.set("Content-Type", type);
  response.body = std::move(body);
  return response;
}

http::Response redirect(std::string_view location) {
  http::Response response;
  harden(response, no_policy);
  response.status = 303;
  response.headers.set("Location", location);
  return response;
}

http::Response answer(const Asset& asset, const http::Request& request, std::string_view policy) {
  http::Response response;
  response.headers.set("Cache-Control", asset.immutable ? "public, max-age=31536000, immutable" : "no-cache");
  response.headers.set("ETag", asset.etag);
  harden(response, policy);
  if (http::has_token(request.headers.get("If-None-Match"), asset.etag)) {
    response.status = 304;
    return response;
  }
  response.headers.set("Content-Type", asset.content_type);
  if (!asset.gzip.empty() && http::accepts_gzip(request.headers.get("Accept-Encoding"))) {
    response.headers.set("Content-Encoding", "gzip");
    response.headers.set("Vary", "Accept-Encoding");
    response.body = asset.gzip;
  } else {
    response.body = asset.bytes;
  }
  return response;
}

http::Response file_of_docs(const http::Request& request) {
  const Asset* asset = find_asset(request.path == "/docs" ? "/docs/docs.html" : request.path);
  if (asset == nullptr) fail(ErrorCode::not_found, "There is nothing at this path. The API is described at /docs.");
  return answer(*asset, request, docs_policy);
}

/// A file of the web app, or for its own paths the document that takes it from there.
http::Response file_of_web(const http::Request& request, std::string_view policy) {
  const Asset* asset = find_asset(request.path);
  if (asset == nullptr) {
    // A name of the product may hold a dot too ("llama-3.1"); then only a browser that navigates asks for HTML.
    const std::string_view name = std::string_view(request.path).substr(request.path.rfind('/') + 1);
    const bool file = request.path.starts_with("/modelops/assets/") ||
                      (name.find('.') != name.npos && request.headers.get("Accept").find("text/html") == name.npos);
    if (file)
      fail(ErrorCode::not_found, "The web app has no such file. Reload the page: there may be a newer version.");
    asset = find_asset("/modelops/index.html");
  }
  return answer(*asset, request, policy);
}

std::vector<api::Page> common_pages(const std::string& openapi) {
  return {{"/docs", file_of_docs},
          {"/docs/", file_of_docs},
          {"/openapi.json", [openapi](const http::Request&) { return answer("application/json", openapi); }},
          {"/healthz", [](const http::Request&) { return answer("text/plain; charset=utf-8", "ok\n"); }}};
}

/// Who came by https once is not led to http by anybody (RFC 6797).
void insist_on_https(std::vector<api::Page>& pages) {
  for (api::Page& page : pages) {
    page.answer = [answer_page = std::move(page.answer)](const http::Request& request) {
      http::Response response = answer_page(request);
      response.headers.set("Strict-Transport-Security", "max-age=31536000");
      return response;
    };
  }
}

}  // namespace

std::vector<api::Page> api_pages(const std::string& openapi, const metrics::Registry& registry,
                                 std::function<std::optional<std::string>()> ready, const std::string& web_url) {
  std::vector<api::Page> pages = common_pages(openapi);
  pages.push_back({"/metrics", [&registry](const http::Request&) {
                     return answer("text/plain; version=0.0.4; charset=utf-8", registry.expose());
                   }});
  pages.push_back({"/readyz", [ready = std::move(ready)](const http::Request&) {
                     if (const auto reason = ready()) {
                       http::Response response = answer("text/plain; charset=utf-8", *reason + "\n");
                       response.status = 503;
                       return response;
                     }
                     return answer("text/plain; charset=utf-8", "ready\n");
                   }});
  // A browser keeps what stands after '#', the token of a one-time link.
  pages.push_back({"/sign-in", [to = web_url + "/modelops/sign-in"](const http::Request&) { return redirect(to); }});
  pages.push_back({"/", [](const http::Request&) { return redirect("/docs"); }});
  return pages;
}

std::vector<api::Page> web_pages(const std::string& openapi, const std::string& web_url,
                                 const std::string& gateway_url) {
  std::vector<api::Page> pages = common_pages(openapi);
  const auto app = [policy = web_policy(gateway_url)](const http::Request& request) {
    return file_of_web(request, policy);
  };
  pages.push_back({"/modelops", app});
  pages.push_back({"/modelops/", app});
  pages.push_back({"/", [](const http::Request&) { return redirect("/modelops"); }});
  if (web_url.starts_with("https:")) insist_on_https(pages);
  return pages;
}

}  // namespace modelops::apps
