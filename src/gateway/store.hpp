#pragma once
#include "gateway/wire.hpp"
#include "platform/db/database.hpp"

namespace modelops::gateway {

struct SnapshotRow {
  std::int64_t id = 1;
  std::int64_t version = 0;
  std::string digest;
  std::string document;
};
MODELOPS_DESCRIBE(SnapshotRow, id, version, digest, document);

/// SQL only.
namespace store {

std::int64_t version(db::Tx& tx);  ///< 0: none yet
std::optional<SnapshotRow> find_snapshot(db::Tx& tx);
void put_snapshot(db::Tx& tx, const SnapshotRow& row);

/// The keys of the whole installation that may call endpoints at `now`, in the order of their digests.
std::vector<Key> callers(db::Tx& tx, Time now);

/// The organisation that the installation began with; empty when there is none yet.
std::string first_organization(db::Tx& tx);
std::string organization_name(db::Tx& tx, const std::string& org_id);

}  // namespace store
}  // namespace modelops::gateway
