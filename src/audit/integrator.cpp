#include "audit/integrator.hpp"

#include "base/text.hpp"
#include "platform/crypto/sign.hpp"
#include "platform/db/data_keys.hpp"

namespace modelops::audit {
namespace {

std::string private_key_object(const KeyId& id) { return id.str() + "/private_key"; }

}  // namespace

KeyRow rotate_signing_key(db::Tx& tx, const crypto::Keyring& keyring, const std::string& org_id, Time now) {
  if (const auto active = store::find_active_key(tx, org_id)) store::retire_key(tx, org_id, active->id.str(), now);
  const crypto::KeyPair pair = crypto::make_signing_key();
  db::TxDataKeys data_keys(tx);
  KeyRow made{org_id, KeyId::make(), to_base64(pair.public_key), std::nullopt, now, std::nullopt};
  made.private_key =
      crypto::SecretBox(keyring, data_keys).seal({org_id}, private_key_object(made.id), pair.private_key.reveal());
  tx.insert("audit_keys", made);
  return made;
}

std::size_t Integrator::step(db::Tx& tx) const {
  std::size_t count = 0;
  std::map<std::string, std::vector<LeafRow>> by_organisation;
  for (LeafRow& row : store::unsequenced(tx, batch_max_)) {
    by_organisation[row.org_id].push_back(std::move(row));
    ++count;
  }
  for (const auto& [org_id, rows] : by_organisation) append(tx, org_id, rows);
  return count;
}

void Integrator::append(db::Tx& tx, const std::string& org_id, const std::vector<LeafRow>& rows) const {
  const auto stored_size = store::tree_size(tx, org_id);
  if (!stored_size) store::insert_tree(tx, org_id);
  const auto size_before = static_cast<std::uint64_t>(stored_size.value_or(0));
  Frontier frontier(StoredNodes(tx, org_id), size_before);
  for (const LeafRow& row : rows) {
    store::set_leaf_index(tx, org_id, row.id.str(), frontier.size());
    for (const Node& node : frontier.append(leaf_hash(encode_leaf(leaf_of(row)))))
      tx.insert("audit_nodes", NodeRow{org_id, node.level, node.index, to_hex(node.hash)});
  }
  if (!store::grow_tree(tx, org_id, size_before, frontier.size()))
    fail(ErrorCode::unavailable, "Another replica has grown the audit tree.");

  auto key = store::find_active_key(tx, org_id);
  if (!key) key = rotate_signing_key(tx, keyring_, org_id, clock_.now());
  db::TxDataKeys data_keys(tx);
  const Secret private_key =
      crypto::SecretBox(keyring_, data_keys).open({org_id}, private_key_object(key->id), key->private_key.value_or(""));
  // The clock may have been set back; the times of heads never go back.
  const auto last = store::newest_head(tx, org_id);
  const Time now = std::max(clock_.now(), last ? last->time : Time{});
  const SignedTreeHead head = sign_head({org_id, frontier.size(), frontier.root(), now, key->id.str()}, private_key);
  tx.insert("audit_heads", HeadRow{org_id, static_cast<std::int64_t>(frontier.size()), to_hex(head.head.root_hash), now,
                                   key->id, to_base64(head.signature)});
}

}  // namespace modelops::audit
