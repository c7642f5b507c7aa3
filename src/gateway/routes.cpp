#include "gateway/routes.hpp"

namespace modelops::gateway {

api::Routes routes(Service& service) {
  return {api::route(http::Method::get, "/api/v1/gateway/snapshot", "poll_gateway_snapshot", api::anyone,
                     "For gateways: routes and keys, as soon as they differ; signed", service, &Service::snapshot)};
}

}  // namespace modelops::gateway
