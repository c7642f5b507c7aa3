#include "deployments/rules.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace modelops::deployments {
namespace {

using targets::MachineState;
using targets::ReplicaState;
using enum DeploymentState;

bool is_ready(const ReplicaView& replica) { return !replica.retired && replica.state == ReplicaState::ready; }
bool is_current(const ReplicaView& replica) { return !replica.retired && replica.current; }
bool is_old(const ReplicaView& replica) { return !replica.retired && !replica.current; }
bool is_on_its_way(const ReplicaView& replica) {
  return replica.state == ReplicaState::pending || replica.state == ReplicaState::fetching ||
         replica.state == ReplicaState::starting || replica.state == ReplicaState::stopped ||
         replica.state == ReplicaState::stopping;
}

template <class P>
std::int64_t count(const std::vector<ReplicaView>& replicas, P predicate) {
  return std::ranges::count_if(replicas, predicate);
}

std::string explained(const ReplicaView& replica) {
  std::string out = replica.message.empty() ? fmt::format("The replica reports {}.", replica.reason) : replica.message;
  if (!out.ends_with('.') && !out.ends_with('\n')) out += '.';
  return fmt::format("{} {}", out, advice(replica.reason));
}

std::string code_of(const ReplicaView& replica, std::string_view otherwise) {
  return replica.reason.empty() ? std::string(otherwise) : replica.reason;
}

/// Why the target does not do what we ask; nothing when it does.
std::optional<DeploymentReason> unreachable(MachineState target) {
  switch (target) {
    case MachineState::online: return std::nullopt;
    case MachineState::pending:
      return DeploymentReason{"target_not_enrolled",
                              "The target's agent has not enrolled yet. Start it with the target's enrollment token."};
    case MachineState::offline:
      return DeploymentReason{"target_offline",
                              "The target's agent has not been heard for a while. Its engines may run on. See that the "
                              "agent runs and can reach this server; it then catches up by itself."};
    case MachineState::revoked:
      return DeploymentReason{"target_revoked",
                              "The target's agent was revoked. Make it a new enrollment token and enroll it again, or "
                              "delete the deployment."};
  }
  return std::nullopt;
}

}  // namespace

Steps next_steps(const Situation& situation, const std::vector<ReplicaView>& replicas) {
  Steps out;
  for (const ReplicaView& replica : replicas)
    if (replica.drained) out.stop.push_back(replica.id);
  if (situation.intent != Intent::run) {
    for (const ReplicaView& replica : replicas)
      if (!replica.retired) out.retire.push_back(replica.id);
    return out;
  }
  const std::int64_t wanted = situation.replicas;
  const std::int64_t current = count(replicas, is_current);
  std::int64_t ready = count(replicas, is_ready);

  if (situation.one_at_a_time) {
    for (const ReplicaView& replica : replicas)
      if (is_old(replica)) out.retire.push_back(replica.id);
    // What is retired still holds the port until the agent says that it is gone.
    const bool port_is_free = std::ranges::all_of(replicas, is_current);
    if (port_is_free && current < wanted) out.create = wanted - current;
  } else {
    // What is being stopped still takes its room: never more than one beyond what is wanted.
    const auto all = static_cast<std::int64_t>(replicas.size());
    const std::int64_t room = wanted + (all > current ? 1 : 0) - all;
    out.create = std::clamp<std::int64_t>(room, 0, std::max<std::int64_t>(wanted - current, 0));
    for (const ReplicaView& replica : replicas) {
      if (!is_old(replica)) continue;
      // One that does not answer helps nobody, and its memory is needed.
      if (!is_ready(replica)) {
        out.retire.push_back(replica.id);
      } else if (ready > wanted) {
        out.retire.push_back(replica.id);
        --ready;
      }
    }
  }
  // Scaling down: those that do not answer first, then the newest.
  std::int64_t surplus = current - wanted;
  for (const bool unready_ones : {true, false}) {
    for (auto replica = replicas.rbegin(); replica != replicas.rend() && surplus > 0; ++replica) {
      if (!is_current(*replica) || is_ready(*replica) == unready_ones) continue;
      out.retire.push_back(replica->id);
      --surplus;
    }
  }
  return out;
}

