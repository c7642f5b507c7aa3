#include "apps/adapters.hpp"

namespace modelops::apps {

std::optional<deployments::ResolvedVersion> RegistryVersions::find(db::Tx& tx, const Context& ctx,
                                                                   const std::string& reference) {
  try {
    const registry::ResolvedVersion found = registry_->resolve(tx, ctx, reference);
    deployments::ResolvedVersion out;
    out.org_id = found.model.org_id.str();
    out.model_id = found.model.id.str();
    out.model_name = found.model.name.str();
    out.version_id = found.version.id.str();
    out.number = found.version.version;
    out.digest = found.version.digest.str();
    for (const registry::FileEntry& file : registry_->files_of(tx, found))
      out.files.push_back({file.path.str(), file.size_bytes, file.sha256.str()});
    if (found.model.interface) out.interface = reflect::enum_name(*found.model.interface);
    out.recommended_engine = found.model.engine.value_or("");
    out.approval_state = reflect::enum_name(found.version.approval_state);
    out.aliases = found.version.aliases;
    return out;
  } catch (const Error& error) {
    if (error.code == ErrorCode::not_found) return std::nullopt;
    throw;
  }
}

std::vector<registry::ModelUse> DeploymentUses::uses_of(db::Tx& tx, const Context& ctx,
                                                        const registry::ModelId& model) {
  std::vector<registry::ModelUse> out;
  for (const deployments::DeploymentUse& use : deployments_.uses(tx, ctx.org_id, model.str())) {
    const bool known = std::any_of(out.begin(), out.end(), [&](const auto& u) { return u.id == use.id.str(); });
    if (!known) out.push_back({"deployment", use.id.str(), use.name});
  }
  return out;
}

namespace {

std::string organization_name(db::Tx& tx, const std::string& org_id) {
  return tx.value<std::string>("SELECT name FROM organizations WHERE id = ?", org_id).value_or("");
}

}  // namespace

gateway::Callable DeploymentRoutes::find(db::Tx& tx, const Context& ctx, const identity::Reference& deployment) {
  const deployments::Endpoint endpoint = deployments_.endpoint(tx, ctx, deployment);
  gateway::Callable out;
  out.org_id = endpoint.org_id;
  out.organization = organization_name(tx, endpoint.org_id);
  out.name = endpoint.name;
  out.engine = endpoint.engine;
  out.engine_model = endpoint.engine_model;
  out.interface = endpoint.version.interface;
  if (auto analysis = registry_->analysis_of(tx, endpoint.org_id, endpoint.version.digest)) {
    out.inputs = std::move(analysis->inputs);
    out.outputs = std::move(analysis->outputs);
  }
  return out;
}

std::vector<gateway::Route> DeploymentRoutes::routes(db::Tx& tx) {
  std::vector<gateway::Route> out;
  std::map<std::string, std::string> organizations;
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> aliases;  // of a version, for an organisation
  for (const deployments::Endpoint& endpoint : deployments_.endpoints(tx)) {
    std::string& organization = organizations[endpoint.org_id];
    if (organization.empty()) organization = organization_name(tx, endpoint.org_id);
    gateway::Route route;
    route.organization = organization;
    route.deployment = endpoint.name;
    route.deployment_id = endpoint.deployment_id;
    route.environment = endpoint.environment_id;
    route.engine = endpoint.engine;
    route.interface = endpoint.version.interface;
    route.engine_model = endpoint.engine_model;
    route.model_names = {endpoint.name};
    if (endpoint.version.model_name != endpoint.name) route.model_names.push_back(endpoint.version.model_name);
    const std::string& version_id = endpoint.version.version_id;
    const auto [known, is_new] = aliases.try_emplace({endpoint.org_id, version_id});
    if (is_new) known->second = registry_->aliases_of(tx, endpoint.org_id, version_id);
    for (const std::string& alias : known->second)
      route.model_names.push_back(endpoint.version.model_name + "@" + alias);
    for (const auto& replica : endpoint.ready) route.replicas.push_back({replica.id, replica.address});
    route.unavailable_reason = endpoint.unavailable_reason;
    route.timeout_ms = endpoint.limits.timeout_ms.number();
    route.concurrency_max = endpoint.limits.concurrency_max.number();
    route.queue_max = endpoint.limits.queue_max.number();
    route.queue_wait_ms_max = endpoint.limits.queue_wait_ms_max.number();
    out.push_back(std::move(route));
  }
  return out;
}

}  // namespace modelops::apps
