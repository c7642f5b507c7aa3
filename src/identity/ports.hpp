#pragma once
#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "platform/context.hpp"
#include "platform/db/database.hpp"

namespace modelops::identity {

/// One act of a principal, or a change of state, for the audit log.
struct Act {
  std::string_view action;        ///< "member.add": a noun and a verb
  std::string_view subject_kind;  ///< "member"
  std::string subject_id;
  boost::json::object data = {};  ///< what changed; no secret, no personal data
};

/// Where acts are recorded: answered by `audit`.
class AuditTrail {
 public:
  virtual ~AuditTrail() = default;
  /// In the transaction of the change itself.
  virtual void record(db::Tx& tx, const Context& ctx, const Act& act) = 0;
  /// A refusal, in a short transaction of its own.
  virtual void denied(const Context& ctx, std::string_view permission, std::string_view reason) = 0;
  /// A failure of somebody unknown (a wrong password, an unknown key): aggregated, rate-limited.
  virtual void unknown_failure(std::string_view kind, std::string_view remote_address) = 0;
};

}  // namespace modelops::identity
