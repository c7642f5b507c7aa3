#pragma once
#include "platform/api/route.hpp"
#include "registry/activity.hpp"
#include "registry/tensors.hpp"
#include "registry/tus_endpoint.hpp"

namespace modelops::registry {

api::Routes routes(Service& service, Uploads& uploads);
api::Routes routes(TusEndpoint& tus, Quotas& quotas);
api::Routes routes(Tensors& tensors, Activity& activity);

}  // namespace modelops::registry
