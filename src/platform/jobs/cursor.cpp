#include "platform/jobs/cursor.hpp"

#include "base/error.hpp"
#include "base/text.hpp"

namespace modelops::jobs {

std::optional<std::int64_t> cursor_number(const std::optional<Cursor>& after) {
  if (!after) return std::nullopt;
  const auto number = parse_count(after->str());
  if (!number) fail_field("/after", "must be a cursor that an earlier answer gave out");
  return number;
}

void append_sse(std::string& out, std::int64_t cursor, std::string_view name, std::string_view data) {
  auto to = std::back_inserter(out);
  fmt::format_to(to, "id: {}\n", cursor);
  if (!name.empty()) fmt::format_to(to, "event: {}\n", name);
  fmt::format_to(to, "data: {}\n\n", data);
}

void append_sse_cursor(std::string& out, std::int64_t cursor) {
  fmt::format_to(std::back_inserter(out), "id: {}\n\n", cursor);
}

http::Response sse_head() {
  http::Response head;
  head.headers.set("Content-Type", "text/event-stream");
  head.headers.set("Cache-Control", "no-store");
  return head;
}

api::Route resumable(api::Route route) {
  route.invoke = [inner = std::move(route.invoke)](const Context& ctx, const api::Input& input) {
    const auto last = input.request->headers.find("Last-Event-ID");
    if (!last || last->empty()) return inner(ctx, input);
    api::Input resumed = input;
    std::erase_if(resumed.query, [](const auto& parameter) { return parameter.first == "after"; });
    resumed.query.emplace_back("after", *last);
    return inner(ctx, resumed);
  };
  return route;
}

}  // namespace modelops::jobs
