#pragma once
#include "gateway/service.hpp"
#include "gateway/trials.hpp"
#include "platform/api/route.hpp"

namespace modelops::gateway {

api::Routes routes(Service& service, Trials& trials);

}  // namespace modelops::gateway
