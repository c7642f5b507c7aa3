#pragma once
#include "monitoring/rules.hpp"
#include "platform/db/database.hpp"

namespace modelops::monitoring {

struct TrafficRow {
  std::string org_id;
  std::string deployment_id;
  std::int64_t step_s = 0;
  Time start;
  std::int64_t requests = 0;
  std::int64_t client_errors = 0;
  std::int64_t server_errors = 0;
  std::int64_t tokens_in = 0;
  std::int64_t tokens_out = 0;
  std::int64_t in_flight_us = 0;
  std::int64_t queued_us = 0;
  Histogram duration;
  Histogram first_token;
  Histogram token_gap;
};
MODELOPS_DESCRIBE(TrafficRow, org_id, deployment_id, step_s, start, requests, client_errors, server_errors, tokens_in,
                  tokens_out, in_flight_us, queued_us, duration, first_token, token_gap);

struct SampleRow {
  std::string org_id;
  std::string deployment_id;
  std::int64_t step_s = 0;
  Time start;
  std::string replica_id;
  Time sampled_at;
  std::int64_t memory_bytes = 0;
  std::int64_t cpu_us = 0;
  std::vector<targets::EngineSample> engine;
};
MODELOPS_DESCRIBE(SampleRow, org_id, deployment_id, step_s, start, replica_id, sampled_at, memory_bytes, cpu_us,
                  engine);

/// A gateway that reports.
struct ReporterRow {
  std::string org_id;
  std::string machine_id;
  std::string run;
  std::int64_t sequence = 0;
  std::string address;  ///< where it listens: "127.0.0.1:18088"; empty when it did not say
  Time reported_at;
};
MODELOPS_DESCRIBE(ReporterRow, org_id, machine_id, run, sequence, address, reported_at);

/// Sums over the buckets of one point of a sparkline.
struct PointRow {
  std::string deployment_id;
  std::int64_t point = 0;
  std::int64_t requests = 0;
  std::int64_t server_errors = 0;
  std::int64_t tokens_in = 0;
  std::int64_t tokens_out = 0;
};
MODELOPS_DESCRIBE(PointRow, deployment_id, point, requests, server_errors, tokens_in, tokens_out);

struct LatencyRow {
  std::string deployment_id;
  Histogram duration;
};
MODELOPS_DESCRIBE(LatencyRow, deployment_id, duration);

/// A request that is kept; `detail` has all of it, the other columns are what lists are filtered and ordered by.
struct RecentRequestRow {
  std::string org_id;
  std::string deployment_id;
  std::string id;
  std::string request_id;
  std::string trace_id;
  Time started_at;
  double duration_ms = 0;
  std::int64_t status = 0;
  bool failed = false;
  std::string replica_id;
  RequestTrace detail;
};
MODELOPS_DESCRIBE(RecentRequestRow, org_id, deployment_id, id, request_id, trace_id, started_at, duration_ms, status,
                  failed, replica_id, detail);

/// SQL only, inside the caller's transaction.
namespace store {

/// False when this report of this run was counted already.
bool advance_reporter(db::Tx& tx, const ReporterRow& reporter);
/// Those that have reported since `since`, of every organisation, in any order.
std::vector<ReporterRow> reporters(db::Tx& tx, Time since);

/// Adds it to what the bucket has.
void add_traffic(db::Tx& tx, const std::string& org_id, const std::string& deployment_id, const Grain& grain,
                 const TimedTraffic& more);
std::vector<TimedTraffic> traffic(db::Tx& tx, const std::string& org_id, const std::string& deployment_id,
                                  const Chart& chart);
/// `org_id` is empty for a gateway that serves all organisations.
void add_coverage(db::Tx& tx, const std::string& org_id, const Grain& grain, Time start);
/// In any order, without repeats.
std::vector<Time> coverage(db::Tx& tx, const std::string& org_id, const Grain& grain, Time from, Time until);

std::vector<PointRow> points(db::Tx& tx, const std::string& org_id, const std::vector<std::string>& deployment_ids,
                             const Points& points);
/// Of the coarse grain, since `from`.
std::vector<LatencyRow> latencies(db::Tx& tx, const std::string& org_id, const std::vector<std::string>& deployment_ids,
                                  Time from);

void put_sample(db::Tx& tx, const std::string& org_id, const std::string& deployment_id, const std::string& replica_id,
                const Grain& grain, const Sample& sample);
/// By replica, in the order of time.
std::vector<SampleRow> samples(db::Tx& tx, const std::string& org_id, const std::string& deployment_id,
                               const Grain& grain, Time from, Time until);

/// What was seen of replicas last, one row each, of every organisation: of the fine grain, since `from`.
std::vector<SampleRow> latest_samples(db::Tx& tx, Time from);

void add_recent_request(db::Tx& tx, const std::string& org_id, const RequestTrace& request);
/// Forgets all of a deployment's but the newest `kept`.
void trim_recent_requests(db::Tx& tx, const std::string& org_id, const std::string& deployment_id, std::int64_t kept);
RecentRequestPage recent_requests(db::Tx& tx, const std::string& org_id, const std::string& deployment_id,
                                  const ListRecentRequests& request);
/// The newest with this id.
std::optional<RequestTrace> recent_request(db::Tx& tx, const std::string& org_id, const std::string& deployment_id,
                                           const std::string& request_id);
/// Forgets those that began earlier, up to `rows_max`; says how many went.
std::int64_t prune_recent_requests(db::Tx& tx, Time before, std::int64_t rows_max);

/// Forgets what began earlier, up to `rows_max` rows of each table; says how many went.
std::int64_t prune(db::Tx& tx, const Grain& grain, Time before, std::int64_t rows_max);

}  // namespace store
}  // namespace modelops::monitoring
