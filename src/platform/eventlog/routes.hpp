#pragma once
#include "platform/api/route.hpp"
#include "platform/eventlog/event_log.hpp"

namespace modelops::eventlog {

api::Routes routes(EventReader& reader);

}  // namespace modelops::eventlog
