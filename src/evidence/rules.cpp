#include "evidence/rules.hpp"

namespace modelops::evidence {

bool is_author(const Actor& actor, const Approval& approval) {
  return actor.id == approval.author_id || actor.id == approval.requested_by;
}

Ruling may_decide(const Actor& actor, const Approval& approval, SelfApproval self_approval) {
  if (actor.kind != ActorKind::user)
    return {.reason = "Only people decide on approvals. Ask somebody who may, with their own sign-in or key."};
  if (!is_author(actor, approval)) return {.allowed = true};
  switch (self_approval) {
    case SelfApproval::forbidden:
      return {.reason = "You made this or asked for its approval. Somebody else has to decide."};
    case SelfApproval::others:
      return {.reason =
                  "You made this or asked for its approval, and somebody else in your organization could decide."};
    case SelfApproval::alone: return {.allowed = true, .self_approval = true};
  }
  return {};
}

bool is_voided_by(const Approval& approval, std::string_view digest) {
  return (approval.state == ApprovalState::pending || approval.state == ApprovalState::approved) &&
         approval.subject_digest.str() != digest;
}

}  // namespace modelops::evidence
