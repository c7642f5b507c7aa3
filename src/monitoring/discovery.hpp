#pragma once
#include "deployments/service.hpp"
#include "gateway/service.hpp"
#include "monitoring/types.hpp"
#include "monitoring/vocabulary.hpp"

namespace modelops::monitoring {

/// What Prometheus finds here: whom to scrape, and what agents read of engines that it may not reach.
class Discovery {
 public:
  /// `server_url`: where the server's own /metrics is.
  Discovery(db::Database& database, const Clock& clock, targets::Service& targets, gateway::Service& gateway,
            deployments::Service& deployments, std::string server_url)
      : database_(database),
        clock_(clock),
        targets_(targets),
        gateway_(gateway),
        deployments_(deployments),
        server_url_(std::move(server_url)) {}

  std::vector<ScrapeTarget> targets(const Context& ctx, const DiscoverTargets& request);
  /// What engines and agents said within the last moments, as an exposition in the vocabulary that all engines share.
  http::Answer engines(const Context& ctx, const identity::Nothing&);

 private:
  db::Database& database_;
  const Clock& clock_;
  targets::Service& targets_;
  gateway::Service& gateway_;
  deployments::Service& deployments_;
  const std::string server_url_;
};

}  // namespace modelops::monitoring
