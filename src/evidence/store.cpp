#include "evidence/store.hpp"

#include "identity/visibility.hpp"

namespace modelops::evidence::store {

using db::Tx;
using reflect::columns;

// An approval is never seen beyond its organisation, not even that of a public resource: hence `changeable_by`.

std::vector<Approval> approvals(Tx& tx, const Context& ctx, const query::Keyset& keyset) {
  const identity::Predicate seen = identity::changeable_by(ctx, "a");
  std::vector<db::SqlValue> args = keyset.args(ctx.org_id);
  args.insert(args.begin() + 1, seen.args.begin(), seen.args.end());
  return tx.all_with<Approval>("SELECT " + columns<Approval>("a") + " FROM approvals a WHERE a.org_id = ? AND " +
                                   seen.sql + " AND " + keyset.sql(),
                               args);
}

std::optional<Approval> find(Tx& tx, const Context& ctx, const std::string& id) {
  const identity::Predicate seen = identity::changeable_by(ctx, "a");
  std::vector<db::SqlValue> args{ctx.org_id, id};
  args.insert(args.end(), seen.args.begin(), seen.args.end());
  auto rows = tx.all_with<Approval>(
      "SELECT " + columns<Approval>("a") + " FROM approvals a WHERE a.org_id = ? AND a.id = ? AND " + seen.sql, args);
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

std::vector<Approval> of_subject(Tx& tx, const std::string& org_id, const std::string& kind, const std::string& id) {
  return tx.all<Approval>("SELECT " + columns<Approval>() +
                              " FROM approvals WHERE org_id = ? AND subject_kind = ? AND subject_id = ? ORDER BY "
                              "created_at, id",
                          org_id, kind, id);
}

bool update_state(Tx& tx, const std::string& org_id, const Approval& approval, ApprovalState from) {
  return tx.run(
             "UPDATE approvals SET state = ?, decided_by = ?, decided_at = ?, decision_comment = ?, self_approval = ?, "
             "row_version = ? WHERE org_id = ? AND id = ? AND state = ?",
             approval.state, approval.decided_by, approval.decided_at, approval.decision_comment,
             approval.self_approval, approval.row_version, org_id, approval.id, from) == 1;
}

void set_audience(Tx& tx, const std::string& org_id, const std::string& kind, const std::string& id,
                  const Audience& audience) {
  tx.run(
      "UPDATE approvals SET visibility = ?, team_id = ?, created_by = ? WHERE org_id = ? AND subject_kind = ? AND "
      "subject_id = ?",
      audience.visibility, audience.team_id, audience.created_by, org_id, kind, id);
}

void add_edge(Tx& tx, const std::string& org_id, const LineageEdge& edge, Time now) {
  tx.run(
      "INSERT INTO lineage_edges (org_id, from_kind, from_id, to_kind, to_id, relation, created_at) VALUES (?, ?, ?, "
      "?, ?, ?, ?) ON CONFLICT DO NOTHING",
      org_id, edge.from_kind, edge.from_id, edge.to_kind, edge.to_id, edge.relation, now);
}

bool allows_self_approval(Tx& tx, const std::string& org_id) {
  return tx.value<bool>("SELECT self_approval FROM organizations WHERE id = ?", org_id).value_or(false);
}

std::vector<std::string> members_but(Tx& tx, const std::string& org_id, const std::string& user_id) {
  return tx.values<std::string>("SELECT user_id FROM members WHERE org_id = ? AND user_id <> ? AND disabled = ?",
                                org_id, user_id, false);
}

}  // namespace modelops::evidence::store
