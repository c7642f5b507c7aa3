#pragma once
#include "identity/access.hpp"
#include "identity/ports.hpp"
#include "identity/types.hpp"
#include "platform/http/types.hpp"

namespace modelops::identity {

/// What the first start of an installation makes: shown once, kept nowhere.
struct Bootstrap {
  OrgId org_id;
  std::string sign_in_token;
  std::string api_token;
};

struct PasswordSources;

class Service {
 public:
  Service(db::Database& database, const Clock& clock, AuditTrail& audit, Access& access)
      : database_(database), clock_(clock), audit_(audit), access_(access) {}

  /// Makes the first organisation and its administrator, unless there is an organisation. No default password:
  /// the one way in is the sign-in link.
  std::optional<Bootstrap> bootstrap(const std::string& organization, const std::string& admin_email);
  /// A new sign-in link for an administrator of the installation, for whoever runs the server.
  std::optional<std::string> new_admin_link();

  SessionInfo session(const Context& ctx, const Nothing&);
  http::Answer sign_in(const Context& ctx, const SignIn& request);
  http::Answer redeem_link(const Context& ctx, const RedeemLink& request);
  http::Answer sign_out(const Context& ctx, const Nothing&);
  void change_password(const Context& ctx, const ChangePassword& request);

  Organization organization(const Context& ctx, const Nothing&);
  Organization update_organization(const Context& ctx, const UpdateOrganization& request);
  Invitation create_organization(const Context& ctx, const CreateOrganization& request);

  MemberPage list_members(const Context& ctx, const ListMembers& request);
  Member get_member(const Context& ctx, const MemberReference& request);
  Invitation add_member(const Context& ctx, const AddMember& request);
  Invitation renew_link(const Context& ctx, const MemberReference& request);
  Member update_member(const Context& ctx, const UpdateMember& request);
  void remove_member(const Context& ctx, const MemberReference& request);

  TeamList list_teams(const Context& ctx, const Nothing&);
  Team get_team(const Context& ctx, const TeamReference& request);
  Team create_team(const Context& ctx, const CreateTeam& request);
  Team update_team(const Context& ctx, const UpdateTeam& request);
  void remove_team(const Context& ctx, const TeamReference& request);
  Team add_team_member(const Context& ctx, const TeamMembership& request);
  void remove_team_member(const Context& ctx, const TeamMembership& request);

  RoleList list_roles(const Context& ctx, const Nothing&);
  Role get_role(const Context& ctx, const RoleReference& request);
  Role create_role(const Context& ctx, const CreateRole& request);
  Role update_role(const Context& ctx, const UpdateRole& request);
  void remove_role(const Context& ctx, const RoleReference& request);
  PermissionList list_permissions(const Context& ctx, const Nothing&);

  ServiceAccountList list_service_accounts(const Context& ctx, const Nothing&);
  ServiceAccount create_service_account(const Context& ctx, const CreateServiceAccount& request);
  void remove_service_account(const Context& ctx, const ServiceAccountReference& request);

  ApiKeyList list_api_keys(const Context& ctx, const Nothing&);
  NewApiKey create_api_key(const Context& ctx, const CreateApiKey& request);
  void revoke_api_key(const Context& ctx, const ApiKeyReference& request);

  /// For other capabilities, in their transaction: a key of the caller's own that may do one thing for a while. It is
  /// in the audit log and not in lists. The caller has at most ten of them: the oldest goes.
  NewApiKey make_temporary_key(db::Tx& tx, const Context& ctx, const std::string& purpose, Permission scope,
                               std::chrono::seconds lifetime);

 private:
  /// In the transaction of the change. Whatever changes here may change what a key may do.
  void record(db::Tx& tx, const Context& ctx, const Act& act) {
    audit_.record(tx, ctx, act);
    access_.forget_keys(tx);
  }
  OrgId make_organization(db::Tx& tx, const Slug& name, const std::string& display_name);
  UserId find_or_make_user(db::Tx& tx, const Email& email, const std::string& display_name, bool installation_admin);
  std::string make_link(db::Tx& tx, const std::string& org_id, const UserId& user, Time expires_at);
  /// Throws too_many_requests after too many wrong passwords.
  void require_patience(db::Tx& tx, const PasswordSources& sources) const;
  void count_failure(const PasswordSources& sources);
  http::Response start_session(db::Tx& tx, const std::string& org_id, const UserId& user);
  http::Response session_response(int status, std::string body, const std::string& cookie,
                                  std::chrono::seconds age) const;
  SessionInfo session_info(db::Tx& tx, const Context& ctx, std::string_view session_token);
  void require_grantable(const Context& ctx, const std::vector<PermissionPattern>& permissions,
                         std::string_view pointer);

  db::Database& database_;
  const Clock& clock_;
  AuditTrail& audit_;
  Access& access_;
  api::Guesses guesses_{clock_};  // of sign-in links
};

}  // namespace modelops::identity
