#pragma once
// Reading on where one stopped: cursors, and server-sent events (WHATWG HTML, section 9.2).
#include <optional>
#include <string>
#include <string_view>

#include "platform/api/route.hpp"
#include "platform/jobs/types.hpp"

namespace modelops::jobs {

/// The number in a cursor; nothing when there is none. Throws a 422 about "/after" for what we did not give out.
std::optional<std::int64_t> cursor_number(const std::optional<Cursor>& after);

/// One event. `data` is a JSON text without line breaks; `name` may be empty.
void append_sse(std::string& out, std::int64_t cursor, std::string_view name, std::string_view data);
/// Tells the client where it is, without an event.
void append_sse_cursor(std::string& out, std::int64_t cursor);

/// The head of a stream of server-sent events.
http::Response sse_head();

/// A stream ends after this time, and the client comes back with its cursor: so credentials are checked again.
inline constexpr std::chrono::minutes stream_age_max{10};

/// Lets a route with a query parameter `after` be resumed: the header Last-Event-ID, which a browser sends when it
/// reconnects, takes the place of that parameter.
api::Route resumable(api::Route route);

}  // namespace modelops::jobs
