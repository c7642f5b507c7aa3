#include "platform/jobs/operations.hpp"

#include "base/error.hpp"
#include "platform/jobs/cursor.hpp"
#include "platform/jobs/store.hpp"
#include "platform/jobs/waiting.hpp"

namespace modelops::jobs {
namespace {

constexpr std::int64_t lines_per_batch = 500;

}  // namespace

std::string operation_topic(const OperationId& id) { return "operation/" + id.str(); }

Operation Operations::create(db::Tx& tx, const Context& ctx, NewOperation wanted) {
  Operation made;
  made.id = OperationId::make();
  made.kind = std::move(wanted.kind);
  made.subject_kind = std::move(wanted.subject_kind);
  made.subject_id = std::move(wanted.subject_id);
  made.actor_id = ctx.actor.id;
  made.created_at = clock_.now();
  store::insert(tx, ctx.org_id, made, wanted.audience.value_or(Audience::only(ctx.actor.id)), wanted.payload,
                ctx.trace.sampled ? ctx.trace.trace_parent() : "");
  announce(tx, topics_, jobs_topic);
  return made;
}

Operation Operations::get(db::Tx& tx, const Context& ctx, const OperationId& id) {
  auto found = store::find(tx, ctx.org_id, id, visible_to_(ctx, "o"));
  if (!found) fail(ErrorCode::not_found, fmt::format("There is no operation {} here.", id.str()));
  return std::move(*found);
}

void Operations::set_audience(db::Tx& tx, const Context& ctx, const OperationId& id, const Audience& audience) {
  store::set_audience(tx, ctx.org_id, id, audience);
}

OperationPage Operations::list(const Context& ctx, const ListOperations& request) {
  return database_.read([&](db::Tx& tx) { return store::list(tx, ctx.org_id, visible_to_(ctx, "o"), request); });
}

Operation Operations::get(const Context& ctx, const OperationReference& request) {
  return database_.read([&](db::Tx& tx) { return get(tx, ctx, request.operation); });
}

Operation Operations::cancel(const Context& ctx, const OperationReference& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    const Operation found = get(tx, ctx, request.operation);
    if (found.cancel_requested) return found;
    if (has_ended(found.state))
      fail(ErrorCode::conflict, fmt::format("This operation has {} already.", reflect::enum_name(found.state)));
    store::request_cancel(tx, ctx.org_id, found.id);
    if (found.state == OperationState::pending)
      store::end(tx, ctx.org_id, found.id, OperationState::cancelled, clock_.now(), std::nullopt, std::nullopt);
    Operation cancelled = get(tx, ctx, found.id);
    if (on_cancel_) on_cancel_(tx, ctx, cancelled);
    announce(tx, topics_, operation_topic(found.id));
    return cancelled;
  });
}

OperationLogPage Operations::log(const Context& ctx, const ReadOperationLog& request) {
  const std::int64_t after = cursor_number(request.after).value_or(0);
  return database_.read([&](db::Tx& tx) {
    // The state comes first: what ended before has written its last line.
    const bool ended = has_ended(get(tx, ctx, request.operation).state);
    OperationLogPage page;
    page.items = store::read_log(tx, ctx.org_id, request.operation, after, request.page_size.number());
    page.after = std::to_string(page.items.empty() ? after : page.items.back().seq);
    page.ended = ended && static_cast<std::int64_t>(page.items.size()) < request.page_size.number();
    return page;
  });
}

http::Answer Operations::follow_log(const Context& ctx, const FollowOperationLog& request) {
  std::int64_t after = cursor_number(request.after).value_or(0);
  http::Stream stream;
  stream.head = sse_head();
  stream.topic = operation_topic(request.operation);
  stream.interval = std::chrono::seconds(10);
  const auto until = std::chrono::steady_clock::now() + stream_age_max;
  stream.poll = [this, ctx, id = request.operation, after, until]() mutable {
    http::Stream::Batch batch;
    const auto [operation, lines] = database_.read([&](db::Tx& tx) {
      return std::pair(get(tx, ctx, id), store::read_log(tx, ctx.org_id, id, after, lines_per_batch));
    });
    for (const OperationLogLine& line : lines) append_sse(batch.bytes, line.seq, {}, reflect::to_json(line));
    if (!lines.empty()) after = lines.back().seq;
    batch.more = lines.size() == lines_per_batch;
    if (batch.more) return batch;
    if (has_ended(operation.state)) {
      append_sse(batch.bytes, after, "end", reflect::to_json(operation));
      batch.end = true;
    } else {
      batch.end = std::chrono::steady_clock::now() >= until;
    }
    return batch;
  };
  return stream;
}

}  // namespace modelops::jobs
