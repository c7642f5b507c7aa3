#pragma once
// Leases: at most one replica does a thing at a time, and one that wakes up late cannot write. Time is the
// database's, so that the clocks of replicas do not matter.
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "platform/db/database.hpp"

namespace modelops::jobs {

/// SQL for the database's time in microseconds since 1970.
std::string_view now_us(db::Dialect dialect);
/// SQL that is true of a `row` of leases that somebody holds. One that ends later than any lease can was taken before
/// the clock was set back: nobody waits for it.
std::string is_held(db::Dialect dialect, std::string_view row);

/// The right to write as the holder of a lease. Each time a lease changes hands its epoch grows.
struct Fence {
  std::string name;
  std::int64_t epoch = 0;

  bool operator==(const Fence&) const = default;
  /// In a write transaction: throws Error(conflict) when somebody else has taken the lease over since. Until the
  /// transaction ends nobody can.
  void check(db::Tx& tx) const;
};

/// Nothing while another holds it.
std::optional<Fence> acquire(db::Tx& tx, std::string_view name, std::string_view owner, std::chrono::milliseconds ttl);
/// False when another has taken it over. One that has ended, but was not taken, is ours again.
bool renew(db::Tx& tx, const Fence& fence, std::chrono::milliseconds ttl);
/// Lets another take it at once.
void release(db::Tx& tx, const Fence& fence);

class LeaseKeeper;

/// A lease that is being renewed; released when it goes. Must not outlive its keeper.
class HeldLease {
 public:
  ~HeldLease();
  HeldLease(const HeldLease&) = delete;

  const Fence& fence() const { return fence_; }
  /// True when it was taken over, or could not be renewed in time: stop what you do.
  bool lost() const;
  /// No release when it goes: its row was ended otherwise.
  void forget() { forgotten_ = true; }

 private:
  friend class LeaseKeeper;
  HeldLease(LeaseKeeper& keeper, Fence fence) : keeper_(keeper), fence_(std::move(fence)) {}

  LeaseKeeper& keeper_;
  const Fence fence_;
  // Guarded by the keeper's mutex.
  std::chrono::steady_clock::time_point renewed_ = std::chrono::steady_clock::now();
  bool taken_ = false;
  bool forgotten_ = false;
};

/// Renews all leases of this process, in one transaction every third of their time. Thread-safe.
class LeaseKeeper {
 public:
  explicit LeaseKeeper(db::Database& database, std::chrono::milliseconds ttl = std::chrono::seconds(15));
  ~LeaseKeeper();
  LeaseKeeper(const LeaseKeeper&) = delete;

  const std::string& owner() const { return owner_; }
  std::chrono::milliseconds ttl() const { return ttl_; }
  /// Null while another holds it.
  std::unique_ptr<HeldLease> try_hold(std::string_view name);
  /// Keeps what was acquired in a transaction just now.
  std::unique_ptr<HeldLease> hold(Fence fence);

 private:
  friend class HeldLease;
  void renew_all();
  void drop(const HeldLease& lease);

  db::Database& database_;
  const std::string owner_;
  const std::chrono::milliseconds ttl_;
  mutable std::mutex mutex_;
  std::vector<HeldLease*> held_;
  std::jthread thread_;
};

}  // namespace modelops::jobs
