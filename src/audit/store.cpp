#include "audit/store.hpp"

#include "base/text.hpp"

namespace modelops::audit {

using db::Tx;
using reflect::columns;

std::string StoredNodes::hash(int level, std::uint64_t index) const {
  const auto hex = tx_.value<std::string>(
      "SELECT hash FROM audit_nodes WHERE org_id = ? AND level = ? AND node_index = ?", org_id_, level, index);
  const auto hash = from_hex(hex.value_or(""));
  if (!hash || hash->size() != 32)
    fail(ErrorCode::internal, "The audit trail is damaged.", fmt::format("node {}/{} of {}", level, index, org_id_));
  return *hash;
}

std::string personal_object(const RecordId& record) { return record.str() + "/personal"; }

std::optional<Salted> stored_payload(const RecordRow& row) {
  if (!row.payload || !row.payload_salt) return std::nullopt;
  std::string salt = from_hex(*row.payload_salt).value_or("");
  salt.resize(32);
  return Salted{*row.payload, std::move(salt)};
}

std::optional<Salted> stored_personal(crypto::SecretBox& box, const RecordRow& row) {
  if (!row.personal) return std::nullopt;
  try {
    const Secret opened = box.open({row.org_id, row.actor_id}, personal_object(row.id), *row.personal);
    return Salted{opened.reveal().substr(32), opened.reveal().substr(0, 32)};
  } catch (const Error& error) {
    if (error.code == ErrorCode::gone) return std::nullopt;
    return Salted{"", std::string(32, '\0')};
  }
}

SignedTreeHead to_signed_head(const HeadRow& row) {
  return {{row.org_id, static_cast<std::uint64_t>(row.tree_size), from_hex(row.root_hash).value_or(""), row.time,
           row.key_id.str()},
          from_base64(row.signature).value_or("")};
}

namespace store {

std::optional<RecordRow> find_record(Tx& tx, const std::string& org_id, const std::string& id) {
  return tx.find<RecordRow>("SELECT " + columns<RecordRow>() + " FROM audit_records WHERE org_id = ? AND id = ?",
                            org_id, id);
}

std::vector<RecordRow> records(Tx& tx, const query::Keyset& keyset, const std::string& org_id,
                               const std::optional<std::string>& actor_id) {
  const std::string sql = "SELECT " + columns<RecordRow>("r") + " FROM audit_records r WHERE r.org_id = ? AND ";
  if (actor_id)
    return tx.all_with<RecordRow>(sql + "r.actor_id = ? AND " + keyset.sql(), keyset.args(org_id, *actor_id));
  return tx.all_with<RecordRow>(sql + keyset.sql(), keyset.args(org_id));
}

std::vector<RecordRow> acts_on(Tx& tx, const query::Keyset& keyset, const std::string& org_id,
                               const std::vector<std::string>& subject_ids) {
  if (subject_ids.empty()) return {};
  std::vector<db::SqlValue> args{org_id, std::string(reflect::enum_name(Outcome::succeeded)),
                                 std::string(reflect::enum_name(ActorKind::user)),
                                 std::string(reflect::enum_name(ActorKind::service_account))};
  std::string marks;
  for (const std::string& id : subject_ids) {
    marks += marks.empty() ? "?" : ", ?";
    args.emplace_back(id);
  }
  const std::vector<db::SqlValue> rest = keyset.args();
  args.insert(args.end(), rest.begin(), rest.end());
  return tx.all_with<RecordRow>(
      "SELECT " + columns<RecordRow>("r") +
          " FROM audit_records r WHERE r.org_id = ? AND r.outcome = ? AND r.actor_kind IN (?, "
          "?) AND r.subject_id IN (" +
          marks + ") AND " + keyset.sql(),
      args);
}

std::vector<RecordRow> records_from(Tx& tx, const std::string& org_id, std::int64_t index, std::int64_t size,
                                    std::int64_t limit) {
  return tx.all<RecordRow>("SELECT " + columns<RecordRow>() +
                               " FROM audit_records WHERE org_id = ? AND leaf_index >= ? AND leaf_index < ? "
                               "ORDER BY leaf_index LIMIT ?",
                           org_id, index, size, limit);
}

std::vector<LeafRow> unsequenced(Tx& tx, std::int64_t limit) {
  return tx.all<LeafRow>(
      "SELECT " + columns<LeafRow>() + " FROM audit_records WHERE leaf_index IS NULL ORDER BY time, id LIMIT ?", limit);
}

void set_leaf_index(Tx& tx, const std::string& org_id, const std::string& id, std::uint64_t index) {
  tx.run("UPDATE audit_records SET leaf_index = ? WHERE org_id = ? AND id = ?", index, org_id, id);
}

std::optional<std::int64_t> tree_size(Tx& tx, const std::string& org_id) {
  return tx.value<std::int64_t>("SELECT tree_size FROM audit_trees WHERE org_id = ?", org_id);
}

void insert_tree(Tx& tx, const std::string& org_id) {
  tx.run("INSERT INTO audit_trees (org_id, tree_size) VALUES (?, ?)", org_id, 0);
}

bool grow_tree(Tx& tx, const std::string& org_id, std::uint64_t from, std::uint64_t to) {
  return tx.run("UPDATE audit_trees SET tree_size = ? WHERE org_id = ? AND tree_size = ?", to, org_id, from) == 1;
}

std::optional<HeadRow> newest_head(Tx& tx, const std::string& org_id) {
  return tx.find<HeadRow>(
      "SELECT " + columns<HeadRow>() + " FROM audit_heads WHERE org_id = ? ORDER BY tree_size DESC LIMIT 1", org_id);
}

std::optional<HeadRow> find_head(Tx& tx, const std::string& org_id, std::int64_t tree_size) {
  return tx.find<HeadRow>("SELECT " + columns<HeadRow>() + " FROM audit_heads WHERE org_id = ? AND tree_size = ?",
                          org_id, tree_size);
}

std::vector<HeadRow> heads(Tx& tx, const std::string& org_id, std::int64_t after, std::int64_t size) {
  return tx.all<HeadRow>("SELECT " + columns<HeadRow>() +
                             " FROM audit_heads WHERE org_id = ? AND tree_size > ? AND tree_size <= ? "
                             "ORDER BY tree_size",
                         org_id, after, size);
}

std::vector<KeyRow> keys(Tx& tx, const std::string& org_id) {
  return tx.all<KeyRow>("SELECT " + columns<KeyRow>() + " FROM audit_keys WHERE org_id = ? ORDER BY id", org_id);
}

std::optional<KeyRow> find_active_key(Tx& tx, const std::string& org_id) {
  return tx.find<KeyRow>("SELECT " + columns<KeyRow>() + " FROM audit_keys WHERE org_id = ? AND retired_at IS NULL",
                         org_id);
}

void retire_key(Tx& tx, const std::string& org_id, const std::string& id, Time now) {
  tx.run("UPDATE audit_keys SET retired_at = ?, private_key = NULL WHERE org_id = ? AND id = ?", now, org_id, id);
}

bool is_actor(Tx& tx, const std::string& org_id, const std::string& actor_id) {
  return tx
      .value<std::string>("SELECT id FROM audit_records WHERE org_id = ? AND actor_id = ? LIMIT 1", org_id, actor_id)
      .has_value();
}

std::int64_t erase_personal(Tx& tx, const std::string& org_id, const std::string& actor_id) {
  return tx.run("UPDATE audit_records SET personal = NULL WHERE org_id = ? AND actor_id = ? AND personal IS NOT NULL",
                org_id, actor_id);
}

void add_failures(Tx& tx, const SecurityEvent& event, std::int64_t rows_max) {
  const auto changed = tx.run(
      "UPDATE security_events SET failures = failures + ?, last_at = ? WHERE hour = ? AND kind = ? AND "
      "address_prefix = ?",
      event.failures, event.last_at, event.hour, event.kind, event.address_prefix);
  if (changed > 0) return;
  const auto rows = tx.value<std::int64_t>("SELECT count(*) FROM security_events WHERE hour = ?", event.hour);
  if (rows.value_or(0) >= rows_max && event.address_prefix != "other") {
    SecurityEvent other = event;
    other.address_prefix = "other";
    add_failures(tx, other, rows_max);
  } else {
    tx.insert("security_events", event);
  }
}

void remove_security_events(Tx& tx, Time before) { tx.run("DELETE FROM security_events WHERE hour < ?", before); }

std::vector<SecurityEvent> security_events(Tx& tx, const query::Keyset& keyset) {
  return tx.all_with<SecurityEvent>(
      "SELECT " + columns<SecurityEvent>("e") + " FROM security_events e WHERE " + keyset.sql(), keyset.args());
}

void add_denials(Tx& tx, const DenialRow& row) {
  const auto changed = tx.run(
      "UPDATE audit_denials SET denials = denials + ?, reason = ?, "
      "first_at = CASE WHEN first_at < ? THEN first_at ELSE ? END, "
      "last_at = CASE WHEN last_at > ? THEN last_at ELSE ? END "
      "WHERE window_start = ? AND org_id = ? AND actor_id = ? AND permission = ?",
      row.denials, row.reason, row.first_at, row.first_at, row.last_at, row.last_at, row.window_start, row.org_id,
      row.actor_id, row.permission);
  if (changed == 0) tx.insert("audit_denials", row);
}

std::vector<DenialRow> take_denials(Tx& tx, Time window_start) {
  auto out = tx.all<DenialRow>("SELECT " + columns<DenialRow>() +
                                   " FROM audit_denials WHERE window_start < ? "
                                   "ORDER BY window_start, org_id, actor_id, permission",
                               window_start);
  if (!out.empty()) tx.run("DELETE FROM audit_denials WHERE window_start < ?", window_start);
  return out;
}

}  // namespace store
}  // namespace modelops::audit
