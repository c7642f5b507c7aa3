#pragma once
// What one capability asks of another to its right, answered where both are known.
#include "deployments/service.hpp"
#include "gateway/ports.hpp"
#include "monitoring/service.hpp"
#include "registry/service.hpp"
#include "targets/ports.hpp"

namespace modelops::apps {

/// Deployments ask the registry which version a reference names.
class RegistryVersions final : public deployments::ModelVersions {
 public:
  explicit RegistryVersions(registry::Service*& registry) : registry_(registry) {}
  std::optional<deployments::ResolvedVersion> find(db::Tx& tx, const Context& ctx,
                                                   const std::string& reference) override;

 private:
  registry::Service*& registry_;  // made later: it asks deployments for uses
};

/// Targets ask which deployments use them.
class DeploymentTargets final : public targets::TargetUsage {
 public:
  explicit DeploymentTargets(deployments::Service*& deployments) : deployments_(deployments) {}
  std::vector<std::string> deployments_on(db::Tx& tx, const std::string& org_id,
                                          const std::string& target_id) override {
    return deployments_->names_on_target(tx, org_id, target_id);
  }

 private:
  deployments::Service*& deployments_;  // made later: they ask for targets
};

/// Agents fetch contents that the registry keeps.
class RegistryArtifacts final : public targets::Artifacts {
 public:
  explicit RegistryArtifacts(registry::Service*& registry) : registry_(registry) {}
  std::unique_ptr<storage::BlobReader> open(const std::string& org_id, const std::string& sha256) override {
    return registry_->open_content(org_id, sha256);
  }

 private:
  registry::Service*& registry_;
};

/// The registry asks which deployments use a model.
class DeploymentUses final : public registry::UsageReport {
 public:
  explicit DeploymentUses(deployments::Service& deployments) : deployments_(deployments) {}
  std::vector<registry::ModelUse> uses_of(db::Tx& tx, const Context& ctx, const registry::ModelId& model) override;
  std::vector<std::string> seen_uses_of(db::Tx& tx, const Context& ctx, const registry::ModelId& model,
                                        std::int64_t limit) override {
    return deployments_.seen_of_model(tx, ctx, model.str(), limit);
  }

 private:
  deployments::Service& deployments_;
};

/// Gateways route to what deployments run, and pages call it.
class DeploymentRoutes final : public gateway::RouteSource, public gateway::CallableSource {
 public:
  DeploymentRoutes(deployments::Service& deployments, registry::Service*& registry)
      : deployments_(deployments), registry_(registry) {}
  std::vector<gateway::Route> routes(db::Tx& tx) override;
  gateway::Callable find(db::Tx& tx, const Context& ctx, const identity::Reference& deployment) override;

 private:
  deployments::Service& deployments_;
  registry::Service*& registry_;
};

/// What agents are told to run comes from deployments, and what they read of the engines from monitoring.
class DesiredWithMetrics final : public targets::DesiredStates {
 public:
  DesiredWithMetrics(deployments::Controller& controller, const monitoring::Service& monitoring)
      : controller_(controller), monitoring_(monitoring) {}
  std::vector<targets::DesiredReplica> desired(db::Tx& tx, const targets::Machine& agent) override {
    std::vector<targets::DesiredReplica> out = controller_.desired(tx, agent);
    monitoring_.add_sources(out);
    return out;
  }
  std::optional<std::string> artifact_owner(db::Tx& tx, const targets::Machine& agent,
                                            const std::string& sha256) override {
    return controller_.artifact_owner(tx, agent, sha256);
  }

 private:
  deployments::Controller& controller_;
  const monitoring::Service& monitoring_;
};

/// What agents report goes to deployments, and how busy replicas are to monitoring.
class ObservedByAll final : public targets::ObservedSink {
 public:
  ObservedByAll(deployments::Controller& controller, monitoring::Service& monitoring)
      : controller_(controller), monitoring_(monitoring) {}
  void observed(db::Tx& tx, const targets::Machine& agent, const targets::ReportObserved& report) override {
    controller_.observed(tx, agent, report);
    monitoring_.observed(tx, agent, report);
  }
  void logged(db::Tx& tx, const targets::Machine& agent, const std::vector<targets::ReplicaLogLine>& lines) override {
    controller_.logged(tx, agent, lines);
  }

 private:
  deployments::Controller& controller_;
  monitoring::Service& monitoring_;
};

}  // namespace modelops::apps
