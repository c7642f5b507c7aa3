#include "apps/backup.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <set>

#include "base/descriptor.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/output.hpp"
#include "dataplane/machine/files.hpp"
#include "migrations/migrations.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/crypto/keyring.hpp"
#include "platform/db/snapshot.hpp"
#include "platform/storage/file_blobs.hpp"
#include "reflect/json.hpp"

namespace modelops::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view manifest_file = "manifest.json";
constexpr std::string_view sums_file = "SHA256SUMS";
constexpr std::string_view artifacts_folder = "artifacts";
constexpr std::size_t chunk_bytes = 1 << 20;

struct Artifact {
  std::string blob_key;
  std::string sha256;
  std::int64_t size_bytes = 0;
};
MODELOPS_DESCRIBE(Artifact, blob_key, sha256, size_bytes);

/// The database at one moment.
struct Contents {
  int schema_version = 0;
  std::vector<Artifact> artifacts;
  std::vector<std::string> wrapped_keys;
};

Contents read_contents(db::Tx& tx) {
  Contents out;
  out.schema_version = tx.value<int>("SELECT max(version) FROM schema_migrations").value_or(0);
  out.artifacts = tx.all<Artifact>("SELECT blob_key, sha256, size_bytes FROM artifacts ORDER BY blob_key");
  out.wrapped_keys = tx.values<std::string>("SELECT wrapped FROM data_keys");
  return out;
}

storage::BlobKey key_of(const std::string& text) {
  const auto key = storage::BlobKey::parse(text);
  if (!key)
    fail(ErrorCode::internal, fmt::format("The database names an artifact that is none: {}.", cli::printable(text)));
  return *key;
}

bool holds(const storage::Blobs& blobs, const Artifact& artifact) {
  try {
    return blobs.size_bytes(key_of(artifact.blob_key)) == static_cast<std::uint64_t>(artifact.size_bytes);
  } catch (const Error& error) {
    if (error.code != ErrorCode::not_found) throw;
    return false;
  }
}

/// Under the same key in the other store, compared with its digest on the way.
void copy_artifact(const storage::Blobs& from, storage::Blobs& to, const Artifact& artifact) {
  const storage::BlobKey key = key_of(artifact.blob_key);
  const auto reader = from.open(key);
  to.remove(key);
  const auto upload = to.begin_copy(key, reader->size_bytes());
  std::vector<char> buffer(chunk_bytes);
  for (std::size_t got = 1; got != 0; upload->write({buffer.data(), got}))
    got = reader->read_at(upload->offset(), buffer);
  if (const auto copied = upload->complete(); copied.sha256 != artifact.sha256) {
    to.remove(key);
    fail(ErrorCode::internal, fmt::format("The artifact {} is damaged: its content does not have the digest that it "
                                          "was registered with. Upload it again.",
                                          artifact.sha256));
  }
}

std::string file_sha256(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) fail(ErrorCode::not_found, fmt::format("The backup is not complete: {} cannot be read.", file.string()));
  crypto::Sha256 hash;
  std::vector<char> buffer(chunk_bytes);
  while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || in.gcount() > 0)
    hash.update({buffer.data(), static_cast<std::size_t>(in.gcount())});
  return to_hex(hash.finish());
}

bool is_sqlite(const ServeConfig& config) { return database_url(config).starts_with("sqlite:"); }
std::string kind_of_database(const ServeConfig& config) { return is_sqlite(config) ? "sqlite" : "postgresql"; }
std::string database_file(std::string_view kind) { return kind == "sqlite" ? "modelops.db" : "modelops.dump"; }

/// One backup or restore at a time in a folder.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder)
      : fd_(::open((folder / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (fd_.get() < 0) machine::fail_file("write", folder, errno);
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0)
      fail(ErrorCode::conflict, fmt::format("Another backup is being written to {}.", folder.string()));
  }

 private:
  Descriptor fd_;
};

/// The complete backups of a folder, oldest first.
std::vector<fs::path> backups_in(const fs::path& folder) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(folder))
    if (!entry.path().filename().string().starts_with(".") && fs::exists(entry.path() / manifest_file))
      out.push_back(entry.path());
  std::ranges::sort(out);
  return out;
}

/// "20261126T050000.123456Z".
std::string folder_name(Time time) {
  std::string out;
  for (const char c : format_rfc3339(time).substr(0, 26))
    if (c != '-' && c != ':') out += c;
  return out + "Z";
}

