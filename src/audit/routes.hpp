#pragma once
#include "audit/service.hpp"
#include "platform/api/route.hpp"

namespace modelops::audit {

api::Routes routes(Service& service);

}  // namespace modelops::audit
