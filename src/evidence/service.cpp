#include "evidence/service.hpp"

#include "evidence/rules.hpp"
#include "evidence/store.hpp"
#include "identity/service.hpp"

namespace modelops::evidence {
namespace {

SelfApproval self_approval_of(db::Tx& tx, const Context& ctx) {
  if (!store::allows_self_approval(tx, ctx.org_id)) return SelfApproval::forbidden;
  const std::vector<std::string> deciding{std::string(approvals_decide.name)};
  for (const std::string& id : store::members_but(tx, ctx.org_id, ctx.actor.id)) {
    const auto other = identity::find_actor(tx, identity::KeyOwnerKind::user, ctx.org_id, id, deciding);
    if (other && other->permissions.contains(approvals_decide.name)) return SelfApproval::others;
  }
  return SelfApproval::alone;
}

Approval find_or_fail(db::Tx& tx, const Context& ctx, const ApprovalId& id) {
  auto found = store::find(tx, ctx, id.str());
  if (!found) fail(ErrorCode::not_found, fmt::format("There is no approval {} here.", id.str()));
  return std::move(*found);
}

}  // namespace

ApprovalPage Service::list(const Context& ctx, const ListApprovals& request) {
  static const query::FieldTable fields{
      .alias = "a",
      .fields = {query::enumeration<ApprovalState>("state", "a.state"),
                 {.name = "subject_kind", .column = "a.subject_kind"},
                 {.name = "subject_id", .column = "a.subject_id"},
                 {.name = "subject_digest", .column = "a.subject_digest"},
                 {.name = "subject_name", .column = "a.subject_name", .folded = "lower(a.subject_name)"},
                 {.name = "author_id", .column = "a.author_id"},
                 {.name = "requested_by", .column = "a.requested_by"},
                 {.name = "created_at", .column = "a.created_at", .type = query::FieldType::time, .sortable = true}},
      .default_order = "created_at desc"};
  const query::Keyset keyset = query::plan(fields, request);
  return database_.read(
      [&](db::Tx& tx) { return query::page<ApprovalPage>(keyset, store::approvals(tx, ctx, keyset)); });
}

Approval Service::get(const Context& ctx, const ApprovalReference& request) {
  return database_.read([&](db::Tx& tx) { return find_or_fail(tx, ctx, request.approval); });
}

Approval Service::decide(const Context& ctx, const DecideApproval& request) {
  return database_.write(ctx, [&](db::Tx& tx) { return decide_in(tx, ctx, request); });
}

Approval Service::decide_in(db::Tx& tx, const Context& ctx, const DecideApproval& request) {
  Approval approval = find_or_fail(tx, ctx, request.approval);
  const bool own = is_author(ctx.actor, approval);
  const Ruling ruling = may_decide(ctx.actor, approval, own ? self_approval_of(tx, ctx) : SelfApproval::forbidden);
  if (!ruling.allowed) fail(ErrorCode::forbidden, ruling.reason);
  if (approval.state != ApprovalState::pending)
    fail(ErrorCode::conflict,
         fmt::format("This approval is {} already. Ask for another one.", reflect::enum_name(approval.state)));
  approval.state = *request.decision == Verdict::approve ? ApprovalState::approved : ApprovalState::rejected;
  approval.decided_by = ctx.actor.id;
  approval.decided_at = clock_.now();
  approval.decision_comment = request.comment.str();
  approval.self_approval = ruling.self_approval;
  ++approval.row_version;
  if (!store::update_state(tx, ctx.org_id, approval, ApprovalState::pending))
    fail(ErrorCode::conflict, "Somebody decided meanwhile.");
  changed(tx, ctx, approval, *request.decision == Verdict::approve ? "approval.approve" : "approval.reject");
  return approval;
}

Approval Service::request(db::Tx& tx, const Context& ctx, const NewApproval& wanted) {
  for (const Approval& earlier : store::of_subject(tx, ctx.org_id, wanted.subject.kind, wanted.subject.id)) {
    if (earlier.state == ApprovalState::pending)
      fail(ErrorCode::conflict, fmt::format("Its approval is asked for already: {}.", earlier.id.str()));
    if (earlier.state == ApprovalState::approved && earlier.subject_digest == wanted.subject.digest)
      fail(ErrorCode::conflict, fmt::format("It is approved already: {}.", earlier.id.str()));
  }
  ApprovalRow row;
  row.org_id = *identity::OrgId::parse(ctx.org_id);
  row.id = ApprovalId::make();
  row.subject_kind = wanted.subject.kind;
  row.subject_id = wanted.subject.id;
  row.subject_digest = wanted.subject.digest;
  row.subject_name = wanted.subject_name;
  row.author_id = wanted.author_id;
  row.requested_by = ctx.actor.id;
  row.comment = wanted.comment.str();
  row.visibility = wanted.audience.visibility;
  row.team_id = wanted.audience.team_id;
  row.created_by = wanted.audience.created_by;
  row.created_at = clock_.now();
  tx.insert("approvals", row);
  const Approval made = *store::find(tx, ctx, row.id.str());
  changed(tx, ctx, made, "approval.request");
  return made;
}

void Service::content_changed(db::Tx& tx, const Context& ctx, const std::string& kind, const std::string& id,
                              std::string_view now_digest) {
  for (Approval& approval : store::of_subject(tx, ctx.org_id, kind, id)) {
    if (!is_voided_by(approval, now_digest)) continue;
    const ApprovalState before = std::exchange(approval.state, ApprovalState::voided);
    ++approval.row_version;
    store::update_state(tx, ctx.org_id, approval, before);
    changed(tx, ctx, approval, "approval.void");
  }
}

void Service::set_audience(db::Tx& tx, const Context& ctx, const std::string& kind, const std::string& id,
                           const Audience& audience) {
  store::set_audience(tx, ctx.org_id, kind, id, audience);
}

std::vector<std::string> Service::approvals_of(db::Tx& tx, const std::string& org_id, const std::string& kind,
                                               const std::vector<std::string>& subject_ids) {
  return store::ids_of_subjects(tx, org_id, kind, subject_ids, 500);
}

void Service::add_edge(db::Tx& tx, const Context& ctx, const LineageEdge& edge) {
  store::add_edge(tx, ctx.org_id, edge, clock_.now());
}

void Service::changed(db::Tx& tx, const Context& ctx, const Approval& approval, std::string_view action) {
  for (ApprovalOutcome* outcome : outcomes_)
    if (outcome->subject_kind() == approval.subject_kind) outcome->changed(tx, ctx, approval);
  boost::json::object data{{"state", reflect::enum_name(approval.state)},
                           {"subject_kind", approval.subject_kind},
                           {"subject_id", approval.subject_id}};
  events_.publish(tx, ctx.org_id, store::audience(tx, ctx.org_id, approval.id), action, "approval", approval.id.str(),
                  data);
  data["subject_digest"] = approval.subject_digest.str();
  data["self_approval"] = approval.self_approval;
  audit_.record(tx, ctx, {action, "approval", approval.id.str(), std::move(data)});
}

}  // namespace modelops::evidence
