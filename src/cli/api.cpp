#include "cli/api.hpp"

#include "base/text.hpp"
#include "reflect/json.hpp"

namespace modelops::cli {
namespace {

std::string_view text_of(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

}  // namespace

Error error_of(const http::Response& response) {
  Error error(error_code_from_status(response.status), fmt::format("The server answered {}.", response.status));
  try {
    const boost::json::value body = reflect::parse_json_value(response.body);
    const auto& problem = body.as_object();
    if (const auto detail = text_of(problem, "detail"); !detail.empty()) error.message = detail;
    if (const auto text = text_of(problem, "error"); !text.empty()) error.message = text;
    // As OpenAI-compatible servers say it.
    if (const auto* object = problem.if_contains("error"); object != nullptr && object->is_object()) {
      if (const auto text = text_of(object->get_object(), "message"); !text.empty()) error.message = text;
    }
    if (const auto* violations = problem.if_contains("violations"); violations != nullptr && violations->is_array()) {
      for (const boost::json::value& item : violations->get_array()) {
        if (item.is_object())
          error.violations.push_back(
              {std::string(text_of(item.get_object(), "pointer")), std::string(text_of(item.get_object(), "message"))});
      }
    }
  } catch (const std::exception&) {
    if (!response.body.empty() && is_utf8(response.body)) error.message += " " + response.body.substr(0, 500);
  }
  if (error.code == ErrorCode::unauthenticated)
    error.message += " (The command line uses the profile in " + profiles_path().string() + ", or MODELOPS_TOKEN.)";
  return error;
}

Api::Api(Profile profile) : profile_(std::move(profile)), client_(http::own_server_options()) {}

http::Headers Api::headers(const http::Headers& more) const {
  http::Headers out = more;
  if (!profile_.token.empty()) out.set("Authorization", "Bearer " + profile_.token);
  return out;
}

Api::Answer Api::call(http::Method method, const std::string& path, const boost::json::value* body,
                      const http::Headers& more) {
  http::ClientRequest request;
  request.method = method;
  request.url = profile_.url + path;
  request.headers = headers(more);
  if (body != nullptr) {
    request.body = reflect::to_json(*body);
    request.headers.set("Content-Type",
                        method == http::Method::patch ? "application/merge-patch+json" : "application/json");
  }
  const http::Response response = client_.send(request);
  if (response.status >= 400) throw error_of(response);
  Answer answer{response.status, std::string(response.headers.get("ETag")), nullptr};
  if (!response.body.empty())
    answer.body = reflect::parse_json_value(response.body, {.depth_max = 64, .elements_max = 10'000'000});
  return answer;
}

http::Response Api::exchange(http::Method method, const std::string& path, const http::Headers& more,
                             std::string body) {
  http::ClientRequest request;
  request.method = method;
  request.url = profile_.url + path;
  request.headers = headers(more);
  request.body = std::move(body);
  request.total_timeout = std::chrono::milliseconds(0);
  return client_.send(request);
}

void Api::stream(const std::string& path, const std::function<void(std::string_view)>& receive) {
  http::ClientRequest request;
  request.url = profile_.url + path;
  request.headers = headers({});
  request.total_timeout = std::chrono::milliseconds(0);
  request.receive = [&](std::string_view bytes) { return receive(bytes), true; };
  const http::Response response = client_.send(request);
  if (response.status >= 400) throw error_of(response);
}

void Api::follow(const std::string& path, const std::function<bool(const std::string&, const std::string&)>& event) {
  http::ClientRequest request;
  request.url = profile_.url + path;
  request.headers = headers({});
  request.headers.set("Accept", "text/event-stream");
  request.total_timeout = std::chrono::milliseconds(0);
  std::string buffer;
  request.receive = [&](std::string_view bytes) {
    buffer += bytes;
    for (;;) {
      const std::size_t end = buffer.find("\n\n");
      if (end == std::string::npos) return true;
      std::string id;
      std::string data;
      for (const std::string_view line : split(std::string_view(buffer).substr(0, end), '\n')) {
        if (line.starts_with("id: ")) id = line.substr(4);
        if (line.starts_with("data: ")) data += (data.empty() ? "" : "\n") + std::string(line.substr(6));
      }
      buffer.erase(0, end + 2);
      if (!data.empty() && !event(id, data)) return false;
    }
  };
  const http::Response response = client_.send(request);
  if (response.status >= 400) throw error_of(response);
}

http::Response Api::gateway(http::Method method, const std::string& path, const std::string& body,
                            std::function<bool(std::string_view)> receive) {
  http::ClientRequest request;
  request.method = method;
  request.url = profile_.gateway_url + path;
  request.headers = headers({});
  if (!body.empty()) request.headers.set("Content-Type", "application/json");
  request.body = body;
  request.receive = std::move(receive);
  request.total_timeout = std::chrono::minutes(5);
  http::Response response = client_.send(request);
  if (response.status >= 400) throw error_of(response);
  return response;
}

}  // namespace modelops::cli
