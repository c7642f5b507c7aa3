#include "platform/api/router.hpp"

#include "base/text.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/db/database.hpp"

namespace modelops::api {
namespace {

constexpr std::size_t no_route = static_cast<std::size_t>(-1);
constexpr std::size_t wrong_method = static_cast<std::size_t>(-2);
constexpr std::size_t first_page = static_cast<std::size_t>(1) << 32;

std::vector<std::string_view> path_segments(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  return split(path, '/');
}

std::int64_t parse_if_match(std::string_view value) {
  // Only the strong tags that we gave out: "17".
  if (value.size() >= 3 && value.front() == '"' && value.back() == '"') {
    if (const auto version = parse_count(value.substr(1, value.size() - 2))) return *version;
  }
  fail(ErrorCode::precondition_failed,
       "If-Match does not name a version of this resource. Send the ETag of your last GET.");
}

bool is_key(std::string_view key) {
  return !key.empty() && key.size() <= 128 &&
         std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

/// The span of one request, from the decision who asks to the answer; of a stream, to its beginning.
class Router::Trace {
 public:
  Trace(tracing::Exporter* exporter, const Route& route, const http::Request& request)
      : exporter_(exporter), route_(route) {
    if (exporter_ == nullptr) return;
    method_ = request.method;
    path_ = request.path;
    request_id_ = request.request_id;
    std::optional<tracing::SpanContext> parent;
    if (request.headers.count("traceparent") == 1)
      parent = tracing::parse_trace_parent(request.headers.get("traceparent"));
    span_.context = exporter_->begin(parent);
    if (parent) span_.parent = parent->span;
    span_.start = SystemClock().now();
  }
  Trace(const Trace&) = delete;
  ~Trace() {
    if (!span_.context.sampled) return;
    span_.duration = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun_);
    span_.name = fmt::format("{} {}", http::method_name(method_), route_.path);
    span_.kind = tracing::SpanKind::server;
    span_.attributes.insert(span_.attributes.end(), {{"http.request.method", std::string(http::method_name(method_))},
                                                     {"http.route", std::string(route_.path)},
                                                     {"url.path", path_},
                                                     {"http.response.status_code", std::int64_t{status_}},
                                                     {"modelops.operation", std::string(route_.operation_id)},
                                                     {"modelops.request_id", request_id_}});
    if (received_) span_.attributes.push_back({"http.request.body.size", *received_});
    if (status_ >= 500) {
      span_.status = tracing::SpanStatus::error;
      span_.attributes.push_back({"error.type", std::to_string(status_)});
    }
    exporter_->add(std::move(span_));
  }

  /// Whose request it is, once that is known.
  void enter(Context& ctx) {
    if (!span_.context.sampled) return;
    ctx.trace = span_.context;
    ctx.log = ctx.log.with("trace_id", span_.context.trace_id());
    if (!ctx.org_id.empty()) span_.attributes.push_back({"modelops.organization_id", ctx.org_id});
  }
  void answered(int status) { status_ = status; }
  void received(std::size_t bytes) { received_ = received_.value_or(0) + static_cast<std::int64_t>(bytes); }

 private:
  tracing::Exporter* const exporter_;
  const Route& route_;
  http::Method method_ = http::Method::get;
  std::string path_, request_id_;
  std::optional<std::int64_t> received_;  // of an upload's body
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  tracing::Span span_;
  int status_ = 500;
};

Router::Router(Routes routes, Access& access, std::vector<Page> pages, RouterOptions options)
    : routes_(std::move(routes)), access_(access), pages_(std::move(pages)), options_(options) {
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    runs_.emplace_back(options_.brief_run_max);
    std::vector<Segment>& segments = segments_.emplace_back();
    for (const std::string_view part : path_segments(routes_[i].path)) {
      const bool parameter = part.starts_with('{');
      segments.push_back({std::string(parameter ? part.substr(1, part.size() - 2) : part), parameter});
    }
    by_length_[segments.size()].push_back(i);
  }
  // A literal wins over a parameter: /models/analyze before /models/{model}.
  for (auto& [length, indexes] : by_length_) {
    std::sort(indexes.begin(), indexes.end(), [&](std::size_t a, std::size_t b) {
      for (std::size_t k = 0; k < segments_[a].size(); ++k)
        if (segments_[a][k].parameter != segments_[b][k].parameter) return segments_[b][k].parameter;
      return a < b;
    });
  }
}

http::Plan Router::plan(const http::Request& head) noexcept {
  http::Plan plan;
  plan.route = no_route;
  const http::Method method = head.method == http::Method::head ? http::Method::get : head.method;
  const auto parts = path_segments(head.path);
  if (const auto found = by_length_.find(parts.size()); found != by_length_.end()) {
    for (const std::size_t index : found->second) {
      bool matches = true;
      for (std::size_t k = 0; matches && k < parts.size(); ++k) {
        const Segment& segment = segments_[index][k];
        matches = segment.parameter ? !parts[k].empty() : segment.text == parts[k];
      }
      if (!matches) continue;
      if (routes_[index].method != method) {
        if (plan.route == no_route) plan.route = wrong_method;
        continue;
      }
      const Route& route = routes_[index];
      return {route.mode, route.options.body_bytes_max, index, route.operation_id, is_brief(index, head)};
    }
  }
  if (method != http::Method::get) return plan;
  const auto page = std::find_if(pages_.begin(), pages_.end(), [&](const Page& candidate) {
    const std::string& path = candidate.path;
    return head.path == path || (path.size() > 1 && path.ends_with('/') && head.path.starts_with(path));
  });
  if (page != pages_.end()) {
    plan.route = first_page + static_cast<std::size_t>(page - pages_.begin());
    plan.route_name = page->path;
  }
  return plan;
}

/// Whether the request may be answered on the I/O thread: nothing is waited for, neither a write nor a connection.
bool Router::is_brief(std::size_t index, const http::Request& head) const {
  const Route& route = routes_[index];
  return route.options.brief && runs_[index].are_brief() && options_.database != nullptr &&
         options_.database->reads_at_once() && access_.knows(head, route.permission);
}

Parameters Router::path_parameters(std::size_t route, std::string_view path) const {
  Parameters out;
  const auto parts = path_segments(path);
  for (std::size_t k = 0; k < parts.size(); ++k)
    if (segments_[route][k].parameter) out.emplace_back(segments_[route][k].text, http::percent_decode(parts[k]));
  return out;
}

template <class F>
auto Router::as_principal(const Route& route, const http::Request& request, Trace& trace, F&& f) {
  Context ctx = access_.authenticate(request);
  ctx.request_id = request.request_id;
  ctx.remote_address = request.remote_address;
  ctx.deadline = request.deadline;
  ctx.log = Log().with("request_id", request.request_id).with("operation", route.operation_id);
  trace.enter(ctx);
  try {
    access_.authorize(ctx, route.permission);
    if (route.options.if_match) {
      const auto if_match = request.headers.find("If-Match");
      if (!if_match)
        fail(ErrorCode::precondition_required,
             "Send If-Match with the ETag of your last GET, so that no one's change is lost.");
      ctx.if_match = parse_if_match(*if_match);
    }
    return f(ctx);
  } catch (const Error& error) {
    if (error.code == ErrorCode::forbidden && ctx.actor.kind != ActorKind::anonymous)
      access_.refused(ctx, route.permission, error.message);
    throw;
  }
}

http::Answer Router::handle(const http::Plan& plan, http::Request&& request) {
  if (plan.route >= first_page && plan.route < first_page + pages_.size())
    return pages_[plan.route - first_page].answer(request);
  if (plan.route == wrong_method)
    fail(ErrorCode::method_not_allowed, fmt::format("{} is not possible here.", http::method_name(request.method)));
  if (plan.route >= routes_.size())
    fail(ErrorCode::not_found, "There is nothing at this path. The API is described at /docs.");
  struct Timed {
    http::BriefRuns& runs;
    const std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
    ~Timed() { runs.count(std::chrono::steady_clock::now() - begun); }
  } timed{runs_[plan.route]};
  Trace trace(options_.exporter, routes_[plan.route], request);
  try {
    http::Answer made = answer(plan, request, trace);
    const auto* response = std::get_if<http::Response>(&made);
    trace.answered(response != nullptr ? response->status : 200);
    return made;
  } catch (const Error& error) {
    trace.answered(http_status(error.code));
    throw;
  }
}

http::Answer Router::answer(const http::Plan& plan, const http::Request& request, Trace& trace) {
  const Route& route = routes_[plan.route];
  return as_principal(route, request, trace, [&](Context& ctx) -> http::Answer {
    Idempotency idempotency;
    const auto key = request.headers.find("Idempotency-Key");
    if (key && route.method == http::Method::post && ctx.actor.kind != ActorKind::anonymous) {
      if (!is_key(*key)) fail(ErrorCode::invalid, "Idempotency-Key must be 1 to 128 visible ASCII characters.");
      idempotency.key = *key;
      idempotency.request_hash = crypto::sha256_hex(
          fmt::format("{} {}?{}\n{}", http::method_name(request.method), request.path, request.query, request.body));
      idempotency.status = route.options.status != 0 ? route.options.status : 200;
      idempotency.protect = [&](std::string_view body) { return access_.protect(ctx, idempotency.key, body); };
      ctx.idempotency = &idempotency;
    }
    Input input{path_parameters(plan.route, request.path), http::parse_query(request.query), request.body, &request};
    try {
      http::Answer answer = route.invoke(ctx, input);
      if (auto* response = std::get_if<http::Response>(&answer)) {
        const auto tag = response->headers.find("ETag");
        if (tag && route.method == http::Method::get && request.headers.get("If-None-Match") == *tag) {
          response->status = 304;
          response->body.clear();
        }
      }
      return answer;
    } catch (const db::Replayed& replayed) {
      http::Response response = detail::answer_json(
          {.status = replayed.status}, access_.unprotect(ctx, idempotency.key, replayed.sealed_body), false);
      response.headers.set("Idempotency-Replayed", "true");
      return response;
    }
  });
}

/// An upload with its span: from the decision who sends it to the answer, or until it is given up.
class Router::TracedSink final : public http::BodySink {
 public:
  TracedSink(std::unique_ptr<http::BodySink> sink, std::unique_ptr<Trace> trace)
      : trace_(std::move(trace)), sink_(std::move(sink)) {
    trace_->received(0);
    trace_->answered(client_gone);
  }
  void write(std::string_view bytes) override {
    traced([&] { sink_->write(bytes); });
    trace_->received(bytes.size());
  }
  http::Response finish() override {
    http::Response response;
    traced([&] { response = sink_->finish(); });
    trace_->answered(response.status);
    return response;
  }
  bool finishes_slowly() const override { return sink_->finishes_slowly(); }

