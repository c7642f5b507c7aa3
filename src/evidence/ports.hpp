#pragma once
#include "evidence/types.hpp"
#include "platform/db/database.hpp"

namespace modelops::evidence {

/// What an approval means for its subject: answered by whoever owns subjects of this kind.
class ApprovalOutcome {
 public:
  virtual ~ApprovalOutcome() = default;
  virtual std::string_view subject_kind() const = 0;
  /// The approval has this state from now on. In the transaction of the request, decision or voiding itself.
  virtual void changed(db::Tx& tx, const Context& ctx, const Approval& approval) = 0;
};

}  // namespace modelops::evidence
