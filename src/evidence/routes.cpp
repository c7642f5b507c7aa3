#include "evidence/routes.hpp"

namespace modelops::evidence {

api::Routes routes(Service& service) {
  using api::route;
  using enum http::Method;
  Service& s = service;
  return {
      route(get, "/api/v1/approvals", "list_approvals", approvals_read, "Approvals, the newest first", s,
            &Service::list),
      route(get, "/api/v1/approvals/{approval}", "get_approval", approvals_read, "One approval", s, &Service::get),
      route(post, "/api/v1/approvals/{approval}/decision", "decide_approval", approvals_decide,
            "Approve or reject; people only, never the author", s, &Service::decide),
  };
}

}  // namespace modelops::evidence
