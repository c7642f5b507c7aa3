#pragma once
#include "registry/store.hpp"

namespace modelops::registry {

struct TransferRow {
  identity::OrgId org_id;
  TransferId id;
  std::optional<UploadId> upload_id;  ///< absent: a part of a concatenation
  std::string path;
  TransferState state = TransferState::receiving;
  std::optional<std::int64_t> size_bytes;
  std::int64_t offset_bytes = 0;
  std::optional<Sha256Text> sha256;
  bool unpack = false;
  std::string concatenation;            ///< the Upload-Concat header
  std::string metadata;                 ///< the Upload-Metadata header
  std::optional<std::string> blob_key;  ///< absent: its blob is a file's now
  std::string created_by;
  Time created_at;
  Time expires_at;
};
MODELOPS_DESCRIBE(TransferRow, org_id, id, upload_id, path, state, size_bytes, offset_bytes, sha256, unpack,
                  concatenation, metadata, blob_key, created_by, created_at, expires_at);

struct TransferPartRow {
  identity::OrgId org_id;
  TransferId transfer_id;
  std::int64_t end_bytes = 0;
  Sha256Text sha256;  ///< of what arrived between the end of the part before it and `end_bytes`
};
MODELOPS_DESCRIBE(TransferPartRow, org_id, transfer_id, end_bytes, sha256);

struct StorageQuotaRow {
  identity::OrgId org_id;
  std::int64_t bytes_max = 0;
  std::int64_t transfers_max = 0;
};
MODELOPS_DESCRIBE(StorageQuotaRow, org_id, bytes_max, transfers_max);

/// SQL only, inside the caller's transaction.
namespace store {

std::optional<TransferRow> find_transfer(db::Tx& tx, const std::string& org_id, const std::string& id);
/// Those of an upload that are not complete, by path.
std::vector<TransferRow> pending_transfers(db::Tx& tx, const std::string& org_id, const std::string& upload_id);
std::vector<TransferRow> transfers_of(db::Tx& tx, const std::string& org_id, const std::string& upload_id);
/// What has arrived is `row.offset_bytes` now, where it was `before`, and state and digest are as in `row`; false when
/// it is not there any more, or was changed meanwhile.
bool advance_transfer(db::Tx& tx, const TransferRow& row, std::int64_t before);
bool set_transfer_size(db::Tx& tx, const TransferRow& row, std::int64_t size_bytes);
/// False when somebody else has completed it.
bool complete_transfer(db::Tx& tx, const TransferRow& row, Time expires_at);
/// Removes it and dooms its blob.
void remove_transfer(db::Tx& tx, const TransferRow& row);
std::vector<TransferRow> transfers_expired(db::Tx& tx, Time now, std::int64_t limit);
bool is_transfer_blob(db::Tx& tx, const std::string& blob_key);

std::vector<TransferPartRow> transfer_parts(db::Tx& tx, const TransferRow& row);
std::int64_t count_transfer_parts(db::Tx& tx, const TransferRow& row);

/// Without limits.
StorageUsage storage_usage(db::Tx& tx, const std::string& org_id);
std::optional<StorageQuotaRow> find_storage_quota(db::Tx& tx, const std::string& org_id);
void put_storage_quota(db::Tx& tx, const StorageQuotaRow& row);
std::optional<identity::OrgId> find_organization(db::Tx& tx, const std::string& id_or_name);

}  // namespace store
}  // namespace modelops::registry
