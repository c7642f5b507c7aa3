#include "identity/routes.hpp"

namespace modelops::identity {

api::Routes routes(Service& service) {
  using api::anyone;
  using api::route;
  using api::signed_in;
  using enum http::Method;
  Service& s = service;
  return {
      route(get, "/api/v1/session", "get_session", signed_in, "Who you are and what you may do", s, &Service::session),
      route(post, "/api/v1/session", "sign_in", anyone, "Sign in with a password", s, &Service::sign_in),
      route(post, "/api/v1/session/link", "redeem_sign_in_link", anyone, "Sign in with a one-time link", s,
            &Service::redeem_link),
      route(delete_, "/api/v1/session", "sign_out", signed_in, "Sign out", s, &Service::sign_out, {.status = 204}),
      route(post, "/api/v1/session/password", "change_password", signed_in, "Choose a new password", s,
            &Service::change_password),

      route(get, "/api/v1/organization", "get_organization", organization_read, "Your organization", s,
            &Service::organization),
      route(patch, "/api/v1/organization", "update_organization", organization_write, "Change your organization", s,
            &Service::update_organization),
      route(post, "/api/v1/organizations", "create_organization", organizations_create, "Make an organization", s,
            &Service::create_organization, {.status = 201}),

      route(get, "/api/v1/members", "list_members", members_read, "People of the organization", s,
            &Service::list_members),
      route(post, "/api/v1/members", "add_member", members_write, "Invite a person; the sign-in token is shown once", s,
            &Service::add_member, {.status = 201, .location = "/api/v1/members/{id}"}),
      route(get, "/api/v1/members/{member}", "get_member", members_read, "One person", s, &Service::get_member),
      route(patch, "/api/v1/members/{member}", "update_member", members_write, "Change a person's role or name", s,
            &Service::update_member),
      route(delete_, "/api/v1/members/{member}", "remove_member", members_write,
            "Remove a person and end their sessions and keys", s, &Service::remove_member),
      route(post, "/api/v1/members/{member}/sign-in-link", "create_sign_in_link", members_write,
            "Make a one-time sign-in link for a person", s, &Service::renew_link, {.status = 201}),

      route(get, "/api/v1/teams", "list_teams", teams_read, "Teams", s, &Service::list_teams),
      route(post, "/api/v1/teams", "create_team", teams_write, "Make a team", s, &Service::create_team,
            {.status = 201, .location = "/api/v1/teams/{id}"}),
      route(get, "/api/v1/teams/{team}", "get_team", teams_read, "One team", s, &Service::get_team),
      route(patch, "/api/v1/teams/{team}", "update_team", teams_write, "Change a team", s, &Service::update_team),
      route(delete_, "/api/v1/teams/{team}", "remove_team", teams_write, "Delete a team", s, &Service::remove_team),
      route(post, "/api/v1/teams/{team}/members", "add_team_member", teams_write, "Add a person to a team", s,
            &Service::add_team_member),
      route(delete_, "/api/v1/teams/{team}/members/{member}", "remove_team_member", teams_write,
            "Remove a person from a team", s, &Service::remove_team_member),

      route(get, "/api/v1/roles", "list_roles", roles_read, "Roles and their permissions", s, &Service::list_roles),
      route(post, "/api/v1/roles", "create_role", roles_write, "Make a role", s, &Service::create_role,
            {.status = 201, .location = "/api/v1/roles/{id}"}),
      route(get, "/api/v1/roles/{role}", "get_role", roles_read, "One role", s, &Service::get_role),
      route(patch, "/api/v1/roles/{role}", "update_role", roles_write, "Change a role", s, &Service::update_role),
      route(delete_, "/api/v1/roles/{role}", "remove_role", roles_write, "Delete a role", s, &Service::remove_role),
      route(get, "/api/v1/permissions", "list_permissions", roles_read, "Every permission there is", s,
            &Service::list_permissions),

      route(get, "/api/v1/service-accounts", "list_service_accounts", service_accounts_read, "Service accounts", s,
            &Service::list_service_accounts),
      route(post, "/api/v1/service-accounts", "create_service_account", service_accounts_write,
            "Make a service account", s, &Service::create_service_account, {.status = 201}),
      route(delete_, "/api/v1/service-accounts/{service_account}", "remove_service_account", service_accounts_write,
            "Delete a service account and revoke its keys", s, &Service::remove_service_account),

      route(get, "/api/v1/api-keys", "list_api_keys", signed_in, "Your API keys; everybody's for those who see all", s,
            &Service::list_api_keys),
      route(post, "/api/v1/api-keys", "create_api_key", signed_in, "Make an API key; the token is shown once", s,
            &Service::create_api_key, {.status = 201}),
      route(delete_, "/api/v1/api-keys/{key}", "revoke_api_key", signed_in, "Revoke an API key", s,
            &Service::revoke_api_key),
  };
}

}  // namespace modelops::identity
