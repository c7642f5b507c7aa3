#include "gateway/routes.hpp"

namespace modelops::gateway {

api::Routes routes(Service& service, Trials& trials) {
  using api::route;
  using enum http::Method;
  return {route(get, "/api/v1/gateway/snapshot", "poll_gateway_snapshot", api::anyone,
                "For gateways: routes and keys, as soon as they differ; signed", service, &Service::snapshot),
          route(post, "/api/v1/deployments/{deployment}/try", "try_deployment", inference_call,
                "Get a key for ten minutes and all else that a page needs to call a deployment", trials, &Trials::begin,
                {.status = 201})};
}

}  // namespace modelops::gateway
