#pragma once
#include "identity/service.hpp"
#include "platform/api/route.hpp"

namespace modelops::identity {

api::Routes routes(Service& service);

}  // namespace modelops::identity
