#include "platform/eventlog/event_log.hpp"

#include "base/error.hpp"
#include "platform/jobs/waiting.hpp"

namespace modelops::eventlog {
namespace {

constexpr std::int64_t events_per_batch = 500;

struct HeadRow {
  std::int64_t last_seq = 0;
  std::int64_t pruned_seq = 0;
};
MODELOPS_DESCRIBE(HeadRow, last_seq, pruned_seq);

struct EventRow {
  std::string org_id;
  EventId id;
  std::optional<std::int64_t> seq;
  std::string kind;
  std::string subject_kind;
  std::string subject_id;
  boost::json::value data;
  Time created_at;
  Visibility visibility = Visibility::private_;
  std::optional<std::string> team_id;
  std::string created_by;
};
MODELOPS_DESCRIBE(EventRow, org_id, id, seq, kind, subject_kind, subject_id, data, created_at, visibility, team_id,
                  created_by);

/// An event at its place, for one reader.
struct PlacedRow {
  std::int64_t seq = 0;
  bool seen = false;
  EventId id;
  std::string kind;
  std::string subject_kind;
  std::string subject_id;
  boost::json::value data;
  Time created_at;
};
MODELOPS_DESCRIBE(PlacedRow, seq, seen, id, kind, subject_kind, subject_id, data, created_at);

struct EventKey {
  std::string org_id;
  EventId id;
};
MODELOPS_DESCRIBE(EventKey, org_id, id);

HeadRow head_of(db::Tx& tx, std::string_view org_id) {
  return tx.find<HeadRow>("SELECT last_seq, pruned_seq FROM event_heads WHERE org_id = ?", org_id).value_or(HeadRow());
}

bool matches(const Event& event, const FollowEvents& wanted) {
  return (!wanted.kind || event.kind.starts_with(wanted.kind->str())) &&
         (!wanted.subject_kind || event.subject_kind == wanted.subject_kind->str()) &&
         (!wanted.subject_id || event.subject_id == wanted.subject_id->str());
}

}  // namespace

std::string events_topic(std::string_view org_id) { return fmt::format("events/{}", org_id); }

void EventLog::publish(db::Tx& tx, std::string_view org_id, const Audience& audience, std::string_view kind,
                       std::string_view subject_kind, std::string_view subject_id, const boost::json::value& data) {
  tx.insert("events", EventRow{std::string(org_id), EventId::make(), std::nullopt, std::string(kind),
                               std::string(subject_kind), std::string(subject_id), data, clock_.now(),
                               audience.visibility, audience.team_id, audience.created_by});
  jobs::announce(tx, topics_, sequencer_topic(name()));
}

std::size_t EventLog::step(db::Tx& tx) {
  // Ids grow with time, so that the events of one transaction keep their order.
  const auto waiting =
      tx.all<EventKey>("SELECT org_id, id FROM events WHERE seq IS NULL ORDER BY id LIMIT ?", events_per_batch);
  std::map<std::string, std::vector<EventId>> by_org;
  for (const EventKey& key : waiting) by_org[key.org_id].push_back(key.id);
  for (const auto& [org_id, ids] : by_org) {
    const auto count = static_cast<std::int64_t>(ids.size());
    const auto last = tx.value<std::int64_t>(
        "INSERT INTO event_heads (org_id, last_seq, pruned_seq) VALUES (?, ?, 0) "
        "ON CONFLICT (org_id) DO UPDATE SET last_seq = event_heads.last_seq + excluded.last_seq RETURNING last_seq",
        org_id, count);
    std::int64_t seq = last.value() - count;
    for (const EventId& id : ids) tx.run("UPDATE events SET seq = ? WHERE org_id = ? AND id = ?", ++seq, org_id, id);
    jobs::announce(tx, topics_, events_topic(org_id));
  }
  return waiting.size();
}

EventBatch EventReader::read(const Context& ctx, std::int64_t cursor, std::int64_t limit) {
  const query::SqlFragment visible = visible_to_(ctx, "e");
  std::vector<db::SqlValue> args = visible.args;
  for (const db::SqlValue& arg : {reflect::to_sql(ctx.org_id), reflect::to_sql(cursor), reflect::to_sql(limit)})
    args.push_back(arg);
  return database_.read([&](db::Tx& tx) {
    const HeadRow head = head_of(tx, ctx.org_id);
    // A cursor ahead of the log was given out before the database was set back to an older copy.
    if (cursor < head.pruned_seq || cursor > head.last_seq)
      fail(ErrorCode::gone,
           "The events after this cursor are not kept any more. Read the present state of what you follow, "
           "then follow the events again without a cursor.");
    EventBatch batch;
    batch.cursor = cursor;
    for (PlacedRow& row : tx.all_with<PlacedRow>(
             fmt::format("SELECT {} FROM (SELECT e.*, CASE WHEN {} THEN 1 ELSE 0 END AS seen FROM events e WHERE "
                         "e.org_id = ? AND e.seq > ? ORDER BY e.seq LIMIT ?) placed ORDER BY seq",
                         reflect::columns<PlacedRow>(), visible.sql),
             args)) {
      batch.cursor = row.seq;
      if (row.seen)
        batch.events.emplace_back(row.seq, Event{row.id, std::move(row.kind), std::move(row.subject_kind),
                                                 std::move(row.subject_id), std::move(row.data), row.created_at});
    }
    batch.more = batch.cursor < head.last_seq;
    return batch;
  });
}

std::int64_t EventReader::last(std::string_view org_id) {
  return database_.read([&](db::Tx& tx) { return head_of(tx, org_id).last_seq; });
}

http::Answer EventReader::follow(const Context& ctx, const FollowEvents& request) {
  const auto wanted_cursor = jobs::cursor_number(request.after);
  http::Stream stream;
  stream.head = jobs::sse_head();
  stream.topic = events_topic(ctx.org_id);
  stream.interval = std::chrono::seconds(10);
  const std::int64_t begin = wanted_cursor ? *wanted_cursor : last(ctx.org_id);
  const auto until = std::chrono::steady_clock::now() + jobs::stream_age_max;
  // Where it begins is told at once: a client that loses the connection before the first event still misses none.
  stream.poll = [this, ctx, request, cursor = begin, told = std::int64_t{-1}, until]() mutable {
    http::Stream::Batch out;
    const EventBatch batch = read(ctx, cursor, events_per_batch);
    for (const auto& [seq, event] : batch.events) {
      if (!matches(event, request)) continue;
      jobs::append_sse(out.bytes, seq, {}, reflect::to_json(event));
      told = seq;
    }
    cursor = batch.cursor;
    // What was left out counts as read, or a quiet client's cursor would get too old.
    if (told != cursor) jobs::append_sse_cursor(out.bytes, cursor);
    told = cursor;
    out.more = batch.more;
    out.end = std::chrono::steady_clock::now() >= until;
    return out;
  };
  return stream;
}

std::vector<std::string> EventLog::prunable(db::Tx& tx, Time before) {
  return tx.values<std::string>("SELECT DISTINCT org_id FROM events WHERE created_at < ? AND seq IS NOT NULL", before);
}

std::int64_t EventLog::prune(db::Tx& tx, std::string_view org_id, Time before, std::int64_t limit) {
  // By place, not by age: a slow transaction's event is older than its neighbours, and no reader may meet a hole.
  const HeadRow head = head_of(tx, org_id);
  const auto first_kept =
      tx.value<std::int64_t>("SELECT min(seq) FROM events WHERE org_id = ? AND created_at >= ?", org_id, before);
  const std::int64_t up_to = std::min(first_kept.value_or(head.last_seq + 1) - 1, head.pruned_seq + limit);
  if (up_to <= head.pruned_seq) return 0;
  tx.run("UPDATE event_heads SET pruned_seq = ? WHERE org_id = ?", up_to, org_id);
  return tx.run("DELETE FROM events WHERE org_id = ? AND seq <= ?", org_id, up_to);
}

}  // namespace modelops::eventlog
