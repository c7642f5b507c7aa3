#include "platform/api/route.hpp"

#include "base/text.hpp"

namespace modelops::api::detail {

void decode_into(const Target& target, const Input& input, bool body_expected) {
  reflect::Decoding decoding({.depth_max = 32, .elements_max = 10'000});
  for (const auto& [name, value] : input.path) {
    // The path's own names are checked against the request structs when the table is built (router.cpp).
    decoding.push(name);
    if (reflect::Sink* sink = target.member(name)) {
      sink->on_text(decoding, value);
      target.mark_seen(name);
    }
    decoding.pop();
  }
  std::set<std::string_view> given;
  for (const auto& [name, value] : input.query) {
    decoding.push(name);
    if (!given.insert(name).second) decoding.violation("is given twice");
    reflect::Sink* sink = body_expected ? nullptr : target.member(name);
    const bool from_path =
        std::any_of(input.path.begin(), input.path.end(), [&](const auto& p) { return p.first == name; });
    if (sink == nullptr || from_path) {
      decoding.violation("is not a known query parameter");
    } else {
      sink->on_text(decoding, value);
      target.mark_seen(name);
    }
    decoding.pop();
  }
  if (body_expected && !input.body.empty()) {
    const std::string type = to_lower_ascii(trim(split(input.request->headers.get("Content-Type"), ';').front()));
    if (type != "application/json" && type != "application/merge-patch+json")
      fail(ErrorCode::unsupported_media, "Send the body as application/json (Content-Type).");
    reflect::parse_json(decoding, *target.root, input.body);
  } else {
    target.finish(decoding);
  }
  decoding.finish("The request");
}

http::Response answer_json(const RouteOptions& options, std::string body, bool is_void) {
  http::Response response;
  response.status = options.status != 0 ? options.status : is_void ? 204 : 200;
  if (!is_void) response.headers.set("Content-Type", "application/json");
  response.body = std::move(body);
  return response;
}

void describe_parameters(boost::json::object& operation, std::string_view path, boost::json::object schema,
                         bool body_expected) {
  boost::json::array parameters;
  boost::json::object properties = std::move(schema["properties"].as_object());
  boost::json::array required;
  if (const auto* names = schema.if_contains("required")) required = names->as_array();
  boost::json::object rest;
  boost::json::array rest_required;
  for (auto& [name, property] : properties) {
    const bool is_required = std::find(required.begin(), required.end(), boost::json::value(name)) != required.end();
    const bool in_path = path.find("{" + std::string(name) + "}") != std::string_view::npos;
    if (!in_path && body_expected) {
      rest[name] = std::move(property);
      if (is_required) rest_required.emplace_back(name);
      continue;
    }
    boost::json::object parameter{
        {"name", name}, {"in", in_path ? "path" : "query"}, {"required", in_path || is_required}};
    if (property.is_object() && property.as_object().contains("description")) {
      parameter["description"] = property.as_object()["description"];
      property.as_object().erase("description");
    }
    parameter["schema"] = std::move(property);
    parameters.push_back(std::move(parameter));
  }
  if (!parameters.empty()) operation["parameters"] = std::move(parameters);
  if (rest.empty()) return;
  boost::json::object body{{"type", "object"}, {"properties", std::move(rest)}};
  if (!rest_required.empty()) body["required"] = std::move(rest_required);
  body["additionalProperties"] = false;
  operation["requestBody"] = {{"required", true}, {"content", {{"application/json", {{"schema", std::move(body)}}}}}};
}

void describe_json_answer(boost::json::object& operation, const RouteOptions& options, boost::json::object schema,
                          bool is_void) {
  const int status = options.status != 0 ? options.status : is_void ? 204 : 200;
  boost::json::object answer{{"description", "Success"}};
  if (!is_void) {
    boost::json::object content;
    if (!schema.empty()) content["schema"] = std::move(schema);
    answer["content"] = {{options.content_type, std::move(content)}};
  }
  operation["responses"] = {{std::to_string(status), std::move(answer)},
                            {"default", {{"$ref", "#/components/responses/Problem"}}}};
}

}  // namespace modelops::api::detail
