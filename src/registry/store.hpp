#pragma once
#include "platform/db/database.hpp"
#include "platform/storage/blobs.hpp"
#include "registry/types.hpp"

namespace modelops::registry {

struct TagRow {
  identity::OrgId org_id;
  ModelId model_id;
  reflect::TagKey key;
  reflect::TagValue value;
};
MODELOPS_DESCRIBE(TagRow, org_id, model_id, key, value);

struct VersionRow {
  identity::OrgId org_id;
  ModelVersionId id;
  ModelId model_id;
  std::int64_t version = 0;
  Sha256Text digest;
  std::int64_t size_bytes = 0;
  std::int64_t file_count = 0;
  std::string description;
  VersionApproval approval_state = VersionApproval::none;
  std::optional<evidence::ApprovalId> approval_id;
  bool self_approved = false;
  std::string created_by;
  std::int64_t row_version = 1;
  Time created_at;
};
MODELOPS_DESCRIBE(VersionRow, org_id, id, model_id, version, digest, size_bytes, file_count, description,
                  approval_state, approval_id, self_approved, created_by, row_version, created_at);

struct VersionFileRow {
  identity::OrgId org_id;
  ModelVersionId version_id;
  RelativePath path;
  std::int64_t size_bytes = 0;
  Sha256Text sha256;
};
MODELOPS_DESCRIBE(VersionFileRow, org_id, version_id, path, size_bytes, sha256);

struct UploadRow {
  identity::OrgId org_id;
  UploadId id;
  std::string name;
  UploadState state = UploadState::open;
  std::optional<Sha256Text> digest;
  std::string created_by;
  Time created_at;
  Time touched_at;  ///< when it last took a file or was used
};
MODELOPS_DESCRIBE(UploadRow, org_id, id, name, state, digest, created_by, created_at, touched_at);

struct ArtifactRow {
  identity::OrgId org_id;
  Sha256Text sha256;
  std::int64_t size_bytes = 0;
  std::string blob_key;
  Time created_at;
};
MODELOPS_DESCRIBE(ArtifactRow, org_id, sha256, size_bytes, blob_key, created_at);

/// SQL only, inside the caller's transaction.
namespace store {

/// By id or name; nothing for one that is deleted or that the caller may not see.
std::optional<Model> find_model(db::Tx& tx, const Context& ctx, const std::string& id_or_name);
/// Who sees it, deleted or not.
Audience audience(db::Tx& tx, const std::string& org_id, const ModelId& id);
bool name_is_taken(db::Tx& tx, const std::string& org_id, const std::string& name);
/// "models m WHERE …": those that the caller sees and that meet a condition.
query::SqlFragment matching(const Context& ctx, ModelScope scope, const query::SqlFragment& condition);
std::vector<Model> models(db::Tx& tx, const Context& ctx, ModelScope scope, const query::Keyset& keyset);
/// How many of the first `models_max` that match have each tag.
std::vector<query::FacetValue> tag_keys(db::Tx& tx, const query::SqlFragment& matching, std::int64_t models_max);
/// Inserts it with its tags.
void add_model(db::Tx& tx, const Model& model);
/// All that may change, tags included.
bool update_model(db::Tx& tx, const Model& model, std::int64_t seen_version);
void delete_model(db::Tx& tx, const Model& model, Time now);
/// Gives what analysis found to the models that were registered with this content.
void describe_models(db::Tx& tx, const std::string& org_id, const std::string& digest, const Analysis& analysis);
std::optional<identity::TeamId> find_team(db::Tx& tx, const std::string& org_id, const std::string& id_or_name);

std::vector<VersionRow> versions(db::Tx& tx, const Model& model, const query::Keyset& keyset);
std::optional<VersionRow> find_version(db::Tx& tx, const Model& model, std::int64_t version);
std::vector<VersionRow> newest_versions(db::Tx& tx, const Model& model, std::int64_t limit);
std::optional<VersionRow> find_version_by_id(db::Tx& tx, const std::string& id);
std::optional<VersionRow> find_version_by_digest(db::Tx& tx, const Model& model, const Sha256Text& digest);
std::vector<FileEntry> version_files(db::Tx& tx, const std::string& org_id, const ModelVersionId& id);
/// The first file of this content.
std::optional<FileEntry> find_version_file(db::Tx& tx, const VersionRow& version, const Sha256Text& sha256);
/// Those that were ever asked to be approved.
std::vector<ModelVersionId> versions_with_approval(db::Tx& tx, const Model& model);
void set_approval(db::Tx& tx, const std::string& org_id, const std::string& version_id, VersionApproval state,
                  const evidence::ApprovalId& approval, bool self_approved);
std::optional<std::int64_t> highest_approved(db::Tx& tx, const std::string& org_id, const ModelId& model);
/// Of all files of all versions of the model, each content once.
std::int64_t model_bytes(db::Tx& tx, const Model& model);

std::vector<Alias> aliases(db::Tx& tx, const std::string& org_id, const ModelId& model);
std::optional<Alias> find_alias(db::Tx& tx, const std::string& org_id, const ModelId& model, const std::string& alias);
void set_alias(db::Tx& tx, const std::string& org_id, const ModelId& model, const Alias& alias);
bool remove_alias(db::Tx& tx, const std::string& org_id, const ModelId& model, const std::string& alias);

std::optional<UploadRow> find_upload(db::Tx& tx, const std::string& org_id, const std::string& id);
std::vector<FileEntry> upload_files(db::Tx& tx, const std::string& org_id, const std::string& upload_id);
std::optional<FileEntry> find_upload_file(db::Tx& tx, const UploadRow& upload, const RelativePath& path);
std::int64_t count_upload_files(db::Tx& tx, const UploadRow& upload);
void put_upload_file(db::Tx& tx, const UploadRow& upload, const FileEntry& file);
void touch_upload(db::Tx& tx, const UploadRow& upload, Time now);
void seal_upload(db::Tx& tx, const UploadRow& upload, const Sha256Text& digest, Time now);
void remove_upload(db::Tx& tx, const UploadRow& upload);
std::vector<UploadRow> uploads_untouched_since(db::Tx& tx, Time before, std::int64_t limit);

std::optional<ArtifactRow> find_artifact(db::Tx& tx, const std::string& org_id, const std::string& sha256);
/// Gives the blob of this content up for removal when no upload and no version holds it any more.
void release_artifact(db::Tx& tx, const std::string& org_id, const std::string& sha256, Time now);

void add_unclaimed_blob(db::Tx& tx, const std::string& blob_key, Time now);
/// Takes a blob out of the unclaimed ones; false when it is doomed or gone.
bool claim_blob(db::Tx& tx, const std::string& blob_key);
/// False when it is not an unclaimed one.
bool doom_blob(db::Tx& tx, const std::string& blob_key);
/// But not those of files on their way, which expire by themselves.
void doom_blobs_from_before(db::Tx& tx, Time before);
std::vector<std::string> doomed_blobs(db::Tx& tx, std::int64_t limit);
void forget_blob(db::Tx& tx, const std::string& blob_key);

std::optional<Analysis> find_analysis(db::Tx& tx, const std::string& org_id, const std::string& digest);
void keep_analysis(db::Tx& tx, const std::string& org_id, const std::string& digest, const Analysis& analysis,
                   Time now);

}  // namespace store
}  // namespace modelops::registry
