#pragma once
#include <map>
#include <mutex>

#include "audit/types.hpp"
#include "identity/ports.hpp"
#include "platform/crypto/keyring.hpp"

namespace modelops::audit {

/// Writes the audit trail. Thread-safe.
class Trail final : public identity::AuditTrail {
 public:
  Trail(db::Database& database, const Clock& clock, const crypto::Keyring& keyring)
      : database_(database), clock_(clock), keyring_(keyring) {}

  /// Throws `too_large` for more data than an export could hold: the change is then refused.
  void record(db::Tx& tx, const Context& ctx, const identity::Act& act) override;
  /// Opens a write of its own: never call it inside one.
  void denied(const Context& ctx, std::string_view permission, std::string_view reason) override;
  /// Counts, and writes at most once a second: a flood of failures costs neither rows nor syncs. What was counted
  /// since is written with the next failure or by `flush`. Never throws for a database that is away.
  void unknown_failure(std::string_view kind, std::string_view remote_address) override;
  /// Writes what `unknown_failure` has counted: before the program ends, and now and then (from an `after_commit` hook
  /// of the integrator's step, for one; never inside a write).
  void flush();

 private:
  using Source = std::pair<std::string, std::string>;  // kind and network
  struct Failures {
    std::int64_t count = 0;
    Time first, last;
  };
  using Counted = std::map<Source, Failures>;

  void insert(db::Tx& tx, const Context& ctx, const identity::Act& act, Outcome outcome);
  void count(Source source, const Failures& failures);
  void write(const Counted& counted) noexcept;

  db::Database& database_;
  const Clock& clock_;
  const crypto::Keyring& keyring_;
  std::mutex mutex_;
  Counted counted_;
  Time last_write_;
};

/// The network of an address: "192.0.2.0/24", "2001:db8:1::/48", "unknown" for what is no address.
std::string address_prefix(std::string_view address);

inline constexpr std::int64_t security_events_per_hour_max = 200;
inline constexpr std::chrono::hours security_events_kept{24 * 90};
inline constexpr std::size_t act_bytes_max = 256 * 1024;

}  // namespace modelops::audit
