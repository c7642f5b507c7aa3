#pragma once
#include <memory>
#include <string>
#include <vector>

#include "platform/db/database.hpp"
#include "platform/storage/blobs.hpp"
#include "targets/wire.hpp"

namespace modelops::targets {

/// A machine that has proved who it is.
struct Machine {
  std::string org_id;
  std::string id;
  MachineKind kind = MachineKind::agent;
  std::string target_id;      ///< of an agent
  std::string sealing_key;    ///< raw X25519
  std::string server_key_id;  ///< what it checks our answers with
  std::string nonce;          ///< of its request
  bool operator==(const Machine&) const = default;
};

/// What should run on a target: answered by `deployments`.
class DesiredStates {
 public:
  virtual ~DesiredStates() = default;
  /// For an agent, with secrets sealed to it.
  virtual std::vector<DesiredReplica> desired(db::Tx& tx, const Machine& agent) = 0;
  /// True when one of those replicas needs the file with this digest.
  virtual bool needs_artifact(db::Tx& tx, const Machine& agent, const std::string& sha256) = 0;
};

/// Takes what agents report: answered by `deployments`. The texts are cut and free of control characters.
class ObservedSink {
 public:
  virtual ~ObservedSink() = default;
  virtual void observed(db::Tx& tx, const Machine& agent, const ReportObserved& report) = 0;
  virtual void logged(db::Tx& tx, const Machine& agent, const std::vector<ReplicaLogLine>& lines) = 0;
};

/// Contents of model versions: answered by `registry`.
class Artifacts {
 public:
  virtual ~Artifacts() = default;
  /// Null when the organisation has no verified content with this digest.
  virtual std::unique_ptr<storage::BlobReader> open(const std::string& org_id, const std::string& sha256) = 0;
};

}  // namespace modelops::targets
