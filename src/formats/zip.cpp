#include "formats/zip.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "base/text.hpp"

namespace modelops::formats {
namespace {

constexpr std::uint64_t entries_max = 200'000;
constexpr std::uint64_t directory_bytes_max = 64 * 1024 * 1024;
constexpr std::uint64_t name_bytes_max = 1024;
constexpr std::uint64_t end_bytes = 22;
constexpr std::uint64_t end64_bytes = 56;
constexpr std::uint64_t end64_locator_bytes = 20;
constexpr std::uint64_t central_bytes = 46;
constexpr std::uint32_t saturated32 = 0xFFFF'FFFF;

struct Directory {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  std::uint64_t start = 0;
  std::uint64_t at = 0;  ///< where the record that says so is
};

/// The end record is the last thing in the file but for a comment of at most 65,535 bytes.
std::uint64_t find_end(Cursor& in) {
  if (in.size() < end_bytes) in.malformed("a ZIP archive has at least 22 bytes");
  const std::uint64_t span = std::min<std::uint64_t>(in.size(), end_bytes + 65'535);
  in.seek(in.size() - span);
  const std::string tail = in.bytes(span, span);
  const auto found = tail.rfind("PK\5\6", tail.size() - end_bytes);
  if (found == std::string::npos) in.malformed("the end of the archive's directory is missing, the file is truncated");
  return in.size() - span + found;
}

Directory read_end(Cursor& in) {
  Directory directory;
  directory.at = find_end(in);
  in.seek(directory.at + 10);
  directory.entries = in.u16();
  directory.bytes = in.u32();
  directory.start = in.u32();
  if (directory.at < end64_locator_bytes) return directory;
  in.seek(directory.at - end64_locator_bytes);
  if (in.bytes(4, 4) != "PK\6\7") return directory;
  in.skip(4);
  directory.at = in.u64();
  in.seek(directory.at);
  if (in.remaining() < end64_bytes || in.bytes(4, 4) != "PK\6\6") in.malformed("the ZIP64 end record is missing");
  in.skip(28);
  directory.entries = in.u64();
  directory.bytes = in.u64();
  directory.start = in.u64();
  return directory;
}

/// ZIP64 keeps what does not fit into 32 bits in an extra field, in this order.
void read_zip64(Cursor& in, std::uint64_t extra_end, ZipEntry& entry) {
  while (in.position() + 4 <= extra_end) {
    const std::uint16_t id = in.u16();
    const std::uint64_t end = in.position() + 2 + in.u16();
    if (end > extra_end) return;
    if (id == 1)
      for (auto* value : {&entry.uncompressed_bytes, &entry.compressed_bytes, &entry.local_header})
        if (*value == saturated32 && in.position() + 8 <= end) *value = in.u64();
    in.seek(end);
  }
}

}  // namespace

std::vector<ZipEntry> read_zip(const RandomAccess& source, std::string_view file_name) {
  Cursor in(source, file_name);
  const Directory directory = read_end(in);
  if (directory.entries > entries_max || directory.bytes > directory_bytes_max ||
      directory.entries > directory.bytes / central_bytes)
    in.malformed_at(directory.at,
                    fmt::format("a directory of {} entries in {} bytes", directory.entries, directory.bytes));
  if (directory.start > directory.at || directory.bytes > directory.at - directory.start)
    in.malformed_at(directory.at, "the archive's directory lies outside the file");

  std::vector<ZipEntry> entries;
  std::unordered_set<std::string> names;
  in.seek(directory.start);
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    const std::uint64_t at = in.position();
    if (in.bytes(4, 4) != "PK\1\2") in.malformed_at(at, "an entry of the archive's directory is missing");
    ZipEntry entry;
    in.skip(6);
    entry.method = in.u16();
    in.skip(8);
    entry.compressed_bytes = in.u32();
    entry.uncompressed_bytes = in.u32();
    const std::uint64_t name_bytes = in.u16();
    const std::uint64_t extra_bytes = in.u16();
    const std::uint64_t comment_bytes = in.u16();
    in.skip(8);
    entry.local_header = in.u32();
    entry.name = in.bytes(name_bytes, name_bytes_max);
    const std::uint64_t extra_end = in.position() + extra_bytes;
    if (extra_bytes + comment_bytes > in.remaining())
      in.malformed_at(at, "an entry of the archive's directory is truncated");
    read_zip64(in, extra_end, entry);
    in.seek(extra_end + comment_bytes);
    std::string_view path = entry.name;
    if (path.ends_with('/')) path.remove_suffix(1);
    if (!is_safe_relative_path(path))
      in.malformed_at(at, fmt::format("the entry '{}' leaves the archive's folder or has an unreadable name",
                                      display_text(entry.name)));
    if (!names.insert(entry.name).second)
      in.malformed_at(at, fmt::format("the entry '{}' appears twice", display_text(entry.name)));
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::unique_ptr<RandomAccess> open_stored(const RandomAccess& source, std::string_view file_name,
                                          const ZipEntry& entry) {
  Cursor in(source, file_name);
  in.seek(entry.local_header);
  const std::uint64_t at = in.position();
  if (in.bytes(4, 4) != "PK\3\4")
    in.malformed_at(at, fmt::format("the entry '{}' is not where the directory says", display_text(entry.name)));
  in.skip(4);
  const std::uint16_t method = in.u16();
  in.skip(16);
  const std::uint64_t name_bytes = in.u16();
  const std::uint64_t extra_bytes = in.u16();
  const std::string name = in.bytes(name_bytes, name_bytes_max);
  if (name != entry.name || method != entry.method)
    in.malformed_at(
        at, fmt::format("the directory's entry '{}' calls itself '{}'", display_text(entry.name), display_text(name)));
  if (entry.method != 0 || entry.compressed_bytes != entry.uncompressed_bytes)
    in.malformed_at(at, fmt::format("the entry '{}' is not stored as it is", display_text(entry.name)));
  in.skip(extra_bytes);
  if (entry.compressed_bytes > in.remaining())
    in.malformed_at(at, fmt::format("the entry '{}' is truncated", display_text(entry.name)));
  return std::make_unique<PartSource>(source, in.position(), entry.compressed_bytes);
}

}  // namespace modelops::formats
