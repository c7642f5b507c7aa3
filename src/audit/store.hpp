#pragma once
#include <span>

#include "audit/leaf.hpp"
#include "audit/tree.hpp"
#include "audit/types.hpp"
#include "audit/verify.hpp"
#include "base/text.hpp"
#include "platform/crypto/keyring.hpp"
#include "platform/db/database.hpp"
#include "platform/query/page.hpp"

namespace modelops::audit {

/// What the payload hash covers, as its JSON text is stored and exported.
struct RecordedAct {
  ActorKind actor_kind = ActorKind::system;
  std::string actor_id;
  std::string action;
  std::string subject_kind;
  std::string subject_id;
  Outcome outcome = Outcome::succeeded;
  std::string request_id;
  boost::json::value data;
};
MODELOPS_DESCRIBE(RecordedAct, actor_kind, actor_id, action, subject_kind, subject_id, outcome, request_id, data);

/// What the personal hash covers.
struct RecordedPerson {
  std::string actor_name;
  std::string remote_address;
};
MODELOPS_DESCRIBE(RecordedPerson, actor_name, remote_address);

/// Hashes and salts in hexadecimal; `personal` is its salt and its text, sealed under the actor's key.
struct RecordRow {
  std::string org_id;
  RecordId id;
  Time time;
  std::string payload_hash;
  std::optional<std::string> personal_hash;
  ActorKind actor_kind = ActorKind::system;
  std::string actor_id;
  std::string action;
  std::string subject_kind;
  std::string subject_id;
  Outcome outcome = Outcome::succeeded;
  std::string request_id;
  std::optional<std::string> payload;
  std::optional<std::string> payload_salt;
  std::optional<std::string> personal;
  std::optional<std::int64_t> leaf_index;
};
MODELOPS_DESCRIBE(RecordRow, org_id, id, time, payload_hash, personal_hash, actor_kind, actor_id, action, subject_kind,
                  subject_id, outcome, request_id, payload, payload_salt, personal, leaf_index);

/// What of a record goes into the tree.
struct LeafRow {
  std::string org_id;
  RecordId id;
  Time time;
  std::string payload_hash;
  std::optional<std::string> personal_hash;
};
MODELOPS_DESCRIBE(LeafRow, org_id, id, time, payload_hash, personal_hash);

struct NodeRow {
  std::string org_id;
  int level = 0;
  std::uint64_t node_index = 0;
  std::string hash;
};
MODELOPS_DESCRIBE(NodeRow, org_id, level, node_index, hash);

struct HeadRow {
  std::string org_id;
  std::int64_t tree_size = 0;
  std::string root_hash;
  Time time;
  KeyId key_id;
  std::string signature;
};
MODELOPS_DESCRIBE(HeadRow, org_id, tree_size, root_hash, time, key_id, signature);

struct KeyRow {
  std::string org_id;
  KeyId id;
  std::string public_key;
  std::optional<std::string> private_key;
  Time created_at;
  std::optional<Time> retired_at;
};
MODELOPS_DESCRIBE(KeyRow, org_id, id, public_key, private_key, created_at, retired_at);

/// Refusals of a principal within one window that have no records of their own.
struct DenialRow {
  std::string org_id;
  ActorKind actor_kind = ActorKind::system;
  std::string actor_id;
  std::string permission;
  Time window_start;
  std::int64_t denials = 0;
  std::string reason;  ///< of the last one
  Time first_at;
  Time last_at;
};
MODELOPS_DESCRIBE(DenialRow, org_id, actor_kind, actor_id, permission, window_start, denials, reason, first_at,
                  last_at);

/// Throws `internal` for hashes that are none.
template <class Row>
Leaf leaf_of(const Row& row) {
  const auto hash = [](const std::string& hex) { return from_hex(hex).value_or(""); };  // encode_leaf refuses ""
  Leaf leaf{row.id.str(), row.org_id, row.time, hash(row.payload_hash), {}};
  if (row.personal_hash) leaf.personal_hash = hash(*row.personal_hash);
  return leaf;
}

/// The stored nodes of one organisation's tree.
class StoredNodes final : public NodeSource {
 public:
  StoredNodes(db::Tx& tx, std::string org_id) : tx_(tx), org_id_(std::move(org_id)) {}
  std::string hash(int level, std::uint64_t index) const override;

