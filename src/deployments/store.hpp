#pragma once
#include "deployments/rules.hpp"
#include "identity/visibility.hpp"

namespace modelops::deployments {

struct EnvironmentRow {
  std::string org_id;
  EnvironmentId id;
  std::string name;
  std::string description;
  bool production = false;
  std::int64_t row_version = 1;
  Time created_at;
};
MODELOPS_DESCRIBE(EnvironmentRow, org_id, id, name, description, production, row_version, created_at);

struct DeploymentRow {
  std::string org_id;
  DeploymentId id;
  std::string name;
  std::string description;
  EnvironmentId environment_id;
  std::string target_id;
  std::string target_name;
  std::string model_id;
  std::string model_name;
  std::string version_id;
  std::int64_t version_number = 0;
  std::string version_digest;
  std::string engine;
  std::string interface;
  Intent intent = Intent::run;
  DeploymentState state = DeploymentState::pending;
  std::optional<DeploymentReason> reason;
  std::int64_t replicas_desired = 1;
  std::int64_t replicas_ready = 0;
  std::int64_t revision = 1;
  std::int64_t epoch = 1;
  Visibility visibility = Visibility::organization;
  std::optional<TeamId> team_id;
  std::string created_by;
  std::int64_t row_version = 1;
  Time created_at;
  Time updated_at;
  std::optional<Time> deleted_at;
};
MODELOPS_DESCRIBE(DeploymentRow, org_id, id, name, description, environment_id, target_id, target_name, model_id,
                  model_name, version_id, version_number, version_digest, engine, interface, intent, state, reason,
                  replicas_desired, replicas_ready, revision, epoch, visibility, team_id, created_by, row_version,
                  created_at, updated_at, deleted_at);

struct RevisionRow {
  std::string org_id;
  DeploymentId deployment_id;
  std::int64_t number = 1;
  std::string version_id;
  std::string digest;
  RevisionDocument document;
  DeploymentSpec spec;
  std::vector<targets::ArtifactFile> artifact;
  std::string artifact_org_id;  ///< whose contents these files are
  std::string created_by;
  Time created_at;
};
MODELOPS_DESCRIBE(RevisionRow, org_id, deployment_id, number, version_id, digest, document, spec, artifact,
                  artifact_org_id, created_by, created_at);

struct CurrentDocument {
  std::string deployment_id;
  RevisionDocument document;
};
MODELOPS_DESCRIBE(CurrentDocument, deployment_id, document);

struct SecretRow {
  std::string org_id;
  SecretId id;
  DeploymentId deployment_id;
  std::string sealed;
};
MODELOPS_DESCRIBE(SecretRow, org_id, id, deployment_id, sealed);

struct ReplicaRow {
  std::string org_id;
  ReplicaId id;
  DeploymentId deployment_id;
  std::string target_id;
  std::int64_t revision = 0;
  std::int64_t epoch = 0;
  std::int64_t created_generation = 0;
  std::optional<Time> drain_until;                 ///< out of the routes, but still desired until then
  std::optional<std::int64_t> retired_generation;  ///< not desired any more from this generation on
  targets::ReplicaState state = targets::ReplicaState::pending;
  std::string reason;
  std::string message;
  std::string address;
  std::int64_t pid = 0;
  std::int64_t restarts = 0;
  std::optional<std::int64_t> exit_code;
  std::optional<Time> started_at;
  std::optional<Time> ready_at;
  std::optional<double> progress;
  std::int64_t memory_bytes = 0;
  double cpu_seconds = 0;
  bool was_ready = false;
  Time created_at;
  std::optional<Time> observed_at;

