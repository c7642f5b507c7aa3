#include "gateway/store.hpp"

#include "gateway/types.hpp"
#include "identity/types.hpp"

namespace modelops::gateway::store {
namespace {

using reflect::columns;

struct CallerRow {
  std::string digest;
  std::string id;
  std::string organization;
  std::optional<Time> expires_at;
  std::vector<std::string> scopes;
  std::vector<std::string> role;
};
MODELOPS_DESCRIBE(CallerRow, digest, id, organization, expires_at, scopes, role);

/// The patterns that cover `inference_call`.
bool may_call(const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [](const std::string& pattern) {
    return pattern == inference_call.name || pattern == "inference:*" || pattern == "*:call" || pattern == "*";
  });
}

}  // namespace

std::int64_t version(db::Tx& tx) {
  return tx.value<std::int64_t>("SELECT version FROM gateway_snapshots WHERE id = ?", 1).value_or(0);
}

std::optional<SnapshotRow> find_snapshot(db::Tx& tx) {
  return tx.find<SnapshotRow>("SELECT " + columns<SnapshotRow>() + " FROM gateway_snapshots WHERE id = ?", 1);
}

void put_snapshot(db::Tx& tx, const SnapshotRow& row) {
  tx.run("DELETE FROM gateway_snapshots WHERE id = ?", row.id);
  tx.insert("gateway_snapshots", row);
}

std::vector<Key> callers(db::Tx& tx, Time now) {
  using identity::KeyOwnerKind;
  const std::string select =
      "SELECT k.digest, k.id, o.name, k.expires_at, k.scopes, r.permissions FROM api_keys k "
      "JOIN organizations o ON o.id = k.org_id ";
  const std::string usable =
      "WHERE k.owner_kind = ? AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR "
      "k.expires_at > ?)";
  std::vector<CallerRow> rows =
      tx.all<CallerRow>(select +
                            "JOIN members m ON m.org_id = k.org_id AND m.user_id = k.owner_id "
                            "JOIN roles r ON r.org_id = m.org_id AND r.id = m.role_id " +
                            usable + " AND m.disabled = ?",
                        KeyOwnerKind::user, now, false);
  const std::vector<CallerRow> robots =
      tx.all<CallerRow>(select +
                            "JOIN service_accounts s ON s.org_id = k.org_id AND s.id = k.owner_id "
                            "JOIN roles r ON r.org_id = s.org_id AND r.id = s.role_id " +
                            usable,
                        KeyOwnerKind::service_account, now);
  rows.insert(rows.end(), robots.begin(), robots.end());
  std::vector<Key> out;
  for (CallerRow& row : rows) {
    if (!may_call(row.role) || (!row.scopes.empty() && !may_call(row.scopes))) continue;
    Key key;
    key.digest = std::move(row.digest);
    key.id = std::move(row.id);
    key.organization = std::move(row.organization);
    key.expires_at = row.expires_at;
    out.push_back(std::move(key));
  }
  std::ranges::sort(out, {}, &Key::digest);
  return out;
}

std::string first_organization(db::Tx& tx) {
  return tx.value<std::string>("SELECT id FROM organizations ORDER BY created_at, id LIMIT 1").value_or("");
}

std::string organization_name(db::Tx& tx, const std::string& org_id) {
  return tx.value<std::string>("SELECT name FROM organizations WHERE id = ?", org_id).value_or("");
}

}  // namespace modelops::gateway::store
