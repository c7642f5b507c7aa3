#pragma once
#include <chrono>

#include "identity/ports.hpp"
#include "platform/eventlog/event_log.hpp"
#include "platform/storage/blobs.hpp"
#include "registry/transfer_store.hpp"

namespace modelops::registry {

struct UploadLimits {
  std::uint64_t file_bytes_max = std::uint64_t{1} << 40;
  std::int64_t files_max = 10'000;
  /// What nobody touched for so long is removed: an upload, and a file on its way.
  std::chrono::hours age_max{48};
};

/// A file that is whole, in a blob that nothing holds yet.
struct ArrivedFile {
  FileEntry entry;
  std::string blob_key;
};

/// The files of a model, before they become a version. An upload is seen by whoever made it, and by those who see all
/// of the organisation.
class Uploads {
 public:
  /// All of it outlives this.
  Uploads(db::Database& database, const Clock& clock, storage::Blobs& blobs, identity::AuditTrail& audit,
          eventlog::EventLog& events, UploadLimits limits = {})
      : database_(database), clock_(clock), blobs_(blobs), audit_(audit), events_(events), limits_(limits) {}

  Upload create(const Context& ctx, const CreateUpload& request);
  Upload get(const Context& ctx, const UploadReference& request);
  void remove(const Context& ctx, const UploadReference& request);
  const UploadLimits& limits() const { return limits_; }

  // In the transaction of another change of this folder.

  UploadRow add(db::Tx& tx, const Context& ctx, const std::string& name);
  UploadRow find_or_fail(db::Tx& tx, const Context& ctx, const UploadId& id);
  /// The same, as long as it takes files: throws Error(conflict) once it is sealed.
  UploadRow find_open(db::Tx& tx, const Context& ctx, const UploadId& id);
  /// Makes the files the upload's. Returns the blobs of contents that the organisation has already: to be discarded.
  std::vector<std::string> take(db::Tx& tx, const UploadRow& upload, const std::vector<ArrivedFile>& files);
  /// From here on its content is fixed; returns the digest of its manifest. Throws Error(conflict) that names files
  /// while they are on their way.
  Sha256Text seal(db::Tx& tx, const Context& ctx, const UploadId& id);

  /// A new blob, which the database knows as unclaimed, so that it is found and removed whenever this process dies.
  /// `expected_bytes` 0: not known.
  std::unique_ptr<storage::Upload> begin_blob(std::uint64_t expected_bytes);
  /// Removes a doomed blob now rather than at the next clean-up. Outside of transactions.
  void discard(const std::string& blob_key) noexcept;
  /// One bounded step of cleaning up: old uploads, what was half written, contents that nothing holds any more.
  /// `check` is called in each write transaction. Returns true when there may be more to do.
  bool clean_up(const std::function<void(db::Tx&)>& check);

 private:
  Upload to_upload(db::Tx& tx, const UploadRow& row);
  void require_arrived(db::Tx& tx, const UploadRow& row);
  void remove_with_files(db::Tx& tx, const UploadRow& row);
  void remove_blob(const std::string& blob_key);

  db::Database& database_;
  const Clock& clock_;
  storage::Blobs& blobs_;
  identity::AuditTrail& audit_;
  eventlog::EventLog& events_;
  const UploadLimits limits_;
};

Transfer to_transfer(const TransferRow& row);

}  // namespace modelops::registry
