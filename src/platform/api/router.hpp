#pragma once
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "platform/api/route.hpp"
#include "platform/db/database.hpp"
#include "platform/http/brief_runs.hpp"
#include "platform/tracing/exporter.hpp"

namespace modelops::api {

/// Who asks, and whether they may: answered by `identity`.
class Access {
 public:
  virtual ~Access() = default;
  /// Reads the credentials of a request. Without any the actor is anonymous; with unusable ones Error(unauthenticated).
  virtual Context authenticate(const http::Request& request) = 0;
  /// Whether the request will pass both of these without asking the database. Quick.
  virtual bool knows(const http::Request&, Permission) { return false; }
  /// The one place where a route's permission is decided. Throws Error(unauthenticated | forbidden).
  virtual void authorize(const Context& ctx, Permission permission) = 0;
  /// Told of every Error(forbidden) that somebody known was answered with, outside any transaction.
  virtual void refused(const Context& ctx, Permission permission, std::string_view reason) = 0;
  /// Seals what an Idempotency-Key keeps: it may hold a one-time secret.
  virtual std::string protect(const Context& ctx, std::string_view key, std::string_view body) = 0;
  virtual std::string unprotect(const Context& ctx, std::string_view key, std::string_view sealed) = 0;
};

/// Something outside the API that one server answers as well: health, metrics, documentation.
struct Page {
  std::string path;  ///< ending in '/': everything below it as well
  std::function<http::Response(const http::Request&)> answer;
};

struct RouterOptions {
  tracing::Exporter* exporter = nullptr;   ///< where the span of each API request goes; null: nothing is traced
  const db::Database* database = nullptr;  ///< what brief routes read; null: none is answered where it was read
  std::chrono::microseconds brief_run_max{200};
};

class Router final : public http::Handler {
 public:
  /// All that it is given outlives it.
  Router(Routes routes, Access& access, std::vector<Page> pages = {}, RouterOptions options = {});

  http::Plan plan(const http::Request& head) noexcept override;
  http::Answer handle(const http::Plan& plan, http::Request&& request) override;
  std::unique_ptr<http::BodySink> receive(const http::Plan& plan, const http::Request& head) override;

  const Routes& routes() const { return routes_; }

 private:
  class Trace;
  class TracedSink;
  struct Segment {
    std::string text;  ///< a literal, or the name of a parameter
    bool parameter = false;
  };
  http::Answer answer(const http::Plan& plan, const http::Request& request, Trace& trace);
  bool is_brief(std::size_t route, const http::Request& head) const;
  Parameters path_parameters(std::size_t route, std::string_view path) const;
  /// Runs `f(ctx)` as the request's principal, once the route's permission is decided.
  template <class F>
  auto as_principal(const Route& route, const http::Request& request, Trace& trace, F&& f);

  Routes routes_;
  Access& access_;
  std::vector<Page> pages_;
  const RouterOptions options_;
  std::deque<http::BriefRuns> runs_;  ///< of each route
  std::vector<std::vector<Segment>> segments_;
  std::map<std::size_t, std::vector<std::size_t>> by_length_;
};

/// The OpenAPI 3.1 document of a table, in a fixed order.
std::string openapi(const Routes& routes, std::string_view version);

}  // namespace modelops::api
