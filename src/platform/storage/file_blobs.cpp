#include "platform/storage/file_blobs.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/descriptor.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "base/text.hpp"
#include "platform/crypto/hash.hpp"

namespace modelops::storage {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_io(const char* operation, const fs::path& path, int error) {
  const std::string detail = fmt::format("{} {}: {}", operation, path.string(), strerror(error));
  if (error == ENOSPC || error == EDQUOT || error == EFBIG)
    fail(ErrorCode::insufficient_storage, "the disk is full: free space or add storage, then upload again", detail);
  fail(ErrorCode::internal, "the blob store failed", detail);
}

[[noreturn]] void fail_missing() { fail(ErrorCode::not_found, "there is no such blob"); }

void sync_folder(const fs::path& folder) {
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) fail_io("fsync", folder, errno);
}

/// Makes `folder` below an existing one and sees that it survives a power cut.
void make_folder(const fs::path& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) fail_io("mkdir", folder, errno);
  sync_folder(folder.parent_path());  // also when another thread made it just now and has not synced yet
}

std::uint64_t file_size(int fd, const fs::path& path) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) fail_io("stat", path, errno);
  return static_cast<std::uint64_t>(status.st_size);
}

std::size_t read_fully(int fd, const fs::path& path, std::uint64_t offset, std::span<char> into) {
  if (offset > static_cast<std::uint64_t>(INT64_MAX)) return 0;
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_io("read", path, errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

class FileReader final : public BlobReader {
 public:
  explicit FileReader(const fs::path& path) : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_.get() < 0 && errno == ENOENT) fail_missing();
    if (fd_.get() < 0) fail_io("open", path, errno);
    size_bytes_ = file_size(fd_.get(), path);
  }
  std::uint64_t size_bytes() const override { return size_bytes_; }
  std::size_t read_at(std::uint64_t offset, std::span<char> into) const override {
    return read_fully(fd_.get(), path_, offset, into);
  }

 private:
  const fs::path path_;
  Descriptor fd_;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace

BlobKey BlobKey::make() { return BlobKey(to_hex(random_bytes(32))); }

std::optional<BlobKey> BlobKey::parse(std::string_view text) {
  if (text.size() != 64 || text.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
  return BlobKey(std::string(text));
}

class FileBlobs::FileUpload final : public Upload {
 public:
  /// `fd` is the locked, open file of the upload, which holds `offset` bytes.
  FileUpload(const FileBlobs& blobs, BlobKey key, Descriptor fd, std::uint64_t offset)
      : blobs_(blobs), key_(std::move(key)), path_(blobs.incoming_path(key_)), fd_(std::move(fd)), offset_(offset) {}

  const BlobKey& key() const override { return key_; }
  std::uint64_t offset() const override { return offset_; }

  void write(std::string_view part) override {
    require_open();
    blobs_.require_space(part.size());
    const std::uint64_t before = offset_;
    try {
      append(part);
    } catch (...) {
      offset_ = before;
      if (::ftruncate(fd_.get(), static_cast<off_t>(before)) != 0) abort();
      throw;
    }
    if (!digest_.empty()) forget_digest();
    // Of a resumed upload the beginning has not been hashed: `digest` reads it all at once.
    if (hashed_ == before) hash_part(part);
  }

  void truncate(std::uint64_t size_bytes) override {
    require_open();
    if (size_bytes > offset_) fail(ErrorCode::internal, "the blob store lost a part of an upload", path_.string());
    if (size_bytes == offset_) return;
    if (::ftruncate(fd_.get(), static_cast<off_t>(size_bytes)) != 0) fail_io("truncate", path_, errno);
    offset_ = size_bytes;
    forget_digest();
  }

  void sync() override {
    require_open();
    if (::fdatasync(fd_.get()) != 0) fail_io("fdatasync", path_, errno);
  }

  std::string digest(std::span<const PartDigest> parts) override {
    require_open();
    if (!digest_.empty()) return digest_;
    hash_rest(parts);
    digest_ = to_hex(hash_.finish());
    return digest_;
  }

  CompletedBlob complete() override {
    require_open();
    const fs::path to = blobs_.complete_path(key_);
    try {
      digest({});
      if (::fsync(fd_.get()) != 0) fail_io("fsync", path_, errno);
      make_folder(to.parent_path().parent_path());
      make_folder(to.parent_path());
      if (::rename(path_.c_str(), to.c_str()) != 0) fail_io("rename", path_, errno);
      sync_folder(to.parent_path());
      sync_folder(path_.parent_path());
      fd_.close();
    } catch (...) {
      ::unlink(to.c_str());  // it may have got there already, but not for certain
      abort();
      throw;
    }
    return {key_, offset_, digest_};
  }

  void abort() override {
    if (fd_.get() < 0) return;
    ::unlink(path_.c_str());  // before the lock goes, so that nobody resumes it in between
    fd_.close();
  }

 private:
  void require_open() const {
    if (fd_.get() < 0) fail(ErrorCode::conflict, "this upload has ended: begin a new one");
  }

  void append(std::string_view part) {
    while (!part.empty()) {
      const ssize_t written =
          blobs_.options_.write_at(fd_.get(), part.data(), part.size(), static_cast<off_t>(offset_));
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) fail_io("write", path_, written < 0 ? errno : ENOSPC);
      offset_ += static_cast<std::uint64_t>(written);
      part.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  void hash_part(std::string_view part) {
    hash_.update(part);
    hashed_ += part.size();
  }

  void forget_digest() {
    digest_.clear();
    hash_ = {};
    hashed_ = 0;
  }

  void hash_rest(std::span<const PartDigest> parts) {
    if (hashed_ == offset_) return;  // all of it was hashed as it came
    std::vector<char> buffer(1 << 20);
    crypto::Sha256 of_part;
    while (hashed_ < offset_) {
      const std::uint64_t end = parts.empty() ? offset_ : std::min(parts.front().end, offset_);
      const std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), end - hashed_));
      const std::size_t got = read_fully(fd_.get(), path_, hashed_, std::span(buffer).first(want));
      if (got == 0) fail_io("read", path_, EIO);
      hash_part({buffer.data(), got});
      if (parts.empty()) continue;
      of_part.update({buffer.data(), got});
      if (hashed_ < end) continue;
      if (to_hex(of_part.finish()) != parts.front().sha256)
        fail(ErrorCode::internal, "The storage changed what had arrived. Upload the file again.",
             fmt::format("{}: the part that ends at byte {}", path_.string(), end));
      parts = parts.subspan(1);
    }
  }

  const FileBlobs& blobs_;
  const BlobKey key_;
  const fs::path path_;
  Descriptor fd_;  ///< closed when the upload has ended
  std::uint64_t offset_;
  std::uint64_t hashed_ = 0;
  crypto::Sha256 hash_;
  std::string digest_;  ///< of all that was received; empty: not known yet
};

