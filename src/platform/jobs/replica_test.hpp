#pragma once
// One server's share of a database, as often as a test needs it.
#include "migrations/migrations.hpp"
#include "platform/jobs/lease.hpp"
#include "platform/jobs/listener.hpp"
#include "platform/jobs/waiting.hpp"
#include "tests/support/database.hpp"

namespace modelops::jobs::testing {

/// True as soon as `condition` holds; false when it did not within half a minute.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    pause_for(std::chrono::milliseconds(2), {});
  }
  return true;
}

struct Replica {
  explicit Replica(const std::string& url, std::chrono::milliseconds ttl = std::chrono::seconds(5))
      : database(db::Database::open({.url = url})), listener(url, topics), keeper(*database, ttl) {}

  std::unique_ptr<db::Database> database;
  events::Topics topics;
  Listener listener;
  LeaseKeeper keeper;
};

inline Context context_of(std::string org_id) {
  Context ctx;
  ctx.actor.kind = ActorKind::user;
  ctx.actor.id = "usr_1";
  ctx.org_id = std::move(org_id);
  return ctx;
}

}  // namespace modelops::jobs::testing
