#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/secret.hpp"
#include "dataplane/agent/artifacts.hpp"
#include "dataplane/agent/launch.hpp"
#include "dataplane/agent/logs.hpp"
#include "dataplane/agent/probe.hpp"
#include "dataplane/agent/process.hpp"

namespace modelops::agent {

/// What is kept on disk of an engine, written before and after it is started.
struct EngineRecord {
  std::string nonce;
  std::string digest;  ///< of what it was started for (launch.hpp)
  std::string artifact_digest;
  std::int64_t pid = 0;
  std::int64_t start_ticks = 0;
  std::int64_t port = 0;
  std::int64_t restarts = 0;
  std::int64_t stop_grace_ms = 10'000;
  Time started_at;
  std::optional<Time> ready_at;
  std::int64_t output_from = 0;  ///< where its words begin in the log files
  std::int64_t error_from = 0;
};
MODELOPS_DESCRIBE(EngineRecord, nonce, digest, artifact_digest, pid, start_ticks, port, restarts, stop_grace_ms,
                  started_at, ready_at, output_from, error_from);

/// What all replicas of a machine share.
struct Host {
  std::filesystem::path replicas;  ///< a folder per replica: its logs and record
  std::filesystem::path engines;
  std::filesystem::path program;  ///< modelops itself
  std::string address = "127.0.0.1";
  std::chrono::milliseconds restart_delay_first{1'000};
  std::chrono::milliseconds restart_delay_longest{60'000};
  std::chrono::milliseconds stable_after{60'000};  ///< ready for so long, an engine is not in a crash loop
  ArtifactCache& artifacts;
  LogQueue& logs;
  const Clock& clock;
  std::function<Secret(const targets::DesiredReplica&, const targets::SecretVariable&)> open_secret;
  std::function<std::vector<pid_t>()> limited_engines;  ///< running ones that are bound to some CPUs
};

/// An engine that runs.
struct Engine {
  EngineRecord record;
  ProcessId process;
  Instant started;
  std::optional<Prober> readiness;
  std::optional<Prober> liveness;
  std::optional<Instant> ready_since;
  Instant usage_due;
  // Ending, and why; the reason is empty when it is just not wanted any more.
  std::optional<Instant> kill_at;
  bool killed = false;
  std::string reason;
  std::string message;
};

/// One engine under supervision, as a state machine that is driven by `tick` and never waits. For one thread.
class Replica {
 public:
  Replica(Host& host, std::string id);

  /// Finds the engine that an earlier agent started, if it still runs.
  void adopt();
  /// It should run as `wanted` says; what runs otherwise is ended first.
  void want(const targets::DesiredReplica& wanted);
  void unwant();
  void tick(Instant now);

  const targets::ObservedReplica& observed() const { return observed_; }
  /// Neither wanted nor running.
  bool is_gone() const { return decided_ && !wanted_ && !engine_; }
  bool has_engine() const { return engine_.has_value(); }
  /// Adds what it needs from the cache.
  void add_artifacts(std::set<std::string>& digests) const;
  /// Of its engine when that may use some CPUs only.
  std::optional<pid_t> limited_engine() const;

 private:
  std::filesystem::path folder() const;
  void set_state(targets::ReplicaState state, std::string reason = {}, std::string message = {});
  void fail(std::string reason, std::string message);
  void start(Instant now);
  void launch(const std::filesystem::path& artifact, Instant now);
  void watch(Instant now);
  void watch_probes(Instant now);
  void watch_memory(Instant now);
  void end(std::string reason, std::string message, Instant now);
  void ended(std::optional<Exit> exit, Instant now);
  void retry(std::string reason, std::string message, Instant now);
  void save() const;
  std::string last_words() const;

  Host& host_;
  targets::ObservedReplica observed_;
  bool decided_ = false;  ///< whether it is wanted is known
  std::optional<targets::DesiredReplica> wanted_;
  std::string wanted_digest_;
  std::optional<Engine> engine_;
  struct Failure {
    std::string reason;
    std::string message;
  };
  std::optional<Failure> failed_;  ///< for good, until something else is wanted
  std::int64_t failures_in_a_row_ = 0;
  Instant not_before_;
};

}  // namespace modelops::agent
