#pragma once
#include "deployments/controller.hpp"
#include "deployments/types.hpp"
#include "platform/http/types.hpp"

namespace modelops::deployments {

/// What a gateway needs to know of a deployment that should run.
struct Endpoint {
  std::string org_id;
  std::string deployment_id;
  std::string name;
  std::string environment_id;
  std::string engine;
  PinnedVersion version;
  std::string engine_model;
  Limits limits;
  struct Replica {
    std::string id;
    std::string address;
  };
  std::vector<Replica> ready;
  std::string unavailable_reason;  ///< for callers, when none is ready
};

/// `port` is 0 where it is the engine's own.
struct MetricsEndpoint {
  std::string path;
  std::int64_t port = 0;
};

class Service {
 public:
  Service(db::Database& database, const Clock& clock, identity::AuditTrail& audit, targets::Service& targets,
          Controller& controller, const EngineCatalogue& catalogue, ModelVersions& versions, Admission& admission)
      : database_(database),
        clock_(clock),
        audit_(audit),
        targets_(targets),
        controller_(controller),
        catalogue_(catalogue),
        versions_(versions),
        admission_(admission) {}

  EngineList engines(const Context& ctx, const Nothing&);

  EnvironmentList list_environments(const Context& ctx, const Nothing&);
  Environment get_environment(const Context& ctx, const EnvironmentReference& request);
  Environment create_environment(const Context& ctx, const CreateEnvironment& request);
  Environment update_environment(const Context& ctx, const UpdateEnvironment& request);
  void remove_environment(const Context& ctx, const EnvironmentReference& request);

  DeploymentPage list(const Context& ctx, const ListDeployments& request);
  query::Facets facets(const Context& ctx, const FacetDeployments& request);
  Deployment get(const Context& ctx, const DeploymentReference& request);
  Deployment create(const Context& ctx, const CreateDeployment& request);
  Deployment update(const Context& ctx, const UpdateDeployment& request);
  Deployment scale(const Context& ctx, const ScaleDeployment& request);
  Deployment restart(const Context& ctx, const DeploymentReference& request);
  Deployment roll_back(const Context& ctx, const RollBackDeployment& request);
  Deployment start(const Context& ctx, const DeploymentReference& request);
  Deployment stop(const Context& ctx, const DeploymentReference& request);
  Deployment remove(const Context& ctx, const DeploymentReference& request);

  DeploymentRevisionList list_revisions(const Context& ctx, const DeploymentReference& request);
  DeploymentRevision get_revision(const Context& ctx, const RevisionReference& request);
  RevisionDiff diff_revisions(const Context& ctx, const DiffRevisions& request);
  DeploymentReplicaList list_replicas(const Context& ctx, const DeploymentReference& request);
  DeploymentEventPage list_events(const Context& ctx, const ListDeploymentEvents& request);
  DeploymentLogPage read_logs(const Context& ctx, const ReadDeploymentLogs& request);
  http::Answer follow_logs(const Context& ctx, const FollowDeploymentLogs& request);

  /// Which deployments use a model, by any of their revisions: one entry per revision.
  std::vector<DeploymentUse> uses(db::Tx& tx, const std::string& org_id, const std::string& model_id);
  /// The names of the deployments on a target.
  std::vector<std::string> names_on_target(db::Tx& tx, const std::string& org_id, const std::string& target_id);
  /// The ids of a model's deployments that the caller may see, also of those that are gone: the newest `limit`.
  std::vector<std::string> seen_of_model(db::Tx& tx, const Context& ctx, const std::string& model_id,
                                         std::int64_t limit);
  /// Names the deployment. Throws Error(not_found) for one that the caller may not see.
  DeploymentKey key_of(db::Tx& tx, const Context& ctx, const Reference& reference);
  /// Whose deployment has this id; nothing when it is gone.
  std::optional<std::string> organization_of(db::Tx& tx, const std::string& deployment_id);
  /// Which deployment each replica on a target belongs to.
  std::map<std::string, std::string> replicas_on(db::Tx& tx, const std::string& org_id, const std::string& target_id);
  /// Of every organisation: the replicas that answer.
  std::vector<ServingReplica> serving_replicas(db::Tx& tx);
  /// Where an engine exposes its metrics; nothing when it does not, or is not known.
  std::optional<MetricsEndpoint> metrics_of(const std::string& engine) const;
  /// Of every organisation: what should answer, and where.
  std::vector<Endpoint> endpoints(db::Tx& tx);
  /// The same of one, also while it is stopped. Throws Error(not_found) for one that the caller may not see.
  Endpoint endpoint(db::Tx& tx, const Context& ctx, const Reference& reference);

 private:
  DeploymentRow visible(db::Tx& tx, const Context& ctx, const Reference& reference);
  DeploymentRow changeable(db::Tx& tx, const Context& ctx, const Reference& reference);
  EnvironmentRow environment(db::Tx& tx, const Context& ctx, const Reference& reference);
  std::vector<EnvironmentRow> seeded_environments(const Context& ctx);
  void seed_environments(db::Tx& tx, const std::string& org_id);
  ResolvedVersion resolve(db::Tx& tx, const Context& ctx, const std::string& reference);
  void seal_secrets(db::Tx& tx, const DeploymentRow& row, DeploymentSpec& spec);
  void check_target(const targets::Target& target, const RevisionDocument& document);
  RevisionRow make_revision(db::Tx& tx, const Context& ctx, const DeploymentRow& row, const DeploymentSpec& spec,
                            const ResolvedVersion& version, std::int64_t number);
  static void adopt(DeploymentRow& row, const RevisionRow& revision);
  void admit(db::Tx& tx, const Context& ctx, Plan::Kind kind, const DeploymentRow& row, const RevisionRow& revision);
  /// Admits, writes, notes and converges what an operation has made of `row`.
  Deployment accept(db::Tx& tx, const Context& ctx, Plan::Kind kind, DeploymentRow row, const RevisionRow& revision,
                    const std::string& message);
  RevisionRow revision(db::Tx& tx, const DeploymentRow& row, std::int64_t number);
  static Endpoint endpoint_of(const DeploymentRow& row, const RevisionDocument& current,
                              std::vector<Endpoint::Replica> ready);

  db::Database& database_;
  const Clock& clock_;
  identity::AuditTrail& audit_;
  targets::Service& targets_;
  Controller& controller_;
  const EngineCatalogue& catalogue_;
  ModelVersions& versions_;
  Admission& admission_;
};

}  // namespace modelops::deployments
