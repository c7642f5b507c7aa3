#pragma once
#include <functional>
#include <string>
#include <vector>

#include "platform/api/router.hpp"
#include "platform/metrics/metrics.hpp"

namespace modelops::apps {

/// Outside the API: documentation, sign-in, health, metrics. `ready` returns why the server is not ready, or nothing.
std::vector<api::Page> pages(const std::string& openapi, const metrics::Registry& registry,
                             std::function<std::optional<std::string>()> ready);

}  // namespace modelops::apps