Assessment assess(const Situation& situation, const std::vector<ReplicaView>& replicas) {
  Assessment out;
  out.ready = count(replicas, is_ready);
  const auto left = static_cast<std::int64_t>(replicas.size());
  auto why_unreachable = unreachable(situation.target);
  if (situation.intent == Intent::delete_) {
    out.state = deleting;
    if (left > 0)
      out.reason = why_unreachable ? *why_unreachable
                                   : DeploymentReason{"stopping", fmt::format("{} replicas are still ending.", left)};
    return out;
  }
  if (situation.intent == Intent::stop) {
    out.state = stopped;
    if (left > 0)
      out.reason = why_unreachable ? *why_unreachable
                                   : DeploymentReason{"stopping", fmt::format("{} replicas are still ending.", left)};
    return out;
  }

  const std::int64_t wanted = situation.replicas;
  const std::int64_t current_ready = count(replicas, [](const auto& r) { return is_current(r) && is_ready(r); });
  const auto failed_one =
      std::ranges::find_if(replicas, [](const auto& r) { return is_current(r) && r.state == ReplicaState::failed; });
  const auto unhealthy_one =
      std::ranges::find_if(replicas, [](const auto& r) { return is_current(r) && r.state == ReplicaState::unhealthy; });
  const bool was_ready = std::ranges::any_of(replicas, [](const auto& r) { return !r.retired && r.was_ready; });
  const std::int64_t on_the_way = count(replicas, [](const auto& r) { return is_current(r) && is_on_its_way(r); });

  if (why_unreachable) {
    out.state = out.ready > 0 || was_ready ? degraded : DeploymentState::pending;
    out.reason = std::move(why_unreachable);
    return out;
  }
  if (current_ready >= wanted) {
    out.state = healthy;
    return out;
  }
  const bool serving_fully = out.ready >= wanted;  // older replicas do, while a new revision starts
  if (failed_one != replicas.end()) {
    out.state = out.ready > 0 ? degraded : on_the_way > 0 ? provisioning : failed;
    const std::string rest =
        serving_fully ? fmt::format(
                            " Meanwhile the replicas before it serve on. Revision {} has failed: update again, "
                            "or roll back.",
                            situation.revision)
                      : "";
    out.reason = DeploymentReason{code_of(*failed_one, "replica_failed"), explained(*failed_one) + rest};
    return out;
  }
  if (serving_fully) {
    out.state = healthy;
    out.reason = DeploymentReason{"rolling_out", fmt::format("Revision {} is being started; replicas before it serve "
                                                             "meanwhile.",
                                                             situation.revision)};
    return out;
  }
  if (unhealthy_one != replicas.end()) {
    out.state = degraded;
    const std::string_view code = out.ready > 0 ? "replica_unhealthy" : "no_replica_ready";
    out.reason =
        DeploymentReason{out.ready > 0 ? code_of(*unhealthy_one, code) : std::string(code), explained(*unhealthy_one)};
    return out;
  }
  const std::string starting = fmt::format("{} of {} replicas are ready; the others are starting.", out.ready, wanted);
  if (out.ready > 0) {
    out.state = situation.before == healthy || situation.before == degraded ? situation.before : provisioning;
    out.reason = DeploymentReason{"replicas_starting", starting};
    return out;
  }
  if (was_ready) {
    out.state = degraded;
    out.reason = DeploymentReason{
        "no_replica_ready",
        fmt::format("{} Nothing answers until then. If it lasts, read the logs and events.", starting)};
    return out;
  }
  const bool begun = std::ranges::any_of(replicas, [](const auto& r) {
    return is_current(r) && (r.state == ReplicaState::fetching || r.state == ReplicaState::starting);
  });
  out.state = begun ? provisioning : DeploymentState::pending;
  out.reason = begun
                   ? DeploymentReason{"replicas_starting", starting}
                   : DeploymentReason{"waiting_for_agent", "The target's agent has been told and will begin shortly."};
  return out;
}

std::string_view advice(std::string_view reason) {
  struct Advice {
    std::string_view reason, text;
  };
  constexpr Advice table[] = {
      {"port_taken", "Stop what uses the port on the target, or leave runtime.port out so that the agent chooses one."},
      {"engine_exited",
       "Read the logs; check the flags, the environment variables and that this engine reads this "
       "model. Then update, or roll back."},
      {"engine_missing", "Install the engine on the target, or choose one that its inventory lists."},
      {"artifact_mismatch",
       "A file of the version does not have its digest. Check the target's disk and restart; if it "
       "comes back, register the version again."},
      {"artifact_unavailable",
       "The target could not fetch the version's files. Check that it reaches this server and "
       "has room on its disk, then restart."},
      {"disk_full", "Make room on the target's disk, then restart."},
      {"startup_timeout", "Allow more time (probes.startup_ms_max), check the readiness path, or give it more memory."},
      {"out_of_memory", "Raise resources.memory_bytes, or choose a smaller model, context or batch."},
      {"artifact_missing",
       "The version's files are not where they should be. Restart; if it comes back, register the "
       "version again."},
      {"server_unreachable",
       "The target could not fetch the version's files from this server. It tries again; see that "
       "the network between them works."},
      {"engine_hung",
       "The engine stopped answering. Read the logs; it may need more memory or CPU, or a longer liveness "
       "time-out."},
      {"not_ready", "The engine runs but says that it is not ready. Read the logs and check the readiness path."},
      {"start_failed", "The engine could not be started on the target. Check that it is installed there and may run."},
      {"secret_unreadable", "The target could not open a secret variable. Give its value anew."},
  };
  for (const Advice& row : table)
    if (row.reason == reason) return row.text;
  return "Read the deployment's logs and events.";
}

}  // namespace modelops::deployments
