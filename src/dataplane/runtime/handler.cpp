#include "dataplane/runtime/handler.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "base/log.hpp"
#include "base/text.hpp"

namespace modelops::runtime {
namespace {

namespace json = boost::json;
using http::Method;
using http::Response;

constexpr std::uint64_t brief_body_bytes_max = 16 * 1024;  // decoded in some ten microseconds

enum class Kind : std::size_t {
  server,
  live,
  ready,
  health,
  metrics,
  model,
  model_ready,
  infer,
  index,
  load,
  unload,
  unknown
};

struct Route {
  Kind kind = Kind::unknown;
  Method method = Method::get;
  std::string_view label = "unknown";
  std::string name;
  std::optional<std::int64_t> version;
};

/// Recognises a path. Model names need no percent escapes, so none are decoded: with one the name is not found.
Route match(std::string_view path) {
  std::vector<std::string_view> parts = split(path.substr(1), '/');
  if (parts.size() > 1 && parts.back().empty()) parts.pop_back();
  const auto is = [&](std::initializer_list<std::string_view> words) {
    return std::equal(parts.begin(), parts.end(), words.begin(), words.end());
  };
  if (is({"v2"})) return {Kind::server, Method::get, "server", {}, {}};
  if (is({"v2", "health", "live"})) return {Kind::live, Method::get, "live", {}, {}};
  if (is({"v2", "health", "ready"})) return {Kind::ready, Method::get, "ready", {}, {}};
  if (is({"health"})) return {Kind::health, Method::get, "health", {}, {}};
  if (is({"metrics"})) return {Kind::metrics, Method::get, "metrics", {}, {}};
  if (is({"v2", "repository", "index"})) return {Kind::index, Method::post, "index", {}, {}};
  if (parts.size() == 5 && parts[0] == "v2" && parts[1] == "repository" && parts[2] == "models") {
    if (parts[4] == "load") return {Kind::load, Method::post, "load", std::string(parts[3]), {}};
    if (parts[4] == "unload") return {Kind::unload, Method::post, "unload", std::string(parts[3]), {}};
  }
  if (parts.size() < 3 || parts[0] != "v2" || parts[1] != "models") return {};
  Route route;
  route.name = parts[2];
  std::size_t next = 3;
  if (parts.size() > 4 && parts[3] == "versions") {
    // What is no number names no version: 0 is never one.
    route.version = parse_count(parts[4]).value_or(0);
    next = 5;
  }
  const std::string_view rest = next < parts.size() ? parts[next] : "";
  if (next == parts.size()) {
    route.kind = Kind::model;
    route.label = "model";
  } else if (next + 1 == parts.size() && rest == "ready") {
    route.kind = Kind::model_ready;
    route.label = "model_ready";
  } else if (next + 1 == parts.size() && rest == "infer") {
    route.kind = Kind::infer;
    route.method = Method::post;
    route.label = "infer";
  }
  return route;
}

Response json_response(int status, const json::value& body) {
  Response response{.status = status, .headers = {}, .body = json::serialize(body)};
  response.headers.set("Content-Type", "application/json");
  return response;
}

Response error_response(const Error& error) {
  Response response = json_response(http_status(error.code), {{"error", error.message}});
  if (error.retry_after_seconds) response.headers.set("Retry-After", std::to_string(*error.retry_after_seconds));
  return response;
}

/// The answer to the exception that is being handled.
Response error_response() {
  try {
    throw;
  } catch (const Error& error) {
    if (http_status(error.code) >= 500)
      Log().warning("request failed", {{"reason", error.message}, {"detail", error.detail}});
    return error_response(error);
  } catch (const std::exception&) {
    Log().error("request failed", {{"reason", describe_current_exception()}});
    return error_response(Error(ErrorCode::internal, "The server failed; its log says why."));
  }
}

json::array describe(const std::vector<TensorInfo>& tensors) {
  json::array all;
  for (const TensorInfo& info : tensors) {
    all.push_back({{"name", info.name},
                   {"datatype", datatype_name(info.datatype)},
                   {"shape", json::array(info.shape.begin(), info.shape.end())}});
  }
  return all;
}

Response model_response(const Model& model) {
  return json_response(200, {{"name", model.name()},
                             {"versions", {model.version()}},
                             {"platform", "onnxruntime_onnx"},
                             {"inputs", describe(model.inputs())},
                             {"outputs", describe(model.outputs())},
                             {"parameters", {{"merges_rows", model.merges_rows()}}}});
}

std::string_view state_name(ModelState state) {
  switch (state) {
    case ModelState::loading: return "LOADING";
    case ModelState::ready: return "READY";
    case ModelState::failed:
    case ModelState::unloaded: return "UNAVAILABLE";
  }
  return {};
}

Response infer_response(const std::string& model, const std::string& version, const std::optional<std::string>& id,
                        const std::vector<bool>& binary, bool timed, Outcome outcome) {
  if (outcome.error) std::rethrow_exception(outcome.error);
  const auto ms = [](auto duration) { return std::chrono::duration<double, std::milli>(duration).count(); };
  std::vector<OutputTensor> outputs;
  for (std::size_t i = 0; i < outcome.outputs.size(); ++i)
    outputs.push_back({std::move(outcome.outputs[i]), binary[i]});
  InferResponse encoded = encode_infer_response(model, version, id, outputs);
  Response response{.status = 200, .headers = {}, .body = std::move(encoded.body)};
  if (encoded.json_size_bytes) {
    response.headers.set("Content-Type", "application/octet-stream");
    response.headers.set("Inference-Header-Content-Length", std::to_string(*encoded.json_size_bytes));
  } else {
    response.headers.set("Content-Type", "application/json");
  }
  if (timed)
    response.headers.set("Server-Timing",
                         fmt::format("queue;dur={:.3f}, run;dur={:.3f}", ms(outcome.queued), ms(outcome.computed)));
  return response;
}

}  // namespace

RuntimeHandler::RuntimeHandler(Repository& repository, metrics::Registry& registry, HandlerOptions options)
    : repository_(repository),
      registry_(registry),
      options_(options),
      resident_bytes_(registry.gauge("process_resident_memory_bytes", "Memory that the process occupies.")),
      cpu_seconds_(registry.counter("process_cpu_seconds_total", "User and system CPU time of the process.")) {}

http::Plan RuntimeHandler::plan(const http::Request& head) noexcept {
  const Route route = match(head.path);
  http::Plan plan;
  plan.route = static_cast<std::size_t>(route.kind);
  plan.route_name = route.label;
  plan.body_bytes_max = route.kind == Kind::infer ? options_.body_bytes_max : 64 * 1024;
  plan.is_brief = route.kind == Kind::infer && head.content_length.value_or(UINT64_MAX) <= brief_body_bytes_max &&
                  repository_.is_brief(route.name, route.version);
  return plan;
}

std::unique_ptr<http::BodySink> RuntimeHandler::receive(const http::Plan&, const http::Request&) {
  fail(ErrorCode::internal, "No route streams its body.");
}

http::Answer RuntimeHandler::handle(const http::Plan&, http::Request&& request) try {
  const Route route = match(request.path);
  if (route.kind == Kind::unknown)
    fail(ErrorCode::not_found, "There is nothing at " + request.path + "; GET /v2 describes this server.");
  if (request.method != route.method && !(route.method == Method::get && request.method == Method::head)) {
    Response response = error_response(
        Error(ErrorCode::method_not_allowed, fmt::format("Use {} here.", http::method_name(route.method))));
    response.headers.set("Allow", http::method_name(route.method));
    return response;
  }
  switch (route.kind) {
    case Kind::server:
      return json_response(200, {{"name", "modelops-runtime"},
                                 {"version", options_.version},
                                 {"extensions", {"binary_tensor_data", "model_repository"}}});
    case Kind::live: return json_response(200, {{"live", true}});
    case Kind::ready:
    case Kind::health: return ready();
    case Kind::metrics: {
      Response response{.status = 200, .headers = {}, .body = metrics_text()};
      response.headers.set("Content-Type", "text/plain; version=0.0.4");
      return response;
    }
    case Kind::model: return model_response(*repository_.get(route.name, route.version));
    case Kind::model_ready:
      repository_.get(route.name, route.version);
      return json_response(200, {{"name", route.name}, {"ready", true}});
    case Kind::infer: return infer(request, route.name, route.version);
    case Kind::index: return index(request);
    case Kind::load: repository_.load(route.name); return json_response(200, json::object());
    case Kind::unload: repository_.unload(route.name); return json_response(200, json::object());
    case Kind::unknown: break;
  }
  fail(ErrorCode::internal, "A route has no answer.");
} catch (...) {
  return error_response();
}

http::Answer RuntimeHandler::infer(http::Request& request, const std::string& name,
                                   std::optional<std::int64_t> version) {
  const auto encoding = request.headers.find("Content-Encoding");
  if (encoding && *encoding != "identity")
    fail(ErrorCode::unsupported_media, "Send the body without Content-Encoding.");
  std::optional<std::size_t> json_size_bytes;
  if (const auto text = request.headers.find("Inference-Header-Content-Length")) {
    const auto size = parse_count(*text);
    if (!size) fail(ErrorCode::invalid, "Inference-Header-Content-Length must be a number of bytes.");
    json_size_bytes = static_cast<std::size_t>(*size);
  }
  const std::shared_ptr<Model> model = repository_.get(name, version);
  InferRequest decoded = decode_infer_request(request.body, json_size_bytes);
  request.body = {};
  std::optional<std::string> id = decoded.id;
  Model::Prepared prepared = model->prepare(std::move(decoded));
  prepared.job.deadline = request.deadline;
  const bool timed = request.headers.find("traceparent").has_value();  // whoever traces wants to know where time goes

  const auto job = std::make_shared<Job>(std::move(prepared.job));
  http::Deferred deferred;
  deferred.cancelled = job->cancelled = std::make_shared<std::atomic<bool>>(false);
  // `done` must not own the model: the batcher, which runs it, would end itself.
  deferred.start = [this, model, job, timed, id = std::move(id), binary = std::move(prepared.binary)](auto answer) {
    job->done = [answer, id, binary, timed, name = model->name(), version = model->version()](Outcome outcome) {
      try {
        answer(infer_response(name, version, id, binary, timed, std::move(outcome)));
      } catch (...) {
        answer(error_response());
      }
    };
    const bool may_block = blocking_.fetch_add(1) < options_.blocking_max;
    try {
      model->submit(std::move(*job), may_block);
    } catch (...) {
      answer(error_response());
    }
    blocking_.fetch_sub(1);
  };
  return deferred;
}

Response RuntimeHandler::index(const http::Request& request) const {
  bool only_ready = false;
  if (!trim(request.body).empty()) {
    boost::system::error_code error;
    const json::value body = json::parse(request.body, error);
    if (error || !body.is_object()) fail(ErrorCode::invalid, "The body must be empty or a JSON object.");
    if (const json::value* ready_only = body.as_object().if_contains("ready")) {
      if (!ready_only->is_bool()) fail(ErrorCode::invalid, "\"ready\" must be true or false.");
      only_ready = ready_only->as_bool();
    }
  }
  json::array all;
  for (const ModelStatus& model : repository_.list()) {
    if (only_ready && model.state != ModelState::ready) continue;
    all.push_back({{"name", model.name},
                   {"version", std::to_string(model.version)},
                   {"state", state_name(model.state)},
                   {"reason", model.reason}});
  }
  return json_response(200, all);
}

Response RuntimeHandler::ready() const {
  const bool is_ready = !draining_ && repository_.all_ready();
  return json_response(is_ready ? 200 : 503, {{"ready", is_ready}});
}

std::string RuntimeHandler::metrics_text() {
  std::lock_guard lock(process_mutex_);
  std::ifstream statm("/proc/self/statm");
  double total_pages = 0, resident_pages = 0;
  statm >> total_pages >> resident_pages;
  resident_bytes_.set(resident_pages * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  cpu_seconds_.add(seconds(usage.ru_utime) + seconds(usage.ru_stime) - cpu_seconds_.value());
  return registry_.expose();
}

}  // namespace modelops::runtime
