#pragma once
#include "deployments/service.hpp"
#include "monitoring/types.hpp"

namespace modelops::monitoring {

/// The newest of a deployment's requests that are kept, and how long.
inline constexpr std::int64_t recent_requests_max = 1'000;
inline constexpr std::chrono::hours recent_requests_kept{24};

/// Single requests that gateways served lately, each with its spans.
class Requests {
 public:
  /// `trace_url`: where people look at a trace, with "{trace_id}" in it; empty: nowhere else.
  Requests(db::Database& database, deployments::Service& deployments, std::string trace_url)
      : database_(database), deployments_(deployments), trace_url_(std::move(trace_url)) {}

  RecentRequestPage list(const Context& ctx, const ListRecentRequests& request);
  RecentRequestDetail get(const Context& ctx, const GetRecentRequest& request);

 private:
  deployments::DeploymentKey own_deployment(db::Tx& tx, const Context& ctx, const Reference& reference);

  db::Database& database_;
  deployments::Service& deployments_;
  const std::string trace_url_;
};

}  // namespace modelops::monitoring
