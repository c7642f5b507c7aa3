#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "registry/types.hpp"

namespace modelops::registry {

/// The canonical manifest, version 1: a line "modelops-manifest-v1", then for each file, ordered by the bytes of its
/// path, "<sha256> <size in bytes> <path>"; each line ends with a line feed. Frozen: evidence binds to its digest.
std::string canonical_manifest(std::vector<FileEntry> files);
/// The SHA-256 of `canonical_manifest`.
Sha256Text manifest_digest(const std::vector<FileEntry>& files);
/// Throws Error(unprocessable) unless the files can lie in one folder: at least one, and no file is another's folder.
void check_tree(const std::vector<FileEntry>& files);
/// How many bytes of each path are the folder that all of them lie in, with its '/': 0 when there is none.
std::size_t common_folder(const std::vector<std::string>& paths);
std::int64_t total_bytes(const std::vector<FileEntry>& files);

/// What names a version: "digits@production", "digits:v3", or a version's id.
struct VersionSelector {
  std::string model;  ///< name or id; empty: `id` is a version's
  std::optional<std::string> alias;
  std::optional<std::int64_t> number;
  std::optional<ModelVersionId> id;
};
/// Nothing for what is none of these.
std::optional<VersionSelector> parse_selector(std::string_view text);

}  // namespace modelops::registry
