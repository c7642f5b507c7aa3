#pragma once
#include "identity/ports.hpp"
#include "registry/types.hpp"

namespace modelops::registry {

/// What an organisation may keep, unless it was given another quota.
struct DefaultQuota {
  std::int64_t bytes_max = std::int64_t{1} << 40;
  std::int64_t transfers_max = 1000;
};

class Quotas {
 public:
  /// All of it outlives this.
  Quotas(db::Database& database, identity::AuditTrail& audit, DefaultQuota defaults = {})
      : database_(database), audit_(audit), defaults_(defaults) {}

  StorageUsage usage(const Context& ctx, const identity::Nothing& request);
  /// For whoever runs the installation.
  StorageUsage set(const Context& ctx, const SetStorageQuota& request);

  StorageUsage usage_of(db::Tx& tx, const std::string& org_id);
  /// Throws Error(too_large) when the organisation keeps and awaits more than it may, Error(too_many_requests) when too
  /// many files are on their way: to be called after a change, in its transaction.
  void check(db::Tx& tx, const std::string& org_id);

 private:
  db::Database& database_;
  identity::AuditTrail& audit_;
  const DefaultQuota defaults_;
};

}  // namespace modelops::registry
