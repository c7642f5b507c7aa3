#pragma once
// Pure decisions: what to start and stop next, and what state that is.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "deployments/types.hpp"

namespace modelops::deployments {

/// What people want of a deployment.
enum class Intent { run, stop, delete_ };
MODELOPS_DESCRIBE_ENUM(Intent, run, stop, delete_)

/// A replica, as far as decisions depend on it. In the order of creation.
struct ReplicaView {
  std::string id;
  bool current = true;   ///< of the current revision and epoch
  bool retired = false;  ///< out of the routes: it drains, or is being stopped
  bool drained = false;  ///< retired, and its time to drain has passed
  targets::ReplicaState state = targets::ReplicaState::pending;
  bool was_ready = false;
  std::string reason = {};
  std::string message = {};
};

struct Situation {
  Intent intent = Intent::run;
  std::int64_t replicas = 1;
  bool one_at_a_time = false;  ///< two cannot run side by side (a fixed port)
  targets::MachineState target = targets::MachineState::online;
  DeploymentState before = DeploymentState::pending;
  std::int64_t revision = 1;
};

struct Steps {
  std::int64_t create = 0;          ///< so many replicas of the current revision
  std::vector<std::string> retire;  ///< out of the routes; what may have been routed to drains
  std::vector<std::string> stop;    ///< drained: the agent is told
  bool none() const { return create == 0 && retire.empty() && stop.empty(); }
};

/// The next steps. Repeated after each observation they replace every replica of older revisions: one more than
/// wanted is started (surge 1), and an old one is stopped only when as many as wanted are ready without it.
Steps next_steps(const Situation& situation, const std::vector<ReplicaView>& replicas);

struct Assessment {
  DeploymentState state = DeploymentState::pending;
  std::optional<DeploymentReason> reason;
  std::int64_t ready = 0;
  bool operator==(const Assessment&) const = default;
};
Assessment assess(const Situation& situation, const std::vector<ReplicaView>& replicas);

/// What a person can do about an agent's reason.
std::string_view advice(std::string_view reason);

}  // namespace modelops::deployments
