#include "monitoring/routes.hpp"

namespace modelops::monitoring {

api::Routes routes(Service& service, Performance& performance, Discovery& discovery, Requests& requests) {
  using api::route;
  using enum http::Method;
  Service& s = service;
  return {
      route(get, "/api/v1/monitoring/deployments", "list_deployment_metrics", monitoring_read,
            "What deployments do just now: a summary of each", s, &Service::list),
      route(get, "/api/v1/monitoring/deployments/{deployment}", "get_deployment_metrics", monitoring_read,
            "A deployment's traffic, latencies and replicas as points of charts; cheap enough to ask every 5 seconds",
            s, &Service::deployment),
      route(get, "/api/v1/monitoring/deployments/{deployment}/history", "get_deployment_history", monitoring_read,
            "The same metrics over any range of the last 31 days, as far as Prometheus keeps them; 503 without it",
            performance, &Performance::deployment),
      route(get, "/api/v1/inference/performance", "list_inference_performance", monitoring_read,
            "How deployments did over a window: requests, errors, percentiles of latency, tokens", performance,
            &Performance::list),
      route(get, "/api/v1/monitoring/deployments/{deployment}/requests", "list_recent_requests", monitoring_read,
            "Requests that gateways served lately: those that failed and a share of the others", requests,
            &Requests::list),
      route(get, "/api/v1/monitoring/deployments/{deployment}/requests/{request_id}", "get_recent_request",
            monitoring_read, "One of them with its spans: where its time went", requests, &Requests::get),
      route(get, "/api/v1/monitoring/targets", "discover_targets", monitoring_discover,
            "For Prometheus' HTTP service discovery: the server, gateways and engines that it can scrape", discovery,
            &Discovery::targets),
      route(get, "/api/v1/monitoring/engines", "expose_engine_metrics", monitoring_discover,
            "For Prometheus: what agents read of the engines, in one vocabulary", discovery, &Discovery::engines,
            {.content_type = "text/plain"}),
      route(post, "/api/v1/machines/metrics", "report_metrics", api::anyone,
            "For gateways: what was counted since the last report; signed", s, &Service::report,
            {.status = 204, .body_bytes_max = 8 << 20}),
  };
}

}  // namespace modelops::monitoring
