#include "monitoring/jobs.hpp"

#include "monitoring/store.hpp"

namespace modelops::monitoring {

void Retention::reconcile(const jobs::Fence& fence) {
  // Short transactions: reports are written meanwhile. What is left over waits for the next run.
  constexpr int transactions_max = 100;
  constexpr std::int64_t rows_max = 1'000;
  for (const Grain& grain : grains) {
    const Time before = clock_.now() - grain.kept;
    for (int i = 0; i < transactions_max; ++i) {
      const std::int64_t pruned = database_.write([&](db::Tx& tx) {
        fence.check(tx);
        return store::prune(tx, grain, before, rows_max);
      });
      if (pruned == 0) break;
    }
  }
}

}  // namespace modelops::monitoring
