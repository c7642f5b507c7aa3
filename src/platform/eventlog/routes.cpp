#include "platform/eventlog/routes.hpp"

namespace modelops::eventlog {

api::Routes routes(EventReader& reader) {
  return {
      jobs::resumable(api::route(
          http::Method::get, "/api/v1/events", "follow_events", events_read, "Follow what happens in your organization",
          reader, &EventReader::follow,
          {.content_type = "text/event-stream",
           .description = "Server-sent events about what you may see. Each one's id is a cursor: to read on after it, "
                          "send it in the header "
                          "Last-Event-ID or as `after`. A cursor that is older than what is kept is answered 410."})),
  };
}

}  // namespace modelops::eventlog
