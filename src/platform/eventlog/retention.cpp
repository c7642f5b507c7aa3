#include "platform/eventlog/retention.hpp"

#include "platform/jobs/store.hpp"

namespace modelops::eventlog {
namespace {

// Short transactions: others write meanwhile. What is left over waits for the next run.
constexpr int transactions_max = 200;
constexpr std::int64_t rows_max = 1'000;
constexpr std::int64_t operations_max = 20;  // each with a log

std::int64_t prune_idempotency_keys(db::Tx& tx, Time before) {
  return tx.run(
      "DELETE FROM idempotency_keys WHERE (principal_id, idempotency_key) IN (SELECT principal_id, "
      "idempotency_key FROM idempotency_keys WHERE created_at < ? ORDER BY created_at LIMIT ?)",
      before, rows_max);
}

}  // namespace

void Retention::reconcile(const jobs::Fence& fence) {
  const Time now = clock_.now();
  const auto repeat = [&](const std::function<std::int64_t(db::Tx&)>& prune) {
    for (int i = 0; i < transactions_max; ++i) {
      const auto pruned = database_.write([&](db::Tx& tx) {
        fence.check(tx);
        return prune(tx);
      });
      if (pruned == 0) return;
    }
  };
  const Time events_before = now - options_.events;
  for (const std::string& org_id : database_.read([&](db::Tx& tx) { return EventLog::prunable(tx, events_before); }))
    repeat([&](db::Tx& tx) { return EventLog::prune(tx, org_id, events_before, rows_max); });
  repeat([&](db::Tx& tx) { return prune_idempotency_keys(tx, now - options_.idempotency_keys); });
  repeat([&](db::Tx& tx) { return jobs::store::prune(tx, now - options_.operations, operations_max); });
}

}  // namespace modelops::eventlog
