#pragma once
#include <string>

#include "evidence/types.hpp"

namespace modelops::evidence {

/// May the author decide?
enum class SelfApproval {
  forbidden,  ///< the organisation does not want it
  others,     ///< it would be allowed, but somebody else could decide
  alone,      ///< nobody else could
};

struct Ruling {
  bool allowed = false;
  bool self_approval = false;
  std::string reason;  ///< why not
};

/// Whether `actor`, who has the permission approvals:decide, may decide on `approval`.
Ruling may_decide(const Actor& actor, const Approval& approval, SelfApproval self_approval);
/// True for whoever made the content, or asks for its approval: a judge in their own cause.
bool is_author(const Actor& actor, const Approval& approval);
/// True when the approval does not hold any more, now that its subject has this content.
bool is_voided_by(const Approval& approval, std::string_view digest);

}  // namespace modelops::evidence
