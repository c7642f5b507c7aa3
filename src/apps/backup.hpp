#pragma once
#include <functional>

#include "apps/control_plane.hpp"

namespace modelops::apps {

/// What a backup is, in its `manifest.json`.
struct BackupManifest {
  int format_version = 1;
  std::string program_version;
  Time created_at;
  std::string database;  ///< "sqlite" or "postgresql"
  int schema_version = 0;
  std::int64_t artifacts = 0;
  std::int64_t artifact_bytes = 0;
  std::vector<std::string> master_key_ids;  ///< those that its secrets are sealed with; the keys are not in it
};
MODELOPS_DESCRIBE(BackupManifest, format_version, program_version, created_at, database, schema_version, artifacts,
                  artifact_bytes, master_key_ids);

struct Backup {
  std::filesystem::path folder;
  BackupManifest manifest;
  std::int64_t bytes_copied = 0;  ///< artifacts that were not in the backups before it
};

/// Told now and then of long work: what it is at, and how much of it is done, from 0 to 1.
using ProgressOf = std::function<void(const std::string& what, double fraction)>;

/// Copies the installation while it runs: the database as it is at one moment, and every artifact that it names, read
/// again and compared with its digest. Backups in one folder share their artifacts, so a further one costs what is
/// new:
///
///     <to>/20261126T050000.123456Z/  manifest.json  SHA256SUMS (for `sha256sum -c`)  modelops.db or modelops.dump
///     <to>/artifacts/
///
/// Afterwards only the `keep` newest stay (0: all). The master keys are not copied: keep their file somewhere else.
Backup make_backup(const ServeConfig& config, const std::filesystem::path& to, int keep, const ProgressOf& progress);

/// Reads a backup through: every file against its digest. `from` is one backup, or the folder of several: the newest.
Backup verify_backup(const std::filesystem::path& from, const ProgressOf& progress);

/// Verifies a backup and makes the installation from it. Throws Error(conflict) when there is a database already, and
/// Error(invalid) when the file of master keys lacks one that is needed; then nothing has been changed.
Backup restore_backup(const ServeConfig& config, const std::filesystem::path& from, const ProgressOf& progress);

}  // namespace modelops::apps
