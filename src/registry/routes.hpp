#pragma once
#include "platform/api/route.hpp"
#include "registry/activity.hpp"
#include "registry/tensors.hpp"

namespace modelops::registry {

api::Routes routes(Service& service, Uploads& uploads);
api::Routes routes(Tensors& tensors, Activity& activity);

}  // namespace modelops::registry
