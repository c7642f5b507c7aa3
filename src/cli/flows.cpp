#include "cli/flows.hpp"

#include <chrono>
#include <thread>

#include "base/text.hpp"
#include "cli/output.hpp"
#include "reflect/json.hpp"

namespace modelops::cli {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

}  // namespace

std::string text_member(const boost::json::value& object, std::string_view name) {
  if (!object.is_object()) return {};
  const boost::json::value* value = object.get_object().if_contains(name);
  if (value == nullptr || value->is_null()) return {};
  return value->is_string() ? std::string(value->get_string()) : reflect::to_json(*value);
}

boost::json::value wait_for_operation(Api& api, const std::string& operation_id, const std::string& label) {
  Progress progress(label);
  for (;;) {
    const boost::json::value operation = api.get("/api/v1/operations/" + operation_id);
    const std::string state = text_member(operation, "state");
    if (state == "succeeded") {
      progress.finish("done");
      return operation;
    }
    if (state == "failed" || state == "cancelled") {
      progress.finish(state);
      const auto* problem = operation.get_object().if_contains("problem");
      const std::string detail = problem == nullptr ? "" : text_member(*problem, "detail");
      fail(ErrorCode::conflict, detail.empty() ? fmt::format("The operation {} {}.", operation_id, state) : detail);
    }
    const auto* fraction = operation.get_object().if_contains("progress");
    progress.update(fraction != nullptr && fraction->is_number() ? fraction->to_number<double>() : -1,
                    text_member(operation, "step"));
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
  }
}

boost::json::value wait_for_deployment(Api& api, const std::string& deployment, const std::string& wanted,
                                       int seconds_max) {
  Progress progress("deployment " + deployment);
  const auto start = Clock::now();
  for (;;) {
    const boost::json::value found = api.get("/api/v1/deployments/" + http::percent_encode(deployment));
    const std::string state = text_member(found, "state");
    const auto* reason = found.get_object().if_contains("reason");
    const std::string message = reason == nullptr ? "" : text_member(*reason, "message");
    // Healthy means that it answers; whoever scaled it waits for all of it.
    const bool complete =
        wanted != "healthy" || text_member(found, "replicas_ready") == text_member(found, "replicas_desired");
    if (state == wanted && complete) {
      progress.finish(fmt::format("{} after {:.1f} s", state, milliseconds_since(start) / 1000));
      return found;
    }
    if (state == "failed") {
      progress.finish("failed");
      fail(ErrorCode::conflict, fmt::format("The deployment {} failed: {}", deployment, message));
    }
    if (milliseconds_since(start) > seconds_max * 1000.0)
      fail(ErrorCode::timeout,
           fmt::format("The deployment {} is still {} after {} s. {}", deployment, state, seconds_max, message));
    progress.update(-1, message.empty() ? state : state + ": " + message);
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
  }
}

std::string call_deployment(Api& api, const std::string& deployment, const std::string& engine_path,
                            const std::string& body) {
  const std::string name = http::percent_encode(deployment);
  const std::string organization = text_member(api.get("/api/v1/session"), "organization");
  const std::string path = fmt::format("/serve/{}/{}{}", organization, name, engine_path);
  for (const auto start = Clock::now();;) {
    try {
      return api.gateway(http::Method::post, path, body).body;
    } catch (const Error& error) {
      const bool refused = error.code == ErrorCode::not_found || error.code == ErrorCode::unavailable;
      if (!refused || milliseconds_since(start) > 3000) throw;
      if (text_member(api.get("/api/v1/deployments/" + name), "replicas_ready") == "0") throw;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

ChatResult chat(Api& api, const std::string& model, const std::string& message, std::int64_t tokens_max,
                const std::function<void(std::string_view)>& piece) {
  const boost::json::value request =
      boost::json::object{{"model", model},
                          {"messages", boost::json::array{boost::json::object{{"role", "user"}, {"content", message}}}},
                          {"max_tokens", tokens_max},
                          {"stream", true},
                          {"stream_options", {{"include_usage", true}}},
                          {"temperature", 0}};
  ChatResult result;
  const auto start = Clock::now();
  std::string buffer;
  std::int64_t pieces = 0;
  api.gateway(http::Method::post, "/v1/chat/completions", reflect::to_json(request), [&](std::string_view bytes) {
    buffer += bytes;
    for (std::size_t end = buffer.find('\n'); end != std::string::npos; end = buffer.find('\n')) {
      const std::string line(trim(std::string_view(buffer).substr(0, end)));
      buffer.erase(0, end + 1);
      if (!line.starts_with("data: ") || line == "data: [DONE]") continue;
      const boost::json::value event = reflect::parse_json_value(std::string_view(line).substr(6));
      if (const auto* usage = event.get_object().if_contains("usage"); usage != nullptr && usage->is_object()) {
        const std::string count = text_member(*usage, "completion_tokens");
        result.tokens = parse_int(count).value_or(0);
      }
      const auto* choices = event.get_object().if_contains("choices");
      if (choices == nullptr || !choices->is_array() || choices->get_array().empty()) continue;
      const auto* delta = choices->get_array()[0].get_object().if_contains("delta");
      const std::string text = delta == nullptr ? "" : text_member(*delta, "content");
      if (text.empty()) continue;
      if (pieces++ == 0) result.first_token_ms = milliseconds_since(start);
      result.text += text;
      if (piece) piece(text);
    }
    return true;
  });
  result.total_ms = milliseconds_since(start);
  if (result.tokens == 0) result.tokens = pieces;
  const double streaming_ms = result.total_ms - result.first_token_ms;
  if (streaming_ms > 0 && result.tokens > 1)
    result.tokens_per_second = static_cast<double>(result.tokens - 1) * 1000 / streaming_ms;
  return result;
}

}  // namespace modelops::cli
