#pragma once
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>

#include "dataplane/agent/replica.hpp"

namespace modelops::agent {

/// All replicas of this machine: converges to the last desired state that it was told, in a thread of its own.
class Supervisor {
 public:
  explicit Supervisor(Host& host);

  /// Any thread. The newest counts.
  void apply(targets::DesiredState desired);

  struct Snapshot {
    std::uint64_t version = 0;  ///< grows with every change of a state
    std::int64_t generation = 0;
    std::vector<targets::ObservedReplica> replicas;  ///< removed ones too, as stopped, until `forget`
    std::set<std::string> living;                    ///< ids of those that still have something to do
    bool told = false;                               ///< what is desired is known, so `living` is complete
  };
  Snapshot snapshot() const;
  /// Returns when the version is not `seen` any more, after `longest`, or at `stop`.
  void wait_for_change(std::uint64_t seen, std::chrono::milliseconds longest, std::stop_token stop);
  /// The server knows that these are gone.
  void forget(const std::vector<std::string>& ids);

  /// Supervises until `stop`; the engines run on.
  void run(std::stop_token stop);
  /// Ends every engine, each within its grace. Not while `run` runs.
  void end_all();

 private:
  void take_desired();
  void tick(Instant now);
  void publish();

  Host& host_;
  std::map<std::string, Replica> replicas_;  // of the supervising thread
  std::int64_t generation_ = 0;
  bool told_ = false;
  std::set<std::string> retained_;

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::condition_variable_any changed_;
  std::optional<targets::DesiredState> inbox_;
  std::set<std::string> forgotten_;
  Snapshot published_;
};

}  // namespace modelops::agent
