#pragma once
#include "platform/audience.hpp"
#include "platform/db/database.hpp"
#include "platform/eventlog/sequencer.hpp"
#include "platform/events/topics.hpp"
#include "platform/http/types.hpp"
#include "platform/jobs/cursor.hpp"

namespace modelops::eventlog {

inline constexpr Permission events_read{"events:read"};

struct EventTag {
  static constexpr std::string_view prefix = "evt";
};
using EventId = Id<EventTag>;

struct Event {
  EventId id;
  std::string kind;
  std::string subject_kind;
  std::string subject_id;
  boost::json::value data;
  Time created_at;
  static constexpr reflect::Doc docs[] = {{"kind", "What happened: deployment.healthy"}};
};
MODELOPS_DESCRIBE(Event, id, kind, subject_kind, subject_id, data, created_at);

struct FollowEvents {
  std::optional<jobs::Cursor> after;
  std::optional<reflect::Bounded<1, 128>> kind;
  std::optional<reflect::Bounded<1, 128>> subject_kind;
  std::optional<reflect::Bounded<1, 254>> subject_id;
  static constexpr reflect::Doc docs[] = {
      {"after", "Read on after this cursor; without it only what happens from now on"},
      {"kind", "Only kinds that begin with this: deployment."}};
};
MODELOPS_DESCRIBE(FollowEvents, after, kind, subject_kind, subject_id);

/// A piece of an organisation's log, in its order: what one may see of it.
struct EventBatch {
  std::vector<std::pair<std::int64_t, Event>> events;  ///< with their place in the order
  std::int64_t cursor = 0;                             ///< of the last one looked at; where to read on
  bool more = false;
};

/// What happened in an organisation, in one order that no reader sees change. An event is stored in the transaction
/// of the change; it gets its place, and is seen, shortly after the commit.
class EventLog final : public SequencedTable {
 public:
  EventLog(events::Topics& topics, const Clock& clock) : topics_(topics), clock_(clock) {}

  /// In the transaction of the change. `audience` is who sees the subject now, and so who is told, whatever becomes of
  /// the subject later.
  void publish(db::Tx& tx, std::string_view org_id, const Audience& audience, std::string_view kind,
               std::string_view subject_kind, std::string_view subject_id,
               const boost::json::value& data = boost::json::object());

  std::string_view name() const override { return "events"; }
  std::size_t step(db::Tx& tx) override;

  /// Forgets an organisation's events from the beginning of the order up to the first that is as young as `before`,
  /// `limit` at most. Returns how many there were.
  static std::int64_t prune(db::Tx& tx, std::string_view org_id, Time before, std::int64_t limit);
  /// Organisations that have events to forget.
  static std::vector<std::string> prunable(db::Tx& tx, Time before);

 private:
  events::Topics& topics_;
  const Clock& clock_;
};

/// Tells the log to those who may see it.
class EventReader {
 public:
  EventReader(db::Database& database, VisibilityRule visible_to) : database_(database), visible_to_(visible_to) {}

  /// Looks at the next `limit` events after `cursor`. Those that `ctx` may not see are left out and count as read, so
  /// that a cursor means the same to everybody. Throws Error(gone) when some of them are not kept any more.
  EventBatch read(const Context& ctx, std::int64_t cursor, std::int64_t limit);
  /// The cursor of what happened last.
  std::int64_t last(std::string_view org_id);
  http::Answer follow(const Context& ctx, const FollowEvents& request);

 private:
  db::Database& database_;
  VisibilityRule visible_to_;
};

/// Notified when an organisation's log has grown.
std::string events_topic(std::string_view org_id);

}  // namespace modelops::eventlog
