#include "formats/source.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.hpp"
#include "base/text.hpp"

namespace modelops::formats {
namespace {

void check_range(std::uint64_t size, std::uint64_t offset, std::size_t count) {
  if (offset > size || count > size - offset)
    fail(ErrorCode::internal, "The file could not be read.",
         fmt::format("read of {} bytes at {} in a source of {}", count, offset, size));
}

}  // namespace

void MemorySource::read_at(std::uint64_t offset, std::span<char> out) const {
  check_range(bytes_.size(), offset, out.size());
  bytes_.copy(out.data(), out.size(), offset);
}

FileSource::FileSource(const std::filesystem::path& path) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  struct stat status{};
  if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    const std::string reason = S_ISREG(status.st_mode) || errno != 0 ? std::strerror(errno) : "not a regular file";
    if (descriptor_ >= 0) ::close(descriptor_);
    fail(ErrorCode::not_found, fmt::format("The file '{}' cannot be opened: {}.", display_text(path.string()), reason));
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

FileSource::~FileSource() { ::close(descriptor_); }

void FileSource::read_at(std::uint64_t offset, std::span<char> out) const {
  check_range(size_, offset, out.size());
  std::size_t done = 0;
  while (done < out.size()) {
    const auto count = ::pread(descriptor_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      fail(ErrorCode::internal, "The file could not be read.", count < 0 ? std::strerror(errno) : "it became shorter");
    done += static_cast<std::size_t>(count);
  }
}

PartSource::PartSource(const RandomAccess& whole, std::uint64_t offset, std::uint64_t size)
    : whole_(whole), offset_(offset), size_(size) {
  check_range(whole.size(), offset, size);
}

void PartSource::read_at(std::uint64_t offset, std::span<char> out) const {
  check_range(size_, offset, out.size());
  whole_.read_at(offset_ + offset, out);
}

SourceFile memory_file(std::string path, std::string bytes) {
  const std::uint64_t size = bytes.size();
  return {std::move(path), size, [bytes = std::move(bytes)] { return std::make_unique<MemorySource>(bytes); }};
}

SourceFile disk_file(std::string path, const std::filesystem::path& where) {
  return {std::move(path), FileSource(where).size(), [where] { return std::make_unique<FileSource>(where); }};
}

bool is_safe_relative_path(std::string_view path) {
  if (path.empty() || path.size() > 1024 || !is_utf8(path) || has_invisible_characters(path)) return false;
  if (path.find_first_of("\\:") != std::string_view::npos) return false;
  for (const auto part : split(path, '/'))
    if (part.empty() || part == "." || part == "..") return false;
  return true;
}

}  // namespace modelops::formats
