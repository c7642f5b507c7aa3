#pragma once
#include <atomic>
#include <map>
#include <mutex>

#include "platform/crypto/checksum.hpp"
#include "platform/crypto/hash.hpp"
#include "registry/analysis/ports.hpp"
#include "registry/quotas.hpp"
#include "registry/tus.hpp"
#include "registry/uploads.hpp"

namespace modelops::registry {

struct NewTransfer {
  std::optional<UploadId> upload_id;  ///< absent: an upload of its own is begun, unless it is a part
  std::string path;                   ///< empty: it is a part of a concatenation
  std::optional<std::int64_t> size_bytes;
  std::optional<Sha256Text> sha256;
  bool unpack = false;
  std::string concatenation;  ///< the Upload-Concat header
  std::string metadata;       ///< the Upload-Metadata header
};

/// A writer's hold on the blob of a transfer, which a later one may take from it once it has gone silent.
struct TransferHold {
  std::mutex mutex;
  std::unique_ptr<storage::Upload> blob;  ///< empty: taken away
  Time last_write;
  std::atomic<bool> ending = false;  ///< all has arrived: it is checked, or unpacked, or waits for its turn
};

/// Files on their way, part by part, each part durable and hashed before it is acknowledged. Knows no HTTP.
class Transfers {
 public:
  struct Options {
    /// What arrives in one go is acknowledged in pieces of this size, so that a crash costs no more.
    std::uint64_t part_bytes_max = 16 << 20;
    std::int64_t parts_max = 200'000;
    /// A writer that sent nothing for so long loses its hold to another one.
    std::chrono::seconds silence_max{5};
    /// From here on, reading a file again takes long.
    std::int64_t slow_bytes_min = 64 << 20;
  };
  /// All of it outlives this.
  Transfers(db::Database& database, const Clock& clock, storage::Blobs& blobs, identity::AuditTrail& audit,
            Uploads& uploads, Quotas& quotas, Unpacker& unpacker)
      : Transfers(database, clock, blobs, audit, uploads, quotas, unpacker, Options()) {}
  Transfers(db::Database& database, const Clock& clock, storage::Blobs& blobs, identity::AuditTrail& audit,
            Uploads& uploads, Quotas& quotas, Unpacker& unpacker, Options options)
      : database_(database),
        clock_(clock),
        blobs_(blobs),
        audit_(audit),
        uploads_(uploads),
        quotas_(quotas),
        unpacker_(unpacker),
        options_(options) {}

  /// An empty file is complete at once.
  TransferRow create(const Context& ctx, const NewTransfer& request);
  /// How it stands. `arrived`: a process died between the last byte and the end; `recover` completes it. Throws
  /// http::Refusal 423 while its end is under way.
  TransferRow get(const Context& ctx, const TransferReference& request);
  /// The same after the end that was interrupted is made. Takes long.
  TransferRow recover(const Context& ctx, const TransferReference& request);
  /// Throws Error(not_found) unless it is here and the caller sees it.
  void require(const Context& ctx, const TransferReference& request);
  /// Gives it up; a file that it became stays.
  void remove(const Context& ctx, const TransferReference& request);
  /// The partial uploads of these names. Throws Error: not_found; conflict for one that is not complete.
  std::vector<TransferRow> parts_of(const Context& ctx, const std::vector<std::string>& names);
  /// Puts them together, in this order, and removes them.
  TransferRow concatenate(const Context& ctx, const NewTransfer& request, const std::vector<TransferRow>& parts);
  bool concatenates_slowly(const NewTransfer& request, const std::vector<TransferRow>& parts) const;

  /// What follows at `offset_bytes`. Throws Error: conflict when it is not where the transfer stands, gone when it has
  /// expired; and http::Refusal 423 while another writer is at it.
  class Receiver;
  std::unique_ptr<Receiver> receive(const Context& ctx, const TransferId& id, std::int64_t offset_bytes,
                                    std::optional<std::int64_t> size_bytes, std::optional<tus::Checksum> checksum);
  const UploadLimits& limits() const { return uploads_.limits(); }

 private:
  TransferRow find_or_fail(db::Tx& tx, const Context& ctx, const TransferId& id);
  std::shared_ptr<TransferHold> take_hold(const TransferRow& row);
  std::shared_ptr<TransferHold> hold_of(const TransferId& id);
  std::unique_ptr<storage::Upload> open_blob(const TransferRow& row);
  TransferRow declare_size(const Context& ctx, const TransferRow& row, std::int64_t size_bytes);
  /// Notes a part, in the transaction that makes it count.
  TransferRow record(TransferRow row, std::int64_t end_bytes, const std::string& part_sha256,
                     const std::string& sha256);
  TransferRow complete(const Context& ctx, const TransferRow& row);
  TransferRow complete_as_files(const Context& ctx, const TransferRow& row);
  std::vector<ArrivedFile> unpack(const Context& ctx, const TransferRow& row);
  TransferRow join(const Context& ctx, const TransferRow& row, const std::vector<TransferRow>& parts);
  void give_up(const TransferRow& row) noexcept;

  db::Database& database_;
  const Clock& clock_;
  storage::Blobs& blobs_;
  identity::AuditTrail& audit_;
  Uploads& uploads_;
  Quotas& quotas_;
  Unpacker& unpacker_;
  const Options options_;
  std::mutex mutex_;
  std::map<TransferId, std::weak_ptr<TransferHold>> holds_;  ///< in this process
};

/// Takes what arrives in one request. Destroyed without `finish` it keeps what has arrived, unless that was to be
/// checked as a whole.
class Transfers::Receiver {
 public:
  Receiver(Transfers& transfers, Context ctx, TransferRow row, std::shared_ptr<TransferHold> hold,
           std::optional<tus::Checksum> checksum);
  ~Receiver();
  Receiver(const Receiver&) = delete;

  void write(std::string_view bytes);
  /// How the transfer stands then. Throws http::Refusal 460 for a wrong checksum, with nothing of this request kept;
  /// Error(unprocessable) when the whole is not what it should be, with nothing kept at all.
  TransferRow finish();
  /// Whether `finish` takes long, once all of the request is written.
  bool finishes_slowly() const;

 private:
  std::int64_t offset() const { return row_.offset_bytes + part_bytes_; }
  bool is_whole() const { return row_.size_bytes && offset() == *row_.size_bytes; }
  storage::Upload& blob();
  void record(const std::string& sha256);

  Transfers& transfers_;
  const Context ctx_;
  TransferRow row_;
  std::shared_ptr<TransferHold> hold_;
  std::optional<tus::Checksum> checksum_;
  crypto::Checksum checked_;
  crypto::Sha256 part_;
  std::int64_t part_bytes_ = 0;
  const bool resumed_;  ///< what came in earlier requests is read again at the end
  bool ended_ = false;
};

}  // namespace modelops::registry
