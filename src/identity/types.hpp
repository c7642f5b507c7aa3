#pragma once
#include <string>
#include <vector>

#include "platform/audience.hpp"
#include "platform/query/page.hpp"
#include "reflect/schema.hpp"
#include "reflect/values.hpp"

namespace modelops::identity {

using modelops::Visibility;
using reflect::Bounded;
using reflect::Doc;
using reflect::Email;
using reflect::Patch;
using reflect::Ranged;
using reflect::Slug;

inline constexpr Permission organization_read{"organization:read"};
inline constexpr Permission organization_write{"organization:write"};
inline constexpr Permission members_read{"members:read"};
inline constexpr Permission members_write{"members:write"};
inline constexpr Permission teams_read{"teams:read"};
inline constexpr Permission teams_write{"teams:write"};
inline constexpr Permission roles_read{"roles:read"};
inline constexpr Permission roles_write{"roles:write"};
inline constexpr Permission service_accounts_read{"service_accounts:read"};
inline constexpr Permission service_accounts_write{"service_accounts:write"};
/// Sees private and team resources of others in the organisation; may revoke anyone's API key.
inline constexpr Permission organization_see_all{"organization:see_all"};
/// Makes organisations. Held by administrators of the installation only, never through a role.
inline constexpr Permission organizations_create{"organizations:create"};

struct OrgTag {
  static constexpr std::string_view prefix = "org";
};
struct UserTag {
  static constexpr std::string_view prefix = "usr";
};
struct TeamTag {
  static constexpr std::string_view prefix = "tea";
};
struct RoleTag {
  static constexpr std::string_view prefix = "rol";
};
struct ServiceAccountTag {
  static constexpr std::string_view prefix = "sva";
};
struct ApiKeyTag {
  static constexpr std::string_view prefix = "key";
};
using OrgId = Id<OrgTag>;
using UserId = Id<UserTag>;
using TeamId = Id<TeamTag>;
using RoleId = Id<RoleTag>;
using ServiceAccountId = Id<ServiceAccountTag>;
using ApiKeyId = Id<ApiKeyTag>;

/// "models:read", "models:*", "*:read" or "*".
struct PermissionPatternRule {
  static bool accepts(std::string_view text);
  static std::string says() { return "must be a permission such as models:read, models:*, *:read or *"; }
  static constexpr std::string_view pattern = R"(^(\*|[a-z_]+):(\*|[a-z_]+)$|^\*$)";
  static constexpr std::string_view format = "";
  static constexpr std::size_t min = 1;
  static constexpr std::size_t max = 80;
};
using PermissionPattern = reflect::Text<PermissionPatternRule>;

/// Names one of ours by id or by name in a path or a reference.
using Reference = Bounded<1, 254>;

struct Organization {
  OrgId id;
  Slug name;
  std::string display_name;
  bool self_approval = false;
  std::int64_t row_version = 1;
  Time created_at;
  Time updated_at;
};
MODELOPS_DESCRIBE(Organization, id, name, display_name, self_approval, row_version, created_at, updated_at);

struct CreateOrganization {
  Slug name;
  std::optional<Bounded<1, 128>> display_name;
  Email admin_email;
  static constexpr Doc docs[] = {{"admin_email", "Its first administrator; made when nobody has this address yet"}};
};
MODELOPS_DESCRIBE(CreateOrganization, name, display_name, admin_email);

struct UpdateOrganization {
  Patch<Bounded<1, 128>> display_name;
  Patch<bool> self_approval;
  static constexpr Doc docs[] = {
      {"self_approval",
       "Whether an author may approve their own version while nobody else could. Such an approval is "
       "recorded as one and never satisfies a production gate"}};
};
MODELOPS_DESCRIBE(UpdateOrganization, display_name, self_approval);

struct Nothing {};
MODELOPS_DESCRIBE_EMPTY(Nothing)

/// A person, as one organisation sees them.
struct Member {
  UserId id;
  Email email;
  std::string display_name;
  RoleId role_id;
  std::string role;
  bool disabled = false;
  std::int64_t row_version = 1;
  Time created_at;
};
MODELOPS_DESCRIBE(Member, id, email, display_name, role_id, role, disabled, row_version, created_at);

struct ListMembers {
  query::PageSize page_size = query::default_page_size();
  std::string page_token;
  std::string filter;
  std::string order_by;
  static constexpr Doc docs[] = {{"filter", "For example: email LIKE '%@example.org' AND disabled = false"},
                                 {"order_by", "email, display_name or created_at, with desc for descending"}};
};
MODELOPS_DESCRIBE(ListMembers, page_size, page_token, filter, order_by);
struct MemberPage {
  std::vector<Member> items;
  std::optional<std::string> next_page_token;
};
MODELOPS_DESCRIBE(MemberPage, items, next_page_token);

struct AddMember {
  Email email;
  std::optional<Bounded<1, 128>> display_name;
  Reference role;
};
MODELOPS_DESCRIBE(AddMember, email, display_name, role);
/// The token is shown once. It signs in once, within its time, and lets the person choose a password.
struct Invitation {
  UserId id;
  Email email;
  std::string sign_in_token;
  Time expires_at;
};
MODELOPS_DESCRIBE(Invitation, id, email, sign_in_token, expires_at);
struct MemberReference {
  Reference member;
};
MODELOPS_DESCRIBE(MemberReference, member);
struct UpdateMember {
  Reference member;
  Patch<Reference> role;
  Patch<Bounded<1, 128>> display_name;
};
MODELOPS_DESCRIBE(UpdateMember, member, role, display_name);

struct Team {
  TeamId id;
  Slug name;
  std::string display_name;
  std::vector<UserId> member_ids;
  std::int64_t row_version = 1;
  Time created_at;
};
MODELOPS_DESCRIBE(Team, id, name, display_name, member_ids, row_version, created_at);
struct TeamList {
  std::vector<Team> items;
};
MODELOPS_DESCRIBE(TeamList, items);
struct CreateTeam {
  Slug name;
  std::optional<Bounded<1, 128>> display_name;
};
MODELOPS_DESCRIBE(CreateTeam, name, display_name);
struct TeamReference {
  Reference team;
};
MODELOPS_DESCRIBE(TeamReference, team);
struct UpdateTeam {
  Reference team;
  Patch<Bounded<1, 128>> display_name;
};
MODELOPS_DESCRIBE(UpdateTeam, team, display_name);
struct TeamMembership {
  Reference team;
  Reference member;
};
MODELOPS_DESCRIBE(TeamMembership, team, member);

struct Role {
  RoleId id;
  Slug name;
  std::string description;
  bool built_in = false;
  std::vector<PermissionPattern> permissions;
  std::int64_t row_version = 1;
  Time created_at;
};
MODELOPS_DESCRIBE(Role, id, name, description, built_in, permissions, row_version, created_at);
struct RoleList {
  std::vector<Role> items;
};
MODELOPS_DESCRIBE(RoleList, items);
struct CreateRole {
  Slug name;
  Bounded<0, 512> description = *Bounded<0, 512>::parse("");
  std::vector<PermissionPattern> permissions;
};
MODELOPS_DESCRIBE(CreateRole, name, description, permissions);
struct RoleReference {
  Reference role;
};
MODELOPS_DESCRIBE(RoleReference, role);
struct UpdateRole {
  Reference role;
  Patch<Bounded<0, 512>> description;
  Patch<std::vector<PermissionPattern>> permissions;
};
MODELOPS_DESCRIBE(UpdateRole, role, description, permissions);
struct PermissionList {
  std::vector<std::string> items;
};
MODELOPS_DESCRIBE(PermissionList, items);

struct ServiceAccount {
  ServiceAccountId id;
  Slug name;
  std::string description;
  RoleId role_id;
  std::string role;
  std::int64_t row_version = 1;
  Time created_at;
};
MODELOPS_DESCRIBE(ServiceAccount, id, name, description, role_id, role, row_version, created_at);
struct ServiceAccountList {
  std::vector<ServiceAccount> items;
};
MODELOPS_DESCRIBE(ServiceAccountList, items);
struct CreateServiceAccount {
  Slug name;
  Bounded<0, 512> description = *Bounded<0, 512>::parse("");
  Reference role;
};
MODELOPS_DESCRIBE(CreateServiceAccount, name, description, role);
struct ServiceAccountReference {
  Reference service_account;
};
MODELOPS_DESCRIBE(ServiceAccountReference, service_account);

enum class KeyOwnerKind { user, service_account };
MODELOPS_DESCRIBE_ENUM(KeyOwnerKind, user, service_account)

struct ApiKey {
  ApiKeyId id;
  std::string name;
  KeyOwnerKind owner_kind = KeyOwnerKind::user;
  std::string owner_id;
  std::string display;  ///< the first characters, to tell keys apart
  std::vector<PermissionPattern> scopes;
  std::optional<Time> expires_at;
  std::optional<Time> last_used_at;
  std::optional<Time> revoked_at;
  Time created_at;
};
MODELOPS_DESCRIBE(ApiKey, id, name, owner_kind, owner_id, display, scopes, expires_at, last_used_at, revoked_at,
                  created_at);
struct ApiKeyList {
  std::vector<ApiKey> items;
};
MODELOPS_DESCRIBE(ApiKeyList, items);
struct CreateApiKey {
  Bounded<1, 128> name;
  std::optional<Reference> service_account;
  std::vector<PermissionPattern> scopes;
  std::optional<Ranged<1, 3650>> expires_in_days;
  static constexpr Doc docs[] = {{"service_account", "Whose key it is; without it, your own"},
                                 {"scopes", "What the key may do at most; empty: all that its owner may"},
                                 {"expires_in_days", "Without it the key does not expire"}};
};
MODELOPS_DESCRIBE(CreateApiKey, name, service_account, scopes, expires_in_days);
/// `token` is shown once and is not kept.
struct NewApiKey {
  ApiKeyId id;
  std::string name;
  std::string token;
  std::optional<Time> expires_at;
};
MODELOPS_DESCRIBE(NewApiKey, id, name, token, expires_at);
struct ApiKeyReference {
  ApiKeyId key;
};
MODELOPS_DESCRIBE(ApiKeyReference, key);

struct SignIn {
  Email email;
  reflect::Required<std::string> password;
  std::optional<Slug> organization;
};
MODELOPS_DESCRIBE(SignIn, email, password, organization);
struct RedeemLink {
  reflect::Required<std::string> token;
};
MODELOPS_DESCRIBE(RedeemLink, token);
struct ChangePassword {
  std::optional<std::string> current_password;
  reflect::Required<std::string> new_password;
  static constexpr Doc docs[] = {{"current_password", "Required when you have one"},
                                 {"new_password", "12 to 1024 bytes"}};
};
MODELOPS_DESCRIBE(ChangePassword, current_password, new_password);

/// Who the caller is. `csrf_token` goes into X-CSRF-Token with each change that a browser session makes.
struct SessionInfo {
  std::string actor_id;
  std::string name;
  OrgId organization_id;
  std::string organization;
  std::string role;
  std::vector<std::string> permissions;
  std::vector<std::string> team_ids;
  bool has_password = false;
  std::optional<std::string> csrf_token;
};
MODELOPS_DESCRIBE(SessionInfo, actor_id, name, organization_id, organization, role, permissions, team_ids, has_password,
                  csrf_token);

}  // namespace modelops::identity
