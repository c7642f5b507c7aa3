#include "platform/jobs/lease.hpp"

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/log.hpp"
#include "platform/jobs/waiting.hpp"

namespace modelops::jobs {

using std::chrono::microseconds;
using std::chrono::milliseconds;

std::string_view now_us(db::Dialect dialect) {
  return dialect == db::Dialect::sqlite ? "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS BIGINT)"
                                        : "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";
}

std::string is_held(db::Dialect dialect, std::string_view row) {
  constexpr microseconds longest = std::chrono::minutes(10);
  return fmt::format("({0}.until_us > {1} AND {0}.until_us <= {1} + {2})", row, now_us(dialect), longest.count());
}

void Fence::check(db::Tx& tx) const {
  // The row lock makes a successor wait for this transaction's end. SQLite has one writer at a time anyway.
  const std::string_view lock = tx.dialect() == db::Dialect::postgres ? " FOR SHARE" : "";
  const auto current = tx.value<std::int64_t>(fmt::format("SELECT epoch FROM leases WHERE name = ?{}", lock), name);
  if (current != epoch)
    fail(ErrorCode::conflict, "Another replica has taken this work over; nothing was written.",
         fmt::format("{} of epoch {}", name, epoch));
}

std::optional<Fence> acquire(db::Tx& tx, std::string_view name, std::string_view owner, milliseconds ttl) {
  const std::string_view now = now_us(tx.dialect());
  const auto epoch = tx.value<std::int64_t>(
      fmt::format("INSERT INTO leases (name, owner, epoch, until_us) VALUES (?, ?, 1, {0} + ?) "
                  "ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, epoch = leases.epoch + 1, "
                  "until_us = excluded.until_us WHERE NOT {1} RETURNING epoch",
                  now, is_held(tx.dialect(), "leases")),
      name, owner, microseconds(ttl).count());
  if (!epoch) return std::nullopt;
  return Fence{std::string(name), *epoch};
}

bool renew(db::Tx& tx, const Fence& fence, milliseconds ttl) {
  return tx.run(fmt::format("UPDATE leases SET until_us = {} + ? WHERE name = ? AND epoch = ?", now_us(tx.dialect())),
                microseconds(ttl).count(), fence.name, fence.epoch) == 1;
}

void release(db::Tx& tx, const Fence& fence) {
  tx.run("UPDATE leases SET until_us = 0 WHERE name = ? AND epoch = ?", fence.name, fence.epoch);
}

bool HeldLease::lost() const {
  std::lock_guard lock(keeper_.mutex_);
  return taken_ || std::chrono::steady_clock::now() - renewed_ > keeper_.ttl_;
}

HeldLease::~HeldLease() { keeper_.drop(*this); }

LeaseKeeper::LeaseKeeper(db::Database& database, milliseconds ttl)
    : database_(database), owner_(new_uuid7()), ttl_(ttl), thread_([this](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          pause_for(ttl_ / 3, stop);
          try {
            renew_all();
          } catch (const std::exception& error) {
            Log().warning("leases could not be renewed", {{"error", describe_exception(error)}});
          }
        }
      }) {}

LeaseKeeper::~LeaseKeeper() = default;

std::unique_ptr<HeldLease> LeaseKeeper::try_hold(std::string_view name) {
  // Most tries of a replica that is second come to nothing: find that out without a write.
  const auto live = database_.read([&](db::Tx& tx) {
    return tx.value<std::int64_t>(
        fmt::format("SELECT epoch FROM leases WHERE name = ? AND {}", is_held(tx.dialect(), "leases")), name);
  });
  if (live) return nullptr;
  auto fence = database_.write([&](db::Tx& tx) { return acquire(tx, name, owner_, ttl_); });
  return fence ? hold(std::move(*fence)) : nullptr;
}

std::unique_ptr<HeldLease> LeaseKeeper::hold(Fence fence) {
  std::unique_ptr<HeldLease> lease(new HeldLease(*this, std::move(fence)));
  std::lock_guard lock(mutex_);
  held_.push_back(lease.get());
  return lease;
}

void LeaseKeeper::renew_all() {
  std::vector<Fence> fences;
  {
    std::lock_guard lock(mutex_);
    for (const HeldLease* lease : held_) fences.push_back(lease->fence());
  }
  if (fences.empty()) return;
  // One order in all replicas: no deadlocks.
  std::sort(fences.begin(), fences.end(), [](const Fence& a, const Fence& b) { return a.name < b.name; });
  const auto began = std::chrono::steady_clock::now();
  const auto ours = database_.write([&](db::Tx& tx) {
    std::vector<Fence> renewed;
    for (const Fence& fence : fences)
      if (renew(tx, fence, ttl_)) renewed.push_back(fence);
    return renewed;
  });
  std::lock_guard lock(mutex_);
  for (HeldLease* lease : held_) {
    if (std::ranges::find(ours, lease->fence_) != ours.end()) lease->renewed_ = began;
    // What was acquired meanwhile is in neither list.
    else if (std::ranges::find(fences, lease->fence_) != fences.end())
      lease->taken_ = true;
  }
}

void LeaseKeeper::drop(const HeldLease& lease) {
  {
    std::lock_guard lock(mutex_);
    std::erase(held_, &lease);
    if (lease.forgotten_ || lease.taken_) return;
  }
  try {
    database_.write([&](db::Tx& tx) { release(tx, lease.fence_); });
  } catch (const std::exception& error) {
    Log().warning("a lease could not be released; it ends by itself",
                  {{"lease", lease.fence_.name}, {"error", describe_exception(error)}});
  }
}

}  // namespace modelops::jobs
