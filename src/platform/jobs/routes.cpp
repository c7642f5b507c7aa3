#include "platform/jobs/routes.hpp"

#include "platform/jobs/cursor.hpp"

namespace modelops::jobs {

api::Routes routes(Operations& operations) {
  using api::route;
  using enum http::Method;
  Operations& o = operations;
  return {
      route(get, "/api/v1/operations", "list_operations", operations_read, "Operations, the newest first", o,
            &Operations::list),
      route(get, "/api/v1/operations/{operation}", "get_operation", operations_read, "One operation", o,
            static_cast<Operation (Operations::*)(const Context&, const OperationReference&)>(&Operations::get),
            {.brief = true}),
      route(post, "/api/v1/operations/{operation}/cancel", "cancel_operation", operations_cancel, "Cancel an operation",
            o, &Operations::cancel),
      route(get, "/api/v1/operations/{operation}/logs", "read_operation_log", operations_read,
            "Lines of an operation's log", o, &Operations::log),
      resumable(
          route(get, "/api/v1/operations/{operation}/logs/stream", "follow_operation_log", operations_read,
                "Follow an operation's log until it ends", o, &Operations::follow_log,
                {.content_type = "text/event-stream",
                 .description = "Server-sent events: one for each line, then one named `end` with the operation. "
                                "To read on, send the last event's id in the header Last-Event-ID or as `after`."})),
  };
}

}  // namespace modelops::jobs
