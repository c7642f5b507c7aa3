#pragma once
#include "audit/service.hpp"
#include "registry/service.hpp"

namespace modelops::registry {

/// What happened to a model, for everybody who sees it. Taken from the audit log: it has every act once, in order, and
/// its data holds nothing personal. Acts on a deployment are told to those who see the deployment.
class Activity {
 public:
  Activity(db::Database& database, Service& registry, evidence::Service& evidence, audit::Service& audit,
           std::vector<UsageReport*> usage)
      : database_(database), registry_(registry), evidence_(evidence), audit_(audit), usage_(std::move(usage)) {}

  ModelActivityPage list(const Context& ctx, const ListModelActivity& request);

 private:
  db::Database& database_;
  Service& registry_;
  evidence::Service& evidence_;
  audit::Service& audit_;
  std::vector<UsageReport*> usage_;
};

}  // namespace modelops::registry
