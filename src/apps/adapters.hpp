#pragma once
// What one capability asks of another to its right, answered where both are known.
#include "deployments/service.hpp"
#include "gateway/ports.hpp"
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

 private:
  deployments::Service& deployments_;
};

/// Gateways route to what deployments run.
class DeploymentRoutes final : public gateway::RouteSource {
 public:
  DeploymentRoutes(deployments::Service& deployments, registry::Service*& registry)
      : deployments_(deployments), registry_(registry) {}
  std::vector<gateway::Route> routes(db::Tx& tx) override;

 private:
  deployments::Service& deployments_;
  registry::Service*& registry_;
};

}  // namespace modelops::apps
