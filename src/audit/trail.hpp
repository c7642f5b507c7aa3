#pragma once
#include <map>
#include <mutex>

#include "audit/store.hpp"
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
  /// Opens a write of its own: never call it inside one. The first refusals of a principal for a permission within a
  /// window have a record each; further ones are counted, and one record tells their number once the window has ended.
  void denied(const Context& ctx, std::string_view permission, std::string_view reason) override;
  /// Counts, and writes at most once a second: a flood of failures costs neither rows nor syncs. What was counted
  /// since is written with the next failure or by `flush`. Never throws for a database that is away.
  void unknown_failure(std::string_view kind, std::string_view remote_address) override;
  /// Writes what was counted: before the program ends, and now and then (from an `after_commit` hook of the
  /// integrator's step, for one; never inside a write).
  void flush() noexcept;

 private:
  using Source = std::pair<std::string, std::string>;  // kind and network
  struct Failures {
    std::int64_t count = 0;
    Time first, last;
  };
  using Counted = std::map<Source, Failures>;
  struct Refused {  // whom, what, and when
    Time window;
    std::string org_id, actor_id, permission;
    auto operator<=>(const Refused&) const = default;
  };
  struct Denials {
    int recorded = 0;                    // with a record each
    std::optional<DenialRow> uncounted;  // not in the database yet
  };

  void insert(db::Tx& tx, const Context& ctx, const identity::Act& act, Outcome outcome);
  void count(Source source, const Failures& failures);
  bool is_due(Time now);
  void write_failures(const Counted& counted);
  void write_denials(const std::vector<DenialRow>& denials);
  void record_ended_windows(Time window);
  void count(const DenialRow& denial);

  db::Database& database_;
  const Clock& clock_;
  const crypto::Keyring& keyring_;
  std::mutex mutex_;
  // Guarded by `mutex_`.
  Counted counted_;
  std::map<Refused, Denials> denials_;
  Time last_write_;
  Time recorded_before_;  // windows that ended earlier have their records
};

/// The network of an address: "192.0.2.0/24", "2001:db8:1::/48", "unknown" for what is no address.
std::string address_prefix(std::string_view address);

inline constexpr std::int64_t security_events_per_hour_max = 200;
inline constexpr std::chrono::hours security_events_kept{24 * 90};
inline constexpr int denials_recorded_singly = 10;
inline constexpr std::chrono::hours denials_window{1};
inline constexpr std::size_t act_bytes_max = 256 * 1024;

}  // namespace modelops::audit
