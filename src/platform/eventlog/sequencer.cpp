#include "platform/eventlog/sequencer.hpp"

namespace modelops::eventlog {
namespace {

/// Then the runner gets to see whether it should stop.
constexpr int steps_max = 100;

}  // namespace

std::string sequencer_topic(std::string_view table) { return fmt::format("sequencer/{}", table); }

Sequencer::Sequencer(db::Database& database, SequencedTable& table, std::chrono::milliseconds interval)
    : database_(database), table_(table), name_(sequencer_topic(table.name())), interval_(interval) {}

void Sequencer::reconcile(const jobs::Fence& fence) {
  for (int i = 0; i < steps_max; ++i) {
    const std::size_t placed = database_.write([&](db::Tx& tx) {
      const std::size_t count = table_.step(tx);
      // Most looks find nothing; those must not cost a row lock.
      if (count > 0) fence.check(tx);
      return count;
    });
    if (placed == 0) return;
  }
}

}  // namespace modelops::eventlog
