#pragma once
#include "platform/api/route.hpp"
#include "platform/jobs/operations.hpp"

namespace modelops::jobs {

api::Routes routes(Operations& operations);

}  // namespace modelops::jobs
