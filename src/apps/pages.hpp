#pragma once
#include <functional>
#include <string>
#include <vector>

#include "platform/api/router.hpp"
#include "platform/metrics/metrics.hpp"

namespace modelops::apps {

/// On the API's port outside the API: documentation, health, metrics. `ready` returns why the server is not ready, or
/// nothing. `web_url` is where people reach the web app, and so where they sign in.
std::vector<api::Page> api_pages(const std::string& openapi, const metrics::Registry& registry,
                                 std::function<std::optional<std::string>()> ready, const std::string& web_url);

/// On the web port outside the API: the web app below /modelops, documentation, health. `web_url` is where people reach
/// it, `gateway_url` the one other origin that the app may talk to.
std::vector<api::Page> web_pages(const std::string& openapi, const std::string& web_url,
                                 const std::string& gateway_url);

}  // namespace modelops::apps