FileBlobs::FileBlobs(fs::path root, Options options) : root_(fs::absolute(root)), options_(std::move(options)) {
  if (!fs::exists(root_)) {
    fs::create_directories(root_);
    fs::permissions(root_, fs::perms::owner_all);
  }
  make_folder(root_ / "incoming");
  make_folder(root_ / "blobs");
}

fs::path FileBlobs::incoming_path(const BlobKey& key) const { return root_ / "incoming" / key.str(); }

fs::path FileBlobs::place(const BlobKey& key) {
  return fs::path("blobs") / key.str().substr(0, 2) / key.str().substr(2, 2) / key.str();
}

fs::path FileBlobs::complete_path(const BlobKey& key) const { return root_ / place(key); }

void FileBlobs::require_space(std::uint64_t bytes) const {
  struct statvfs status{};
  if (::statvfs(root_.c_str(), &status) != 0) fail_io("statvfs", root_, errno);
  const std::uint64_t free_bytes = static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
  if (free_bytes < options_.reserve_bytes || free_bytes - options_.reserve_bytes < bytes)
    fail_io("write", root_, ENOSPC);
}

std::unique_ptr<Upload> FileBlobs::begin(std::uint64_t expected_bytes) {
  return create(BlobKey::make(), expected_bytes);
}

std::unique_ptr<Upload> FileBlobs::begin_copy(const BlobKey& key, std::uint64_t expected_bytes) {
  if (::access(incoming_path(key).c_str(), F_OK) == 0) resume(key)->abort();
  return create(key, expected_bytes);
}

std::unique_ptr<Upload> FileBlobs::create(BlobKey key, std::uint64_t expected_bytes) {
  require_space(expected_bytes);
  const fs::path path = incoming_path(key);
  Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (fd.get() < 0) fail_io("create", path, errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) fail_io("lock", path, errno);
  return std::make_unique<FileUpload>(*this, std::move(key), std::move(fd), 0);
}

std::unique_ptr<Upload> FileBlobs::resume(const BlobKey& key) {
  const fs::path path = incoming_path(key);
  Descriptor fd(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (fd.get() < 0 && errno == ENOENT) fail_missing();
  if (fd.get() < 0) fail_io("open", path, errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) fail(ErrorCode::conflict, "this upload is being written by another request");
    fail_io("lock", path, errno);
  }
  // It may have been completed or removed between open and lock.
  if (::access(path.c_str(), F_OK) != 0) fail_missing();
  const std::uint64_t offset = file_size(fd.get(), path);
  return std::make_unique<FileUpload>(*this, key, std::move(fd), offset);
}

std::vector<IncompleteBlob> FileBlobs::incomplete(Time before) const {
  std::vector<IncompleteBlob> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(root_ / "incoming")) {
    const auto key = BlobKey::parse(entry.path().filename().string());
    struct stat status{};
    if (!key || ::stat(entry.path().c_str(), &status) != 0) continue;  // ended meanwhile
    const Time last_write{status.st_mtim.tv_sec * 1'000'000 + status.st_mtim.tv_nsec / 1000};
    if (last_write < before) found.push_back({*key, static_cast<std::uint64_t>(status.st_size), last_write});
  }
  return found;
}

std::unique_ptr<BlobReader> FileBlobs::open(const BlobKey& key) const {
  return std::make_unique<FileReader>(complete_path(key));
}

std::uint64_t FileBlobs::size_bytes(const BlobKey& key) const { return open(key)->size_bytes(); }

void FileBlobs::remove(const BlobKey& key) {
  const fs::path path = complete_path(key);
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT) return;
    fail_io("remove", path, errno);
  }
  sync_folder(path.parent_path());
}

}  // namespace modelops::storage
