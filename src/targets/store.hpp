#pragma once
#include "platform/db/database.hpp"
#include "platform/query/page.hpp"
#include "targets/types.hpp"

namespace modelops::targets {

struct ServerKeyRow {
  std::string id;
  std::string public_key;
  std::string sealed_private_key;
  Time created_at;
};
MODELOPS_DESCRIBE(ServerKeyRow, id, public_key, sealed_private_key, created_at);

struct MachineRow {
  std::string org_id;
  MachineId id;
  MachineKind kind = MachineKind::agent;
  std::string name;
  MachineState state = MachineState::pending;
  std::optional<std::string> public_key;  ///< base64url, as are the other keys
  std::optional<std::string> sealing_key;
  std::optional<std::string> server_key_id;
  std::string program_version;
  Inventory inventory;
  std::optional<Time> last_seen_at;
  std::optional<Time> expires_at;
  std::int64_t log_batch = 0;
  std::int64_t row_version = 1;
  std::string created_by;
  Time created_at;
  std::optional<Time> deleted_at;
};
MODELOPS_DESCRIBE(MachineRow, org_id, id, kind, name, state, public_key, sealing_key, server_key_id, program_version,
                  inventory, last_seen_at, expires_at, log_batch, row_version, created_by, created_at, deleted_at);

struct TargetRow {
  std::string org_id;
  TargetId id;
  MachineId machine_id;
  reflect::Tags labels;
  std::int64_t generation = 1;
};
MODELOPS_DESCRIBE(TargetRow, org_id, id, machine_id, labels, generation);

struct EnrollmentTokenRow {
  std::string digest;
  std::string org_id;
  MachineId machine_id;
  Time expires_at;
};
MODELOPS_DESCRIBE(EnrollmentTokenRow, digest, org_id, machine_id, expires_at);

/// SQL only, inside the caller's transaction.
namespace store {

std::optional<ServerKeyRow> newest_server_key(db::Tx& tx);
std::optional<ServerKeyRow> find_server_key(db::Tx& tx, const std::string& id);

/// By its id alone: before its signature is checked nobody knows whose it is. Deleted ones too.
std::optional<MachineRow> find_machine(db::Tx& tx, const std::string& id);
std::optional<MachineRow> find_gateway(db::Tx& tx, const std::string& org_id, const std::string& id_or_name);
std::vector<MachineRow> gateways(db::Tx& tx, const std::string& org_id);
bool name_is_taken(db::Tx& tx, const std::string& org_id, MachineKind kind, const std::string& name);
std::vector<MachineRow> silent_machines(db::Tx& tx, MachineKind kind, Time seen_before, std::int64_t limit);
/// Writes everything that can change, but only over `seen_version`.
bool update_machine(db::Tx& tx, const MachineRow& machine, std::int64_t seen_version);
/// Its row stays, under a name that nobody chooses.
void delete_machine(db::Tx& tx, const std::string& org_id, const std::string& id, Time now);
void touch_machine(db::Tx& tx, const std::string& org_id, const std::string& id, Time now);
/// False when this batch was the last one already.
bool advance_log_batch(db::Tx& tx, const std::string& org_id, const std::string& id, std::int64_t batch);

/// False when the nonce is known.
bool add_nonce(db::Tx& tx, const std::string& machine_id, const std::string& nonce, Time now);
void forget_nonces(db::Tx& tx, Time seen_before);

void put_token(db::Tx& tx, const EnrollmentTokenRow& token);
void remove_tokens_of(db::Tx& tx, const std::string& org_id, const std::string& machine_id);
/// Takes it out: it works once.
std::optional<EnrollmentTokenRow> take_token(db::Tx& tx, const std::string& digest);

std::optional<Target> find_target(db::Tx& tx, const std::string& org_id, const std::string& id_or_name);
std::vector<Target> targets(db::Tx& tx, const query::Keyset& keyset, const std::string& org_id);
std::optional<TargetRow> find_target_of(db::Tx& tx, const std::string& org_id, const std::string& machine_id);
void set_labels(db::Tx& tx, const std::string& org_id, const std::string& target_id, const reflect::Tags& labels);
void set_generation(db::Tx& tx, const std::string& org_id, const std::string& target_id, std::int64_t generation);

}  // namespace store
}  // namespace modelops::targets