/// The database and what it names; again when an artifact was deleted between the two.
Contents copy_installation(const ServeConfig& config, const fs::path& database, const storage::Blobs& from,
                           storage::Blobs& to, std::int64_t& bytes_copied, const ProgressOf& progress) {
  for (int attempt = 1;; ++attempt) {
    Contents contents;
    progress("database", 0);
    fs::remove(database);
    db::write_snapshot(database_url(config), database, [&](db::Tx& tx) { contents = read_contents(tx); });
    try {
      for (std::size_t i = 0; i < contents.artifacts.size(); ++i) {
        progress("artifacts", static_cast<double>(i) / static_cast<double>(contents.artifacts.size()));
        const Artifact& artifact = contents.artifacts[i];
        if (holds(to, artifact)) continue;
        copy_artifact(from, to, artifact);
        bytes_copied += artifact.size_bytes;
      }
      return contents;
    } catch (const Error& error) {
      if (error.code != ErrorCode::not_found || attempt == 3) throw;
    }
  }
}

std::string sums_of(const fs::path& database, const Contents& contents) {
  std::string out = fmt::format("{}  {}\n", file_sha256(database), database.filename().string());
  for (const Artifact& artifact : contents.artifacts)
    out += fmt::format("{}  ../{}/{}\n", artifact.sha256, artifacts_folder,
                       storage::FileBlobs::place(key_of(artifact.blob_key)).string());
  return out;
}

struct Sum {
  std::string sha256;
  std::string path;  ///< from the backup's folder
};

std::vector<Sum> read_sums(const fs::path& folder) {
  std::vector<Sum> out;
  std::ifstream file(folder / sums_file);
  for (std::string line; std::getline(file, line);) {
    if (line.size() < 67 || line.substr(64, 2) != "  ")
      fail(ErrorCode::invalid, fmt::format("{} is damaged.", (folder / sums_file).string()));
    out.push_back({line.substr(0, 64), line.substr(66)});
  }
  return out;
}

void remove_old(const fs::path& to, int keep) {
  const auto all = backups_in(to);
  const std::size_t kept = keep == 0 ? all.size() : static_cast<std::size_t>(keep);
  if (all.size() <= kept) return;
  for (std::size_t i = 0; i < all.size() - kept; ++i) fs::remove_all(all[i]);
  std::set<std::string> needed;
  for (const fs::path& folder : backups_in(to))
    for (const Sum& sum : read_sums(folder)) needed.insert(fs::path(sum.path).filename().string());
  for (const auto& entry : fs::recursive_directory_iterator(to / artifacts_folder))
    if (entry.is_regular_file() && !needed.contains(entry.path().filename().string())) fs::remove(entry.path());
}

fs::path one_backup(const fs::path& from) {
  if (fs::exists(from / manifest_file)) return from;
  const auto all = fs::is_directory(from) ? backups_in(from) : std::vector<fs::path>();
  if (all.empty()) fail(ErrorCode::not_found, fmt::format("There is no backup in {}.", from.string()));
  return all.back();
}

BackupManifest read_manifest(const fs::path& folder) {
  const auto text = machine::read_file(folder / manifest_file, 1 << 20);
  auto manifest = reflect::from_json<BackupManifest>(text.value_or(""));
  if (manifest.format_version != 1)
    fail(ErrorCode::invalid, fmt::format("{} was made by a newer program ({}): restore it with that one.",
                                         folder.string(), cli::printable(manifest.program_version)));
  return manifest;
}

/// The keys are kept apart from the data, and apart from its backups.
void require_keys(const ServeConfig& config, const BackupManifest& manifest) {
  const fs::path file = key_file(config);
  const std::string remedy =
      "Copy the file of master keys that the installation had there first: without it nobody can "
      "read the secrets in this backup.";
  if (!fs::exists(file)) fail(ErrorCode::invalid, fmt::format("There is no key file {}. {}", file.string(), remedy));
  const crypto::Keyring keyring(file, config.data.folder);
  for (const std::string& id : manifest.master_key_ids)
    if (!keyring.has_key(id))
      fail(ErrorCode::invalid, fmt::format("{} lacks the key {}. {}", file.string(), cli::printable(id), remedy));
}

}  // namespace

