#pragma once
#include "platform/crypto/keyring.hpp"
#include "platform/db/database.hpp"

namespace modelops::db {

/// The wrapped data keys of a database, seen through one transaction.
class TxDataKeys final : public crypto::DataKeys {
 public:
  explicit TxDataKeys(Tx& tx) : tx_(tx) {}
  std::optional<std::string> find(const crypto::KeyOwner& owner) override;
  std::string insert(const crypto::KeyOwner& owner, const std::string& wrapped) override;
  void replace(const crypto::KeyOwner& owner, const std::string& wrapped) override;
  void erase(const crypto::KeyOwner& owner) override;

 private:
  Tx& tx_;
};

}  // namespace modelops::db
