#pragma once
#include "evidence/service.hpp"
#include "platform/api/route.hpp"

namespace modelops::evidence {

api::Routes routes(Service& service);

}  // namespace modelops::evidence
