#include "registry/jobs.hpp"

namespace modelops::registry {

boost::json::value AnalyzeHandler::run(jobs::JobRun& run) {
  const auto upload = UploadId::parse(std::string_view(run.payload().at("upload_id").as_string()));
  if (!upload) fail(ErrorCode::unprocessable, "This is not an upload.");
  run.progress(std::nullopt, "reading the files");
  const SourceAnalysis found = analyze(run.org_id(), *upload);
  for (const AnalysisWarning& warning : found.analysis.warnings)
    run.log(warning.message, warning.severity == Severity::info ? jobs::LineLevel::info : jobs::LineLevel::warning);
  const boost::json::value result = reflect::parse_json_value(reflect::to_json(found), {.elements_max = 10'000'000});
  database_.write([&](db::Tx& tx) {
    keep(tx, run.org_id(), found);
    run.complete(tx, result);
  });
  return result;
}

SourceAnalysis AnalyzeHandler::analyze(const std::string& org_id, const UploadId& upload_id) {
  SourceAnalysis out;
  out.upload_id = upload_id;
  const auto files = database_.read([&](db::Tx& tx) {
    std::vector<SourceFile> found;
    const auto upload = store::find_upload(tx, org_id, upload_id.str());
    if (!upload || !upload->digest)
      fail(ErrorCode::unprocessable, "The upload is not there any more. Upload the files again.");
    out.digest = *upload->digest;
    for (const FileEntry& file : store::upload_files(tx, org_id, upload_id.str())) {
      const auto artifact = store::find_artifact(tx, org_id, file.sha256.str());
      if (!artifact) fail(ErrorCode::internal, "A file of the upload is missing.", file.sha256.str());
      found.push_back({file.path.str(), static_cast<std::uint64_t>(file.size_bytes),
                       [this, key = *storage::BlobKey::parse(artifact->blob_key)] { return blobs_.open(key); }});
    }
    return found;
  });
  out.analysis = analyzer_.analyze(files);
  return out;
}

void AnalyzeHandler::keep(db::Tx& tx, const std::string& org_id, const SourceAnalysis& found) {
  store::keep_analysis(tx, org_id, found.digest.str(), found.analysis, clock_.now());
  store::describe_models(tx, org_id, found.digest.str(), found.analysis);
  if (const auto upload = store::find_upload(tx, org_id, found.upload_id.str()))
    events_.publish(tx, org_id, Audience::only(upload->created_by), "upload.analyzed", "upload", upload->id.str());
}

void UploadCleaner::reconcile(const jobs::Fence& fence) {
  while (uploads_.clean_up([&](db::Tx& tx) { fence.check(tx); })) {}
}

}  // namespace modelops::registry
