#include "platform/jobs/store.hpp"

namespace modelops::jobs::store {
namespace {

struct OperationKey {
  std::string org_id;
  OperationId id;
};
MODELOPS_DESCRIBE(OperationKey, org_id, id);

const query::FieldTable& fields() {
  using query::FieldType;
  static const query::FieldTable table{
      .alias = "o",
      .fields = {{.name = "kind", .column = "o.kind", .folded = "lower(o.kind)"},
                 {.name = "subject_kind", .column = "o.subject_kind"},
                 {.name = "subject_id", .column = "o.subject_id"},
                 {.name = "actor_id", .column = "o.actor_id"},
                 query::enumeration<OperationState>("state", "o.state"),
                 {.name = "created_at", .column = "o.created_at", .type = FieldType::time, .sortable = true},
                 {.name = "ended_at", .column = "o.ended_at", .type = FieldType::time, .nullable = true}},
      .default_order = "created_at desc"};
  return table;
}

}  // namespace

std::string lease_name(const OperationId& id) { return "job/" + id.str(); }

void insert(db::Tx& tx, std::string_view org_id, const Operation& o, const Audience& audience,
            const boost::json::value& payload, std::string_view trace_parent) {
  tx.run(
      "INSERT INTO operations (org_id, id, kind, subject_kind, subject_id, actor_id, state, step, created_at, "
      "cancel_requested, row_version, visibility, team_id, created_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
      "?)",
      org_id, o.id, o.kind, o.subject_kind, o.subject_id, o.actor_id, o.state, o.step, o.created_at, o.cancel_requested,
      o.row_version, audience.visibility, audience.team_id, audience.created_by);
  tx.run(
      fmt::format("INSERT INTO jobs (org_id, operation_id, kind, payload, attempt, due_us, trace_parent) VALUES (?, ?, "
                  "?, ?, 0, {}, ?)",
                  now_us(tx.dialect())),
      org_id, o.id, o.kind, payload, trace_parent);
}

std::optional<Operation> find(db::Tx& tx, std::string_view org_id, const OperationId& id) {
  return tx.find<Operation>("SELECT " + reflect::columns<Operation>() + " FROM operations WHERE org_id = ? AND id = ?",
                            org_id, id);
}

std::optional<Operation> find(db::Tx& tx, std::string_view org_id, const OperationId& id,
                              const query::SqlFragment& seen) {
  std::vector<db::SqlValue> args{reflect::to_sql(org_id), reflect::to_sql(id)};
  args.insert(args.end(), seen.args.begin(), seen.args.end());
  auto rows = tx.all_with<Operation>("SELECT " + reflect::columns<Operation>("o") +
                                         " FROM operations o WHERE o.org_id = ? AND o.id = ? AND " + seen.sql,
                                     args);
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

void set_audience(db::Tx& tx, std::string_view org_id, const OperationId& id, const Audience& audience) {
  tx.run("UPDATE operations SET visibility = ?, team_id = ?, created_by = ? WHERE org_id = ? AND id = ?",
         audience.visibility, audience.team_id, audience.created_by, org_id, id);
}

OperationPage list(db::Tx& tx, std::string_view org_id, const query::SqlFragment& seen, const ListOperations& request) {
  const query::Keyset keyset = query::plan(fields(), request);
  std::vector<db::SqlValue> args = keyset.args(org_id);
  args.insert(args.begin() + 1, seen.args.begin(), seen.args.end());
  auto rows =
      tx.all_with<Operation>("SELECT " + reflect::columns<Operation>("o") +
                                 " FROM operations o WHERE o.org_id = ? AND " + seen.sql + " AND " + keyset.sql(),
                             args);
  return query::page<OperationPage>(keyset, std::move(rows));
}

std::optional<JobRow> find_due(db::Tx& tx, const std::vector<std::string>& kinds, bool to_claim) {
  if (kinds.empty()) return std::nullopt;
  std::string marks;
  std::vector<db::SqlValue> args;
  for (const std::string& kind : kinds) {
    marks += marks.empty() ? "?" : ", ?";
    args.emplace_back(kind);
  }
  const bool lock = to_claim && tx.dialect() == db::Dialect::postgres;
  auto rows =
      tx.all_with<JobRow>(fmt::format("SELECT {} FROM jobs j LEFT JOIN leases l ON l.name = 'job/' || j.operation_id "
                                      "WHERE j.due_us <= {} AND (l.until_us IS NULL OR NOT {}) AND j.kind IN ({}) "
                                      "ORDER BY j.due_us, j.operation_id LIMIT 1{}",
                                      reflect::columns<JobRow>("j"), now_us(tx.dialect()), is_held(tx.dialect(), "l"),
                                      marks, lock ? " FOR UPDATE OF j SKIP LOCKED" : ""),
                          args);
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

void start(db::Tx& tx, const JobRow& job, Time now) {
  tx.run("UPDATE jobs SET attempt = attempt + 1 WHERE org_id = ? AND operation_id = ?", job.org_id, job.operation_id);
  tx.run(
      "UPDATE operations SET state = ?, started_at = COALESCE(started_at, ?), row_version = row_version + 1 "
      "WHERE org_id = ? AND id = ?",
      OperationState::running, now, job.org_id, job.operation_id);
}

void put_back(db::Tx& tx, const JobRow& job, std::int64_t attempt, std::chrono::microseconds delay,
              std::string_view step) {
  tx.run(fmt::format("UPDATE jobs SET attempt = ?, due_us = {} + ? WHERE org_id = ? AND operation_id = ?",
                     now_us(tx.dialect())),
         attempt, delay.count(), job.org_id, job.operation_id);
  tx.run("UPDATE operations SET state = ?, step = ?, row_version = row_version + 1 WHERE org_id = ? AND id = ?",
         OperationState::pending, step, job.org_id, job.operation_id);
}

void end(db::Tx& tx, std::string_view org_id, const OperationId& id, OperationState state, Time now,
         const std::optional<OperationProblem>& problem, const std::optional<boost::json::value>& result) {
  if (state == OperationState::succeeded) set_progress(tx, org_id, id, 1.0, "");
  tx.run(
      "UPDATE operations SET state = ?, ended_at = ?, problem = ?, result = ?, row_version = row_version + 1 "
      "WHERE org_id = ? AND id = ?",
      state, now, problem, result, org_id, id);
  tx.run("DELETE FROM jobs WHERE org_id = ? AND operation_id = ?", org_id, id);
  // Its job is gone, so nobody acquires it anew: the epoch need not be kept.
  tx.run("DELETE FROM leases WHERE name = ?", lease_name(id));
}

void request_cancel(db::Tx& tx, std::string_view org_id, const OperationId& id) {
  tx.run("UPDATE operations SET cancel_requested = ?, row_version = row_version + 1 WHERE org_id = ? AND id = ?", true,
         org_id, id);
}

void set_progress(db::Tx& tx, std::string_view org_id, const OperationId& id, std::optional<double> progress,
                  std::string_view step) {
  tx.run("UPDATE operations SET progress = ?, step = ?, row_version = row_version + 1 WHERE org_id = ? AND id = ?",
         progress, step, org_id, id);
}

void append_log(db::Tx& tx, std::string_view org_id, const OperationId& id, const OperationLogLine& line) {
  tx.run(
      "INSERT INTO operation_logs (org_id, operation_id, seq, time, level, line) VALUES (?, ?, ?, ?, ?, ?) "
      "ON CONFLICT (org_id, operation_id, seq) DO NOTHING",
      org_id, id, line.seq, line.time, line.level, line.line);
}

std::int64_t last_log_seq(db::Tx& tx, std::string_view org_id, const OperationId& id) {
  return tx.value<std::int64_t>("SELECT max(seq) FROM operation_logs WHERE org_id = ? AND operation_id = ?", org_id, id)
      .value_or(0);
}

std::vector<OperationLogLine> read_log(db::Tx& tx, std::string_view org_id, const OperationId& id, std::int64_t after,
                                       std::int64_t limit) {
  return tx.all<OperationLogLine>("SELECT " + reflect::columns<OperationLogLine>() +
                                      " FROM operation_logs WHERE org_id = ? AND operation_id = ? AND seq > ? "
                                      "ORDER BY seq LIMIT ?",
                                  org_id, id, after, limit);
}

std::int64_t prune(db::Tx& tx, Time before, std::int64_t limit) {
  const auto ended = tx.all<OperationKey>(
      "SELECT org_id, id FROM operations WHERE ended_at < ? ORDER BY ended_at LIMIT ?", before, limit);
  for (const OperationKey& key : ended) {
    tx.run("DELETE FROM operation_logs WHERE org_id = ? AND operation_id = ?", key.org_id, key.id);
    tx.run("DELETE FROM operations WHERE org_id = ? AND id = ?", key.org_id, key.id);
  }
  return static_cast<std::int64_t>(ended.size());
}

}  // namespace modelops::jobs::store
