#include "deployments/controller.hpp"

#include <span>

#include "base/text.hpp"
#include "identity/visibility.hpp"
#include "platform/crypto/seal.hpp"
#include "platform/db/data_keys.hpp"
#include "platform/jobs/waiting.hpp"

namespace modelops::deployments {
namespace {

using targets::MachineState;
using targets::ReplicaState;

constexpr std::int64_t deployments_per_page = 200;
constexpr std::size_t deployments_per_transaction = 50;

Context system_context(const std::string& org_id) {
  Context ctx;
  ctx.org_id = org_id;
  ctx.actor.kind = ActorKind::system;
  ctx.actor.id = "system";
  return ctx;
}

std::vector<ReplicaView> views_of(const DeploymentRow& row, const std::vector<ReplicaRow>& replicas, Time now) {
  std::vector<ReplicaView> out;
  for (const ReplicaRow& replica : replicas)
    out.push_back({replica.id.str(), replica.revision == row.revision && replica.epoch == row.epoch,
                   replica.is_retired(), replica.is_drained(now), replica.state, replica.was_ready, replica.reason,
                   replica.message});
  return out;
}

/// No agent will ever say what became of what it was told to stop.
bool nobody_answers(MachineState target) { return target == MachineState::pending || target == MachineState::revoked; }

bool has_retired(const std::vector<ReplicaRow>& replicas) {
  return std::ranges::any_of(replicas, &ReplicaRow::is_retired);
}

std::string secret_object(const std::string& id) { return id + "/value"; }

}  // namespace

std::string logs_topic(std::string_view deployment_id) { return fmt::format("deployment_logs/{}", deployment_id); }

void Controller::note(db::Tx& tx, const Context& ctx, const DeploymentRow& row, std::string_view kind,
                      const std::string& message, boost::json::object data) {
  tx.insert("deployment_events", DeploymentEventRow{row.org_id, DeploymentEventId::make(), row.id, std::string(kind),
                                                    message, row.revision, ctx.actor.id, clock_.now()});
  const std::string full_kind = fmt::format("deployment.{}", kind);
  events_.publish(tx, row.org_id, identity::audience_of(row), full_kind, "deployment", row.id.str(),
                  {{"revision", row.revision}});
  data["name"] = row.name;
  data["revision"] = row.revision;
  audit_.record(tx, ctx, {full_kind, "deployment", row.id.str(), std::move(data)});
}

SecretId Controller::keep_secret(db::Tx& tx, const std::string& org_id, const DeploymentId& deployment,
                                 const std::string& value) {
  db::TxDataKeys data_keys(tx);
  const SecretId id = SecretId::make();
  tx.insert("deployment_secrets",
            SecretRow{org_id, id, deployment,
                      crypto::SecretBox(keyring_, data_keys).seal({org_id}, secret_object(id.str()), value)});
  return id;
}

// --------------------------------------------------------------------------------------- reconciliation

std::optional<Controller::Look> Controller::look(db::Tx& tx, const std::string& org_id,
                                                 const std::string& deployment_id) {
  auto row = store::find_deployment(tx, org_id, deployment_id);
  if (!row) return std::nullopt;
  const auto revision = store::find_revision(tx, org_id, deployment_id, row->revision).value();
  auto target = targets_.find(tx, org_id, row->target_id).value();
  const Situation situation{row->intent, row->replicas_desired, has_fixed_port(revision.document), target.state,
                            row->state,  row->revision};
  return Look{clock_.now(), std::move(*row), std::move(target), store::replicas(tx, org_id, deployment_id), situation};
}

bool Controller::Look::at_rest() const {
  const auto replica_views = views_of(row, replicas, time);
  return next_steps(situation, replica_views).none() &&
         assess(situation, replica_views) == Assessment{row.state, row.reason, row.replicas_ready} &&
         !(nobody_answers(target.state) && has_retired(replicas)) &&
         !(row.intent == Intent::delete_ && replicas.empty());
}

void Controller::carry_out(db::Tx& tx, Look& now, const Steps& steps) {
  const DeploymentRow& row = now.row;
  std::vector<std::string> stop = steps.stop;
  for (const ReplicaRow& replica : now.replicas) {
    if (std::ranges::find(steps.retire, replica.id.str()) == steps.retire.end()) continue;
    // No gateway has ever heard of one that was never ready.
    const auto drain = drain_time(store::find_revision(tx, row.org_id, row.id.str(), replica.revision)->document);
    if (replica.was_ready && drain.count() > 0)
      store::drain_replica(tx, row.org_id, replica.id.str(), now.time + drain);
    else
      stop.push_back(replica.id.str());
  }
  const bool agent_is_told = steps.create > 0 || !stop.empty();
  const std::int64_t generation = agent_is_told ? targets_.bump(tx, row.org_id, row.target_id) : 0;
  for (const std::string& id : stop) store::retire_replica(tx, row.org_id, id, generation);
  for (std::int64_t i = 0; i < steps.create; ++i) {
    ReplicaRow made;
    made.org_id = row.org_id;
    made.id = ReplicaId::make();
    made.deployment_id = row.id;
    made.target_id = row.target_id;
    made.revision = row.revision;
    made.epoch = row.epoch;
    made.created_generation = generation;
    made.created_at = clock_.now();
    tx.insert("deployment_replicas", made);
  }
  now.replicas = store::replicas(tx, row.org_id, row.id.str());
}

void Controller::finish_deletion(db::Tx& tx, DeploymentRow row) {
  store::remove_remains(tx, row.org_id, row.id.str());
  row.deleted_at = clock_.now();
  row.updated_at = clock_.now();
  row.row_version += 1;
  store::update_deployment(tx, row, row.row_version - 1);
  note(tx, system_context(row.org_id), row, "deleted", "Every replica has ended.");
}

void Controller::converge(db::Tx& tx, const std::string& org_id, const std::string& deployment_id) {
  auto now = look(tx, org_id, deployment_id);
  if (!now) return;
  if (const Steps steps = next_steps(now->situation, views_of(now->row, now->replicas, now->time)); !steps.none())
    carry_out(tx, *now, steps);
  if (nobody_answers(now->target.state)) {
    for (const ReplicaRow& replica : now->replicas)
      if (replica.is_retired()) store::remove_replica(tx, org_id, replica.id.str());
    std::erase_if(now->replicas, &ReplicaRow::is_retired);
  }
  jobs::announce(tx, topics_, endpoints_topic);

  DeploymentRow& row = now->row;
  if (row.intent == Intent::delete_ && now->replicas.empty()) return finish_deletion(tx, row);
  const Assessment found = assess(now->situation, views_of(row, now->replicas, now->time));
  if (found == Assessment{row.state, row.reason, row.replicas_ready}) return;
  const bool new_state = found.state != row.state;
  row.state = found.state;
  row.reason = found.reason;
  row.replicas_ready = found.ready;
  row.row_version += 1;
  row.updated_at = clock_.now();
  store::update_deployment(tx, row, row.row_version - 1);
  if (!new_state) {
    // Nothing for its history, but whoever shows how many replicas are ready has to hear of it.
    return events_.publish(tx, row.org_id, identity::audience_of(row), "deployment.replicas_ready", "deployment",
                           row.id.str(), {{"ready", found.ready}});
  }
  boost::json::object data;
  if (found.reason) data["reason"] = found.reason->code;
  const std::string message = found.reason ? found.reason->message
                              : found.ready > 0
                                  ? fmt::format("{} of {} replicas are ready.", found.ready, row.replicas_desired)
                                  : "No replica runs.";
  note(tx, system_context(org_id), row, reflect::enum_name(row.state), message, std::move(data));
}

void Controller::converge_all(const std::vector<DeploymentKey>& keys) {
  // Several in one transaction: after a restart there may be thousands, and each transaction waits for the disk.
  for (std::size_t at = 0; at < keys.size(); at += deployments_per_transaction) {
    const auto some = std::span(keys).subspan(at, std::min(deployments_per_transaction, keys.size() - at));
    database_.write([&](db::Tx& tx) {
      for (const DeploymentKey& key : some) converge(tx, key.org_id, key.id.str());
    });
  }
}

std::size_t Controller::stop_drained() {
  const auto due =
      database_.read([&](db::Tx& tx) { return store::with_drained_replicas(tx, clock_.now(), deployments_per_page); });
  converge_all(due);
  return due.size();
}

std::vector<DeploymentKey> Controller::not_at_rest(db::Tx& tx, const std::vector<DeploymentRow>& rows,
                                                   std::vector<ReplicaRow> replicas) {
  std::map<std::string, std::vector<ReplicaRow>> replicas_of;
  for (ReplicaRow& replica : replicas) replicas_of[replica.deployment_id.str()].push_back(std::move(replica));
  std::map<std::pair<std::string, std::string>, targets::Target> targets;
  std::vector<DeploymentKey> out;
  for (const DeploymentRow& row : rows) {
    std::vector<ReplicaRow>& own = replicas_of[row.id.str()];
    const bool is_complete =
        row.intent == Intent::run && std::ssize(own) == row.replicas_desired &&
        std::ranges::all_of(own, [&](const ReplicaRow& replica) {
          return replica.revision == row.revision && replica.epoch == row.epoch && !replica.is_retired();
        });
    if (is_complete) {
      auto target = targets.find({row.org_id, row.target_id});
      if (target == targets.end())
        target =
            targets.emplace(std::pair(row.org_id, row.target_id), *targets_.find(tx, row.org_id, row.target_id)).first;
      // Nothing is to be started, so whether two may run side by side, which only the revision tells, plays no part.
      const Situation situation{row.intent, row.replicas_desired, false, target->second.state, row.state, row.revision};
      if (Look{clock_.now(), row, target->second, std::move(own), situation}.at_rest()) continue;
    } else if (const auto now = look(tx, row.org_id, row.id.str()); !now || now->at_rest()) {
      continue;
    }
    out.push_back({row.org_id, row.id});
  }
  return out;
}

std::size_t Controller::reconcile_all() {
  std::size_t moved = 0;
  std::string after;
  for (;;) {
    std::vector<DeploymentRow> page;
    const auto due = database_.read([&](db::Tx& tx) {
      page = store::unsettled(tx, after, deployments_per_page);
      return not_at_rest(tx, page, store::replicas_of_unsettled(tx, after, deployments_per_page));
    });
    converge_all(due);
    moved += due.size();
    if (page.size() < static_cast<std::size_t>(deployments_per_page)) return moved;
    after = page.back().id.str();
  }
}

// ------------------------------------------------------------------------------------- what agents hear

std::vector<targets::DesiredReplica> Controller::desired(db::Tx& tx, const targets::Machine& agent) {
  db::TxDataKeys data_keys(tx);
  crypto::SecretBox secrets(keyring_, data_keys);
  std::vector<targets::DesiredReplica> out;
  for (const ReplicaRow& replica : store::replicas_on(tx, agent.org_id, agent.target_id)) {
    if (replica.retired_generation) continue;
    const std::string& deployment_id = replica.deployment_id.str();
    const auto row = store::find_deployment(tx, agent.org_id, deployment_id).value();
    const auto revision = store::find_revision(tx, agent.org_id, deployment_id, replica.revision).value();
    const RevisionDocument& document = revision.document;
    const auto& process = std::get<ProcessPlan>(document.runtime);
    targets::DesiredReplica made;
    made.replica_id = replica.id.str();
    made.deployment_id = deployment_id;
    made.deployment_name = row.name;
    made.revision = replica.revision;
    made.engine = document.engine;
    made.command = process.command;
    for (const EnvironmentVariable& variable : document.environment_variables) {
      if (const auto* literal = std::get_if<LiteralVariable>(&variable)) {
        made.environment[literal->name.str()] = literal->value.str();
        continue;
      }
      const auto& reference = std::get<SecretReference>(variable);
      const std::string& id = reference.secret_id.value().str();
      const auto secret = store::find_secret(tx, agent.org_id, id).value();
      const Secret value = secrets.open({agent.org_id}, secret_object(id), secret.sealed);
      made.secrets.push_back(
          {reference.name.str(),
           to_base64url(crypto::seal_to(agent.sealing_key, value.reveal(),
                                        targets::secret_context(agent.id, deployment_id, reference.name.str())))});
    }
    made.artifact = revision.artifact;
    made.artifact_digest = document.version.digest;
    made.port = process.port;
    made.memory_bytes_max = document.memory_bytes_max;
    made.cpus_max = document.cpus_max;
    made.readiness = document.readiness;
    made.liveness = document.liveness;
    made.startup_ms_max = document.startup_ms_max;
    made.stop_grace_ms = process.stop_grace_ms;
    made.restarts_max = process.restarts_max;
    out.push_back(std::move(made));
  }
  return out;
}

std::optional<std::string> Controller::artifact_owner(db::Tx& tx, const targets::Machine& agent,
                                                      const std::string& sha256) {
  for (const ReplicaRow& replica : store::replicas_on(tx, agent.org_id, agent.target_id)) {
    if (replica.retired_generation) continue;
    const auto revision = store::find_revision(tx, agent.org_id, replica.deployment_id.str(), replica.revision).value();
    if (std::ranges::any_of(revision.artifact, [&](const auto& file) { return file.sha256 == sha256; }))
      return revision.artifact_org_id;
  }
  return std::nullopt;
}

// -------------------------------------------------------------------------------------- what agents say

void Controller::observed(db::Tx& tx, const targets::Machine& agent, const targets::ReportObserved& report) {
  std::map<std::string_view, const targets::ObservedReplica*> seen;
  for (const targets::ObservedReplica& replica : report.replicas) seen[replica.replica_id] = &replica;
  std::set<std::string> touched;
  const Time now = clock_.now();
  for (ReplicaRow row : store::replicas_on(tx, agent.org_id, agent.target_id)) {
    const auto found = seen.find(row.id.str());
    const bool listed = found != seen.end();
    if (row.retired_generation && report.generation >= *row.retired_generation &&
        (!listed || found->second->state == ReplicaState::stopped || found->second->state == ReplicaState::failed)) {
      store::remove_replica(tx, agent.org_id, row.id.str());
      touched.insert(row.deployment_id.str());
      continue;
    }
    const ReplicaRow before = row;
    if (listed) {
      const targets::ObservedReplica& said = *found->second;
      row.state = said.state;
      row.reason = said.reason;
      row.message = said.message;
      row.address = said.address;
      row.pid = said.pid;
      row.restarts = said.restarts;
      row.exit_code = said.exit_code;
      row.started_at = said.started_at;
      row.ready_at = said.ready_at;
      row.progress = said.progress;
      row.memory_bytes = said.memory_bytes;
      row.cpu_seconds = said.cpu_seconds;
      row.was_ready = row.was_ready || said.state == ReplicaState::ready;
    } else if (!row.retired_generation && report.generation >= row.created_generation) {
      // The agent knows that it should run, and does not have it (yet, or any more).
      row.state = ReplicaState::pending;
      row.reason = row.message = row.address = {};
      row.pid = 0;
    } else {
      continue;
    }
    row.observed_at = now;
    store::update_replica(tx, row);
    if (row.state == before.state && row.reason == before.reason && row.message == before.message &&
        row.address == before.address)
      continue;
    touched.insert(row.deployment_id.str());
    const bool matters =
        row.state == ReplicaState::ready || row.state == ReplicaState::failed || row.state == ReplicaState::unhealthy;
    if (row.state != before.state && matters)
      tx.insert("deployment_events",
                DeploymentEventRow{row.org_id, DeploymentEventId::make(), row.deployment_id,
                                   fmt::format("replica_{}", reflect::enum_name(row.state)),
                                   row.message.empty() ? fmt::format("Replica {}.", row.id.str()) : row.message,
                                   row.revision, agent.id, now});
  }
  for (const std::string& id : touched) converge(tx, agent.org_id, id);
}

void Controller::logged(db::Tx& tx, const targets::Machine& agent, const std::vector<targets::ReplicaLogLine>& lines) {
  std::map<std::string, DeploymentId, std::less<>> deployment_of;
  for (const ReplicaRow& row : store::replicas_on(tx, agent.org_id, agent.target_id))
    deployment_of[row.id.str()] = row.deployment_id;
  std::map<DeploymentId, std::int64_t> last;
  std::set<std::pair<DeploymentId, std::string>> grown;
  for (const targets::ReplicaLogLine& line : lines) {
    const auto found = deployment_of.find(line.replica_id);
    if (found == deployment_of.end()) continue;  // of a replica that is gone
    const DeploymentId& id = found->second;
    if (!last.contains(id)) last[id] = store::last_log_seq(tx, agent.org_id, id.str());
    tx.insert("deployment_logs",
              DeploymentLogRow{agent.org_id, id, ++last[id], line.replica_id, line.time, line.stream, line.line});
    grown.emplace(id, line.replica_id);
  }
  for (const auto& [id, replica_id] : grown)
    store::trim_log(tx, agent.org_id, id.str(), replica_id, log_lines_per_replica_max,
                    last[id] - log_lines_per_deployment_max);
  for (const auto& [id, seq] : last) {
    store::set_last_log_seq(tx, agent.org_id, id.str(), seq);
    jobs::announce(tx, topics_, logs_topic(id.str()));
  }
}

}  // namespace modelops::deployments
