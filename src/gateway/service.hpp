#pragma once
#include "gateway/types.hpp"
#include "platform/http/types.hpp"
#include "targets/service.hpp"

namespace modelops::gateway {

/// What enrolled gateways ask.
class Service {
 public:
  Service(db::Database& database, targets::MachineAccess& access) : database_(database), access_(access) {}

  /// A signed long poll, answered when there is another version than the gateway has.
  http::Answer snapshot(const Context& ctx, const PollSnapshot& request, const http::Request& raw);

  /// Whoever runs the installation runs a gateway for all organisations; another's serves its own.
  bool serves_all(db::Tx& tx, const targets::Machine& machine) const;
  /// The organisation that the installation began with: its administrators run it.
  bool runs_installation(db::Tx& tx, const std::string& org_id) const;
  std::string organization_name(db::Tx& tx, const std::string& org_id) const;

 private:
  Snapshot snapshot_for(db::Tx& tx, const targets::Machine& machine) const;

  db::Database& database_;
  targets::MachineAccess& access_;
};

}  // namespace modelops::gateway
