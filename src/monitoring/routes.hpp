#pragma once
#include "monitoring/service.hpp"
#include "platform/api/route.hpp"

namespace modelops::monitoring {

api::Routes routes(Service& service);

}  // namespace modelops::monitoring
