#pragma once
#include <atomic>

#include "deployments/service.hpp"
#include "gateway/service.hpp"
#include "monitoring/ports.hpp"
#include "monitoring/vocabulary.hpp"

namespace modelops::monitoring {

/// What deployments did over ranges of time that are longer than the live charts'.
class Performance {
 public:
  /// `history` is null when the installation has none.
  Performance(db::Database& database, const Clock& clock, gateway::Service& gateway, deployments::Service& deployments,
              History* history, const Vocabulary& vocabulary = Vocabulary::embedded())
      : database_(database),
        clock_(clock),
        gateway_(gateway),
        deployments_(deployments),
        history_(history),
        vocabulary_(vocabulary) {}

  DeploymentHistory deployment(const Context& ctx, const GetDeploymentHistory& request);
  PerformancePage list(const Context& ctx, const ListPerformance& request);

 private:
  class Turn;
  std::vector<std::string> metrics_of(const GetDeploymentHistory& request, const std::string& engine) const;

  db::Database& database_;
  const Clock& clock_;
  gateway::Service& gateway_;
  deployments::Service& deployments_;
  History* history_;
  const Vocabulary& vocabulary_;
  std::atomic<int> under_way_ = 0;
};

}  // namespace modelops::monitoring