  bool is_retired() const { return drain_until || retired_generation; }
  bool is_drained(Time now) const { return drain_until && *drain_until <= now && !retired_generation; }
};
MODELOPS_DESCRIBE(ReplicaRow, org_id, id, deployment_id, target_id, revision, epoch, created_generation, drain_until,
                  retired_generation, state, reason, message, address, pid, restarts, exit_code, started_at, ready_at,
                  progress, memory_bytes, cpu_seconds, was_ready, created_at, observed_at);

struct DeploymentEventRow {
  std::string org_id;
  DeploymentEventId id;
  DeploymentId deployment_id;
  std::string kind;
  std::string message;
  std::int64_t revision = 0;
  std::string actor_id;
  Time created_at;
};
MODELOPS_DESCRIBE(DeploymentEventRow, org_id, id, deployment_id, kind, message, revision, actor_id, created_at);

struct DeploymentLogRow {
  std::string org_id;
  DeploymentId deployment_id;
  std::int64_t seq = 0;
  std::string replica_id;
  Time time;
  std::string stream;
  std::string line;
};
MODELOPS_DESCRIBE(DeploymentLogRow, org_id, deployment_id, seq, replica_id, time, stream, line);

/// Names one deployment among all organisations.
struct DeploymentKey {
  std::string org_id;
  DeploymentId id;
};
MODELOPS_DESCRIBE(DeploymentKey, org_id, id);

/// A replica that answers, by the names that people know it by.
struct ServingReplica {
  std::string org_id;
  std::string organization;
  std::string deployment_id;
  std::string deployment;
  std::string environment;
  std::string target_id;
  std::string target;
  std::string engine;
  std::string replica_id;
  std::string address;
};
MODELOPS_DESCRIBE(ServingReplica, org_id, organization, deployment_id, deployment, environment, target_id, target,
                  engine, replica_id, address);

/// How a deployment uses a model.
struct DeploymentUse {
  DeploymentId id;
  std::string name;
  DeploymentState state = DeploymentState::pending;
  std::string version_id;
  std::int64_t revision = 0;
  std::int64_t current_revision = 0;
};
MODELOPS_DESCRIBE(DeploymentUse, id, name, state, version_id, revision, current_revision);

/// SQL only, inside the caller's transaction.
namespace store {

std::vector<EnvironmentRow> environments(db::Tx& tx, const std::string& org_id);
std::optional<EnvironmentRow> find_environment(db::Tx& tx, const std::string& org_id, const std::string& id_or_name);
bool update_environment(db::Tx& tx, const EnvironmentRow& row, std::int64_t seen_version);
/// Also when a deployment that was deleted ran there.
bool environment_is_used(db::Tx& tx, const std::string& org_id, const std::string& id);
void remove_environment(db::Tx& tx, const std::string& org_id, const std::string& id);

/// Not those that are gone.
std::optional<DeploymentRow> find_deployment(db::Tx& tx, const std::string& org_id, const std::string& id);
/// By id, or by name in the organisation `org_id`; only what `seen` allows.
std::optional<DeploymentRow> find_deployment(db::Tx& tx, const identity::Predicate& seen, const std::string& org_id,
                                             const std::string& id_or_name);
std::optional<std::string> organization_of(db::Tx& tx, const std::string& id);
bool name_is_taken(db::Tx& tx, const std::string& org_id, const std::string& name);
std::optional<Deployment> find_view(db::Tx& tx, const std::string& org_id, const std::string& id);
/// "… d WHERE …": the views that `seen` allows and that meet a condition.
query::SqlFragment matching(const identity::Predicate& seen, const std::string& org_id,
                            const query::SqlFragment& condition);
std::vector<Deployment> views(db::Tx& tx, const query::Keyset& keyset, const identity::Predicate& seen,
                              const std::string& org_id);
/// Writes everything that can change, but only over `seen_version`.
bool update_deployment(db::Tx& tx, const DeploymentRow& row, std::int64_t seen_version);
/// Those of all organisations for which there may be something to do, in the order of their ids: `limit` after `after`.
std::vector<DeploymentRow> unsettled(db::Tx& tx, const std::string& after, std::int64_t limit);
/// The replicas of what `unsettled` answers, in the order of creation.
std::vector<ReplicaRow> replicas_of_unsettled(db::Tx& tx, const std::string& after, std::int64_t limit);
/// Those of all organisations that are meant to run.
std::vector<DeploymentRow> serving(db::Tx& tx);
/// What each of `serving` runs by its current revision.
std::vector<CurrentDocument> serving_documents(db::Tx& tx);
/// Of every organisation, in the order of their ids.
std::vector<ServingReplica> serving_replicas(db::Tx& tx);
std::vector<DeploymentUse> uses(db::Tx& tx, const std::string& org_id, const std::string& model_id);
std::vector<std::string> names_on_target(db::Tx& tx, const std::string& org_id, const std::string& target_id);

std::vector<std::string> seen_of_model(db::Tx& tx, const identity::Predicate& seen, const std::string& model_id,
                                       std::int64_t limit);

std::optional<RevisionRow> find_revision(db::Tx& tx, const std::string& org_id, const std::string& deployment_id,
                                         std::int64_t number);
std::vector<RevisionRow> revisions(db::Tx& tx, const std::string& org_id, const std::string& deployment_id);
std::int64_t last_revision(db::Tx& tx, const std::string& org_id, const std::string& deployment_id);

std::optional<SecretRow> find_secret(db::Tx& tx, const std::string& org_id, const std::string& id);

/// In the order of creation.
std::vector<ReplicaRow> replicas(db::Tx& tx, const std::string& org_id, const std::string& deployment_id);
std::vector<ReplicaRow> replicas_on(db::Tx& tx, const std::string& org_id, const std::string& target_id);
void drain_replica(db::Tx& tx, const std::string& org_id, const std::string& id, Time until);
void retire_replica(db::Tx& tx, const std::string& org_id, const std::string& id, std::int64_t generation);
/// Deployments of all organisations that have a drained replica.
std::vector<DeploymentKey> with_drained_replicas(db::Tx& tx, Time now, std::int64_t limit);
void update_replica(db::Tx& tx, const ReplicaRow& row);
void remove_replica(db::Tx& tx, const std::string& org_id, const std::string& id);

std::vector<DeploymentEvent> events(db::Tx& tx, const query::Keyset& keyset, const std::string& org_id,
                                    const std::string& deployment_id);
/// Deployments of all organisations that have more than `keep` events, or any although deleted before `deleted_before`.
std::vector<DeploymentKey> with_events_over(db::Tx& tx, std::int64_t keep, std::int64_t limit);
std::vector<DeploymentKey> deleted_with_events(db::Tx& tx, Time deleted_before, std::int64_t limit);
/// Forgets the oldest events but the newest `keep`, at most `rows_max` at once. Returns how many.
std::int64_t prune_events(db::Tx& tx, const DeploymentKey& key, std::int64_t keep, std::int64_t rows_max);

std::int64_t last_log_seq(db::Tx& tx, const std::string& org_id, const std::string& deployment_id);
void set_last_log_seq(db::Tx& tx, const std::string& org_id, const std::string& deployment_id, std::int64_t seq);
/// `replica_id` may be empty: of all of them.
std::vector<DeploymentLogLine> log_after(db::Tx& tx, const std::string& org_id, const std::string& deployment_id,
                                         const std::string& replica_id, std::int64_t after, std::int64_t limit);
std::vector<DeploymentLogLine> log_tail(db::Tx& tx, const std::string& org_id, const std::string& deployment_id,
                                        const std::string& replica_id, std::int64_t limit);
/// Forgets all but the newest `keep` lines of the replica, and all up to `seq_max` of the deployment.
void trim_log(db::Tx& tx, const std::string& org_id, const std::string& deployment_id, const std::string& replica_id,
              std::int64_t keep, std::int64_t seq_max);

/// What a deployment leaves behind that nobody may need: logs and secrets.
void remove_remains(db::Tx& tx, const std::string& org_id, const std::string& deployment_id);

}  // namespace store
}  // namespace modelops::deployments
