#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelops::formats {

/// The bytes of one file, wherever they are. Implementations may be read from several threads.
class RandomAccess {
 public:
  virtual ~RandomAccess() = default;
  virtual std::uint64_t size() const = 0;
  /// Fills all of `out` from `offset`. Reading past the end, and any trouble of the device, is an Error.
  virtual void read_at(std::uint64_t offset, std::span<char> out) const = 0;
};

class MemorySource final : public RandomAccess {
 public:
  explicit MemorySource(std::string bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  void read_at(std::uint64_t offset, std::span<char> out) const override;

 private:
  std::string bytes_;
};

/// A file of this machine, opened once; its size is the size at opening.
class FileSource final : public RandomAccess {
 public:
  explicit FileSource(const std::filesystem::path& path);
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;
  ~FileSource() override;
  std::uint64_t size() const override { return size_; }
  void read_at(std::uint64_t offset, std::span<char> out) const override;

 private:
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

/// A part of another source, which must outlive it: a member of an archive.
class PartSource final : public RandomAccess {
 public:
  PartSource(const RandomAccess& whole, std::uint64_t offset, std::uint64_t size);
  std::uint64_t size() const override { return size_; }
  void read_at(std::uint64_t offset, std::span<char> out) const override;

 private:
  const RandomAccess& whole_;
  std::uint64_t offset_;
  std::uint64_t size_;
};

/// One file of a model: a path relative to the model's folder, '/' between its parts.
struct SourceFile {
  std::string path;
  std::uint64_t size_bytes = 0;
  std::function<std::unique_ptr<RandomAccess>()> open;
};

struct SourceTree {
  std::vector<SourceFile> files;
};

SourceFile memory_file(std::string path, std::string bytes);
SourceFile disk_file(std::string path, const std::filesystem::path& where);

/// True for a path that stays inside its folder on every system: relative, no empty part, no "." or "..",
/// no backslash, colon or control character, at most 1,024 bytes of UTF-8.
bool is_safe_relative_path(std::string_view path);

}  // namespace modelops::formats
