#pragma once
#include "deployments/service.hpp"
#include "gateway/service.hpp"
#include "monitoring/types.hpp"
#include "monitoring/vocabulary.hpp"

namespace modelops::monitoring {

class Service {
 public:
  Service(db::Database& database, const Clock& clock, targets::MachineAccess& access, gateway::Service& gateway,
          deployments::Service& deployments, const Vocabulary& vocabulary = Vocabulary::embedded())
      : database_(database),
        clock_(clock),
        access_(access),
        gateway_(gateway),
        deployments_(deployments),
        vocabulary_(vocabulary) {}

  /// The signed report of a gateway.
  http::Answer report(const Context& ctx, const ReportMetrics& request, const http::Request& raw);

  DeploymentMetrics deployment(const Context& ctx, const GetDeploymentMetrics& request);
  DeploymentMetricsPage list(const Context& ctx, const ListDeploymentMetrics& request);

  /// Tells an agent what to read of the engines that it runs.
  void add_sources(std::vector<targets::DesiredReplica>& replicas) const;
  /// Keeps what an agent saw of its replicas. In the transaction of its report.
  void observed(db::Tx& tx, const targets::Machine& agent, const targets::ReportObserved& report);

 private:
  db::Database& database_;
  const Clock& clock_;
  targets::MachineAccess& access_;
  gateway::Service& gateway_;
  deployments::Service& deployments_;
  const Vocabulary& vocabulary_;
};

}  // namespace modelops::monitoring
