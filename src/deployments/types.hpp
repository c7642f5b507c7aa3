#pragma once
#include "deployments/document.hpp"
#include "identity/types.hpp"
#include "platform/jobs/types.hpp"
#include "platform/query/facets.hpp"
#include "targets/types.hpp"

namespace modelops::deployments {

using identity::Nothing;
using identity::Reference;
using identity::TeamId;
using identity::Visibility;
using reflect::Patch;
using reflect::Slug;

inline constexpr Permission deployments_read{"deployments:read"};
inline constexpr Permission deployments_write{"deployments:write"};
inline constexpr Permission deployments_delete{"deployments:delete"};

// ----------------------------------------------------------------------------------------- environments

struct Environment {
  EnvironmentId id;
  std::string name;
  std::string description;
  bool production = false;
  std::int64_t row_version = 1;
  Time created_at;
  static constexpr Doc docs[] = {{"production", "Whether people depend on what runs here"}};
};
MODELOPS_DESCRIBE(Environment, id, name, description, production, row_version, created_at);
struct EnvironmentList {
  std::vector<Environment> items;
};
MODELOPS_DESCRIBE(EnvironmentList, items);
struct CreateEnvironment {
  Slug name;
  Bounded<0, 512> description = *Bounded<0, 512>::parse("");
  bool production = false;
};
MODELOPS_DESCRIBE(CreateEnvironment, name, description, production);
struct EnvironmentReference {
  Reference environment;
};
MODELOPS_DESCRIBE(EnvironmentReference, environment);
struct UpdateEnvironment {
  Reference environment;
  Patch<Bounded<0, 512>> description;
  Patch<bool> production;
};
MODELOPS_DESCRIBE(UpdateEnvironment, environment, description, production);

// ------------------------------------------------------------------------------------------ deployments

enum class DeploymentState { pending, provisioning, healthy, degraded, failed, stopped, deleting };
MODELOPS_DESCRIBE_ENUM(DeploymentState, pending, provisioning, healthy, degraded, failed, stopped, deleting)

/// Why a deployment is not simply healthy.
struct DeploymentReason {
  std::string code;
  std::string message;
  bool operator==(const DeploymentReason&) const = default;
  static constexpr Doc docs[] = {{"code", "A stable word: engine_exited, port_taken, target_offline"},
                                 {"message", "What happened, and what you can do"}};
};
MODELOPS_DESCRIBE(DeploymentReason, code, message);

struct Deployment {
  DeploymentId id;
  std::string name;
  std::string description;
  DeploymentState state = DeploymentState::pending;
  std::optional<DeploymentReason> reason;
  std::string environment;
  std::string target;
  std::string target_id;
  std::string model;
  std::string model_id;
  std::string version_id;
  std::int64_t version_number = 0;
  std::string version_digest;
  std::string engine;
  std::string interface;
  std::int64_t replicas_desired = 1;
  std::int64_t replicas_ready = 0;
  std::int64_t revision = 1;
  Visibility visibility = Visibility::organization;
  std::optional<TeamId> team_id;
  std::string created_by;
  std::int64_t row_version = 1;
  Time created_at;
  Time updated_at;
};
MODELOPS_DESCRIBE(Deployment, id, name, description, state, reason, environment, target, target_id, model, model_id,
                  version_id, version_number, version_digest, engine, interface, replicas_desired, replicas_ready,
                  revision, visibility, team_id, created_by, row_version, created_at, updated_at);

using ReplicaCount = reflect::Ranged<1, 64>;

struct CreateDeployment {
  Slug name;
  Bounded<0, 512> description = *Bounded<0, 512>::parse("");
  Reference model;
  Reference target;
  Reference environment = *Reference::parse("production");
  ReplicaCount replicas = ReplicaCount::of<1>();
  std::optional<Slug> engine;
  EngineFlags flags;
  std::optional<reflect::RelativePath> model_file;
  Resources resources;
  std::vector<EnvironmentVariable> environment_variables;
  Probes probes;
  Limits limits;
  Runtime runtime = ProcessRuntime{};
  Visibility visibility = Visibility::organization;
  std::optional<TeamId> team_id;
  static constexpr Doc docs[] = {
      {"model",
       "A version: model@alias, model:v3 or its id; another organization's, while its model is public, by its id. The "
       "deployment pins it: moving the alias changes nothing, and what is deployed goes on when the model is public no "
       "more, but no new revision can be made of it"},
      {"engine", "Of the engine catalogue; without it the one that the version recommends"},
      {"flags", "Of the engine, by the names in the catalogue"},
      {"model_file", "Which file the engine is started with, where a version has several"},
      {"team_id", "One of yours; with visibility team"}};
};
MODELOPS_DESCRIBE(CreateDeployment, name, description, model, target, environment, replicas, engine, flags, model_file,
                  resources, environment_variables, probes, limits, runtime, visibility, team_id);

struct DeploymentReference {
  Reference deployment;
};
MODELOPS_DESCRIBE(DeploymentReference, deployment);

/// What differs makes a new revision, which replaces the replicas one by one.
struct UpdateDeployment {
  Reference deployment;
  Patch<Bounded<0, 512>> description;
  Patch<Reference> model;
  Patch<Slug> engine;
  Patch<EngineFlags> flags;
  Patch<reflect::RelativePath> model_file;
  Patch<Resources> resources;
  Patch<std::vector<EnvironmentVariable>> environment_variables;
  Patch<Probes> probes;
  Patch<Limits> limits;
  Patch<Runtime> runtime;
};
MODELOPS_DESCRIBE(UpdateDeployment, deployment, description, model, engine, flags, model_file, resources,
                  environment_variables, probes, limits, runtime);

struct ScaleDeployment {
  Reference deployment;
  ReplicaCount replicas;
};
MODELOPS_DESCRIBE(ScaleDeployment, deployment, replicas);

using RevisionNumber = reflect::Ranged<1, 1'000'000'000>;
struct RollBackDeployment {
  Reference deployment;
  RevisionNumber revision;
};
MODELOPS_DESCRIBE(RollBackDeployment, deployment, revision);

struct ListDeployments {
  query::PageSize page_size = query::default_page_size();
  std::string page_token;
  std::string filter;
  std::string order_by;
  static constexpr Doc docs[] = {
      {"filter", "For example: environment = 'production' AND state IN ('degraded', 'failed')"},
      {"order_by", "name, state, environment, created_at or updated_at, with desc for descending"}};
};
MODELOPS_DESCRIBE(ListDeployments, page_size, page_token, filter, order_by);
struct DeploymentPage {
  std::vector<Deployment> items;
  std::optional<std::string> next_page_token;
};
MODELOPS_DESCRIBE(DeploymentPage, items, next_page_token);

struct FacetDeployments {
  std::string filter;
  static constexpr Doc docs[] = {{"filter", "As in the list"}};
};
MODELOPS_DESCRIBE(FacetDeployments, filter);

// ----------------------------------------------------------------------------- revisions, replicas, events

struct DeploymentRevision {
  std::int64_t number = 0;
  bool current = false;
  std::string digest;
  RevisionDocument document;
  std::string created_by;
  Time created_at;
  static constexpr Doc docs[] = {{"digest", "SHA-256 of the canonical document: the same content, the same digest"}};
};
MODELOPS_DESCRIBE(DeploymentRevision, number, current, digest, document, created_by, created_at);
struct DeploymentRevisionList {
  std::vector<DeploymentRevision> items;
};
MODELOPS_DESCRIBE(DeploymentRevisionList, items);
struct RevisionReference {
  Reference deployment;
  RevisionNumber revision;
};
MODELOPS_DESCRIBE(RevisionReference, deployment, revision);
struct DiffRevisions {
  Reference deployment;
  RevisionNumber revision;
  RevisionNumber against;
};
MODELOPS_DESCRIBE(DiffRevisions, deployment, revision, against);
struct RevisionDiff {
  std::int64_t revision = 0;
  std::int64_t against = 0;
  std::vector<DocumentChange> changes;
};
MODELOPS_DESCRIBE(RevisionDiff, revision, against, changes);

struct DeploymentReplica {
  ReplicaId id;
  targets::ReplicaState state = targets::ReplicaState::pending;
  std::string reason;
  std::string message;
  std::int64_t revision = 0;
  bool retired = false;
  std::optional<Time> drain_until;
  std::string address;
  std::int64_t pid = 0;
  std::int64_t restarts = 0;
  std::optional<std::int64_t> exit_code;
  std::optional<double> progress;
  std::int64_t memory_bytes = 0;
  double cpu_seconds = 0;
  std::optional<Time> started_at;
  std::optional<Time> ready_at;
  std::optional<Time> observed_at;
  Time created_at;
  static constexpr Doc docs[] = {
      {"retired", "Out of the routes; it drains, then its engine is stopped"},
      {"drain_until", "It goes on with the requests that it has; after this time its engine is told to end"},
      {"progress", "Of fetching its files, 0 to 1"}};
};
MODELOPS_DESCRIBE(DeploymentReplica, id, state, reason, message, revision, retired, drain_until, address, pid, restarts,
                  exit_code, progress, memory_bytes, cpu_seconds, started_at, ready_at, observed_at, created_at);
struct DeploymentReplicaList {
  std::vector<DeploymentReplica> items;
};
MODELOPS_DESCRIBE(DeploymentReplicaList, items);

struct DeploymentEvent {
  DeploymentEventId id;
  std::string kind;
  std::string message;
  std::int64_t revision = 0;
  std::string actor_id;
  Time created_at;
};
MODELOPS_DESCRIBE(DeploymentEvent, id, kind, message, revision, actor_id, created_at);
struct ListDeploymentEvents {
  Reference deployment;
  query::PageSize page_size = query::default_page_size();
  std::string page_token;
  std::string filter;
  std::string order_by;
};
MODELOPS_DESCRIBE(ListDeploymentEvents, deployment, page_size, page_token, filter, order_by);
struct DeploymentEventPage {
  std::vector<DeploymentEvent> items;
  std::optional<std::string> next_page_token;
  static constexpr Doc docs[] = {
      {"items", "The newest 1,000 of a deployment are kept, and none once it has been deleted for 30 days"}};
};
MODELOPS_DESCRIBE(DeploymentEventPage, items, next_page_token);

struct DeploymentLogLine {
  std::int64_t seq = 0;
  std::string replica_id;
  Time time;
  std::string stream;
  std::string line;
};
MODELOPS_DESCRIBE(DeploymentLogLine, seq, replica_id, time, stream, line);
struct ReadDeploymentLogs {
  Reference deployment;
  std::optional<jobs::Cursor> after;
  std::optional<ReplicaId> replica;
  query::PageSize page_size = query::PageSize::of<200>();
  static constexpr Doc docs[] = {{"after",
                                  "Read on after this cursor; 0: from the oldest line kept; without it the "
                                  "newest lines"}};
};
MODELOPS_DESCRIBE(ReadDeploymentLogs, deployment, after, replica, page_size);
struct DeploymentLogPage {
  std::vector<DeploymentLogLine> items;
  std::string next_after;
};
MODELOPS_DESCRIBE(DeploymentLogPage, items, next_after);
struct FollowDeploymentLogs {
  Reference deployment;
  std::optional<jobs::Cursor> after;
  std::optional<ReplicaId> replica;
};
MODELOPS_DESCRIBE(FollowDeploymentLogs, deployment, after, replica);

}  // namespace modelops::deployments
