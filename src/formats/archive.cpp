#include "formats/archive.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <cstdio>
#include <set>

#include "base/error.hpp"
#include "base/text.hpp"
#include "reflect/values.hpp"

namespace modelops::formats {
namespace {

/// Weights hardly shrink, texts to a twentieth. More is made to fill a disk.
constexpr std::uint64_t ratio_max = 200;
constexpr std::uint64_t always_allowed_bytes = 16 << 20;
constexpr std::size_t path_bytes_max = 512;

[[noreturn]] void refuse(const std::string& why) {
  fail(ErrorCode::unprocessable, "The archive cannot be unpacked: " + why);
}

/// What libarchive reads from: C calls it, so nothing is thrown through it.
struct Input {
  const storage::BlobReader& blob;
  std::uint64_t at = 0;
  std::vector<char> buffer = std::vector<char>(256 * 1024);
  std::exception_ptr failure = nullptr;

  static la_ssize_t read(archive*, void* self, const void** bytes) {
    Input& input = *static_cast<Input*>(self);
    try {
      const std::size_t got = input.blob.read_at(input.at, input.buffer);
      input.at += got;
      *bytes = input.buffer.data();
      return static_cast<la_ssize_t>(got);
    } catch (...) {
      input.failure = std::current_exception();
      return ARCHIVE_FATAL;
    }
  }
  static la_int64_t skip(archive*, void* self, la_int64_t count) {
    Input& input = *static_cast<Input*>(self);
    const std::uint64_t left = input.blob.size_bytes() - input.at;
    const std::uint64_t skipped = std::min<std::uint64_t>(left, count < 0 ? 0 : static_cast<std::uint64_t>(count));
    input.at += skipped;
    return static_cast<la_int64_t>(skipped);
  }
  static la_int64_t seek(archive*, void* self, la_int64_t offset, int whence) {
    Input& input = *static_cast<Input*>(self);
    const auto size = static_cast<la_int64_t>(input.blob.size_bytes());
    const la_int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? static_cast<la_int64_t>(input.at) : size;
    // Both are below 2^62 or refused here, so that the sum cannot overflow.
    if (offset > size || offset < -size || from + offset < 0 || from + offset > size) return ARCHIVE_FATAL;
    input.at = static_cast<std::uint64_t>(from + offset);
    return from + offset;
  }
};

struct Free {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
using Reader = std::unique_ptr<archive, Free>;

/// Libarchive's words may hold bytes of the archive.
std::string words_of(archive* reader) {
  const char* text = archive_error_string(reader);
  return text == nullptr ? "it is damaged." : display_text(text, 200) + ".";
}

std::string path_of(archive_entry* entry) {
  const char* text = archive_entry_pathname_utf8(entry);
  if (text == nullptr) text = archive_entry_pathname(entry);
  if (text == nullptr) refuse("it has a file without a readable name.");
  std::string path = text;
  while (path.starts_with("./")) path.erase(0, 2);
  return path;
}

class Unpacking {
 public:
  Unpacking(const storage::BlobReader& blob, const registry::Unpacker::Limits& limits,
            registry::Unpacker::Target& target)
      : input_{blob},
        limits_(limits),
        target_(target),
        bytes_max_(std::max(blob.size_bytes() * ratio_max, always_allowed_bytes)),
        reader_(archive_read_new()) {
    archive_read_support_format_zip(reader_.get());
    archive_read_support_format_tar(reader_.get());
    archive_read_support_filter_gzip(reader_.get());
    archive_read_set_callback_data(reader_.get(), &input_);
    archive_read_set_read_callback(reader_.get(), Input::read);
    archive_read_set_skip_callback(reader_.get(), Input::skip);
    archive_read_set_seek_callback(reader_.get(), Input::seek);
  }

  void run() {
    require(archive_read_open1(reader_.get()));
    archive_entry* entry = nullptr;
    for (std::int64_t entries = 0;; ++entries) {
      const int status = archive_read_next_header(reader_.get(), &entry);
      if (status == ARCHIVE_EOF) break;
      require(status);
      if (entries >= 2 * limits_.files_max) refuse(fmt::format("it has more than {} entries.", entries));
      take(entry);
    }
    if (paths_.empty()) refuse("it holds no file.");
  }

 private:
  void require(int status) {
    if (input_.failure) std::rethrow_exception(input_.failure);
    if (status < ARCHIVE_WARN) refuse(words_of(reader_.get()));
  }

  void take(archive_entry* entry) {
    std::string path = path_of(entry);
    const std::string shown = display_text(path, 200);
    if (path.starts_with("__MACOSX/")) return;  // what macOS adds beside each file
    if (archive_entry_hardlink(entry) != nullptr || archive_entry_symlink(entry) != nullptr)
      refuse(fmt::format("'{}' is a link.", shown));
    const auto type = archive_entry_filetype(entry);
    if (type != AE_IFREG && type != AE_IFDIR) refuse(fmt::format("'{}' is neither a file nor a folder.", shown));
    if (archive_entry_is_encrypted(entry) != 0) refuse(fmt::format("'{}' is encrypted.", shown));
    if (type == AE_IFDIR) {
      while (path.ends_with('/')) path.pop_back();
      if (path.empty() || path == ".") return;
    }
    if (path.size() > path_bytes_max || !reflect::RelativePath::parse(path))
      refuse(fmt::format("the path '{}' {}.", shown, reflect::RelativePathRule::says()));
    if (type == AE_IFDIR) return;
    if (!paths_.insert(path).second) refuse(fmt::format("'{}' is in it twice.", shown));
    if (std::ssize(paths_) > limits_.files_max) refuse(fmt::format("it has more than {} files.", limits_.files_max));
    target_.begin(path);
    copy(shown);
    target_.end();
  }

  void copy(const std::string& shown) {
    for (;;) {
      const la_ssize_t got = archive_read_data(reader_.get(), buffer_.data(), buffer_.size());
      if (got == 0) return;
      if (got < 0) {
        require(ARCHIVE_OK);
        refuse(fmt::format("'{}': {}", shown, words_of(reader_.get())));
      }
      bytes_ += static_cast<std::uint64_t>(got);
      if (bytes_ > bytes_max_)
        refuse(fmt::format("it unpacks to more than {} times its size. Upload the files themselves.", ratio_max));
      if (bytes_ > limits_.bytes_max)
        fail(ErrorCode::too_large,
             fmt::format("The archive unpacks to more than the {} bytes that are left to your organization.",
                         limits_.bytes_max));
      target_.write({buffer_.data(), static_cast<std::size_t>(got)});
    }
  }

  Input input_;
  const registry::Unpacker::Limits limits_;
  registry::Unpacker::Target& target_;
  const std::uint64_t bytes_max_;
  std::uint64_t bytes_ = 0;
  std::set<std::string> paths_;
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
  Reader reader_;
};

}  // namespace

void Unpacker::unpack(const storage::BlobReader& archive, const Limits& limits, Target& target) {
  Unpacking(archive, limits, target).run();
}

}  // namespace modelops::formats
