#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <thread>

#include "dataplane/machine/session.hpp"
#include "gateway/wire.hpp"

namespace modelops::proxy {

/// The routing snapshot as a file. Throws Error(invalid) when it cannot be used; nothing when there is none.
std::optional<gateway::Snapshot> load_snapshot(const std::filesystem::path& file);

/// Follows the server's routing snapshot on a thread of its own, from construction to destruction: long polls, keeps
/// the last one in `file`, and goes on as long as the server is away. `publish` is called from that thread.
class SnapshotFeed {
 public:
  struct Options {
    std::string server;           ///< URL
    std::string token;            ///< of enrolment; not needed once enrolled
    std::filesystem::path state;  ///< folder for the gateway's identity and the last snapshot
    std::string version;          ///< of this program
    std::chrono::milliseconds retry_first{1'000};
    std::chrono::milliseconds retry_longest{15'000};
  };
  using Publish = std::function<void(gateway::Snapshot)>;
  /// Publishes the snapshot on disk before it returns. `finished` is called once when the server does not want this
  /// gateway any more; the snapshot on disk is gone then. `clock` outlives this. Throws Error(invalid) when this
  /// gateway is not enrolled and has no token, or its state cannot be used.
  SnapshotFeed(Options options, const Clock& clock, Publish publish, std::function<void(std::string)> finished);
  SnapshotFeed(const SnapshotFeed&) = delete;

  /// The conversation with the server; null until this gateway is enrolled. Thread-safe.
  std::shared_ptr<machine::Session> session() const;

 private:
  void follow(const std::stop_token& stop);
  void enroll();
  void poll(const std::stop_token& stop);

  const Options options_;
  const Clock& clock_;
  const Publish publish_;
  const std::function<void(std::string)> finished_;
  mutable std::mutex mutex_;
  std::shared_ptr<machine::Session> session_;  // guarded by mutex_ until it is set, once
  std::int64_t version_ = 0;
  std::jthread thread_;
};

}  // namespace modelops::proxy
