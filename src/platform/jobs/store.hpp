#pragma once
// SQL of operations, their queue and their logs.
#include "platform/audience.hpp"
#include "platform/db/database.hpp"
#include "platform/jobs/lease.hpp"
#include "platform/jobs/types.hpp"

namespace modelops::jobs::store {

/// A row of the queue.
struct JobRow {
  std::string org_id;
  OperationId operation_id;
  std::string kind;
  boost::json::value payload;
  std::int64_t attempt = 0;  ///< how many there were
  std::string trace_parent;  ///< of the request that began it; empty when that is not traced
};
MODELOPS_DESCRIBE(JobRow, org_id, operation_id, kind, payload, attempt, trace_parent);

/// The lease of a job.
std::string lease_name(const OperationId& id);

void insert(db::Tx& tx, std::string_view org_id, const Operation& operation, const Audience& audience,
            const boost::json::value& payload, std::string_view trace_parent);
/// For the program itself, whoever may see it.
std::optional<Operation> find(db::Tx& tx, std::string_view org_id, const OperationId& id);
/// `seen` is a condition on the table `o`.
std::optional<Operation> find(db::Tx& tx, std::string_view org_id, const OperationId& id,
                              const query::SqlFragment& seen);
OperationPage list(db::Tx& tx, std::string_view org_id, const query::SqlFragment& seen, const ListOperations& request);
void set_audience(db::Tx& tx, std::string_view org_id, const OperationId& id, const Audience& audience);

/// A job of one of these kinds that is due and that nobody works on. With `to_claim` other replicas that look at the
/// same time find another one.
std::optional<JobRow> find_due(db::Tx& tx, const std::vector<std::string>& kinds, bool to_claim);
/// The next attempt begins.
void start(db::Tx& tx, const JobRow& job, Time now);
/// It waits again, for the next attempt. `attempt` is how many there were.
void put_back(db::Tx& tx, const JobRow& job, std::int64_t attempt, std::chrono::microseconds delay,
              std::string_view step);
/// Leaves the queue for good.
void end(db::Tx& tx, std::string_view org_id, const OperationId& id, OperationState state, Time now,
         const std::optional<OperationProblem>& problem, const std::optional<boost::json::value>& result);
void request_cancel(db::Tx& tx, std::string_view org_id, const OperationId& id);
void set_progress(db::Tx& tx, std::string_view org_id, const OperationId& id, std::optional<double> progress,
                  std::string_view step);

void append_log(db::Tx& tx, std::string_view org_id, const OperationId& id, const OperationLogLine& line);
std::int64_t last_log_seq(db::Tx& tx, std::string_view org_id, const OperationId& id);
std::vector<OperationLogLine> read_log(db::Tx& tx, std::string_view org_id, const OperationId& id, std::int64_t after,
                                       std::int64_t limit);

/// Forgets up to `limit` operations that ended before `before`, with their logs. Returns how many there were.
std::int64_t prune(db::Tx& tx, Time before, std::int64_t limit);

}  // namespace modelops::jobs::store
