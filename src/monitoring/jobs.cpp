#include "monitoring/jobs.hpp"

#include "monitoring/requests.hpp"
#include "monitoring/store.hpp"

namespace modelops::monitoring {

void Retention::reconcile(const jobs::Fence& fence) {
  // Short transactions: reports are written meanwhile. What is left over waits for the next run.
  constexpr int transactions_max = 100;
  constexpr std::int64_t rows_max = 1'000;
  const auto repeat = [&](auto&& prune) {
    for (int i = 0; i < transactions_max; ++i) {
      const std::int64_t pruned = database_.write([&](db::Tx& tx) {
        fence.check(tx);
        return prune(tx);
      });
      if (pruned == 0) break;
    }
  };
  const Time now = clock_.now();
  for (const Grain& grain : grains)
    repeat([&](db::Tx& tx) { return store::prune(tx, grain, now - grain.kept, rows_max); });
  repeat([&](db::Tx& tx) { return store::prune_recent_requests(tx, now - recent_requests_kept, rows_max); });
}

}  // namespace modelops::monitoring
