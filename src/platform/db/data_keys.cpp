#include "platform/db/data_keys.hpp"

namespace modelops::db {

std::optional<std::string> TxDataKeys::find(const crypto::KeyOwner& owner) {
  return tx_.value<std::string>("SELECT wrapped FROM data_keys WHERE org_id = ? AND subject_id = ?", owner.organisation,
                                owner.subject);
}

std::string TxDataKeys::insert(const crypto::KeyOwner& owner, const std::string& wrapped) {
  tx_.run(
      "INSERT INTO data_keys (org_id, subject_id, wrapped, created_at) VALUES (?, ?, ?, ?) "
      "ON CONFLICT (org_id, subject_id) DO NOTHING",
      owner.organisation, owner.subject, wrapped, SystemClock().now());
  return find(owner).value();
}

void TxDataKeys::replace(const crypto::KeyOwner& owner, const std::string& wrapped) {
  tx_.run("UPDATE data_keys SET wrapped = ? WHERE org_id = ? AND subject_id = ?", wrapped, owner.organisation,
          owner.subject);
}

void TxDataKeys::erase(const crypto::KeyOwner& owner) {
  tx_.run("DELETE FROM data_keys WHERE org_id = ? AND subject_id = ?", owner.organisation, owner.subject);
}

}  // namespace modelops::db