Backup make_backup(const ServeConfig& config, const fs::path& to, int keep, const ProgressOf& progress) {
  if (!fs::exists(blobs_folder(config)))
    fail(ErrorCode::not_found,
         fmt::format("There is no installation in {}: name its --data.folder.", config.data.folder));
  fs::create_directories(to);
  fs::permissions(to, fs::perms::owner_all);
  const FolderLock lock(to);
  const storage::FileBlobs live(blobs_folder(config));
  storage::FileBlobs kept(to / artifacts_folder);

  Backup out;
  out.manifest.program_version = MODELOPS_VERSION;
  out.manifest.created_at = SystemClock().now();
  out.manifest.database = kind_of_database(config);
  out.folder = to / folder_name(out.manifest.created_at);
  // Under its name only when it is complete.
  const fs::path partial = to / ".partial";
  fs::remove_all(partial);
  fs::create_directory(partial);
  const fs::path database = partial / database_file(out.manifest.database);
  const Contents contents = copy_installation(config, database, live, kept, out.bytes_copied, progress);

  out.manifest.schema_version = contents.schema_version;
  std::set<std::string> key_ids;
  for (const std::string& wrapped : contents.wrapped_keys) key_ids.emplace(crypto::Keyring::master_key_id(wrapped));
  out.manifest.master_key_ids = {key_ids.begin(), key_ids.end()};
  out.manifest.artifacts = static_cast<std::int64_t>(contents.artifacts.size());
  for (const Artifact& artifact : contents.artifacts) out.manifest.artifact_bytes += artifact.size_bytes;
  machine::write_file(partial / sums_file, sums_of(database, contents));
  machine::write_file(partial / manifest_file, reflect::to_json(out.manifest));
  fs::rename(partial, out.folder);
  remove_old(to, keep);
  progress("backup", 1);
  return out;
}

Backup verify_backup(const fs::path& from, const ProgressOf& progress) {
  Backup out;
  out.folder = one_backup(from);
  out.manifest = read_manifest(out.folder);
  const std::vector<Sum> sums = read_sums(out.folder);
  if (sums.size() != static_cast<std::size_t>(out.manifest.artifacts) + 1 ||
      sums.front().path != database_file(out.manifest.database))
    fail(ErrorCode::invalid,
         fmt::format("{} does not list what the manifest says.", (out.folder / sums_file).string()));
  for (std::size_t i = 0; i < sums.size(); ++i) {
    progress("reading the backup", static_cast<double>(i) / static_cast<double>(sums.size()));
    const fs::path file = (out.folder / sums[i].path).lexically_normal();
    if (file_sha256(file) != sums[i].sha256)
      fail(ErrorCode::invalid, fmt::format("The backup is damaged: {} does not have its digest.", file.string()));
  }
  return out;
}

Backup restore_backup(const ServeConfig& config, const fs::path& from, const ProgressOf& progress) {
  Backup out = verify_backup(from, progress);
  if (out.manifest.database != kind_of_database(config))
    fail(ErrorCode::invalid, fmt::format("This backup is of a {} database: name one with --data.database.",
                                         cli::printable(out.manifest.database)));
  if (const int newest = all_migrations().back().version; out.manifest.schema_version > newest)
    fail(ErrorCode::invalid,
         fmt::format("This backup is at schema version {}, this program knows {}: use the program "
                     "that made it ({}).",
                     out.manifest.schema_version, newest, cli::printable(out.manifest.program_version)));
  require_keys(config, out.manifest);
  db::require_empty(database_url(config));

  fs::create_directories(config.data.folder);
  fs::permissions(config.data.folder, fs::perms::owner_all);
  const storage::FileBlobs kept(out.folder.parent_path() / artifacts_folder);
  storage::FileBlobs live(blobs_folder(config));
  for (const Sum& sum : read_sums(out.folder)) {
    if (!sum.path.starts_with("../")) continue;
    const std::string key = fs::path(sum.path).filename().string();
    const auto size = static_cast<std::int64_t>(kept.size_bytes(key_of(key)));
    progress("artifacts", static_cast<double>(out.bytes_copied) / static_cast<double>(out.manifest.artifact_bytes + 1));
    copy_artifact(kept, live, {key, sum.sha256, size});
    out.bytes_copied += size;
  }
  // Last, so that there is no database before all is there that it names.
  progress("database", 1);
  db::load_snapshot(out.folder / database_file(out.manifest.database), database_url(config));
  return out;
}

}  // namespace modelops::apps
