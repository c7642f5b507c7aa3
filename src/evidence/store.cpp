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

std::vector<std::string> ids_of_subjects(Tx& tx, const std::string& org_id, const std::string& kind,
                                         const std::vector<std::string>& subject_ids, std::int64_t limit) {
  std::vector<std::string> out;
  if (subject_ids.empty()) return out;
  std::vector<db::SqlValue> args{org_id, kind};
  std::string marks;
  for (const std::string& id : subject_ids) {
    marks += marks.empty() ? "?" : ", ?";
    args.emplace_back(id);
  }
  args.emplace_back(limit);
  tx.query("SELECT id FROM approvals WHERE org_id = ? AND subject_kind = ? AND subject_id IN (" + marks +
               ") ORDER BY id DESC LIMIT ?",
           args, 1, [&](const std::vector<db::SqlCell>& cells) { out.emplace_back(cells[0].value()); });
  return out;
}

bool update_state(Tx& tx, const std::string& org_id, const Approval& approval, ApprovalState from) {
  return tx.run(
             "UPDATE approvals SET state = ?, decided_by = ?, decided_at = ?, decision_comment = ?, self_approval = ?, "
             "row_version = ? WHERE org_id = ? AND id = ? AND state = ?",
             approval.state, approval.decided_by, approval.decided_at, approval.decision_comment,
             approval.self_approval, approval.row_version, org_id, approval.id, from) == 1;
}

Audience audience(Tx& tx, const std::string& org_id, const ApprovalId& id) {
  return tx.find<Audience>("SELECT " + columns<Audience>() + " FROM approvals WHERE org_id = ? AND id = ?", org_id, id)
      .value_or(Audience());
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
