#include "targets/store.hpp"

namespace modelops::targets::store {
namespace {

using db::Tx;
using reflect::columns;

/// The columns of Target, of a target joined with its machine.
const std::string target_rows =
    "(SELECT t.org_id, t.id, m.name, m.state, t.machine_id, m.program_version AS agent_version, t.labels, m.inventory, "
    "m.last_seen_at, m.expires_at, t.generation, m.row_version, m.created_at FROM targets t JOIN machines m ON "
    "m.org_id = t.org_id AND m.id = t.machine_id WHERE m.deleted_at IS NULL) t";

const std::string machine_select = "SELECT " + columns<MachineRow>() + " FROM machines ";

}  // namespace

std::optional<ServerKeyRow> newest_server_key(Tx& tx) {
  return tx.find<ServerKeyRow>("SELECT " + columns<ServerKeyRow>() +
                               " FROM server_keys ORDER BY created_at DESC, id DESC LIMIT 1");
}

std::optional<ServerKeyRow> find_server_key(Tx& tx, const std::string& id) {
  return tx.find<ServerKeyRow>("SELECT " + columns<ServerKeyRow>() + " FROM server_keys WHERE id = ?", id);
}

std::optional<MachineRow> find_machine(Tx& tx, const std::string& id) {
  return tx.find<MachineRow>(machine_select + "WHERE id = ?", id);
}

std::optional<MachineRow> find_gateway(Tx& tx, const std::string& org_id, const std::string& id_or_name) {
  return tx.find<MachineRow>(
      machine_select + "WHERE org_id = ? AND kind = ? AND deleted_at IS NULL AND (id = ? OR name = ?)", org_id,
      MachineKind::gateway, id_or_name, id_or_name);
}

std::vector<MachineRow> gateways(Tx& tx, const std::string& org_id) {
  return tx.all<MachineRow>(machine_select + "WHERE org_id = ? AND kind = ? AND deleted_at IS NULL ORDER BY name",
                            org_id, MachineKind::gateway);
}

bool name_is_taken(Tx& tx, const std::string& org_id, MachineKind kind, const std::string& name) {
  return tx.value<std::string>("SELECT id FROM machines WHERE org_id = ? AND kind = ? AND name = ?", org_id, kind, name)
      .has_value();
}

std::vector<MachineRow> silent_machines(Tx& tx, MachineKind kind, Time seen_before, std::int64_t limit) {
  return tx.all<MachineRow>(machine_select + "WHERE state = ? AND kind = ? AND last_seen_at < ? ORDER BY id LIMIT ?",
                            MachineState::online, kind, seen_before, limit);
}

bool update_machine(Tx& tx, const MachineRow& machine, std::int64_t seen_version) {
  return tx.run(
             "UPDATE machines SET state = ?, public_key = ?, sealing_key = ?, server_key_id = ?, program_version = ?, "
             "inventory = ?, last_seen_at = ?, expires_at = ?, log_batch = ?, row_version = ? WHERE org_id = ? AND id "
             "= ? AND row_version = ?",
             machine.state, machine.public_key, machine.sealing_key, machine.server_key_id, machine.program_version,
             machine.inventory, machine.last_seen_at, machine.expires_at, machine.log_batch, machine.row_version,
             machine.org_id, machine.id, seen_version) == 1;
}

void delete_machine(Tx& tx, const std::string& org_id, const std::string& id, Time now) {
  tx.run("UPDATE machines SET name = id, deleted_at = ? WHERE org_id = ? AND id = ?", now, org_id, id);
}

void touch_machine(Tx& tx, const std::string& org_id, const std::string& id, Time now) {
  tx.run("UPDATE machines SET last_seen_at = ? WHERE org_id = ? AND id = ?", now, org_id, id);
}

bool advance_log_batch(Tx& tx, const std::string& org_id, const std::string& id, std::int64_t batch) {
  return tx.run("UPDATE machines SET log_batch = ? WHERE org_id = ? AND id = ? AND log_batch <> ?", batch, org_id, id,
                batch) == 1;
}

bool add_nonce(Tx& tx, const std::string& machine_id, const std::string& nonce, Time now) {
  return tx.run(
             "INSERT INTO machine_nonces (machine_id, nonce, seen_at) VALUES (?, ?, ?) ON CONFLICT (machine_id, nonce) "
             "DO NOTHING",
             machine_id, nonce, now) == 1;
}

void forget_nonces(Tx& tx, Time seen_before) { tx.run("DELETE FROM machine_nonces WHERE seen_at < ?", seen_before); }

void put_token(Tx& tx, const EnrollmentTokenRow& token) {
  remove_tokens_of(tx, token.org_id, token.machine_id.str());
  tx.insert("enrollment_tokens", token);
}

void remove_tokens_of(Tx& tx, const std::string& org_id, const std::string& machine_id) {
  tx.run("DELETE FROM enrollment_tokens WHERE org_id = ? AND machine_id = ?", org_id, machine_id);
}

std::optional<EnrollmentTokenRow> take_token(Tx& tx, const std::string& digest) {
  auto token = tx.find<EnrollmentTokenRow>(
      "SELECT " + columns<EnrollmentTokenRow>() + " FROM enrollment_tokens WHERE digest = ?", digest);
  if (token) tx.run("DELETE FROM enrollment_tokens WHERE digest = ?", digest);
  return token;
}

std::optional<Target> find_target(Tx& tx, const std::string& org_id, const std::string& id_or_name) {
  return tx.find<Target>(
      "SELECT " + columns<Target>("t") + " FROM " + target_rows + " WHERE t.org_id = ? AND (t.id = ? OR t.name = ?)",
      org_id, id_or_name, id_or_name);
}

std::vector<Target> targets(Tx& tx, const query::Keyset& keyset, const std::string& org_id) {
  return tx.all_with<Target>(
      "SELECT " + columns<Target>("t") + " FROM " + target_rows + " WHERE t.org_id = ? AND " + keyset.sql(),
      keyset.args(org_id));
}

std::optional<TargetRow> find_target_of(Tx& tx, const std::string& org_id, const std::string& machine_id) {
  return tx.find<TargetRow>("SELECT " + columns<TargetRow>() + " FROM targets WHERE org_id = ? AND machine_id = ?",
                            org_id, machine_id);
}

void set_labels(Tx& tx, const std::string& org_id, const std::string& target_id, const reflect::Tags& labels) {
  tx.run("UPDATE targets SET labels = ? WHERE org_id = ? AND id = ?", labels, org_id, target_id);
}

void set_generation(Tx& tx, const std::string& org_id, const std::string& target_id, std::int64_t generation) {
  tx.run("UPDATE targets SET generation = ? WHERE org_id = ? AND id = ?", generation, org_id, target_id);
}

}  // namespace modelops::targets::store
