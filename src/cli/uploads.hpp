#pragma once
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/api.hpp"

namespace modelops::cli {

struct UploadOptions {
  /// Where an upload that was interrupted is remembered, so that the same command goes on with it. Empty: under
  /// $XDG_CACHE_HOME or ~/.cache.
  std::filesystem::path memory;
  /// How long a server that cannot be reached is asked again, since the last byte that it took.
  std::chrono::seconds patience{120};
};

/// Uploads files (or the files of folders) into an upload, by the tus protocol; returns its id. Goes on where an
/// interrupted one of the same files stands.
std::string upload_files(Api& api, const std::vector<std::string>& paths, const UploadOptions& options = {});

}  // namespace modelops::cli
