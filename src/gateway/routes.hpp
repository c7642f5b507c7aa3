#pragma once
#include "gateway/service.hpp"
#include "platform/api/route.hpp"

namespace modelops::gateway {

api::Routes routes(Service& service);

}  // namespace modelops::gateway
