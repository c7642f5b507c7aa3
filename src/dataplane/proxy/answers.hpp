#pragma once
// What the gateway itself says.
#include "base/error.hpp"
#include "dataplane/proxy/routing.hpp"
#include "platform/http/types.hpp"

namespace modelops::proxy {

/// As application/problem+json, or in the form that clients of the OpenAI API know.
http::Response error_answer(const Error& error, std::string_view request_id, bool openai);
/// 501, for protocols that are not spoken here.
http::Response upgrade_refused(std::string_view request_id, bool openai);
/// The answer to a browser that asks what a page may send (CORS); its origin is said by whoever knows it.
http::Response preflight_answer();
/// /healthz, /readyz and /metrics; nothing for other paths.
std::optional<http::Response> own_answer(std::string_view path, bool ready, metrics::Registry& registry);
/// The answer of GET /v1/models, or of GET /v1/models/{name}: empty when there is no such model.
http::Response model_list(const RoutingTable& table, std::string_view organization);
std::optional<http::Response> one_model(const RoutingTable& table, std::string_view organization,
                                        std::string_view name);

/// `message` with Retry-After.
Error busy(ErrorCode code, std::string message, std::chrono::nanoseconds wait);

}  // namespace modelops::proxy
