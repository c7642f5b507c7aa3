#include "registry/store.hpp"

#include "identity/visibility.hpp"

namespace modelops::registry::store {

using db::SqlValue;
using db::Tx;
using reflect::columns;

// -------------------------------------------------------------------------------------------------- models

std::optional<Model> find_model(Tx& tx, const Context& ctx, const std::string& id_or_name) {
  const bool by_id = ModelId::parse(id_or_name).has_value();
  const identity::Predicate seen = identity::visible_to(ctx, "m");
  std::string sql = "SELECT " + columns<Model>("m") + " FROM models m WHERE m.deleted_at IS NULL AND ";
  std::vector<SqlValue> args;
  if (by_id) {
    sql += "m.id = ?";
    args = {id_or_name};
  } else {
    sql += "m.org_id = ? AND m.name = ?";
    args = {ctx.org_id, id_or_name};
  }
  args.insert(args.end(), seen.args.begin(), seen.args.end());
  auto rows = tx.all_with<Model>(sql + " AND " + seen.sql, args);
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

Audience audience(Tx& tx, const std::string& org_id, const ModelId& id) {
  return tx.find<Audience>("SELECT " + columns<Audience>() + " FROM models WHERE org_id = ? AND id = ?", org_id, id)
      .value_or(Audience());
}

bool name_is_taken(Tx& tx, const std::string& org_id, const std::string& name) {
  return tx
      .value<std::int64_t>("SELECT 1 FROM models WHERE org_id = ? AND name = ? AND deleted_at IS NULL", org_id, name)
      .has_value();
}

query::SqlFragment matching(const Context& ctx, ModelScope scope, const query::SqlFragment& condition) {
  query::SqlFragment out{"models m WHERE m.deleted_at IS NULL AND ", {}};
  if (scope == ModelScope::public_) {
    out.sql += "m.visibility = 'public' AND ";
  } else {
    const identity::Predicate seen = identity::changeable_by(ctx, "m");
    out.sql += "m.org_id = ? AND " + seen.sql + " AND ";
    out.args = {ctx.org_id};
    out.args.insert(out.args.end(), seen.args.begin(), seen.args.end());
  }
  out.sql += condition.sql;
  out.args.insert(out.args.end(), condition.args.begin(), condition.args.end());
  return out;
}

std::vector<Model> models(Tx& tx, const Context& ctx, ModelScope scope, const query::Keyset& keyset) {
  const query::SqlFragment found = matching(ctx, scope, {keyset.sql(), keyset.args()});
  return tx.all_with<Model>("SELECT " + columns<Model>("m") + " FROM " + found.sql, found.args);
}

std::vector<query::FacetValue> tag_keys(Tx& tx, const query::SqlFragment& matching, std::int64_t models_max) {
  std::vector<SqlValue> args = matching.args;
  args.emplace_back(models_max);
  // CROSS JOIN keeps SQLite from reading all tags first.
  return tx.all_with<query::FacetValue>("SELECT t.key, count(*) FROM (SELECT m.org_id, m.id FROM " + matching.sql +
                                            " LIMIT ?) found CROSS JOIN model_tags t WHERE t.org_id = found.org_id AND "
                                            "t.model_id = found.id GROUP BY t.key",
                                        args);
}

static void put_tags(Tx& tx, const Model& model) {
  tx.run("DELETE FROM model_tags WHERE org_id = ? AND model_id = ?", model.org_id, model.id);
  for (const auto& [key, value] : model.tags) tx.insert("model_tags", TagRow{model.org_id, model.id, key, value});
}

void add_model(Tx& tx, const Model& model) {
  tx.insert("models", model);
  put_tags(tx, model);
}

bool update_model(Tx& tx, const Model& model, std::int64_t seen_version) {
  const bool updated =
      tx.run(
          "UPDATE models SET display_name = ?, description = ?, visibility = ?, team_id = ?, tags = ?, interface = ?, "
          "engine = ?, latest_version = ?, latest_approval = ?, row_version = ?, updated_at = ? WHERE org_id = ? AND "
          "id "
          "= ? AND deleted_at IS NULL AND row_version = ?",
          model.display_name, model.description, model.visibility, model.team_id, model.tags, model.interface,
          model.engine, model.latest_version, model.latest_approval, model.row_version, model.updated_at, model.org_id,
          model.id, seen_version) == 1;
  if (updated) put_tags(tx, model);
  return updated;
}

void delete_model(Tx& tx, const Model& model, Time now) {
  tx.run("UPDATE models SET deleted_at = ?, row_version = row_version + 1 WHERE org_id = ? AND id = ?", now,
         model.org_id, model.id);
}

void describe_models(Tx& tx, const std::string& org_id, const std::string& digest, const Analysis& analysis) {
  tx.run(
      "UPDATE models SET framework = ?, architecture = ?, parameter_count = ?, size_class = ?, license = ?, interface "
      "= COALESCE(interface, ?), engine = COALESCE(engine, ?), row_version = row_version + 1 WHERE org_id = ? AND "
      "source_digest = ?",
      analysis.framework, analysis.architecture, analysis.parameter_count, analysis.size_class, analysis.license,
      analysis.interface, analysis.recommended_engine, org_id, digest);
}

std::optional<identity::TeamId> find_team(Tx& tx, const std::string& org_id, const std::string& id_or_name) {
  return tx.value<identity::TeamId>("SELECT id FROM teams WHERE org_id = ? AND (id = ? OR name = ?)", org_id,
                                    id_or_name, id_or_name);
}

// ------------------------------------------------------------------------------------------------ versions

std::vector<VersionRow> versions(Tx& tx, const Model& model, const query::Keyset& keyset) {
  return tx.all_with<VersionRow>("SELECT " + columns<VersionRow>("v") +
                                     " FROM model_versions v WHERE v.org_id = ? AND v.model_id = ? AND " + keyset.sql(),
                                 keyset.args(model.org_id, model.id));
}

std::vector<VersionRow> newest_versions(Tx& tx, const Model& model, std::int64_t limit) {
  return tx.all<VersionRow>("SELECT " + columns<VersionRow>() +
                                " FROM model_versions WHERE org_id = ? AND model_id = ? ORDER BY version DESC LIMIT ?",
                            model.org_id, model.id, limit);
}

std::optional<VersionRow> find_version(Tx& tx, const Model& model, std::int64_t version) {
  return tx.find<VersionRow>(
      "SELECT " + columns<VersionRow>() + " FROM model_versions WHERE org_id = ? AND model_id = ? AND version = ?",
      model.org_id, model.id, version);
}

std::optional<VersionRow> find_version_by_id(Tx& tx, const std::string& id) {
  return tx.find<VersionRow>("SELECT " + columns<VersionRow>() + " FROM model_versions WHERE id = ?", id);
}

std::optional<VersionRow> find_version_by_digest(Tx& tx, const Model& model, const Sha256Text& digest) {
  return tx.find<VersionRow>(
      "SELECT " + columns<VersionRow>() + " FROM model_versions WHERE org_id = ? AND model_id = ? AND digest = ?",
      model.org_id, model.id, digest);
}

std::vector<FileEntry> version_files(Tx& tx, const std::string& org_id, const ModelVersionId& id) {
  return tx.all<FileEntry>(
      "SELECT " + columns<FileEntry>() + " FROM version_files WHERE org_id = ? AND version_id = ? ORDER BY path",
      org_id, id);
}

std::optional<FileEntry> find_version_file(Tx& tx, const VersionRow& version, const Sha256Text& sha256) {
  return tx.find<FileEntry>("SELECT " + columns<FileEntry>() +
                                " FROM version_files WHERE org_id = ? AND version_id = ? AND sha256 = ? ORDER BY path "
                                "LIMIT 1",
                            version.org_id, version.id, sha256);
}

std::vector<ModelVersionId> versions_with_approval(Tx& tx, const Model& model) {
  return tx.values<ModelVersionId>(
      "SELECT id FROM model_versions WHERE org_id = ? AND model_id = ? AND approval_id IS NOT NULL", model.org_id,
      model.id);
}

void set_approval(Tx& tx, const std::string& org_id, const std::string& version_id, VersionApproval state,
                  const evidence::ApprovalId& approval, bool self_approved) {
  tx.run(
      "UPDATE model_versions SET approval_state = ?, approval_id = ?, self_approved = ?, row_version = row_version + 1 "
      "WHERE org_id = ? AND id = ?",
      state, approval, self_approved, org_id, version_id);
  tx.run(
      "UPDATE models SET latest_approval = ?, row_version = row_version + 1 WHERE org_id = ? AND EXISTS (SELECT 1 FROM "
      "model_versions v WHERE v.org_id = models.org_id AND v.id = ? AND v.model_id = models.id AND v.version = "
      "models.latest_version)",
      state, org_id, version_id);
}

std::optional<std::int64_t> highest_approved(Tx& tx, const std::string& org_id, const ModelId& model) {
  return tx.value<std::int64_t>(
      "SELECT max(version) FROM model_versions WHERE org_id = ? AND model_id = ? AND approval_state = ?", org_id, model,
      VersionApproval::approved);
}

std::int64_t model_bytes(Tx& tx, const Model& model) {
  return tx
      .value<std::int64_t>(
          "SELECT CAST(sum(size_bytes) AS BIGINT) FROM (SELECT DISTINCT f.sha256, f.size_bytes FROM version_files f "
          "JOIN model_versions v ON v.org_id = f.org_id AND v.id = f.version_id WHERE v.org_id = ? AND v.model_id = ?) "
          "contents",
          model.org_id, model.id)
      .value_or(0);
}

// ------------------------------------------------------------------------------------------------- aliases

std::vector<Alias> aliases(Tx& tx, const std::string& org_id, const ModelId& model) {
  return tx.all<Alias>(
      "SELECT " + columns<Alias>() + " FROM model_aliases WHERE org_id = ? AND model_id = ? ORDER BY alias", org_id,
      model);
}

std::optional<Alias> find_alias(Tx& tx, const std::string& org_id, const ModelId& model, const std::string& alias) {
  return tx.find<Alias>(
      "SELECT " + columns<Alias>() + " FROM model_aliases WHERE org_id = ? AND model_id = ? AND alias = ?", org_id,
      model, alias);
}

/// Brings the model's copy up to date.
static void copy_aliases(Tx& tx, const std::string& org_id, const ModelId& model) {
  std::map<AliasName, std::int64_t> copy;
  for (const Alias& alias : aliases(tx, org_id, model)) copy.emplace(alias.alias, alias.version);
  tx.run("UPDATE models SET aliases = ?, row_version = row_version + 1 WHERE org_id = ? AND id = ?", copy, org_id,
         model);
}

void set_alias(Tx& tx, const std::string& org_id, const ModelId& model, const Alias& alias) {
  tx.run(
      "INSERT INTO model_aliases (org_id, model_id, alias, version, updated_by, updated_at) VALUES (?, ?, ?, ?, ?, ?) "
      "ON CONFLICT (org_id, model_id, alias) DO UPDATE SET version = excluded.version, updated_by = "
      "excluded.updated_by, updated_at = excluded.updated_at",
      org_id, model, alias.alias, alias.version, alias.updated_by, alias.updated_at);
  copy_aliases(tx, org_id, model);
}

bool remove_alias(Tx& tx, const std::string& org_id, const ModelId& model, const std::string& alias) {
  const bool removed =
      tx.run("DELETE FROM model_aliases WHERE org_id = ? AND model_id = ? AND alias = ?", org_id, model, alias) == 1;
  copy_aliases(tx, org_id, model);
  return removed;
}

// ------------------------------------------------------------------------------------------------- uploads

std::optional<UploadRow> find_upload(Tx& tx, const std::string& org_id, const std::string& id) {
  return tx.find<UploadRow>("SELECT " + columns<UploadRow>() + " FROM uploads WHERE org_id = ? AND id = ?", org_id, id);
}

std::vector<FileEntry> upload_files(Tx& tx, const std::string& org_id, const std::string& upload_id) {
  return tx.all<FileEntry>(
      "SELECT " + columns<FileEntry>() + " FROM upload_files WHERE org_id = ? AND upload_id = ? ORDER BY path", org_id,
      upload_id);
}

std::optional<FileEntry> find_upload_file(Tx& tx, const UploadRow& upload, const RelativePath& path) {
  return tx.find<FileEntry>(
      "SELECT " + columns<FileEntry>() + " FROM upload_files WHERE org_id = ? AND upload_id = ? AND path = ?",
      upload.org_id, upload.id, path);
}

std::int64_t count_upload_files(Tx& tx, const UploadRow& upload) {
  return tx
      .value<std::int64_t>("SELECT count(*) FROM upload_files WHERE org_id = ? AND upload_id = ?", upload.org_id,
                           upload.id)
      .value_or(0);
}

void put_upload_file(Tx& tx, const UploadRow& upload, const FileEntry& file) {
  tx.run(
      "INSERT INTO upload_files (org_id, upload_id, path, size_bytes, sha256) VALUES (?, ?, ?, ?, ?) ON CONFLICT "
      "(org_id, upload_id, path) DO UPDATE SET size_bytes = excluded.size_bytes, sha256 = excluded.sha256",
      upload.org_id, upload.id, file.path, file.size_bytes, file.sha256);
}

void touch_upload(Tx& tx, const UploadRow& upload, Time now) {
  tx.run("UPDATE uploads SET touched_at = ? WHERE org_id = ? AND id = ?", now, upload.org_id, upload.id);
}

void seal_upload(Tx& tx, const UploadRow& upload, const Sha256Text& digest, Time now) {
  tx.run("UPDATE uploads SET state = ?, digest = ?, touched_at = ? WHERE org_id = ? AND id = ?", UploadState::sealed,
         digest, now, upload.org_id, upload.id);
}

void remove_upload(Tx& tx, const UploadRow& upload) {
  tx.run("DELETE FROM upload_files WHERE org_id = ? AND upload_id = ?", upload.org_id, upload.id);
  tx.run("DELETE FROM uploads WHERE org_id = ? AND id = ?", upload.org_id, upload.id);
}

std::vector<UploadRow> uploads_untouched_since(Tx& tx, Time before, std::int64_t limit) {
  return tx.all<UploadRow>(
      "SELECT " + columns<UploadRow>() + " FROM uploads WHERE touched_at < ? ORDER BY touched_at LIMIT ?", before,
      limit);
}

// ----------------------------------------------------------------------------------------- artifacts, blobs

std::optional<ArtifactRow> find_artifact(Tx& tx, const std::string& org_id, const std::string& sha256) {
  return tx.find<ArtifactRow>("SELECT " + columns<ArtifactRow>() + " FROM artifacts WHERE org_id = ? AND sha256 = ?",
                              org_id, sha256);
}

void release_artifact(Tx& tx, const std::string& org_id, const std::string& sha256, Time now) {
  const auto artifact = find_artifact(tx, org_id, sha256);
  if (!artifact) return;
  for (const std::string table : {"upload_files", "version_files"})
    if (tx.value<std::int64_t>("SELECT 1 FROM " + table + " WHERE org_id = ? AND sha256 = ? LIMIT 1", org_id, sha256))
      return;
  tx.run("DELETE FROM artifacts WHERE org_id = ? AND sha256 = ?", org_id, sha256);
  add_unclaimed_blob(tx, artifact->blob_key, now);
  doom_blob(tx, artifact->blob_key);
}

void add_unclaimed_blob(Tx& tx, const std::string& blob_key, Time now) {
  tx.run("INSERT INTO unclaimed_blobs (blob_key, doomed, created_at) VALUES (?, ?, ?)", blob_key, false, now);
}

bool claim_blob(Tx& tx, const std::string& blob_key) {
  return tx.run("DELETE FROM unclaimed_blobs WHERE blob_key = ? AND doomed = ?", blob_key, false) == 1;
}

bool doom_blob(Tx& tx, const std::string& blob_key) {
  return tx.run("UPDATE unclaimed_blobs SET doomed = ? WHERE blob_key = ?", true, blob_key) == 1;
}

void doom_blobs_from_before(Tx& tx, Time before) {
  tx.run(
      "UPDATE unclaimed_blobs SET doomed = ? WHERE created_at < ? AND doomed = ? AND NOT EXISTS (SELECT 1 FROM "
      "transfers t WHERE t.blob_key = unclaimed_blobs.blob_key)",
      true, before, false);
}

std::vector<std::string> doomed_blobs(Tx& tx, std::int64_t limit) {
  return tx.values<std::string>(
      "SELECT blob_key FROM unclaimed_blobs WHERE doomed = ? ORDER BY created_at, blob_key LIMIT ?", true, limit);
}

void forget_blob(Tx& tx, const std::string& blob_key) {
  tx.run("DELETE FROM unclaimed_blobs WHERE blob_key = ?", blob_key);
}

// ------------------------------------------------------------------------------------------------ analyses

std::optional<Analysis> find_analysis(Tx& tx, const std::string& org_id, const std::string& digest) {
  const auto text =
      tx.value<std::string>("SELECT analysis FROM analyses WHERE org_id = ? AND digest = ?", org_id, digest);
  if (!text) return std::nullopt;
  return reflect::from_stored_json<Analysis>(*text);
}

void keep_analysis(Tx& tx, const std::string& org_id, const std::string& digest, const Analysis& analysis, Time now) {
  tx.run(
      "INSERT INTO analyses (org_id, digest, analysis, created_at) VALUES (?, ?, ?, ?) ON CONFLICT (org_id, digest) DO "
      "UPDATE SET analysis = excluded.analysis, created_at = excluded.created_at",
      org_id, digest, reflect::to_json(analysis), now);
}

}  // namespace modelops::registry::store
