#include "targets/routes.hpp"

namespace modelops::targets {

api::Routes routes(Service& service, Machines& machines) {
  using api::anyone;
  using api::route;
  using enum http::Method;
  Service& s = service;
  Machines& m = machines;
  return {
      route(get, "/api/v1/targets", "list_targets", targets_read, "Where engines run", s, &Service::list),
      route(post, "/api/v1/targets", "create_target", targets_write,
            "Make a target; the token that its agent enrolls with is shown once", s, &Service::create,
            {.status = 201, .location = "/api/v1/targets/{id}"}),
      route(get, "/api/v1/targets/{target}", "get_target", targets_read, "One target", s, &Service::get,
            {.brief = true}),
      route(patch, "/api/v1/targets/{target}", "update_target", targets_write, "Change a target's labels", s,
            &Service::update),
      route(delete_, "/api/v1/targets/{target}", "delete_target", targets_write,
            "Delete a target that no deployment uses, and refuse its agent's key; its name is free again", s,
            static_cast<void (Service::*)(const Context&, const TargetReference&)>(&Service::remove)),
      route(post, "/api/v1/targets/{target}/enrollment-token", "create_target_enrollment_token", targets_write,
            "Make a new enrollment token; earlier ones end, the present key stays until it is used", s,
            &Service::renew_token, {.status = 201}),
      route(post, "/api/v1/targets/{target}/revoke", "revoke_target", targets_write,
            "Refuse the agent's key from now on; its engines run on until somebody stops them there", s,
            static_cast<Target (Service::*)(const Context&, const TargetReference&)>(&Service::revoke)),

      route(get, "/api/v1/gateways", "list_gateways", targets_read, "Gateways", s, &Service::list_gateways),
      route(post, "/api/v1/gateways", "create_gateway", targets_write,
            "Make a gateway; the token that it enrolls with is shown once", s, &Service::create_gateway,
            {.status = 201, .location = "/api/v1/gateways/{id}"}),
      route(get, "/api/v1/gateways/{gateway}", "get_gateway", targets_read, "One gateway", s, &Service::get_gateway),
      route(delete_, "/api/v1/gateways/{gateway}", "delete_gateway", targets_write,
            "Delete a gateway and refuse its key; its name is free again", s, &Service::remove_gateway),
      route(post, "/api/v1/gateways/{gateway}/enrollment-token", "create_gateway_enrollment_token", targets_write,
            "Make a new enrollment token", s, &Service::renew_gateway_token, {.status = 201}),
      route(post, "/api/v1/gateways/{gateway}/revoke", "revoke_gateway", targets_write,
            "Refuse the gateway's key from now on", s, &Service::revoke_gateway),

      route(post, "/api/v1/machines/enroll", "enroll_machine", anyone, "For agents and gateways: enroll with a token",
            m, &Machines::enroll, {.status = 201}),
      route(post, "/api/v1/machines/renew", "renew_machine", anyone, "For machines: keep or change the key, signed", m,
            &Machines::renew),
      route(get, "/api/v1/machines/desired", "poll_desired_state", anyone,
            "For agents: what should run, as soon as it differs; signed", m, &Machines::desired),
      route(post, "/api/v1/machines/observed", "report_observed_state", anyone, "For agents: what runs; signed", m,
            &Machines::observed, {.status = 204, .body_bytes_max = 8 << 20}),
      route(post, "/api/v1/machines/logs", "report_logs", anyone, "For agents: what engines wrote; signed", m,
            &Machines::logs, {.status = 204, .body_bytes_max = 16 << 20}),
      route(get, "/api/v1/machines/artifacts/{sha256}", "download_artifact", anyone,
            "For agents: a file that a desired replica needs, with Range; signed", m, &Machines::artifact,
            {.content_type = "application/octet-stream"}),
  };
}

}  // namespace modelops::targets
