#pragma once
#include <chrono>

#include "identity/ports.hpp"
#include "platform/eventlog/event_log.hpp"
#include "platform/http/types.hpp"
#include "platform/storage/blobs.hpp"
#include "registry/store.hpp"
#include "registry/types.hpp"

namespace modelops::registry {

struct UploadLimits {
  std::uint64_t file_bytes_max = std::uint64_t{1} << 40;
  std::int64_t files_max = 10'000;
  /// An upload that nobody touched for so long is removed. So is a file that took as long to arrive.
  std::chrono::hours age_max{48};
};

/// Takes the files of a model, before they become a version. An upload is seen by whoever made it, and by those who
/// see all of the organisation.
class Uploads {
 public:
  /// All of it outlives this.
  Uploads(db::Database& database, const Clock& clock, storage::Blobs& blobs, identity::AuditTrail& audit,
          eventlog::EventLog& events, UploadLimits limits = {})
      : database_(database), clock_(clock), blobs_(blobs), audit_(audit), events_(events), limits_(limits) {}

  Upload create(const Context& ctx, const CreateUpload& request);
  Upload get(const Context& ctx, const UploadReference& request);
  void remove(const Context& ctx, const UploadReference& request);
  /// Takes one file. Until the whole of it has arrived and its digest is right, the upload is as it was.
  std::unique_ptr<http::BodySink> put_file(const Context& ctx, const PutUploadFile& request, const http::Request& head);
  const UploadLimits& limits() const { return limits_; }

  // In the transaction of another change of this folder.

  UploadRow find_or_fail(db::Tx& tx, const Context& ctx, const UploadId& id);
  /// From here on its content is fixed; returns the digest of its manifest.
  Sha256Text seal(db::Tx& tx, const Context& ctx, const UploadId& id);

  /// One bounded step of cleaning up: old uploads, what was half written, contents that nothing holds any more.
  /// `check` is called in each write transaction. Returns true when there may be more to do.
  bool clean_up(const std::function<void(db::Tx&)>& check);

 private:
  class FileSink;
  Upload to_upload(db::Tx& tx, const UploadRow& row);
  FileEntry adopt(const Context& ctx, const PutUploadFile& request, const storage::CompletedBlob& blob);
  void discard(const std::string& blob_key) noexcept;
  void remove_blob(const std::string& blob_key);

  db::Database& database_;
  const Clock& clock_;
  storage::Blobs& blobs_;
  identity::AuditTrail& audit_;
  eventlog::EventLog& events_;
  const UploadLimits limits_;
};

}  // namespace modelops::registry
