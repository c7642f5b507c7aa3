#pragma once
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace modelops::storage {

/// The name of a blob: 256 random bits as 64 lowercase hexadecimal digits. Made here, never by a caller, so
/// it says nothing about the content and cannot be a path.
class BlobKey {
 public:
  static BlobKey make();
  static std::optional<BlobKey> parse(std::string_view text);
  const std::string& str() const { return text_; }
  auto operator<=>(const BlobKey&) const = default;

 private:
  explicit BlobKey(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

struct CompletedBlob {
  BlobKey key;
  std::uint64_t size_bytes = 0;
  std::string sha256;  ///< hexadecimal
};

/// What was received between the end of the part before it and `end`, when it was received.
struct PartDigest {
  std::uint64_t end = 0;
  std::string sha256;  ///< hexadecimal
};

struct IncompleteBlob {
  BlobKey key;
  std::uint64_t size_bytes = 0;
  Time last_write;
};

/// One upload in progress, owned by one thread at a time. Destroyed without `complete` or `abort` it stays
/// where it is and can be resumed. Does not outlive its `Blobs`.
class Upload {
 public:
  virtual ~Upload() = default;
  virtual const BlobKey& key() const = 0;
  /// Bytes received so far: where the next part begins.
  virtual std::uint64_t offset() const = 0;
  /// Appends. Throws `insufficient_storage` when the disk is full; a failed write leaves what was there before it.
  virtual void write(std::string_view part) = 0;
  /// Gives up what lies beyond the first `size_bytes`. Throws `internal` when less is there.
  virtual void truncate(std::uint64_t size_bytes) = 0;
  /// When it returns, what was received survives a power cut.
  virtual void sync() = 0;
  /// The SHA-256 of all that was received. What this process has not hashed while it arrived is read again, and each
  /// of `parts` compared: throws `internal` for one that is not what was received.
  virtual std::string digest(std::span<const PartDigest> parts) = 0;
  /// When it returns, the blob is complete and durable, and the upload has ended.
  virtual CompletedBlob complete() = 0;
  /// Removes what was received; nothing happens when the upload has ended.
  virtual void abort() = 0;
};

/// A complete blob, open for reading; stays readable when the blob is removed. Thread-safe.
class BlobReader {
 public:
  virtual ~BlobReader() = default;
  virtual std::uint64_t size_bytes() const = 0;
  /// Fills `into` from `offset` on; returns fewer bytes than asked only at the end of the blob.
  virtual std::size_t read_at(std::uint64_t offset, std::span<char> into) const = 0;
};

/// Where blobs are kept. Thread-safe. To lose track of none, callers store the key of `begin` before they
/// write: a blob whose owner's transaction never came is then found and removed.
class Blobs {
 public:
  virtual ~Blobs() = default;
  /// `expected_bytes` (0: unknown) is refused at once with `insufficient_storage` when it cannot fit.
  virtual std::unique_ptr<Upload> begin(std::uint64_t expected_bytes) = 0;
  /// The same under a key that another store gave it: a copy keeps its name. Takes the place of an incomplete one.
  virtual std::unique_ptr<Upload> begin_copy(const BlobKey& key, std::uint64_t expected_bytes) = 0;
  /// Goes on with an upload, for instance after a restart. Throws `not_found` when there is none under
  /// `key`, `conflict` while somebody else is writing it.
  virtual std::unique_ptr<Upload> resume(const BlobKey& key) = 0;
  /// Uploads last written before `before`, for `resume(key)->abort()` by the clean-up.
  virtual std::vector<IncompleteBlob> incomplete(Time before) const = 0;

  /// Throws `not_found` unless there is a complete blob under `key`.
  virtual std::unique_ptr<BlobReader> open(const BlobKey& key) const = 0;
  virtual std::uint64_t size_bytes(const BlobKey& key) const = 0;
  /// Removes a complete blob; nothing happens when there is none.
  virtual void remove(const BlobKey& key) = 0;
};

}  // namespace modelops::storage
