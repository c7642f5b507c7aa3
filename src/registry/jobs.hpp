#pragma once
#include "platform/jobs/job_runner.hpp"
#include "platform/jobs/reconciler.hpp"
#include "registry/analysis/ports.hpp"
#include "registry/service.hpp"

namespace modelops::registry {

/// Does the operation `model.analyze`.
class AnalyzeHandler final : public jobs::JobHandler {
 public:
  AnalyzeHandler(db::Database& database, const Clock& clock, storage::Blobs& blobs, eventlog::EventLog& events,
                 SourceAnalyzer& analyzer)
      : database_(database), clock_(clock), blobs_(blobs), events_(events), analyzer_(analyzer) {}
  std::string_view kind() const override { return analyze_kind; }
  boost::json::value run(jobs::JobRun& run) override;

  /// What `run` does but for the operation: reads the files of an upload.
  SourceAnalysis analyze(const std::string& org_id, const UploadId& upload);
  /// Keeps it, and describes the models that were registered with this content.
  void keep(db::Tx& tx, const std::string& org_id, const SourceAnalysis& found);

 private:
  db::Database& database_;
  const Clock& clock_;
  storage::Blobs& blobs_;
  eventlog::EventLog& events_;
  SourceAnalyzer& analyzer_;
};

/// Removes old uploads and the blobs that nothing holds.
class UploadCleaner final : public jobs::Reconciler {
 public:
  explicit UploadCleaner(Uploads& uploads) : uploads_(uploads) {}
  std::string_view name() const override { return "registry/uploads"; }
  std::chrono::milliseconds interval() const override { return std::chrono::minutes(10); }
  void reconcile(const jobs::Fence& fence) override;

 private:
  Uploads& uploads_;
};

}  // namespace modelops::registry
