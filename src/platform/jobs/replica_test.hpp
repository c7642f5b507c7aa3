#pragma once
// One server's share of a database, as often as a test needs it.
#include "base/eventually_test.hpp"
#include "migrations/migrations.hpp"
#include "platform/audience.hpp"
#include "platform/jobs/lease.hpp"
#include "platform/jobs/listener.hpp"
#include "platform/jobs/waiting.hpp"
#include "tests/support/database.hpp"

namespace modelops::jobs::testing {

using modelops::testing::eventually;

struct Replica {
  explicit Replica(const std::string& url, std::chrono::milliseconds ttl = std::chrono::seconds(5))
      : database(db::Database::open({.url = url})), listener(url, topics), keeper(*database, ttl) {}

  std::unique_ptr<db::Database> database;
  events::Topics topics;
  Listener listener;
  LeaseKeeper keeper;
};

/// A stand-in for the rule of `identity`, without teams.
inline query::SqlFragment visible_to(const Context& ctx, std::string_view alias) {
  return {fmt::format("({0}.org_id = ? AND ({0}.visibility = 'organization' OR {0}.created_by = ?))", alias),
          {ctx.org_id, ctx.actor.id}};
}

inline Context context_of(std::string org_id, std::string actor_id = "usr_1") {
  Context ctx;
  ctx.actor.kind = ActorKind::user;
  ctx.actor.id = std::move(actor_id);
  ctx.org_id = std::move(org_id);
  return ctx;
}

}  // namespace modelops::jobs::testing
