#include "apps/rotation.hpp"

#include "base/error.hpp"
#include "platform/crypto/keyring.hpp"
#include "platform/db/data_keys.hpp"

namespace modelops::apps {
namespace {

struct OwnerRow {
  std::string org_id;
  std::string subject_id;
};
MODELOPS_DESCRIBE(OwnerRow, org_id, subject_id);

}  // namespace

Rotation rotate_master_key(const ServeConfig& config) {
  const std::filesystem::path file = key_file(config);
  if (!std::filesystem::exists(file))
    fail(ErrorCode::not_found, fmt::format("There is no key file {}: name it with --data.key_file.", file.string()));
  const auto database = db::Database::open({.url = database_url(config), .readers = 1});
  if (!database->schema_version()) fail(ErrorCode::not_found, "The database is empty: start `modelops serve` once.");
  crypto::Keyring keyring(file, config.data.folder);

  Rotation out;
  out.key_id = keyring.rotate();
  // A key that is added meanwhile is sealed with the new one.
  const auto owners = database->read([](db::Tx& tx) {
    return tx.all<OwnerRow>("SELECT org_id, subject_id FROM data_keys ORDER BY org_id, subject_id");
  });
  for (const OwnerRow& owner : owners) {
    out.rewrapped += database->write([&](db::Tx& tx) {
      db::TxDataKeys data_keys(tx);
      return crypto::SecretBox(keyring, data_keys).rewrap({owner.org_id, owner.subject_id}) ? 1 : 0;
    });
  }
  return out;
}

}  // namespace modelops::apps
