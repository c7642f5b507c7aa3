#pragma once
#include "deployments/service.hpp"
#include "platform/api/route.hpp"

namespace modelops::deployments {

api::Routes routes(Service& service);

}  // namespace modelops::deployments
