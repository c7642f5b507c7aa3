#include "monitoring/store.hpp"

#include "base/id.hpp"
#include "platform/query/page.hpp"

namespace modelops::monitoring::store {
namespace {

using db::SqlValue;
using db::Tx;
using reflect::columns;

/// "(?, ?, …)", and what they stand for behind `args`.
std::string in_list(const std::vector<std::string>& values, std::vector<SqlValue>& args) {
  std::string out = "(";
  for (const std::string& value : values) {
    out += out.size() == 1 ? "?" : ", ?";
    args.emplace_back(value);
  }
  return out + ")";
}

const query::FieldTable& request_fields() {
  using query::FieldType;
  static const query::FieldTable table{
      .alias = "r",
      .fields = {{.name = "request_id", .column = "r.request_id"},
                 {.name = "trace_id", .column = "r.trace_id"},
                 {.name = "replica_id", .column = "r.replica_id"},
                 {.name = "status", .column = "r.status", .type = FieldType::integer, .sortable = true},
                 {.name = "failed", .column = "r.failed", .type = FieldType::boolean},
                 {.name = "duration_ms", .column = "r.duration_ms", .type = FieldType::number},
                 {.name = "started_at", .column = "r.started_at", .type = FieldType::time, .sortable = true}},
      .default_order = "started_at desc"};
  return table;
}

}  // namespace

bool advance_reporter(Tx& tx, const ReporterRow& reporter) {
  return tx.run(
             "INSERT INTO monitoring_reporters (org_id, machine_id, run, sequence, address, reported_at) VALUES (?, ?, "
             "?, ?, ?, ?) ON CONFLICT (org_id, machine_id) DO UPDATE SET run = excluded.run, sequence = "
             "excluded.sequence, address = excluded.address, reported_at = excluded.reported_at WHERE "
             "monitoring_reporters.run <> excluded.run OR monitoring_reporters.sequence < excluded.sequence",
             reporter.org_id, reporter.machine_id, reporter.run, reporter.sequence, reporter.address,
             reporter.reported_at) == 1;
}

std::vector<ReporterRow> reporters(Tx& tx, Time since) {
  return tx.all<ReporterRow>("SELECT " + columns<ReporterRow>() + " FROM monitoring_reporters WHERE reported_at >= ?",
                             since);
}

void add_traffic(Tx& tx, const std::string& org_id, const std::string& deployment_id, const Grain& grain,
                 const TimedTraffic& more) {
  const std::int64_t step_s = grain.step.count();
  const Time start = bucket_start(more.start, grain.step);
  Traffic sum = more.traffic;
  const auto known = tx.find<Traffic>("SELECT " + columns<Traffic>() +
                                          " FROM monitoring_traffic WHERE org_id = ? AND deployment_id = ? AND step_s "
                                          "= ? AND start = ?",
                                      org_id, deployment_id, step_s, start);
  if (!known) {
    tx.insert("monitoring_traffic", TrafficRow{org_id, deployment_id, step_s, start, sum.requests, sum.client_errors,
                                               sum.server_errors, sum.tokens_in, sum.tokens_out, sum.in_flight_us,
                                               sum.queued_us, sum.duration, sum.first_token, sum.token_gap});
    return;
  }
  add(sum, *known);
  tx.run(
      "UPDATE monitoring_traffic SET requests = ?, client_errors = ?, server_errors = ?, tokens_in = ?, tokens_out = "
      "?, in_flight_us = ?, queued_us = ?, duration = ?, first_token = ?, token_gap = ? WHERE org_id = ? AND "
      "deployment_id = ? AND step_s = ? AND start = ?",
      sum.requests, sum.client_errors, sum.server_errors, sum.tokens_in, sum.tokens_out, sum.in_flight_us,
      sum.queued_us, sum.duration, sum.first_token, sum.token_gap, org_id, deployment_id, step_s, start);
}

std::vector<TimedTraffic> traffic(Tx& tx, const std::string& org_id, const std::string& deployment_id,
                                  const Chart& chart) {
  std::vector<TimedTraffic> out;
  for (TrafficRow& row : tx.all<TrafficRow>(
           "SELECT " + columns<TrafficRow>() +
               " FROM monitoring_traffic WHERE org_id = ? AND deployment_id = ? AND step_s = ? AND start >= ? AND "
               "start < ?",
           org_id, deployment_id, chart.grain.step.count(), chart.points.first, chart.points.end()))
    out.push_back({row.start,
                   {row.requests, row.client_errors, row.server_errors, row.tokens_in, row.tokens_out, row.in_flight_us,
                    row.queued_us, std::move(row.duration), std::move(row.first_token), std::move(row.token_gap)}});
  return out;
}

void add_coverage(Tx& tx, const std::string& org_id, const Grain& grain, Time start) {
  tx.run(
      "INSERT INTO monitoring_coverage (step_s, start, org_id) VALUES (?, ?, ?) ON CONFLICT (step_s, start, org_id) DO "
      "NOTHING",
      grain.step.count(), bucket_start(start, grain.step), org_id);
}

std::vector<Time> coverage(Tx& tx, const std::string& org_id, const Grain& grain, Time from, Time until) {
  return tx.values<Time>(
      "SELECT DISTINCT start FROM monitoring_coverage WHERE step_s = ? AND start >= ? AND start < ? AND (org_id = ? OR "
      "org_id = '')",
      grain.step.count(), from, until, org_id);
}

std::vector<PointRow> points(Tx& tx, const std::string& org_id, const std::vector<std::string>& deployment_ids,
                             const Points& points) {
  if (deployment_ids.empty()) return {};
  std::vector<SqlValue> args{points.first.us, std::chrono::microseconds(points.step).count(),
                             org_id,          fine.step.count(),
                             points.first.us, points.end().us};
  const std::string ids = in_list(deployment_ids, args);
  return tx.all_with<PointRow>(
      "SELECT deployment_id, (start - ?) / ?, CAST(sum(requests) AS BIGINT), CAST(sum(server_errors) AS BIGINT), "
      "CAST(sum(tokens_in) AS BIGINT), CAST(sum(tokens_out) AS BIGINT) FROM monitoring_traffic WHERE org_id = ? AND "
      "step_s = ? AND start >= ? AND start < ? AND deployment_id IN " +
          ids + " GROUP BY 1, 2",
      args);
}

std::vector<LatencyRow> latencies(Tx& tx, const std::string& org_id, const std::vector<std::string>& deployment_ids,
                                  Time from) {
  if (deployment_ids.empty()) return {};
  std::vector<SqlValue> args{org_id, coarse.step.count(), from.us};
  const std::string ids = in_list(deployment_ids, args);
  return tx.all_with<LatencyRow>(
      "SELECT deployment_id, duration FROM monitoring_traffic WHERE org_id = ? AND step_s = ? AND start >= ? AND "
      "requests > 0 AND deployment_id IN " +
          ids,
      args);
}

void put_sample(Tx& tx, const std::string& org_id, const std::string& deployment_id, const std::string& replica_id,
                const Grain& grain, const Sample& sample) {
  tx.run(
      "INSERT INTO monitoring_samples (org_id, deployment_id, step_s, start, replica_id, sampled_at, memory_bytes, "
      "cpu_us, engine) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (org_id, deployment_id, step_s, start, "
      "replica_id) DO UPDATE SET sampled_at = excluded.sampled_at, memory_bytes = excluded.memory_bytes, cpu_us = "
      "excluded.cpu_us, engine = excluded.engine",
      org_id, deployment_id, grain.step.count(), bucket_start(sample.at, grain.step), replica_id, sample.at,
      sample.memory_bytes, sample.cpu_us, sample.engine);
}

std::vector<SampleRow> samples(Tx& tx, const std::string& org_id, const std::string& deployment_id, const Grain& grain,
                               Time from, Time until) {
  return tx.all<SampleRow>("SELECT " + columns<SampleRow>() +
                               " FROM monitoring_samples WHERE org_id = ? AND deployment_id = ? AND step_s = ? AND "
                               "start >= ? AND start < ? ORDER BY replica_id, start",
                           org_id, deployment_id, grain.step.count(), from, until);
}

std::vector<SampleRow> latest_samples(Tx& tx, Time from) {
  std::vector<SampleRow> out;
  for (SampleRow& row : tx.all<SampleRow>("SELECT " + columns<SampleRow>() +
                                              " FROM monitoring_samples WHERE step_s = ? AND start >= ? ORDER BY "
                                              "org_id, replica_id, start DESC",
                                          fine.step.count(), from)) {
    if (out.empty() || out.back().replica_id != row.replica_id) out.push_back(std::move(row));
  }
  return out;
}

std::int64_t prune(Tx& tx, const Grain& grain, Time before, std::int64_t rows_max) {
  const std::int64_t step_s = grain.step.count();
  const std::int64_t traffic = tx.run(
      "DELETE FROM monitoring_traffic WHERE (org_id, deployment_id, step_s, start) IN (SELECT org_id, deployment_id, "
      "step_s, start FROM monitoring_traffic WHERE step_s = ? AND start < ? ORDER BY start LIMIT ?)",
      step_s, before, rows_max);
  const std::int64_t samples = tx.run(
      "DELETE FROM monitoring_samples WHERE (org_id, deployment_id, step_s, start, replica_id) IN (SELECT org_id, "
      "deployment_id, step_s, start, replica_id FROM monitoring_samples WHERE step_s = ? AND start < ? ORDER BY start "
      "LIMIT ?)",
      step_s, before, rows_max);
  const std::int64_t coverage = tx.run(
      "DELETE FROM monitoring_coverage WHERE (step_s, start, org_id) IN (SELECT step_s, start, org_id FROM "
      "monitoring_coverage WHERE step_s = ? AND start < ? ORDER BY start LIMIT ?)",
      step_s, before, rows_max);
  return traffic + samples + coverage;
}

void add_recent_request(Tx& tx, const std::string& org_id, const RequestTrace& trace) {
  const RecentRequest& told = trace.request;
  tx.insert("recent_requests",
            RecentRequestRow{org_id, trace.deployment_id, new_uuid7(), told.request_id, told.trace_id, told.started_at,
                             told.duration_ms, told.status, told.failed, told.replica_id, trace});
}

void trim_recent_requests(Tx& tx, const std::string& org_id, const std::string& deployment_id, std::int64_t kept) {
  tx.run(
      "DELETE FROM recent_requests WHERE org_id = ? AND deployment_id = ? AND started_at < (SELECT started_at FROM "
      "recent_requests WHERE org_id = ? AND deployment_id = ? ORDER BY started_at DESC LIMIT 1 OFFSET ?)",
      org_id, deployment_id, org_id, deployment_id, kept - 1);
}

RecentRequestPage recent_requests(Tx& tx, const std::string& org_id, const std::string& deployment_id,
                                  const ListRecentRequests& request) {
  const query::Keyset keyset = query::plan(request_fields(), request);
  auto rows = tx.all_with<RecentRequestRow>(
      "SELECT " + columns<RecentRequestRow>("r") +
          " FROM recent_requests r WHERE r.org_id = ? AND r.deployment_id = ? AND " + keyset.sql(),
      keyset.args(org_id, deployment_id));
  struct Rows {
    std::vector<RecentRequestRow> items;
    std::optional<std::string> next_page_token;
  };
  Rows page = query::page<Rows>(keyset, std::move(rows));
  RecentRequestPage out{{}, std::move(page.next_page_token)};
  for (RecentRequestRow& row : page.items) out.items.push_back(std::move(row.detail.request));
  return out;
}

std::optional<RequestTrace> recent_request(Tx& tx, const std::string& org_id, const std::string& deployment_id,
                                           const std::string& request_id) {
  auto row =
      tx.find<RecentRequestRow>("SELECT " + columns<RecentRequestRow>() +
                                    " FROM recent_requests WHERE org_id = ? AND deployment_id = ? AND request_id "
                                    "= ? ORDER BY started_at DESC LIMIT 1",
                                org_id, deployment_id, request_id);
  if (!row) return std::nullopt;
  return std::move(row->detail);
}

std::int64_t prune_recent_requests(Tx& tx, Time before, std::int64_t rows_max) {
  return tx.run(
      "DELETE FROM recent_requests WHERE (org_id, deployment_id, id) IN (SELECT org_id, deployment_id, id FROM "
      "recent_requests WHERE started_at < ? ORDER BY started_at LIMIT ?)",
      before, rows_max);
}

}  // namespace modelops::monitoring::store
