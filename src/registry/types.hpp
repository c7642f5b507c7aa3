#pragma once
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "audit/types.hpp"
#include "evidence/types.hpp"
#include "identity/types.hpp"
#include "platform/jobs/types.hpp"
#include "platform/query/facets.hpp"
#include "platform/query/page.hpp"
#include "reflect/schema.hpp"
#include "reflect/values.hpp"
#include "registry/analysis/types.hpp"

namespace modelops::registry {

using identity::Reference;
using identity::Visibility;
using reflect::Bounded;
using reflect::Doc;
using reflect::Paragraph;
using reflect::Patch;
using reflect::RelativePath;
using reflect::Sha256Text;
using reflect::Slug;
using reflect::Tags;

inline constexpr Permission models_read{"models:read"};
inline constexpr Permission models_write{"models:write"};
inline constexpr Permission models_delete{"models:delete"};
inline constexpr Permission uploads_write{"uploads:write"};

struct ModelTag {
  static constexpr std::string_view prefix = "mdl";
};
struct ModelVersionTag {
  static constexpr std::string_view prefix = "mdv";
};
struct UploadTag {
  static constexpr std::string_view prefix = "upl";
};
struct TransferTag {
  static constexpr std::string_view prefix = "trf";
};
using ModelId = Id<ModelTag>;
using ModelVersionId = Id<ModelVersionTag>;
using UploadId = Id<UploadTag>;
using TransferId = Id<TransferTag>;
using VersionNumber = reflect::Ranged<1, 2147483647>;

inline constexpr std::size_t tags_max = 64;
using Description = Paragraph<0, 20'000>;
using DisplayName = Bounded<1, 128>;

// ------------------------------------------------------------------------------------------------- uploads

enum class UploadState {
  open,    ///< takes files
  sealed,  ///< was analysed or became a version: its content is fixed
};
MODELOPS_DESCRIBE_ENUM(UploadState, open, sealed)

/// One file of a manifest: where it lies below the model's folder, and what it holds.
struct FileEntry {
  RelativePath path;
  std::int64_t size_bytes = 0;
  Sha256Text sha256;
};
MODELOPS_DESCRIBE(FileEntry, path, size_bytes, sha256);

enum class TransferState {
  receiving,  ///< goes on at `offset_bytes`
  arrived,    ///< all is there and verified, and not yet a file of its upload
  complete,
};
MODELOPS_DESCRIBE_ENUM(TransferState, receiving, arrived, complete)

/// One file on its way, by the tus protocol.
struct Transfer {
  TransferId id;
  std::optional<UploadId> upload_id;
  std::string path;
  TransferState state = TransferState::receiving;
  std::optional<std::int64_t> size_bytes;
  std::int64_t offset_bytes = 0;
  std::optional<Sha256Text> sha256;
  bool unpack = false;
  std::string created_by;
  Time created_at;
  Time expires_at;
  static constexpr Doc docs[] = {{"upload_id", "What it becomes a file of; absent: a part of a concatenation"},
                                 {"size_bytes", "Absent while the client does not know it"},
                                 {"offset_bytes", "What has arrived and survives a crash: where the next part begins"},
                                 {"sha256", "What the file must have, or has once it is there"},
                                 {"unpack", "It is an archive, whose files become the upload's"},
                                 {"expires_at", "When it is removed unless more arrives before"}};
};
MODELOPS_DESCRIBE(Transfer, id, upload_id, path, state, size_bytes, offset_bytes, sha256, unpack, created_by,
                  created_at, expires_at);
struct TransferReference {
  TransferId transfer;
};
MODELOPS_DESCRIBE(TransferReference, transfer);

/// What an organisation keeps of files, and how much it may keep.
struct StorageUsage {
  std::int64_t bytes_kept = 0;
  std::int64_t bytes_pending = 0;
  std::int64_t bytes_max = 0;
  std::int64_t transfers_pending = 0;
  std::int64_t transfers_max = 0;
  static constexpr Doc docs[] = {{"bytes_kept", "Of all files of uploads and versions, each content counted once"},
                                 {"bytes_pending", "Announced by uploads that have not ended"},
                                 {"bytes_max", "For both together"},
                                 {"transfers_pending", "Files on their way"}};
};
MODELOPS_DESCRIBE(StorageUsage, bytes_kept, bytes_pending, bytes_max, transfers_pending, transfers_max);
using QuotaBytes = reflect::Ranged<0, std::int64_t{1} << 60>;
using QuotaTransfers = reflect::Ranged<0, 1'000'000>;
struct SetStorageQuota {
  Reference organization;
  QuotaBytes bytes_max;
  QuotaTransfers transfers_max;
};
MODELOPS_DESCRIBE(SetStorageQuota, organization, bytes_max, transfers_max);

struct Upload {
  UploadId id;
  std::string name;
  UploadState state = UploadState::open;
  std::optional<Sha256Text> digest;
  std::int64_t size_bytes = 0;
  std::vector<FileEntry> files;
  std::vector<Transfer> transfers;
  std::string created_by;
  Time created_at;
  Time expires_at;
  static constexpr Doc docs[] = {
      {"transfers", "The files that are still on their way"},
      {"digest", "Of the canonical manifest, once the upload is sealed"},
      {"expires_at", "When it is removed unless it is used before; versions made of it stay"}};
};
MODELOPS_DESCRIBE(Upload, id, name, state, digest, size_bytes, files, transfers, created_by, created_at, expires_at);

struct CreateUpload {
  Bounded<0, 128> name = *Bounded<0, 128>::parse("");
};
MODELOPS_DESCRIBE(CreateUpload, name);
struct UploadReference {
  UploadId upload;
};
MODELOPS_DESCRIBE(UploadReference, upload);

/// Where a model's files come from.
struct UploadSource {
  static constexpr std::string_view type = "upload";
  UploadId upload_id;
};
MODELOPS_DESCRIBE(UploadSource, upload_id);
using Source = std::variant<UploadSource>;

// ------------------------------------------------------------------------------------------------- analysis

/// The result of the operation `model.analyze`.
struct SourceAnalysis {
  UploadId upload_id;
  Sha256Text digest;
  Analysis analysis;
};
MODELOPS_DESCRIBE(SourceAnalysis, upload_id, digest, analysis);

struct AnalyzeSource {
  UploadId upload_id;
};
MODELOPS_DESCRIBE(AnalyzeSource, upload_id);

// -------------------------------------------------------------------------------------------------- models

enum class VersionApproval { none, pending, approved, rejected };
MODELOPS_DESCRIBE_ENUM(VersionApproval, none, pending, approved, rejected)

struct AliasNameRule {
  static bool accepts(std::string_view text);
  static std::string says() {
    return "must be 1 to 255 letters, digits, '-' or '_', not 'latest' and not 'v' with a number";
  }
  static constexpr std::string_view pattern = "^(?!latest$)(?!v[0-9]+$)[A-Za-z0-9_-]{1,255}$";
  static constexpr std::string_view format = "";
  static constexpr std::size_t min = 1;
  static constexpr std::size_t max = 255;
};
using AliasName = reflect::Text<AliasNameRule>;
/// Follows the highest approved version; nobody sets it.
inline constexpr std::string_view latest_approved = "latest-approved";

struct Model {
  identity::OrgId org_id;
  ModelId id;
  Slug name;
  std::string display_name;
  std::string description;
  Visibility visibility = Visibility::private_;
  std::optional<identity::TeamId> team_id;
  Tags tags;
  std::optional<ModelInterface> interface;
  std::optional<std::string> engine;
  std::optional<Framework> framework;
  std::optional<std::string> architecture;
  std::optional<std::int64_t> parameter_count;
  std::optional<SizeClass> size_class;
  std::optional<std::string> license;
  std::optional<UploadId> source_upload_id;
  std::optional<Sha256Text> source_digest;
  std::optional<jobs::OperationId> analysis_operation_id;
  std::int64_t latest_version = 0;
  VersionApproval latest_approval = VersionApproval::none;
  std::map<AliasName, std::int64_t> aliases;
  std::string created_by;
  std::int64_t row_version = 1;
  Time created_at;
  Time updated_at;
  static constexpr Doc docs[] = {
      {"org_id", "Whose it is: another organization's only when it is public"},
      {"interface", "Chosen, or found by analysis"},
      {"engine", "Chosen, or recommended by analysis"},
      {"framework", "Found by analysis, as are architecture, parameter_count, size_class and license"},
      {"source_digest", "Of the canonical manifest of the source it was registered with"},
      {"latest_version", "The highest version; 0: none yet"},
      {"latest_approval", "Of the highest version"},
      {"aliases", "The version that each alias points to"}};
};
MODELOPS_DESCRIBE(Model, org_id, id, name, display_name, description, visibility, team_id, tags, interface, engine,
                  framework, architecture, parameter_count, size_class, license, source_upload_id, source_digest,
                  analysis_operation_id, latest_version, latest_approval, aliases, created_by, row_version, created_at,
                  updated_at);

enum class ModelScope { organization, public_ };
MODELOPS_DESCRIBE_ENUM(ModelScope, organization, public_)

struct ListModels {
  ModelScope scope = ModelScope::organization;
  query::PageSize page_size = query::default_page_size();
  std::string page_token;
  std::string filter;
  std::string order_by;
  static constexpr Doc docs[] = {
      {"scope", "Those of your organization, or the public ones of the whole installation"},
      {"filter", "For example: framework = 'onnx' AND tags.stage = 'beta' AND name LIKE 'digit%'"},
      {"order_by", "name, created_at or updated_at, with desc for descending"}};
};
MODELOPS_DESCRIBE(ListModels, scope, page_size, page_token, filter, order_by);
struct ModelPage {
  std::vector<Model> items;
  std::optional<std::string> next_page_token;
};
MODELOPS_DESCRIBE(ModelPage, items, next_page_token);

struct FacetModels {
  ModelScope scope = ModelScope::organization;
  std::string filter;
  static constexpr Doc docs[] = {{"scope", "As in the list"}, {"filter", "As in the list"}};
};
MODELOPS_DESCRIBE(FacetModels, scope, filter);

struct CreateModel {
  Slug name;
  std::optional<DisplayName> display_name;
  Description description = *Description::parse("");
  Visibility visibility = Visibility::private_;
  std::optional<Reference> team;
  Tags tags;
  std::optional<ModelInterface> interface;
  std::optional<Slug> engine;
  std::optional<jobs::OperationId> analysis_operation_id;
  std::optional<Source> source;
  bool create_version = false;
  static constexpr Doc docs[] = {{"team", "Whose members see it; required for the visibility `team`"},
                                 {"interface", "Without it, what analysis finds"},
                                 {"engine", "Without it, what analysis recommends"},
                                 {"analysis_operation_id", "The analysis of its source, done or under way"},
                                 {"source", "Analysed when it was not: the answer then names the operation"},
                                 {"create_version", "Make version 1 of the source at once"}};
};
MODELOPS_DESCRIBE(CreateModel, name, display_name, description, visibility, team, tags, interface, engine,
                  analysis_operation_id, source, create_version);

struct ModelReference {
  Reference model;
};
MODELOPS_DESCRIBE(ModelReference, model);

struct ListModelActivity {
  Reference model;
  query::PageSize page_size = query::default_page_size();
  std::string page_token;
};
MODELOPS_DESCRIBE(ListModelActivity, model, page_size, page_token);
/// What somebody did to a model, a version, an approval of one, or a deployment of it.
struct ModelActivity {
  audit::RecordId id;
  Time time;
  ActorKind actor_kind = ActorKind::system;
  std::string actor_id;
  std::string action;
  std::string subject_kind;
  std::string subject_id;
  std::optional<std::int64_t> version;
  std::optional<boost::json::value> data;
  static constexpr Doc docs[] = {
      {"id", "Of the audit record that it is taken from"},
      {"action", "model.create, model_version.create, model_alias.set, approval.approve, deployment.created…"},
      {"version", "Where it is about one"},
      {"data", "What changed, by action; absent once it was pruned"}};
};
MODELOPS_DESCRIBE(ModelActivity, id, time, actor_kind, actor_id, action, subject_kind, subject_id, version, data);
struct ModelActivityPage {
  std::vector<ModelActivity> items;
  std::optional<std::string> next_page_token;
};
MODELOPS_DESCRIBE(ModelActivityPage, items, next_page_token);

struct UpdateModel {
  Reference model;
  Patch<DisplayName> display_name;
  Patch<Description> description;
  Patch<Visibility> visibility;
  Patch<Reference> team;
  Patch<Tags> tags;
  Patch<ModelInterface> interface;
  Patch<Slug> engine;
  static constexpr Doc docs[] = {{"tags", "All of them: those that are not named here go"}};
};
MODELOPS_DESCRIBE(UpdateModel, model, display_name, description, visibility, team, tags, interface, engine);

/// Something that uses a model, and so keeps it from being deleted.
struct ModelUse {
  std::string kind;  ///< "deployment"
  std::string id;
  std::string name;
};
MODELOPS_DESCRIBE(ModelUse, kind, id, name);

struct DeletionPreview {
  ModelId id;
  bool deletable = true;
  std::int64_t versions = 0;
  std::vector<std::string> aliases;
  std::int64_t size_bytes = 0;
  std::vector<ModelUse> uses;
  static constexpr Doc docs[] = {{"size_bytes", "Of the files of its versions, each content counted once"},
                                 {"uses", "What has to go first"}};
};
MODELOPS_DESCRIBE(DeletionPreview, id, deletable, versions, aliases, size_bytes, uses);

// ------------------------------------------------------------------------------------------------ versions

struct ModelVersion {
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
  std::vector<std::string> aliases;
  std::string created_by;
  std::int64_t row_version = 1;
  Time created_at;
  static constexpr Doc docs[] = {
      {"digest", "SHA-256 of the canonical manifest: all evidence binds to it"},
      {"self_approved", "Its author approved it, since nobody else could; no production gate accepts that"}};
};
MODELOPS_DESCRIBE(ModelVersion, id, model_id, version, digest, size_bytes, file_count, description, approval_state,
                  approval_id, self_approved, aliases, created_by, row_version, created_at);

struct ListModelVersions {
  Reference model;
  query::PageSize page_size = query::default_page_size();
  std::string page_token;
  std::string filter;
  std::string order_by;
  static constexpr Doc docs[] = {
      {"filter", "For example: approval_state = 'approved'"},
      {"order_by", "version or created_at, with desc for descending; the newest come first"}};
};
MODELOPS_DESCRIBE(ListModelVersions, model, page_size, page_token, filter, order_by);
struct ModelVersionPage {
  std::vector<ModelVersion> items;
  std::optional<std::string> next_page_token;
};
MODELOPS_DESCRIBE(ModelVersionPage, items, next_page_token);

struct CreateModelVersion {
  Reference model;
  std::optional<UploadId> upload_id;
  std::optional<Source> source;
  Description description = *Description::parse("");
  static constexpr Doc docs[] = {{"upload_id", "The same as a source of the type upload"},
                                 {"source", "Without one, what the model was registered with"}};
};
MODELOPS_DESCRIBE(CreateModelVersion, model, upload_id, source, description);
struct VersionReference {
  Reference model;
  VersionNumber version;
};
MODELOPS_DESCRIBE(VersionReference, model, version);
struct RequestVersionApproval {
  Reference model;
  VersionNumber version;
  evidence::Comment comment = *evidence::Comment::parse("");
};
MODELOPS_DESCRIBE(RequestVersionApproval, model, version, comment);
struct FileList {
  Sha256Text digest;
  std::vector<FileEntry> items;
};
MODELOPS_DESCRIBE(FileList, digest, items);
struct VersionFileReference {
  Reference model;
  VersionNumber version;
  Sha256Text sha256;
};
MODELOPS_DESCRIBE(VersionFileReference, model, version, sha256);

struct ListTensors {
  Reference model;
  VersionNumber version;
  std::optional<RelativePath> file;
  query::PageSize page_size = query::PageSize::of<200>();
  std::string page_token;
  static constexpr Doc docs[] = {{"file", "Of this file only; without it of all files, in the order of their paths"}};
};
MODELOPS_DESCRIBE(ListTensors, model, version, file, page_size, page_token);
struct VersionTensor {
  std::string file;
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::optional<std::int64_t> size_bytes;
  static constexpr Doc docs[] = {{"dtype", "As the file calls it: BF16, Q4_K, float32"},
                                 {"shape", "The outermost dimension first"},
                                 {"size_bytes", "Absent when the file's header does not say"}};
};
MODELOPS_DESCRIBE(VersionTensor, file, name, dtype, shape, size_bytes);
struct TensorPage {
  Sha256Text digest;
  std::vector<VersionTensor> items;
  std::optional<std::string> next_page_token;
  static constexpr Doc docs[] = {
      {"items", "Of safetensors, GGUF and ONNX files: a page may be shorter than asked for"}};
};
MODELOPS_DESCRIBE(TensorPage, digest, items, next_page_token);

// ------------------------------------------------------------------------------------------------- aliases

struct Alias {
  AliasName alias;
  std::int64_t version = 0;
  std::string updated_by;
  Time updated_at;
};
MODELOPS_DESCRIBE(Alias, alias, version, updated_by, updated_at);
struct AliasList {
  std::vector<Alias> items;
};
MODELOPS_DESCRIBE(AliasList, items);
struct SetAlias {
  Reference model;
  AliasName alias;
  VersionNumber version;
  static constexpr Doc docs[] = {{"alias", "Moved when it is set already; latest-approved is kept by the system"}};
};
MODELOPS_DESCRIBE(SetAlias, model, alias, version);
struct AliasReference {
  Reference model;
  AliasName alias;
};
MODELOPS_DESCRIBE(AliasReference, model, alias);

}  // namespace modelops::registry
