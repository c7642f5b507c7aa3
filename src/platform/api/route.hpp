#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/context.hpp"
#include "platform/http/types.hpp"
#include "reflect/schema.hpp"

namespace modelops::api {

/// For a route that needs no credentials.
inline constexpr Permission anyone{""};
/// For a route that any signed-in principal may use.
inline constexpr Permission signed_in{"*"};

using Parameters = std::vector<std::pair<std::string, std::string>>;

/// What a request brings, taken apart.
struct Input {
  Parameters path;
  Parameters query;
  std::string_view body;
  const http::Request* request = nullptr;
};

struct RouteOptions {
  int status = 0;                  ///< of success; 0: 204 for void, else 200
  std::string_view location = {};  ///< of what was made: "/api/v1/models/{id}"
  std::uint64_t body_bytes_max = 1 << 20;
  std::string_view content_type = "application/json";  ///< of the answer, for the documentation of raw answers
  std::string_view description = {};
  /// It reads a few rows by their keys and writes nothing: with a database in the process it is answered on the thread
  /// that read the request, as long as that is quick.
  bool brief = false;
  bool if_match = false;  ///< a change that must name the row version (every PUT and PATCH does)
};

struct Route {
  http::Method method;
  std::string path;  ///< "/api/v1/models/{model}"
  std::string operation_id;
  Permission permission;
  std::string summary;
  RouteOptions options;
  http::BodyMode mode = http::BodyMode::buffer;
  std::function<http::Answer(const Context&, const Input&)> invoke;
  std::function<std::unique_ptr<http::BodySink>(const Context&, const Input&)> receive;
  /// Puts parameters and request body into an OpenAPI operation, and its answer.
  std::function<void(boost::json::object& operation, reflect::Components&)> describe_request;
  std::function<void(boost::json::object& operation, reflect::Components&)> describe_answer;
};
using Routes = std::vector<Route>;

namespace detail {

/// Feeds path, query and body into `root`, which must be a struct's shadow given through its hooks.
struct Target {
  reflect::Sink* root;
  std::function<reflect::Sink*(std::string_view)> member;
  std::function<void(std::string_view)> mark_seen;
  std::function<void(reflect::Decoding&)> finish;
};
void decode_into(const Target& target, const Input& input, bool has_body);
http::Response answer_json(const RouteOptions& options, std::string body, bool is_void);
void describe_parameters(boost::json::object& operation, std::string_view path, boost::json::object schema,
                         bool has_body);
void describe_json_answer(boost::json::object& operation, const RouteOptions& options, boost::json::object schema,
                          bool is_void);

inline bool has_body(http::Method method) {
  return method == http::Method::post || method == http::Method::put || method == http::Method::patch;
}

template <class Q>
Q decode(const Input& input, bool body_expected) {
  reflect::Shadow<Q> shadow;
  decode_into({&shadow, [&](std::string_view name) { return shadow.member(name); },
               [&](std::string_view name) { shadow.mark_seen(name); }, [&](reflect::Decoding& d) { shadow.finish(d); }},
              input, body_expected);
  return reflect::shadow_take(shadow);
}

template <class R>
void add_entity_headers(const RouteOptions& options, const R& result, http::Response& response) {
  if constexpr (requires { result.row_version; })
    response.headers.set("ETag", fmt::format("\"{}\"", result.row_version));
  if (!options.location.empty()) {
    std::string location(options.location);
    if constexpr (requires { result.id; }) {
      if (const std::size_t at = location.find("{id}"); at != std::string::npos) {
        if constexpr (requires { result.id.str(); })
          location.replace(at, 4, result.id.str());
        else
          location.replace(at, 4, result.id);
      }
    }
    response.headers.set("Location", location);
  }
}

template <class Q>
void describe_request_of(Route& made) {
  const bool body_expected = has_body(made.method) && made.mode == http::BodyMode::buffer;
  made.describe_request = [path = made.path, body_expected](boost::json::object& operation,
                                                            reflect::Components& components) {
    describe_parameters(operation, path, reflect::detail::struct_schema<Q>(components), body_expected);
  };
}

/// `call` is `R(const Context&, const Q&, const http::Request&)`.
template <class Q, class R, class F>
Route make_buffered(Route made, F call) {
  describe_request_of<Q>(made);
  const bool body_expected = has_body(made.method);
  made.invoke = [call, options = made.options, body_expected](const Context& ctx, const Input& input) -> http::Answer {
    (void)options;  // unused where the answer is not JSON
    const Q request = decode<Q>(input, body_expected);
    if constexpr (std::is_same_v<R, http::Answer>) {
      return call(ctx, request, *input.request);
    } else if constexpr (std::is_void_v<R>) {
      call(ctx, request, *input.request);
      return answer_json(options, {}, true);
    } else {
      const R result = call(ctx, request, *input.request);
      http::Response response = answer_json(options, reflect::to_json(result), false);
      add_entity_headers(options, result, response);
      return response;
    }
  };
  made.describe_answer = [options = made.options](boost::json::object& operation, reflect::Components& components) {
    if constexpr (std::is_void_v<R> || std::is_same_v<R, http::Answer>)
      describe_json_answer(operation, options, {}, std::is_void_v<R>);
    else
      describe_json_answer(operation, options, reflect::schema_of<R>(components), false);
  };
  return made;
}

template <class S, class R, class Q>
Route make(Route made, S& service, R (S::*member)(const Context&, const Q&)) {
  return make_buffered<Q, R>(std::move(made),
                             [&service, member](const Context& ctx, const Q& request, const http::Request&) -> R {
                               return (service.*member)(ctx, request);
                             });
}

/// For what must see the request as it came: signatures, Range, Last-Event-ID.
template <class S, class R, class Q>
Route make(Route made, S& service, R (S::*member)(const Context&, const Q&, const http::Request&)) {
  return make_buffered<Q, R>(std::move(made),
                             [&service, member](const Context& ctx, const Q& request, const http::Request& raw) -> R {
                               return (service.*member)(ctx, request, raw);
                             });
}

/// An upload: the body goes to a sink, the rest is path and query.
template <class S, class Q>
Route make(Route made, S& service,
           std::unique_ptr<http::BodySink> (S::*member)(const Context&, const Q&, const http::Request&)) {
  made.mode = http::BodyMode::stream;
  describe_request_of<Q>(made);
  made.receive = [&service, member](const Context& ctx, const Input& input) {
    return (service.*member)(ctx, decode<Q>(input, false), *input.request);
  };
  made.describe_answer = [options = made.options](boost::json::object& operation, reflect::Components&) {
    operation["requestBody"] = {{"required", true}, {"content", {{"application/octet-stream", boost::json::object()}}}};
    describe_json_answer(operation, options, {}, false);
  };
  return made;
}

}  // namespace detail

/// One row of a capability's table. `member` is `R (S::*)(const Context&, const Q&)`, with R a described answer,
/// void, or http::Answer for what is not JSON; the same with a third parameter, `const http::Request&`, for what must
/// see the request as it came; or for uploads `unique_ptr<BodySink> (S::*)(const Context&, const Q&, const
/// http::Request&)`.
template <class S, class M>
Route route(http::Method method, std::string path, std::string operation_id, Permission permission, std::string summary,
            S& service, M member, RouteOptions options = {}) {
  if (method == http::Method::put || method == http::Method::patch) options.if_match = true;
  Route made{method,
             std::move(path),
             std::move(operation_id),
             permission,
             std::move(summary),
             options,
             http::BodyMode::buffer,
             {},
             {},
             {},
             {}};
  return detail::make(std::move(made), service, member);
}

}  // namespace modelops::api
