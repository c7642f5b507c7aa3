#pragma once
#include <string_view>

#include "evidence/service.hpp"
#include "platform/jobs/operations.hpp"
#include "registry/ports.hpp"
#include "registry/uploads.hpp"

namespace modelops::registry {

/// The operation that analyses an upload.
inline constexpr std::string_view analyze_kind = "model.analyze";

/// What the answer of `resolve` names.
struct ResolvedVersion {
  Model model;
  ModelVersion version;
};

/// Models, their versions and aliases.
class Service {
 public:
  /// All of it outlives the service.
  Service(db::Database& database, const Clock& clock, storage::Blobs& blobs, identity::AuditTrail& audit,
          eventlog::EventLog& events, evidence::Service& evidence, jobs::Operations& operations, Uploads& uploads,
          std::vector<UsageReport*> usage)
      : database_(database),
        clock_(clock),
        blobs_(blobs),
        audit_(audit),
        events_(events),
        evidence_(evidence),
        operations_(operations),
        uploads_(uploads),
        usage_(std::move(usage)) {}

  jobs::Operation analyze(const Context& ctx, const AnalyzeSource& request);

  ModelPage list_models(const Context& ctx, const ListModels& request);
  query::Facets facets(const Context& ctx, const FacetModels& request);
  Model create_model(const Context& ctx, const CreateModel& request);
  Model get_model(const Context& ctx, const ModelReference& request);
  Model update_model(const Context& ctx, const UpdateModel& request);
  void delete_model(const Context& ctx, const ModelReference& request);
  DeletionPreview preview_deletion(const Context& ctx, const ModelReference& request);
  Analysis model_analysis(const Context& ctx, const ModelReference& request);

  ModelVersionPage list_versions(const Context& ctx, const ListModelVersions& request);
  ModelVersion create_version(const Context& ctx, const CreateModelVersion& request);
  ModelVersion get_version(const Context& ctx, const VersionReference& request);
  Analysis version_analysis(const Context& ctx, const VersionReference& request);
  FileList version_files(const Context& ctx, const VersionReference& request);
  evidence::Approval request_approval(const Context& ctx, const RequestVersionApproval& request);
  /// One file of a version; `range` is the request's Range header.
  http::Answer download(const Context& ctx, const VersionFileReference& request, std::string_view range);
  http::Answer download_whole(const Context& ctx, const VersionFileReference& request) {
    return download(ctx, request, {});
  }

  AliasList list_aliases(const Context& ctx, const ModelReference& request);
  Alias set_alias(const Context& ctx, const SetAlias& request);
  void remove_alias(const Context& ctx, const AliasReference& request);

  // For other capabilities, in the transaction of their own change.

  /// The version that "name@alias", "name:v3" (a model's id will do for its name) or a version's id names. `latest` is
  /// the highest version. Throws Error(not_found), and Error(unprocessable) for what is none of these.
  ResolvedVersion resolve(db::Tx& tx, const Context& ctx, std::string_view selector);
  std::vector<FileEntry> files_of(db::Tx& tx, const ResolvedVersion& resolved);
  std::unique_ptr<storage::BlobReader> open_file(db::Tx& tx, const ResolvedVersion& resolved, const FileEntry& file);
  /// Null when the organisation has no verified content with this digest.
  std::unique_ptr<storage::BlobReader> open_content(const std::string& org_id, const std::string& sha256);
  /// What analysis found in the content with this digest; nothing when nobody has analysed it yet.
  std::optional<Analysis> analysis_of(db::Tx& tx, const std::string& org_id, const std::string& digest);
  /// The model, as far as the caller sees it. Throws Error(not_found).
  Model model(db::Tx& tx, const Context& ctx, const Reference& reference) {
    return find_or_fail(tx, ctx, reference.str());
  }
  /// What points to a version now.
  std::vector<std::string> aliases_of(db::Tx& tx, const std::string& org_id, const std::string& version_id);

 private:
  Model find_or_fail(db::Tx& tx, const Context& ctx, const std::string& id_or_name);
  Model find_to_change(db::Tx& tx, const Context& ctx, const std::string& id_or_name);
  VersionRow version_or_fail(db::Tx& tx, const Model& model, std::int64_t version);
  ModelVersion to_version(db::Tx& tx, const VersionRow& row);
  std::optional<identity::TeamId> team_of(db::Tx& tx, const Context& ctx, const std::optional<Reference>& team);
  void attach_source(db::Tx& tx, const Context& ctx, const CreateModel& request, Model& model);
  jobs::Operation start_analysis(db::Tx& tx, const Context& ctx, const UploadId& upload);
  VersionRow add_version(db::Tx& tx, const Context& ctx, Model& model, const UploadId& upload,
                         const Description& description);
  std::vector<ModelUse> uses_of(db::Tx& tx, const Context& ctx, const Model& model);
  void tell(db::Tx& tx, const Context& ctx, const Audience& audience, const identity::Act& act);

  db::Database& database_;
  const Clock& clock_;
  storage::Blobs& blobs_;
  identity::AuditTrail& audit_;
  eventlog::EventLog& events_;
  evidence::Service& evidence_;
  jobs::Operations& operations_;
  Uploads& uploads_;
  std::vector<UsageReport*> usage_;
};

/// Carries decisions over to versions, and `latest-approved` with them.
class VersionApprovals final : public evidence::ApprovalOutcome {
 public:
  VersionApprovals(const Clock& clock, eventlog::EventLog& events) : clock_(clock), events_(events) {}
  std::string_view subject_kind() const override { return "model_version"; }
  void changed(db::Tx& tx, const Context& ctx, const evidence::Approval& approval) override;

 private:
  const Clock& clock_;
  eventlog::EventLog& events_;
};

}  // namespace modelops::registry
