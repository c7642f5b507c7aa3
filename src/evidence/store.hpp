#pragma once
#include "evidence/types.hpp"
#include "platform/db/database.hpp"

namespace modelops::evidence {

/// An approval as it is kept.
struct ApprovalRow {
  identity::OrgId org_id;
  ApprovalId id;
  std::string subject_kind;
  std::string subject_id;
  Sha256Text subject_digest;
  std::string subject_name;
  ApprovalState state = ApprovalState::pending;
  std::string author_id;
  std::string requested_by;
  std::string comment;
  std::optional<std::string> decided_by;
  std::optional<Time> decided_at;
  std::optional<std::string> decision_comment;
  bool self_approval = false;
  identity::Visibility visibility = identity::Visibility::private_;
  std::optional<std::string> team_id;
  std::string created_by;
  std::int64_t row_version = 1;
  Time created_at;
};
MODELOPS_DESCRIBE(ApprovalRow, org_id, id, subject_kind, subject_id, subject_digest, subject_name, state, author_id,
                  requested_by, comment, decided_by, decided_at, decision_comment, self_approval, visibility, team_id,
                  created_by, row_version, created_at);

/// SQL only, inside the caller's transaction.
namespace store {

std::vector<Approval> approvals(db::Tx& tx, const Context& ctx, const query::Keyset& keyset);
/// Nothing for one that the caller may not see.
std::optional<Approval> find(db::Tx& tx, const Context& ctx, const std::string& id);
/// Those of one resource, whatever their content.
std::vector<Approval> of_subject(db::Tx& tx, const std::string& org_id, const std::string& kind, const std::string& id);
/// The newest first.
std::vector<std::string> ids_of_subjects(db::Tx& tx, const std::string& org_id, const std::string& kind,
                                         const std::vector<std::string>& subject_ids, std::int64_t limit);
/// False when its state is not `from` any more.
bool update_state(db::Tx& tx, const std::string& org_id, const Approval& approval, ApprovalState from);
Audience audience(db::Tx& tx, const std::string& org_id, const ApprovalId& id);
void set_audience(db::Tx& tx, const std::string& org_id, const std::string& kind, const std::string& id,
                  const Audience& audience);
void add_edge(db::Tx& tx, const std::string& org_id, const LineageEdge& edge, Time now);

bool allows_self_approval(db::Tx& tx, const std::string& org_id);
/// The enabled members of the organisation but for one.
std::vector<std::string> members_but(db::Tx& tx, const std::string& org_id, const std::string& user_id);

}  // namespace store
}  // namespace modelops::evidence
