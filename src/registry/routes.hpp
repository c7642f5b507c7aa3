#pragma once
#include "platform/api/route.hpp"
#include "registry/service.hpp"

namespace modelops::registry {

api::Routes routes(Service& service, Uploads& uploads);

}  // namespace modelops::registry
