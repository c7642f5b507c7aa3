#include "audit/service.hpp"

#include "audit/export.hpp"
#include "audit/integrator.hpp"
#include "audit/store.hpp"
#include "base/text.hpp"
#include "platform/db/data_keys.hpp"

namespace modelops::audit {
namespace {

/// Whose records the caller may read: nothing for everybody's.
std::optional<std::string> only_actor(const Context& ctx) {
  if (ctx.may(identity::organization_see_all)) return std::nullopt;
  return ctx.actor.id;
}

RecordRow get_row(db::Tx& tx, const Context& ctx, const RecordId& id) {
  auto row = store::find_record(tx, ctx.org_id, id.str());
  const auto actor = only_actor(ctx);
  if (!row || (actor && row->actor_id != *actor))
    fail(ErrorCode::not_found, fmt::format("There is no audit record {} here.", id.str()));
  return std::move(*row);
}

AuditRecord to_record(crypto::SecretBox& box, const RecordRow& row) {
  AuditRecord out;
  out.id = row.id;
  out.time = row.time;
  out.index = row.leaf_index;
  out.integrated = row.leaf_index.has_value();
  RecordedAct act{row.actor_kind, row.actor_id, row.action,     row.subject_kind,
                  row.subject_id, row.outcome,  row.request_id, nullptr};
  // What was recorded is in the payload; the columns stand in for it only when it is gone or not to be trusted.
  if (const auto payload = stored_payload(row)) {
    if (to_hex(salted_hash(payload->salt, payload->text)) == row.payload_hash) {
      act = reflect::from_stored_json<RecordedAct>(payload->text);
      out.data = std::move(act.data);
    } else {
      out.altered = true;
    }
  }
  out.actor_kind = act.actor_kind;
  out.actor_id = act.actor_id;
  out.action = act.action;
  out.subject_kind = act.subject_kind;
  out.subject_id = act.subject_id;
  out.outcome = act.outcome;
  out.request_id = act.request_id;
  if (const auto personal = stored_personal(box, row)) {
    if (to_hex(salted_hash(personal->salt, personal->text)) == row.personal_hash.value_or("")) {
      const auto person = reflect::from_stored_json<RecordedPerson>(personal->text);
      if (!person.actor_name.empty()) out.actor_name = person.actor_name;
      if (!person.remote_address.empty()) out.remote_address = person.remote_address;
    } else {
      out.altered = true;
    }
  } else {
    out.personal_erased = row.personal_hash.has_value();
  }
  return out;
}

AuditHead to_head(const HeadRow& row) {
  return {
      identity::OrgId::parse(row.org_id).value(), row.tree_size, row.root_hash, row.time, row.key_id, row.signature};
}

AuditKey to_key(const KeyRow& row) { return {row.id, row.public_key, row.created_at, row.retired_at}; }

/// The size that was asked for, or that of the whole tree. Throws at `pointer` for more than there is.
std::int64_t proven_size(db::Tx& tx, const std::string& org_id, const std::optional<TreeSize>& asked,
                         std::string_view pointer) {
  const std::int64_t size = store::tree_size(tx, org_id).value_or(0);
  if (!asked) return size;
  if (asked->number() > size)
    fail_field(std::string(pointer), fmt::format("must be at most {}, the tree's size", size));
  return asked->number();
}

std::vector<std::string> hex_path(const std::vector<std::string>& path) {
  std::vector<std::string> out;
  for (const std::string& hash : path) out.push_back(to_hex(hash));
  return out;
}

}  // namespace

AuditRecordPage Service::list_records(const Context& ctx, const ListAuditRecords& request) {
  static const query::FieldTable fields{
      .alias = "r",
      .fields = {{.name = "time", .column = "r.time", .type = query::FieldType::time, .sortable = true},
                 query::enumeration<ActorKind>("actor_kind", "r.actor_kind"),
                 {.name = "actor_id", .column = "r.actor_id"},
                 {.name = "action", .column = "r.action", .folded = "r.action"},
                 {.name = "subject_kind", .column = "r.subject_kind"},
                 {.name = "subject_id", .column = "r.subject_id"},
                 query::enumeration<Outcome>("outcome", "r.outcome"),
                 {.name = "request_id", .column = "r.request_id"}},
      .default_order = "time desc"};
  const query::Keyset keyset = query::plan(fields, request);
  return database_.read([&](db::Tx& tx) {
    db::TxDataKeys keys(tx);
    crypto::SecretBox box(keyring_, keys);
    std::vector<AuditRecord> items;
    for (const RecordRow& row : store::records(tx, keyset, ctx.org_id, only_actor(ctx)))
      items.push_back(to_record(box, row));
    return query::page<AuditRecordPage>(keyset, std::move(items));
  });
}

SubjectActPage Service::acts_on(db::Tx& tx, const std::string& org_id, const std::vector<std::string>& subject_ids,
                                query::PageSize page_size, const std::string& page_token) {
  static const query::FieldTable fields{
      .alias = "r",
      .fields = {{.name = "time", .column = "r.time", .type = query::FieldType::time, .sortable = true}},
      .default_order = "time desc"};
  const query::Keyset keyset = query::plan(fields, "", "", page_token, page_size);
  std::vector<SubjectAct> items;
  for (const RecordRow& row : store::acts_on(tx, keyset, org_id, subject_ids)) {
    SubjectAct& act = items.emplace_back(SubjectAct{row.id, row.time, row.actor_kind, row.actor_id, row.action,
                                                    row.subject_kind, row.subject_id, std::nullopt});
    // What is not what was recorded is not shown here at all.
    const auto payload = stored_payload(row);
    if (payload && to_hex(salted_hash(payload->salt, payload->text)) == row.payload_hash)
      act.data = reflect::from_stored_json<RecordedAct>(payload->text).data;
  }
  return query::page<SubjectActPage>(keyset, std::move(items));
}

AuditRecord Service::get_record(const Context& ctx, const AuditRecordReference& request) {
  return database_.read([&](db::Tx& tx) {
    db::TxDataKeys keys(tx);
    crypto::SecretBox box(keyring_, keys);
    return to_record(box, get_row(tx, ctx, request.record));
  });
}

AuditHead Service::head(const Context& ctx, const identity::Nothing&) {
  return database_.read([&](db::Tx& tx) {
    const auto head = store::newest_head(tx, ctx.org_id);
    if (!head) fail(ErrorCode::not_found, "Nothing is in the audit tree yet. Try again in a second.");
    return to_head(*head);
  });
}

InclusionProof Service::inclusion_proof(const Context& ctx, const GetInclusionProof& request) {
  return database_.read([&](db::Tx& tx) {
    const RecordRow row = get_row(tx, ctx, request.record);
    if (!row.leaf_index) fail(ErrorCode::conflict, "The record is not in the tree yet. Try again in a second.");
    const auto index = static_cast<std::uint64_t>(*row.leaf_index);
    const std::int64_t size = proven_size(tx, ctx.org_id, request.tree_size, "/tree_size");
    if (*row.leaf_index >= size)
      fail_field("/tree_size", fmt::format("must be more than {}, the record's index", index));
    const StoredNodes nodes(tx, ctx.org_id);
    const std::string leaf = encode_leaf(leaf_of(row));
    InclusionProof out;
    out.record = row.id;
    out.leaf = to_base64(leaf);
    out.leaf_hash = to_hex(leaf_hash(leaf));
    out.index = *row.leaf_index;
    out.tree_size = size;
    out.root_hash = to_hex(root_hash(nodes, static_cast<std::uint64_t>(size)));
    out.path = hex_path(audit::inclusion_proof(nodes, index, static_cast<std::uint64_t>(size)));
    if (const auto head = store::find_head(tx, ctx.org_id, size)) out.head = to_head(*head);
    return out;
  });
}

ConsistencyProof Service::consistency_proof(const Context& ctx, const GetConsistencyProof& request) {
  return database_.read([&](db::Tx& tx) {
    ConsistencyProof out;
    out.from = request.from.number();
    out.to = proven_size(tx, ctx.org_id, request.to, "/to");
    if (out.from > out.to) fail_field("/from", fmt::format("must be at most {}, the size of the newer tree", out.to));
    const StoredNodes nodes(tx, ctx.org_id);
    const auto from = static_cast<std::uint64_t>(out.from), to = static_cast<std::uint64_t>(out.to);
    out.from_root_hash = to_hex(root_hash(nodes, from));
    out.to_root_hash = to_hex(root_hash(nodes, to));
    out.path = hex_path(audit::consistency_proof(nodes, from, to));
    return out;
  });
}

AuditKeyList Service::list_keys(const Context& ctx, const identity::Nothing&) {
  return database_.read([&](db::Tx& tx) {
    AuditKeyList out;
    for (const KeyRow& row : store::keys(tx, ctx.org_id)) out.items.push_back(to_key(row));
    return out;
  });
}

AuditKey Service::rotate_key(const Context& ctx, const identity::Nothing&) {
  return database_.write(ctx, [&](db::Tx& tx) {
    const AuditKey made = to_key(rotate_signing_key(tx, keyring_, ctx.org_id, clock_.now()));
    trail_.record(tx, ctx, {"audit_key.rotate", "audit_key", made.id.str(), {{"public_key", made.public_key}}});
    return made;
  });
}

http::Answer Service::export_trail(const Context& ctx, const identity::Nothing&) {
  const std::int64_t size = database_.write([&](db::Tx& tx) {
    const auto head = store::newest_head(tx, ctx.org_id);
    if (!head) fail(ErrorCode::conflict, "Nothing is in the audit tree yet. Try again in a second.");
    trail_.record(tx, ctx, {"audit.export", "organization", ctx.org_id, {{"tree_size", head->tree_size}}});
    return head->tree_size;
  });
  http::Download download;
  download.head.headers.set("Content-Type", "application/jsonl");
  download.head.headers.set("Content-Disposition",
                            fmt::format("attachment; filename=\"audit-{}-{}.jsonl\"", ctx.org_id, size));
  download.head.headers.set("Cache-Control", "no-store");
  download.source = std::make_unique<ExportSource>(database_, keyring_, ctx.org_id, size);
  return download;
}

AuditErasure Service::erase(const Context& ctx, const EraseAuditSubject& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    const std::string& subject = request.subject.str();
    // Only who has acted: other capabilities seal other things under keys of their own subjects.
    if (!store::is_actor(tx, ctx.org_id, subject))
      fail(ErrorCode::not_found, "Nobody of this id has acted in this organization.");
    db::TxDataKeys keys(tx);
    crypto::SecretBox(keyring_, keys).erase({ctx.org_id, subject});
    const AuditErasure done{subject, store::erase_personal(tx, ctx.org_id, subject)};
    trail_.record(tx, ctx, {"audit.erase", "actor", subject, {{"records", done.records}}});
    return done;
  });
}

SecurityEventPage Service::list_security_events(const Context&, const ListSecurityEvents& request) {
  static const query::FieldTable fields{
      .alias = "e",
      .fields = {{.name = "kind", .column = "e.kind"},
                 {.name = "address_prefix", .column = "e.address_prefix"},
                 {.name = "hour", .column = "e.hour", .type = query::FieldType::time, .sortable = true},
                 {.name = "failures", .column = "e.failures", .type = query::FieldType::integer}},
      .default_order = "hour desc"};
  const query::Keyset keyset = query::plan(fields, request);
  return database_.read(
      [&](db::Tx& tx) { return query::page<SecurityEventPage>(keyset, store::security_events(tx, keyset)); });
}

}  // namespace modelops::audit
