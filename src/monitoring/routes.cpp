#include "monitoring/routes.hpp"

namespace modelops::monitoring {

api::Routes routes(Service& service) {
  using api::route;
  using enum http::Method;
  Service& s = service;
  return {
      route(get, "/api/v1/monitoring/deployments", "list_deployment_metrics", monitoring_read,
            "What deployments do just now: a summary of each", s, &Service::list),
      route(get, "/api/v1/monitoring/deployments/{deployment}", "get_deployment_metrics", monitoring_read,
            "A deployment's traffic, latencies and replicas as points of charts; cheap enough to ask every 5 seconds",
            s, &Service::deployment),
      route(post, "/api/v1/machines/metrics", "report_metrics", api::anyone,
            "For gateways: what was counted since the last report; signed", s, &Service::report,
            {.status = 204, .body_bytes_max = 8 << 20}),
  };
}

}  // namespace modelops::monitoring
