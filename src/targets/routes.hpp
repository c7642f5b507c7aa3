#pragma once
#include "platform/api/route.hpp"
#include "targets/machines.hpp"
#include "targets/service.hpp"

namespace modelops::targets {

api::Routes routes(Service& service, Machines& machines);

}  // namespace modelops::targets