 private:
  static constexpr int client_gone = 499;
  template <class F>
  void traced(F&& f) {
    try {
      f();
    } catch (const Error& error) {
      trace_->answered(http_status(error.code));
      throw;
    }
  }

  std::unique_ptr<Trace> trace_;
  std::unique_ptr<http::BodySink> sink_;  // given up before the span ends
};

std::unique_ptr<http::BodySink> Router::receive(const http::Plan& plan, const http::Request& head) {
  const Route& route = routes_.at(plan.route);
  auto trace = std::make_unique<Trace>(options_.exporter, route, head);
  try {
    auto sink = as_principal(route, head, *trace, [&](Context& ctx) {
      Input input{path_parameters(plan.route, head.path), http::parse_query(head.query), {}, &head};
      return route.receive(ctx, input);
    });
    if (options_.exporter == nullptr) return sink;
    return std::make_unique<TracedSink>(std::move(sink), std::move(trace));
  } catch (const Error& error) {
    trace->answered(http_status(error.code));
    throw;
  }
}

std::string openapi(const Routes& routes, std::string_view version) {
  using boost::json::array;
  using boost::json::object;
  reflect::Components components;
  std::vector<object> operations(routes.size());
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const Route& route = routes[i];
    object& operation = operations[i];
    operation["operationId"] = route.operation_id;
    operation["summary"] = route.summary;
    if (!route.options.description.empty()) operation["description"] = route.options.description;
    const auto parts = path_segments(route.path);
    operation["tags"] = array{parts.size() > 2 ? parts[2] : parts[0]};
    if (route.permission == anyone) operation["security"] = array();
    operation["x-permission"] = route.permission == anyone      ? std::string_view("anyone")
                                : route.permission == signed_in ? std::string_view("signed in")
                                                                : route.permission.name;
    route.describe_request(operation, components);
  }
  components.begin_answers();
  object paths;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const Route& route = routes[i];
    routes[i].describe_answer(operations[i], components);
    if (route.options.if_match) {
      if (!operations[i].contains("parameters")) operations[i]["parameters"] = array();
      operations[i]["parameters"].as_array().push_back(
          object{{"name", "If-Match"}, {"in", "header"}, {"required", true}, {"schema", {{"type", "string"}}}});
    }
    if (!paths.contains(route.path)) paths[route.path] = object();
    paths[route.path].as_object()[to_lower_ascii(http::method_name(route.method))] = std::move(operations[i]);
  }
  object schemas = components.schemas();
  schemas["Problem"] =
      object{{"type", "object"},
             {"description", "RFC 9457. `violations` names each offending field."},
             {"properties",
              {{"type", {{"type", "string"}}},
               {"title", {{"type", "string"}}},
               {"status", {{"type", "integer"}}},
               {"detail", {{"type", "string"}}},
               {"request_id", {{"type", "string"}}},
               {"violations",
                {{"type", "array"},
                 {"items",
                  {{"type", "object"},
                   {"properties", {{"pointer", {{"type", "string"}}}, {"message", {{"type", "string"}}}}}}}}}}},
             {"required", array{"type", "title", "status"}}};
  object document{
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "ModelOps"},
        {"version", version},
        {"description", "The control plane for the production life of machine-learning models."},
        {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
      {"servers", array{object{{"url", "/"}}}},
      {"security", array{object{{"bearer", array()}}, object{{"session", array()}}}},
      {"paths", std::move(paths)},
      {"components",
       {{"schemas", std::move(schemas)},
        {"responses",
         {{"Problem",
           {{"description", "The request was refused"},
            {"content", {{"application/problem+json", {{"schema", {{"$ref", "#/components/schemas/Problem"}}}}}}}}}}},
        {"securitySchemes",
         {{"bearer", {{"type", "http"}, {"scheme", "bearer"}, {"description", "An API key or a token: mo_…"}}},
          {"session", {{"type", "apiKey"}, {"in", "cookie"}, {"name", "modelops_session"}}}}}}}};
  return reflect::to_json(boost::json::value(std::move(document)));
}

}  // namespace modelops::api
