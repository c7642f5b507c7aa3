#include "apps/pages.hpp"

#include "apps/assets.hpp"

namespace modelops::apps {
namespace {

// Swagger UI sets styles of its own; everything else comes from this server alone.
constexpr std::string_view content_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src "
    "'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

http::Response answer(std::string_view type, std::string body) {
  http::Response response;
  response.headers.set("Content-Type", type);
  response.body = std::move(body);
  return response;
}

api::Page asset_page(std::string path, std::string_view name, std::string_view type) {
  return {std::move(path), [name, type](const http::Request&) {
            http::Response response = answer(type, std::string(find_asset(name).value()));
            response.headers.set("Content-Security-Policy", content_security_policy);
            response.headers.set("Referrer-Policy", "no-referrer");
            response.headers.set("Cache-Control", "no-cache");
            return response;
          }};
}

}  // namespace

std::vector<api::Page> pages(const std::string& openapi, const metrics::Registry& registry,
                             std::function<std::optional<std::string>()> ready) {
  constexpr std::string_view html = "text/html; charset=utf-8";
  constexpr std::string_view script = "text/javascript; charset=utf-8";
  constexpr std::string_view style = "text/css; charset=utf-8";
  return {
      asset_page("/docs", "docs.html", html),
      asset_page("/docs/docs.js", "docs.js", script),
      asset_page("/docs/swagger-ui-bundle.js", "swagger-ui-bundle.js", script),
      asset_page("/docs/swagger-ui.css", "swagger-ui.css", style),
      asset_page("/sign-in", "sign-in.html", html),
      asset_page("/sign-in.js", "sign-in.js", script),
      asset_page("/sign-in.css", "sign-in.css", style),
      {"/openapi.json", [openapi](const http::Request&) { return answer("application/json", openapi); }},
      {"/metrics",
       [&registry](const http::Request&) {
         return answer("text/plain; version=0.0.4; charset=utf-8", registry.expose());
       }},
      {"/healthz", [](const http::Request&) { return answer("text/plain; charset=utf-8", "ok\n"); }},
      {"/readyz",
       [ready = std::move(ready)](const http::Request&) {
         if (const auto reason = ready()) {
           http::Response response = answer("text/plain; charset=utf-8", *reason + "\n");
           response.status = 503;
           return response;
         }
         return answer("text/plain; charset=utf-8", "ready\n");
       }},
      {"/",
       [](const http::Request&) {
         http::Response response;
         response.status = 303;
         response.headers.set("Location", "/docs");
         return response;
       }},
  };
}

}  // namespace modelops::apps
