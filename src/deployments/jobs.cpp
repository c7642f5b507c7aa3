#include "deployments/jobs.hpp"

namespace modelops::deployments {
namespace {

// Short transactions: others write meanwhile. What is left over waits for the next run.
constexpr std::int64_t deployments_per_run = 1'000;
constexpr int transactions_max = 200;
constexpr std::int64_t rows_max = 1'000;

}  // namespace

void EventRetention::reconcile(const jobs::Fence& fence) {
  int transactions = 0;
  const auto prune = [&](const std::vector<DeploymentKey>& keys, std::int64_t keep) {
    for (const DeploymentKey& key : keys) {
      std::int64_t pruned = rows_max;
      while (pruned == rows_max) {
        if (++transactions > transactions_max) return;
        pruned = database_.write([&](db::Tx& tx) {
          fence.check(tx);
          return store::prune_events(tx, key, keep, rows_max);
        });
      }
    }
  };
  const Time deleted_before = clock_.now() - events_age_max_of_deleted;
  prune(database_.read([&](db::Tx& tx) { return store::deleted_with_events(tx, deleted_before, deployments_per_run); }),
        0);
  prune(database_.read(
            [&](db::Tx& tx) { return store::with_events_over(tx, events_per_deployment_max, deployments_per_run); }),
        events_per_deployment_max);
}

}  // namespace modelops::deployments
