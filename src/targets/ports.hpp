#pragma once
#include <memory>
#include <optional>
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
  /// The organisation whose content with this digest one of those replicas needs; nothing when none needs it.
  virtual std::optional<std::string> artifact_owner(db::Tx& tx, const Machine& agent, const std::string& sha256) = 0;
};

/// What a target is needed for: answered by `deployments`.
class TargetUsage {
 public:
  virtual ~TargetUsage() = default;
  /// The names of the deployments on it, those that are being deleted too.
  virtual std::vector<std::string> deployments_on(db::Tx& tx, const std::string& org_id,
                                                  const std::string& target_id) = 0;
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
