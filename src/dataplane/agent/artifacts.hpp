#pragma once
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "dataplane/machine/backoff.hpp"
#include "targets/wire.hpp"

namespace modelops::agent {

/// Where the bytes of a file come from: calls `begin(offset)` once with where they really begin, then `receive`.
/// Throws Error: unavailable, bad_gateway, gateway_timeout and the like are tried again, others are not.
using Fetch =
    std::function<void(const std::string& sha256, std::uint64_t offset, const std::function<void(std::uint64_t)>& begin,
                       const std::function<void(std::string_view)>& receive, std::stop_token stop)>;

/// Model versions on this machine: files by digest in <state>/artifacts, and per version a folder of hard links to
/// them in <state>/versions. Thread-safe; the fetching is done by whoever calls `run`.
class ArtifactCache {
 public:
  ArtifactCache(std::filesystem::path state, Fetch fetch);

  struct Status {
    enum class Kind { fetching, present, failed } kind = Kind::fetching;
    double progress = 0;
    std::string reason;  ///< "artifact_mismatch", "artifact_missing", "disk_full", "server_unreachable"…
    std::string message;
    std::filesystem::path folder;  ///< when present
  };
  /// Where the files of `replica` are, or how far they are. Asks for them the first time.
  Status want(const targets::DesiredReplica& replica);
  /// Everything of versions other than these (by artifact digest) is removed soon, and failures are forgotten.
  void retain(std::set<std::string> digests);

  /// Fetches, assembles and removes until `stop`.
  void run(std::stop_token stop);

 private:
  struct Version {
    std::vector<targets::ArtifactFile> files;
    Status status;
  };

  void fetch_version(const std::string& digest, const Version& version, std::stop_token stop);
  void fetch_file(const targets::ArtifactFile& file, const std::function<void(std::uint64_t)>& progressed,
                  std::stop_token stop);
  void assemble(const std::string& digest, const std::vector<targets::ArtifactFile>& files);
  void remove_others(const std::set<std::string>& digests, const std::set<std::string>& files);
  void update(const std::string& digest, const std::function<void(Status&)>& change);

  const std::filesystem::path files_;
  const std::filesystem::path versions_;
  const Fetch fetch_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, Version> wanted_;  ///< by artifact digest
  std::set<std::string> retained_;         ///< by artifact digest
  bool clean_ = false;                     ///< something may have to be removed
};

}  // namespace modelops::agent
