#include "deployments/routes.hpp"

#include "platform/jobs/cursor.hpp"

namespace modelops::deployments {

api::Routes routes(Service& service) {
  using api::route;
  using enum http::Method;
  Service& s = service;
  const auto read = deployments_read;
  const auto write = deployments_write;
  return {
      route(get, "/api/v1/engines", "list_engines", read, "The engine catalogue", s, &Service::engines),

      route(get, "/api/v1/environments", "list_environments", read, "Environments", s, &Service::list_environments),
      route(post, "/api/v1/environments", "create_environment", write, "Make an environment", s,
            &Service::create_environment, {.status = 201, .location = "/api/v1/environments/{id}"}),
      route(get, "/api/v1/environments/{environment}", "get_environment", read, "One environment", s,
            &Service::get_environment),
      route(patch, "/api/v1/environments/{environment}", "update_environment", write, "Change an environment", s,
            &Service::update_environment),
      route(delete_, "/api/v1/environments/{environment}", "remove_environment", write,
            "Delete an environment that nothing has used", s, &Service::remove_environment),

      route(get, "/api/v1/deployments", "list_deployments", read, "Deployments", s, &Service::list),
      route(get, "/api/v1/deployments/facets", "get_deployment_facets", read,
            "How many deployments match a filter, and how often each value of their fields occurs", s,
            &Service::facets),
      route(post, "/api/v1/deployments", "create_deployment", write, "Deploy a model version", s, &Service::create,
            {.status = 201, .location = "/api/v1/deployments/{id}"}),
      route(post, "/api/v1/deployments-wizard", "create_deployment_by_wizard", write,
            "Deploy a model version: the same as POST /api/v1/deployments", s, &Service::create,
            {.status = 201, .location = "/api/v1/deployments/{id}"}),
      route(get, "/api/v1/deployments/{deployment}", "get_deployment", read, "One deployment", s, &Service::get,
            {.brief = true}),
      route(patch, "/api/v1/deployments/{deployment}", "update_deployment", write,
            "Change a deployment: what differs makes a new revision", s, &Service::update),
      route(delete_, "/api/v1/deployments/{deployment}", "delete_deployment", deployments_delete,
            "Stop every replica and delete the deployment", s, &Service::remove, {.status = 202}),
      route(post, "/api/v1/deployments/{deployment}/scale", "scale_deployment", write, "Change how many replicas run",
            s, &Service::scale),
      route(post, "/api/v1/deployments/{deployment}/restart", "restart_deployment", write,
            "Replace every replica, one after the other", s, &Service::restart),
      route(post, "/api/v1/deployments/{deployment}/rollback", "roll_back_deployment", write,
            "Go back (or forward) to any revision", s, &Service::roll_back),
      route(post, "/api/v1/deployments/{deployment}/stop", "stop_deployment", write, "Stop every replica; it stays", s,
            &Service::stop),
      route(post, "/api/v1/deployments/{deployment}/start", "start_deployment", write, "Start a stopped deployment", s,
            &Service::start),

      route(get, "/api/v1/deployments/{deployment}/revisions", "list_deployment_revisions", read,
            "Revisions, the newest first", s, &Service::list_revisions),
      route(get, "/api/v1/deployments/{deployment}/revisions/{revision}", "get_deployment_revision", read,
            "One revision", s, &Service::get_revision),
      route(get, "/api/v1/deployments/{deployment}/revisions/{revision}/diff", "diff_deployment_revisions", read,
            "What a revision changes against another", s, &Service::diff_revisions),
      route(get, "/api/v1/deployments/{deployment}/replicas", "list_deployment_replicas", read,
            "What runs, as its agent last reported", s, &Service::list_replicas),
      route(get, "/api/v1/deployments/{deployment}/events", "list_deployment_events", read,
            "What happened to it, the newest first", s, &Service::list_events),
      route(get, "/api/v1/deployments/{deployment}/logs", "read_deployment_logs", read, "What its engines wrote", s,
            &Service::read_logs),
      jobs::resumable(route(get, "/api/v1/deployments/{deployment}/logs/follow", "follow_deployment_logs", read,
                            "What its engines write, as server-sent events", s, &Service::follow_logs,
                            {.content_type = "text/event-stream"})),
  };
}

}  // namespace modelops::deployments
