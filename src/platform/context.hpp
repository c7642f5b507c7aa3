#pragma once
// What every service call is told first: who asks, for which organisation, until when.
#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "platform/tracing/trace_context.hpp"

namespace modelops {

/// What an actor may do, by name: "models:write". Each capability declares its own in its types.hpp.
struct Permission {
  std::string_view name;
  constexpr bool operator==(const Permission&) const = default;
};

enum class ActorKind {
  anonymous,        ///< no credentials, or unusable ones
  user,             ///< a person
  service_account,  ///< a robot: may do what its role says, never approve
  agent,            ///< a machine that runs engines
  system,           ///< the program itself: reconcilers, the sequencer
};

/// Names of permissions. Copies share them: a request's actor is copied more than once, and may have a hundred.
class Permissions {
 public:
  using Names = std::set<std::string, std::less<>>;
  using value_type = std::string;
  using const_iterator = Names::const_iterator;

  Permissions() = default;
  Permissions(Names names) : names_(std::make_shared<const Names>(std::move(names))) {}
  Permissions(std::initializer_list<std::string> names) : Permissions(Names(names)) {}

  bool contains(std::string_view name) const { return names_ && names_->contains(name); }
  /// Copies of before do not get it.
  void add(std::string_view name) {
    Names more(begin(), end());
    more.emplace(name);
    *this = std::move(more);
  }
  const_iterator begin() const { return names_ ? names_->begin() : const_iterator(); }
  const_iterator end() const { return names_ ? names_->end() : const_iterator(); }
  std::size_t size() const { return names_ ? names_->size() : 0; }

 private:
  std::shared_ptr<const Names> names_;
};

struct Actor {
  ActorKind kind = ActorKind::anonymous;
  std::string id;
  std::string name;  ///< for people to read; personal data
  std::vector<std::string> team_ids;
  Permissions permissions;
  std::string credential_id;  ///< the session or API key that was used
};

/// One use of an Idempotency-Key. `Database::write(ctx, f)` keeps the answer in the transaction of the change.
struct Idempotency {
  std::string key;
  std::string request_hash;                              ///< SHA-256 over method, path, query and body
  int status = 200;                                      ///< of the answer, when it succeeds
  std::function<std::string(std::string_view)> protect;  ///< seals the stored answer: it may hold a one-time secret
  mutable bool stored = false;
};

struct Context {
  Actor actor;
  std::string org_id;
  std::string request_id;
  tracing::SpanContext trace;  ///< of the span that this call belongs to; none when nothing is traced
  std::string remote_address;
  std::string session_token;  ///< of a browser session: what its CSRF token is made of
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  Log log;
  std::optional<std::int64_t> if_match;  ///< the row version that the caller last saw
  const Idempotency* idempotency = nullptr;

  bool may(Permission permission) const { return actor.permissions.contains(permission.name); }
};

}  // namespace modelops
