#include "dataplane/agent/artifacts.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "base/descriptor.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "dataplane/machine/files.hpp"
#include "platform/crypto/hash.hpp"

namespace modelops::agent {
namespace {

namespace fs = std::filesystem;
using machine::fail_file;

/// A failure that names itself to the server.
struct Failed {
  std::string reason;
  std::string message;
};

bool is_temporary(const Error& error) {
  switch (error.code) {
    case ErrorCode::unavailable:
    case ErrorCode::bad_gateway:
    case ErrorCode::gateway_timeout:
    case ErrorCode::timeout:
    case ErrorCode::too_many_requests: return true;
    default: return false;
  }
}

/// Adds the first `size` bytes of a file. When it became shorter, the digest will not match.
void add_file(crypto::Sha256& hash, const Descriptor& fd, std::uint64_t size) {
  std::uint64_t at = 0;
  std::string bytes(1 << 20, '\0');
  while (at < size) {
    const ssize_t got =
        ::pread(fd.get(), bytes.data(), std::min<std::uint64_t>(bytes.size(), size - at), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    hash.update(std::string_view(bytes).substr(0, static_cast<std::size_t>(got)));
    at += static_cast<std::uint64_t>(got);
  }
}

}  // namespace

ArtifactCache::ArtifactCache(fs::path state, Fetch fetch)
    : files_(state / "artifacts"), versions_(state / "versions"), fetch_(std::move(fetch)) {
  fs::create_directories(files_);
  fs::create_directories(versions_);
}

ArtifactCache::Status ArtifactCache::want(const targets::DesiredReplica& replica) {
  if (replica.artifact.empty()) return {.kind = Status::Kind::present};
  const std::string& digest = replica.artifact_digest;
  std::lock_guard lock(mutex_);
  const auto [at, is_new] = wanted_.try_emplace(digest, Version{replica.artifact, {}});
  if (is_new) {
    std::error_code missing;
    if (fs::is_directory(versions_ / digest, missing)) {  // assembled only when it was complete
      at->second.status = {.kind = Status::Kind::present, .progress = 1, .folder = versions_ / digest};
    }
    changed_.notify_all();
  }
  return at->second.status;
}

void ArtifactCache::retain(std::set<std::string> digests) {
  std::lock_guard lock(mutex_);
  std::erase_if(wanted_, [&](const auto& entry) {
    return !digests.contains(entry.first) || entry.second.status.kind == Status::Kind::failed;
  });
  retained_ = std::move(digests);
  clean_ = true;
  changed_.notify_all();
}

void ArtifactCache::update(const std::string& digest, const std::function<void(Status&)>& change) {
  std::lock_guard lock(mutex_);
  if (const auto found = wanted_.find(digest); found != wanted_.end()) change(found->second.status);
}

void ArtifactCache::run(std::stop_token stop) {
  machine::Backoff backoff;
  while (!stop.stop_requested()) {
    std::string digest;
    Version version;
    std::set<std::string> digests;
    std::set<std::string> files;
    bool clean = false;
    {
      std::unique_lock lock(mutex_);
      const auto next = [&] {
        return std::ranges::find_if(wanted_,
                                    [](const auto& e) { return e.second.status.kind == Status::Kind::fetching; });
      };
      changed_.wait(lock, stop, [&] { return clean_ || next() != wanted_.end(); });
      if (stop.stop_requested()) return;
      clean = std::exchange(clean_, false);
      digests = retained_;
      for (const auto& [name, entry] : wanted_) {
        digests.insert(name);
        for (const auto& file : entry.files) files.insert(file.sha256);
      }
      if (const auto found = next(); found != wanted_.end()) {
        digest = found->first;
        version = found->second;
      }
    }
    try {
      if (clean) remove_others(digests, files);
      if (digest.empty()) continue;
      fetch_version(digest, version, stop);
      backoff.reset();
      update(digest, [&](Status& status) {
        status = {.kind = Status::Kind::present, .progress = 1, .folder = versions_ / digest};
      });
    } catch (const Failed& failed) {
      update(digest, [&](Status& status) {
        status = {.kind = Status::Kind::failed, .reason = failed.reason, .message = failed.message};
      });
    } catch (const Error& error) {
      if (is_temporary(error)) {
        update(digest, [&](Status& status) {
          status.reason = "server_unreachable";
          status.message = error.message;
        });
        machine::wait_for(stop, backoff.next());
      } else {
        const bool full = error.code == ErrorCode::insufficient_storage;
        Log().error("artifact not fetched", {{"digest", digest}, {"reason", describe_exception(error)}});
        update(digest, [&](Status& status) {
          status = {.kind = Status::Kind::failed,
                    .reason = full ? "disk_full" : "artifact_unavailable",
                    .message = error.message};
        });
      }
    } catch (const std::exception& error) {
      update(digest, [&](Status& status) {
        status = {.kind = Status::Kind::failed, .reason = "artifact_unavailable", .message = error.what()};
      });
    }
  }
}

void ArtifactCache::fetch_version(const std::string& digest, const Version& version, std::stop_token stop) {
  std::uint64_t total = 0;
  std::uint64_t missing = 0;
  for (const auto& file : version.files) {
    const auto size = static_cast<std::uint64_t>(file.size_bytes);
    std::error_code absent;
    total += size;
    if (!fs::exists(files_ / file.sha256, absent)) {
      const auto partial = fs::file_size((files_ / file.sha256).string() + ".part", absent);
      missing += absent ? size : size - std::min<std::uint64_t>(size, partial);
    }
  }
  struct statvfs disk{};
  if (::statvfs(files_.c_str(), &disk) == 0 && disk.f_bavail * disk.f_frsize < missing) {
    throw Failed{"disk_full", fmt::format("The files need {} bytes and {} are free on the disk of {}.", missing,
                                          disk.f_bavail * disk.f_frsize, files_.string())};
  }
  std::uint64_t done = 0;
  for (const auto& file : version.files) {
    fetch_file(
        file,
        [&](std::uint64_t bytes) {
          const double progress = total == 0 ? 1 : static_cast<double>(done + bytes) / static_cast<double>(total);
          update(digest, [&](Status& status) {
            status.progress = std::min(progress, 1.0);
            status.reason.clear();
            status.message.clear();
          });
        },
        stop);
    done += static_cast<std::uint64_t>(file.size_bytes);
  }
  assemble(digest, version.files);
}

void ArtifactCache::fetch_file(const targets::ArtifactFile& file, const std::function<void(std::uint64_t)>& progressed,
                               std::stop_token stop) {
  const fs::path complete = files_ / file.sha256;
  const auto size = static_cast<std::uint64_t>(file.size_bytes);
  struct stat status{};
  if (::stat(complete.c_str(), &status) == 0) {
    if (static_cast<std::uint64_t>(status.st_size) == size) return progressed(size);
    throw Failed{"artifact_mismatch", fmt::format("{} should have {} bytes, but what has its digest has {}.", file.path,
                                                  size, status.st_size)};
  }
  const fs::path partial = complete.string() + ".part";
  // What an earlier attempt left may be damaged: then once more from the beginning.
  for (bool from_start = false;; from_start = true) {
    const Descriptor fd(::open(partial.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | (from_start ? O_TRUNC : 0), 0600));
    if (fd.get() < 0 || ::fstat(fd.get(), &status) != 0) fail_file("write", partial, errno);
    auto at = std::min(static_cast<std::uint64_t>(status.st_size), size);
    const bool resumed = at > 0;
    crypto::Sha256 hash;
    add_file(hash, fd, at);
    bool too_long = false;
    if (at < size || size == 0) {
      fetch_(
          file.sha256, at,
          [&](std::uint64_t offset) {
            if (offset == at) return;
            at = 0;  // it was not resumed
            hash = crypto::Sha256();
            if (::ftruncate(fd.get(), 0) != 0) fail_file("write", partial, errno);
          },
          [&](std::string_view bytes) {
            too_long = too_long || bytes.size() > size - at;
            if (too_long) return;
            hash.update(bytes);
            while (!bytes.empty()) {
              const ssize_t written = ::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
              if (written < 0 && errno == EINTR) continue;
              if (written < 0) {
                const int error = errno;
                if (error == ENOSPC) ::unlink(partial.c_str());  // or it would keep the disk full
                fail_file("write", partial, error);
              }
              at += static_cast<std::uint64_t>(written);
              bytes.remove_prefix(static_cast<std::size_t>(written));
            }
            progressed(at);
          },
          stop);
    }
    if (at < size) fail(ErrorCode::bad_gateway, "The server ended before the file was complete.");
    if (!too_long && to_hex(hash.finish()) == file.sha256) {
      // Read-only, since every version that has this file shares it with the engines.
      if (::fchmod(fd.get(), 0444) != 0 || ::fsync(fd.get()) != 0 || ::rename(partial.c_str(), complete.c_str()) != 0) {
        fail_file("write", complete, errno);
      }
      return;
    }
    if (!resumed) {
      ::unlink(partial.c_str());
      throw Failed{"artifact_mismatch",
                   fmt::format("What the server sent for {} does not have the digest {}.", file.path, file.sha256)};
    }
  }
}

void ArtifactCache::assemble(const std::string& digest, const std::vector<targets::ArtifactFile>& files) {
  const fs::path partial = versions_ / ("." + digest);  // no digest begins with a dot
  fs::remove_all(partial);
  fs::create_directories(partial);
  for (const auto& file : files) {
    const fs::path link = partial / file.path;
    fs::create_directories(link.parent_path());
    if (::link((files_ / file.sha256).c_str(), link.c_str()) != 0) fail_file("write", link, errno);
  }
  fs::rename(partial, versions_ / digest);
}

void ArtifactCache::remove_others(const std::set<std::string>& digests, const std::set<std::string>& files) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(versions_, ignored)) {
    if (!digests.contains(entry.path().filename().string())) fs::remove_all(entry.path(), ignored);
  }
  for (const auto& entry : fs::directory_iterator(files_, ignored)) {
    // One with several links is part of a version that stays; a partial one has one link.
    const bool needed = files.contains(entry.path().stem().string()) || fs::hard_link_count(entry.path(), ignored) > 1;
    if (!needed) fs::remove(entry.path(), ignored);
  }
}

}  // namespace modelops::agent
