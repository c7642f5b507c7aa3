#pragma once
#include "platform/db/database.hpp"
#include "platform/jobs/reconciler.hpp"

namespace modelops::eventlog {

/// A table whose rows are inserted by many and get their order afterwards, by one. Only what is committed is seen by
/// `step`, and its places are given in transactions that follow one another: so a reader that goes on after the last
/// place it saw misses nothing, however long a writer's transaction took.
class SequencedTable {
 public:
  virtual ~SequencedTable() = default;
  /// Unique in the program.
  virtual std::string_view name() const = 0;
  /// Gives a bounded number of rows their places, and announces that to the readers. Returns how many; 0: none waits.
  virtual std::size_t step(db::Tx& tx) = 0;
};

/// Announced by whoever inserts a row (jobs::announce).
std::string sequencer_topic(std::string_view table);

/// The one who gives the places, on one replica at a time.
class Sequencer final : public jobs::Reconciler {
 public:
  /// `interval`: the longest wait of a row whose announcement got lost.
  Sequencer(db::Database& database, SequencedTable& table,
            std::chrono::milliseconds interval = std::chrono::milliseconds(500));

  std::string_view name() const override { return name_; }
  std::chrono::milliseconds interval() const override { return interval_; }
  std::string topic() const override { return sequencer_topic(table_.name()); }
  void reconcile(const jobs::Fence& fence) override;

 private:
  db::Database& database_;
  SequencedTable& table_;
  const std::string name_;
  const std::chrono::milliseconds interval_;
};

}  // namespace modelops::eventlog
