#include "registry/transfer_store.hpp"

namespace modelops::registry::store {

using db::Tx;
using reflect::columns;

std::optional<TransferRow> find_transfer(Tx& tx, const std::string& org_id, const std::string& id) {
  return tx.find<TransferRow>("SELECT " + columns<TransferRow>() + " FROM transfers WHERE org_id = ? AND id = ?",
                              org_id, id);
}

std::vector<TransferRow> transfers_of(Tx& tx, const std::string& org_id, const std::string& upload_id) {
  return tx.all<TransferRow>(
      "SELECT " + columns<TransferRow>() + " FROM transfers WHERE org_id = ? AND upload_id = ? ORDER BY path, id",
      org_id, upload_id);
}

std::vector<TransferRow> pending_transfers(Tx& tx, const std::string& org_id, const std::string& upload_id) {
  return tx.all<TransferRow>("SELECT " + columns<TransferRow>() +
                                 " FROM transfers WHERE org_id = ? AND upload_id = ? AND state <> ? ORDER BY path, id",
                             org_id, upload_id, TransferState::complete);
}

bool advance_transfer(Tx& tx, const TransferRow& row, std::int64_t before) {
  return tx.run(
             "UPDATE transfers SET offset_bytes = ?, size_bytes = ?, state = ?, sha256 = ?, expires_at = ? WHERE "
             "org_id = ? AND id = ? AND offset_bytes = ? AND state = ?",
             row.offset_bytes, row.size_bytes, row.state, row.sha256, row.expires_at, row.org_id, row.id, before,
             TransferState::receiving) == 1;
}

bool set_transfer_size(Tx& tx, const TransferRow& row, std::int64_t size_bytes) {
  return tx.run("UPDATE transfers SET size_bytes = ? WHERE org_id = ? AND id = ? AND size_bytes IS NULL", size_bytes,
                row.org_id, row.id) == 1;
}

bool complete_transfer(Tx& tx, const TransferRow& row, Time expires_at) {
  return tx.run(
             "UPDATE transfers SET state = ?, blob_key = ?, expires_at = ? WHERE org_id = ? AND id = ? AND state = ?",
             TransferState::complete, row.blob_key, expires_at, row.org_id, row.id, TransferState::arrived) == 1;
}

void remove_transfer(Tx& tx, const TransferRow& row) {
  tx.run("DELETE FROM transfer_parts WHERE org_id = ? AND transfer_id = ?", row.org_id, row.id);
  tx.run("DELETE FROM transfers WHERE org_id = ? AND id = ?", row.org_id, row.id);
  if (row.blob_key) doom_blob(tx, *row.blob_key);
}

std::vector<TransferRow> transfers_expired(Tx& tx, Time now, std::int64_t limit) {
  return tx.all<TransferRow>(
      "SELECT " + columns<TransferRow>() + " FROM transfers WHERE expires_at < ? ORDER BY expires_at LIMIT ?", now,
      limit);
}

bool is_transfer_blob(Tx& tx, const std::string& blob_key) {
  return tx.value<std::int64_t>("SELECT 1 FROM transfers WHERE blob_key = ?", blob_key).has_value();
}

std::vector<TransferPartRow> transfer_parts(Tx& tx, const TransferRow& row) {
  return tx.all<TransferPartRow>("SELECT " + columns<TransferPartRow>() +
                                     " FROM transfer_parts WHERE org_id = ? AND transfer_id = ? ORDER BY end_bytes",
                                 row.org_id, row.id);
}

std::int64_t count_transfer_parts(Tx& tx, const TransferRow& row) {
  return tx
      .value<std::int64_t>("SELECT count(*) FROM transfer_parts WHERE org_id = ? AND transfer_id = ?", row.org_id,
                           row.id)
      .value_or(0);
}

StorageUsage storage_usage(Tx& tx, const std::string& org_id) {
  StorageUsage out;
  out.bytes_kept =
      tx.value<std::int64_t>("SELECT CAST(sum(size_bytes) AS BIGINT) FROM artifacts WHERE org_id = ?", org_id)
          .value_or(0);
  out.bytes_pending = tx.value<std::int64_t>(
                            "SELECT CAST(sum(COALESCE(size_bytes, offset_bytes)) AS BIGINT) FROM transfers WHERE "
                            "org_id = ? AND blob_key IS NOT NULL",
                            org_id)
                          .value_or(0);
  out.transfers_pending =
      tx.value<std::int64_t>("SELECT count(*) FROM transfers WHERE org_id = ? AND blob_key IS NOT NULL", org_id)
          .value_or(0);
  return out;
}

std::optional<StorageQuotaRow> find_storage_quota(Tx& tx, const std::string& org_id) {
  return tx.find<StorageQuotaRow>("SELECT " + columns<StorageQuotaRow>() + " FROM storage_quotas WHERE org_id = ?",
                                  org_id);
}

void put_storage_quota(Tx& tx, const StorageQuotaRow& row) {
  tx.run(
      "INSERT INTO storage_quotas (org_id, bytes_max, transfers_max) VALUES (?, ?, ?) ON CONFLICT (org_id) DO UPDATE "
      "SET bytes_max = excluded.bytes_max, transfers_max = excluded.transfers_max",
      row.org_id, row.bytes_max, row.transfers_max);
}

std::optional<identity::OrgId> find_organization(Tx& tx, const std::string& id_or_name) {
  return tx.value<identity::OrgId>("SELECT id FROM organizations WHERE id = ? OR name = ?", id_or_name, id_or_name);
}

}  // namespace modelops::registry::store
