#pragma once
#include <map>
#include <mutex>

#include "identity/ports.hpp"
#include "platform/crypto/keyring.hpp"
#include "platform/crypto/sign.hpp"
#include "platform/events/topics.hpp"
#include "platform/http/types.hpp"
#include "targets/ports.hpp"

namespace modelops::targets {

/// Notified when a machine has come, gone or been revoked: what depends on it should look again.
inline constexpr const char* machines_topic = "machines";
/// Notified when a machine should ask again.
std::string machine_topic(std::string_view machine_id);

/// How far a machine's clock may be off, and so how long its nonces are remembered.
inline constexpr std::chrono::minutes clock_skew_max{5};

/// The keys that answers to machines are signed with. Thread-safe.
class ServerKeys {
 public:
  struct Key {
    std::string id;
    crypto::KeyPair pair;
  };
  ServerKeys(db::Database& database, const Clock& clock, const crypto::Keyring& keyring)
      : database_(database), clock_(clock), keyring_(keyring) {}

  /// The newest, made at first use.
  Key active();
  /// Makes a new key. Machines learn of it when they renew; until then they are answered with the one they know.
  std::string rotate();
  /// Throws Error(internal) when there is none.
  Key get(const std::string& id);
  bool knows(const std::string& id);

 private:
  std::string make(db::Tx& tx);

  db::Database& database_;
  const Clock& clock_;
  const crypto::Keyring& keyring_;
  std::mutex mutex_;
  std::map<std::string, Key> keys_;  // a key never changes
};

/// Authenticates machines by their signatures, and signs what they are answered. Agents and gateways alike.
class MachineAccess {
 public:
  MachineAccess(db::Database& database, const Clock& clock, identity::AuditTrail& audit, ServerKeys& keys,
                events::Topics& topics)
      : database_(database), clock_(clock), audit_(audit), keys_(keys), topics_(topics) {}

  /// Who signed this request, just now and for the first time. Throws Error(unauthenticated). Remembers the nonce and
  /// that the machine was heard. It may have been revoked: `check` it.
  Machine identify(const http::Request& request);
  /// Throws Error(unauthenticated) when it has been revoked or expired, or has other keys by now; Error(forbidden)
  /// when it is not of this kind.
  void check(db::Tx& tx, const Machine& machine, std::optional<MachineKind> kind = std::nullopt);
  /// Both. What it throws is not signed yet: see `answer`.
  Machine authenticate(const http::Request& request, std::optional<MachineKind> kind = std::nullopt);

  /// Authenticates, and signs what `f(machine)` returns (a Response) or the problem that it throws. A machine acts on
  /// a refusal only when it is signed; so that nobody can obtain one by repeating a request that he has seen, those
  /// about signature, time and nonce never are.
  template <class F>
  http::Response answer(const http::Request& request, std::optional<MachineKind> kind, F&& f) {
    const Machine machine = identify(request);
    return signed_answer(machine, request.request_id, [&] {
      database_.read([&](db::Tx& tx) { check(tx, machine, kind); });
      return f(machine);
    });
  }
  /// Signs what `f()` returns (a Response), or the problem that it throws: for answers that are made later.
  template <class F>
  http::Response signed_answer(const Machine& machine, const std::string& request_id, F&& f) {
    try {
      return sign(machine, f());
    } catch (...) {
      return sign(machine, http::problem_of_current_exception(request_id));
    }
  }
  http::Response sign(const Machine& machine, http::Response response);

 private:
  db::Database& database_;
  const Clock& clock_;
  identity::AuditTrail& audit_;
  ServerKeys& keys_;
  events::Topics& topics_;
};

/// Who acts when a machine does: for audit records.
Context machine_context(const Machine& machine);

}  // namespace modelops::targets
