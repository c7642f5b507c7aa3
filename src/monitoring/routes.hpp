#pragma once
#include "monitoring/discovery.hpp"
#include "monitoring/performance.hpp"
#include "monitoring/requests.hpp"
#include "monitoring/service.hpp"
#include "platform/api/route.hpp"

namespace modelops::monitoring {

api::Routes routes(Service& service, Performance& performance, Discovery& discovery, Requests& requests);

}  // namespace modelops::monitoring
