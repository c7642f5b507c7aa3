#include "registry/rules.hpp"

#include <set>

#include "base/text.hpp"
#include "platform/crypto/hash.hpp"

namespace modelops::registry {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}
bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

bool AliasNameRule::accepts(std::string_view text) {
  if (text.empty() || text.size() > 255 || !std::ranges::all_of(text, is_word)) return false;
  return text != "latest" && !(text.front() == 'v' && is_digits(text.substr(1)));
}

std::string canonical_manifest(std::vector<FileEntry> files) {
  std::ranges::sort(files, {}, [](const FileEntry& file) { return file.path.str(); });
  std::string out = "modelops-manifest-v1\n";
  for (const FileEntry& file : files)
    out += fmt::format("{} {} {}\n", file.sha256.str(), file.size_bytes, file.path.str());
  return out;
}

Sha256Text manifest_digest(const std::vector<FileEntry>& files) {
  return *Sha256Text::parse(crypto::sha256_hex(canonical_manifest(files)));
}

void check_tree(const std::vector<FileEntry>& files) {
  if (files.empty()) fail(ErrorCode::unprocessable, "The upload holds no file. Upload the model's files first.");
  std::set<std::string_view> paths;
  for (const FileEntry& file : files) paths.insert(file.path.str());
  for (const std::string_view path : paths)
    for (std::size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1))
      if (paths.contains(path.substr(0, slash)))
        fail(ErrorCode::unprocessable,
             fmt::format("'{}' cannot be a file, since '{}' lies in a folder of that name. Upload again without one of "
                         "them.",
                         path.substr(0, slash), path));
}

std::size_t common_folder(const std::vector<std::string>& paths) {
  if (paths.empty()) return 0;
  const std::size_t length = paths.front().find('/') + 1;  // 0: the first has no folder
  const std::string_view folder = std::string_view(paths.front()).substr(0, length);
  return std::ranges::all_of(paths, [&](const std::string& path) { return path.starts_with(folder); }) ? length : 0;
}

std::int64_t total_bytes(const std::vector<FileEntry>& files) {
  std::int64_t sum = 0;
  for (const FileEntry& file : files) sum += file.size_bytes;
  return sum;
}

std::optional<VersionSelector> parse_selector(std::string_view text) {
  VersionSelector out;
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    out.model = text.substr(0, at);
    out.alias = text.substr(at + 1);
    if (*out.alias != "latest" && !AliasName::parse(*out.alias)) return std::nullopt;
  } else if (const std::size_t colon = text.rfind(":v"); colon != std::string_view::npos) {
    out.model = text.substr(0, colon);
    out.number = parse_count(text.substr(colon + 2));
    if (!out.number) return std::nullopt;
  } else {
    out.id = ModelVersionId::parse(text);
    if (!out.id) return std::nullopt;
    return out;
  }
  if (!Reference::parse(out.model)) return std::nullopt;
  return out;
}

}  // namespace modelops::registry
