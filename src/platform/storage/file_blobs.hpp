#pragma once
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "platform/storage/blobs.hpp"

namespace modelops::storage {

/// Blobs as files of mode 0600 below one folder (see README.md for the layout). Several processes may share
/// the folder.
class FileBlobs final : public Blobs {
 public:
  struct Options {
    /// Writes are refused when they would leave less than this free on the file system, so that uploads
    /// cannot take the space that the database needs.
    std::uint64_t reserve_bytes = 0;
    /// pwrite(2); tests put a failing disk here.
    std::function<ssize_t(int fd, const void* bytes, std::size_t count, off_t offset)> write_at = ::pwrite;
  };

  /// Makes the folders when they are missing.
  explicit FileBlobs(std::filesystem::path root) : FileBlobs(std::move(root), Options()) {}
  FileBlobs(std::filesystem::path root, Options options);

  std::unique_ptr<Upload> begin(std::uint64_t expected_bytes) override;
  std::unique_ptr<Upload> begin_copy(const BlobKey& key, std::uint64_t expected_bytes) override;
  std::unique_ptr<Upload> resume(const BlobKey& key) override;
  std::vector<IncompleteBlob> incomplete(Time before) const override;
  std::unique_ptr<BlobReader> open(const BlobKey& key) const override;
  std::uint64_t size_bytes(const BlobKey& key) const override;
  void remove(const BlobKey& key) override;

  /// Where a complete blob is, below the root.
  static std::filesystem::path place(const BlobKey& key);

 private:
  class FileUpload;
  std::unique_ptr<Upload> create(BlobKey key, std::uint64_t expected_bytes);
  std::filesystem::path incoming_path(const BlobKey& key) const;
  std::filesystem::path complete_path(const BlobKey& key) const;
  void require_space(std::uint64_t bytes) const;

  const std::filesystem::path root_;
  const Options options_;
};

}  // namespace modelops::storage
