#include "dataplane/proxy/answers.hpp"

#include "platform/http/wire.hpp"
#include "reflect/json.hpp"

namespace modelops::proxy {
namespace {

struct OpenAiKind {
  std::string_view type;
  std::string_view code;
};

OpenAiKind openai_kind(ErrorCode code) {
  switch (code) {
    case ErrorCode::unauthenticated: return {"authentication_error", "invalid_api_key"};
    case ErrorCode::not_found: return {"invalid_request_error", "model_not_found"};
    case ErrorCode::too_many_requests: return {"rate_limit_error", "rate_limit_exceeded"};
    case ErrorCode::unavailable: return {"server_error", "service_unavailable"};
    case ErrorCode::gateway_timeout: return {"server_error", "timeout"};
    case ErrorCode::bad_gateway: return {"server_error", "bad_gateway"};
    case ErrorCode::internal: return {"server_error", "internal_error"};
    default: return {"invalid_request_error", error_name(code)};
  }
}

http::Response openai_error(int status, std::string_view message, OpenAiKind kind, std::string_view parameter) {
  http::Response response;
  response.status = status;
  response.headers.add("Content-Type", "application/json");
  std::string& body = response.body;
  body = "{\"error\":{\"message\":";
  reflect::append_json_string(body, message);
  body += ",\"type\":";
  reflect::append_json_string(body, kind.type);
  body += ",\"param\":";
  if (parameter.empty()) {
    body += "null";
  } else {
    reflect::append_json_string(body, parameter);
  }
  body += ",\"code\":";
  reflect::append_json_string(body, kind.code);
  body += "}}";
  return response;
}

void append_model(std::string& out, const RoutingTable& table, std::string_view organization, std::string_view name) {
  out += "{\"id\":";
  reflect::append_json_string(out, name);
  fmt::format_to(std::back_inserter(out),
                 ",\"object\":\"model\",\"created\":{},\"owned_by\":", table.issued_at_seconds());
  reflect::append_json_string(out, organization);
  out += '}';
}

http::Response json_answer() {
  http::Response response;
  response.headers.add("Content-Type", "application/json");
  return response;
}

}  // namespace

http::Response error_answer(const Error& error, std::string_view request_id, bool openai) {
  http::Response response;
  if (openai) {
    std::string message = error.message;
    std::string_view parameter;
    if (!error.violations.empty()) {
      const Violation& violation = error.violations.front();
      parameter = std::string_view(violation.pointer).substr(std::min<std::size_t>(violation.pointer.size(), 1));
      message = fmt::format("{} {}.", parameter, violation.message);
    }
    response = openai_error(http_status(error.code), message, openai_kind(error.code), parameter);
    if (error.retry_after_seconds) response.headers.add("Retry-After", std::to_string(*error.retry_after_seconds));
  } else {
    response = http::problem_response(error, request_id);
  }
  if (error.code == ErrorCode::unauthenticated) response.headers.add("WWW-Authenticate", "Bearer");
  return response;
}

http::Response upgrade_refused(std::string_view request_id, bool openai) {
  const std::string_view message =
      "Other protocols than HTTP/1.1 are not spoken here: send the request without Upgrade.";
  if (openai) return openai_error(501, message, {"invalid_request_error", "not_implemented"}, {});
  http::Response response;
  response.status = 501;
  response.headers.add("Content-Type", "application/problem+json");
  response.body =
      "{\"type\":\"urn:modelops:problem:not-implemented\",\"title\":\"Not Implemented\",\"status\":501,"
      "\"detail\":";
  reflect::append_json_string(response.body, message);
  response.body += ",\"request_id\":";
  reflect::append_json_string(response.body, request_id);
  response.body += '}';
  return response;
}

http::Response preflight_answer() {
  http::Response response;
  response.status = 204;
  response.headers.add("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
  response.headers.add("Access-Control-Allow-Headers",
                       "Authorization, X-Api-Key, Content-Type, Accept, X-Request-Id, traceparent, tracestate");
  response.headers.add("Access-Control-Max-Age", "600");
  return response;
}

std::optional<http::Response> own_answer(std::string_view path, bool ready, metrics::Registry& registry) {
  http::Response response;
  if (path == "/metrics") {
    response.headers.add("Content-Type", "text/plain; version=0.0.4");
    response.body = registry.expose();
  } else if (path == "/healthz" || path == "/readyz") {
    response.headers.add("Content-Type", "text/plain");
    response.body = "ok\n";
    if (path == "/readyz" && !ready) {
      response.status = 503;
      response.body = "The gateway has no routes yet: it waits for the control plane.\n";
    }
  } else {
    return std::nullopt;
  }
  return response;
}

http::Response model_list(const RoutingTable& table, std::string_view organization) {
  http::Response response = json_answer();
  response.body = "{\"object\":\"list\",\"data\":[";
  bool first = true;
  for (const std::string_view name : table.models(organization)) {
    if (!std::exchange(first, false)) response.body += ',';
    append_model(response.body, table, organization, name);
  }
  response.body += "]}";
  return response;
}

std::optional<http::Response> one_model(const RoutingTable& table, std::string_view organization,
                                        std::string_view name) {
  if (table.find_model(organization, name) == nullptr) return std::nullopt;
  http::Response response = json_answer();
  append_model(response.body, table, organization, name);
  return response;
}

Error busy(ErrorCode code, std::string message, std::chrono::nanoseconds wait) {
  Error error(code, std::move(message));
  error.retry_after_seconds =
      static_cast<int>(std::clamp<std::int64_t>(std::chrono::ceil<std::chrono::seconds>(wait).count(), 1, 3600));
  return error;
}

}  // namespace modelops::proxy