 private:
  db::Tx& tx_;
  std::string org_id_;
};

/// What the personal fields of `record` are sealed for.
std::string personal_object(const RecordId& record);
/// The payload; nothing once it was pruned.
std::optional<Salted> stored_payload(const RecordRow& row);
/// The personal fields; nothing when there are none or they were erased. What was changed in the database and does
/// not open any more comes back as a text that matches no hash.
std::optional<Salted> stored_personal(crypto::SecretBox& box, const RecordRow& row);

SignedTreeHead to_signed_head(const HeadRow& row);

/// SQL only, inside the caller's transaction.
namespace store {

std::optional<RecordRow> find_record(db::Tx& tx, const std::string& org_id, const std::string& id);
/// Of one actor, or with "" of everybody.
std::vector<RecordRow> records(db::Tx& tx, const query::Keyset& keyset, const std::string& org_id,
                               const std::optional<std::string>& actor_id);
/// What people and robots did to one of these.
std::vector<RecordRow> acts_on(db::Tx& tx, const query::Keyset& keyset, const std::string& org_id,
                               const std::vector<std::string>& subject_ids);
/// In the tree, from `index` on and before `size`.
std::vector<RecordRow> records_from(db::Tx& tx, const std::string& org_id, std::int64_t index, std::int64_t size,
                                    std::int64_t limit);
/// Of all organisations: the oldest that are in no tree yet.
std::vector<LeafRow> unsequenced(db::Tx& tx, std::int64_t limit);
void set_leaf_index(db::Tx& tx, const std::string& org_id, const std::string& id, std::uint64_t index);

std::optional<std::int64_t> tree_size(db::Tx& tx, const std::string& org_id);
void insert_tree(db::Tx& tx, const std::string& org_id);
/// False when the tree does not have the size `from` any more.
bool grow_tree(db::Tx& tx, const std::string& org_id, std::uint64_t from, std::uint64_t to);

std::optional<HeadRow> newest_head(db::Tx& tx, const std::string& org_id);
std::optional<HeadRow> find_head(db::Tx& tx, const std::string& org_id, std::int64_t tree_size);
/// Of the trees larger than `after` and not larger than `size`, the smallest first.
std::vector<HeadRow> heads(db::Tx& tx, const std::string& org_id, std::int64_t after, std::int64_t size);

std::vector<KeyRow> keys(db::Tx& tx, const std::string& org_id);
std::optional<KeyRow> find_active_key(db::Tx& tx, const std::string& org_id);
void retire_key(db::Tx& tx, const std::string& org_id, const std::string& id, Time now);

bool is_actor(db::Tx& tx, const std::string& org_id, const std::string& actor_id);
/// Returns how many records had some.
std::int64_t erase_personal(db::Tx& tx, const std::string& org_id, const std::string& actor_id);

/// Adds to the row of this kind, network and hour, or makes it; beyond `rows_max` rows of one hour the network is
/// "other".
void add_failures(db::Tx& tx, const SecurityEvent& event, std::int64_t rows_max);
void remove_security_events(db::Tx& tx, Time before);
std::vector<SecurityEvent> security_events(db::Tx& tx, const query::Keyset& keyset);

/// Adds to the row of this principal, permission and window, or makes it.
void add_denials(db::Tx& tx, const DenialRow& row);
/// Returns and removes the rows of windows that began before `window_start`.
std::vector<DenialRow> take_denials(db::Tx& tx, Time window_start);

}  // namespace store
}  // namespace modelops::audit
