#pragma once
#include "identity/types.hpp"
#include "platform/db/database.hpp"
#include "platform/query/page.hpp"

namespace modelops::identity {

struct UserRow {
  UserId id;
  std::string email;
  std::string email_folded;
  std::string display_name;
  std::optional<std::string> password_hash;
  bool installation_admin = false;
  Time created_at;
};
MODELOPS_DESCRIBE(UserRow, id, email, email_folded, display_name, password_hash, installation_admin, created_at);

struct MemberRow {
  OrgId org_id;
  UserId user_id;
  RoleId role_id;
  bool disabled = false;
  std::int64_t row_version = 1;
  Time created_at;
};
MODELOPS_DESCRIBE(MemberRow, org_id, user_id, role_id, disabled, row_version, created_at);

struct RoleRow {
  OrgId org_id;
  RoleId id;
  Slug name;
  std::string description;
  bool built_in = false;
  std::vector<PermissionPattern> permissions;
  std::int64_t row_version = 1;
  Time created_at;
};
MODELOPS_DESCRIBE(RoleRow, org_id, id, name, description, built_in, permissions, row_version, created_at);

struct TeamRow {
  OrgId org_id;
  TeamId id;
  Slug name;
  std::string display_name;
  std::int64_t row_version = 1;
  Time created_at;
};
MODELOPS_DESCRIBE(TeamRow, org_id, id, name, display_name, row_version, created_at);

struct ServiceAccountRow {
  OrgId org_id;
  ServiceAccountId id;
  Slug name;
  std::string description;
  RoleId role_id;
  std::int64_t row_version = 1;
  Time created_at;
};
MODELOPS_DESCRIBE(ServiceAccountRow, org_id, id, name, description, role_id, row_version, created_at);

struct ApiKeyRow {
  OrgId org_id;
  ApiKeyId id;
  std::string name;
  KeyOwnerKind owner_kind = KeyOwnerKind::user;
  std::string owner_id;
  std::string digest;
  std::string display;
  std::vector<PermissionPattern> scopes;
  std::optional<Time> expires_at;
  std::optional<Time> last_used_at;
  std::optional<Time> revoked_at;
  Time created_at;
  bool temporary = false;  ///< made for a moment's use: not listed, and removed once it has expired
};
MODELOPS_DESCRIBE(ApiKeyRow, org_id, id, name, owner_kind, owner_id, digest, display, scopes, expires_at, last_used_at,
                  revoked_at, created_at, temporary);

struct SessionRow {
  std::string digest;
  OrgId org_id;
  UserId user_id;
  Time created_at;
  Time seen_at;
};
MODELOPS_DESCRIBE(SessionRow, digest, org_id, user_id, created_at, seen_at);

struct LinkRow {
  std::string digest;
  OrgId org_id;
  UserId user_id;
  Time expires_at;
};
MODELOPS_DESCRIBE(LinkRow, digest, org_id, user_id, expires_at);

struct FailureRow {
  std::string source;
  std::int64_t failures = 0;
  Time last_at;
};
MODELOPS_DESCRIBE(FailureRow, source, failures, last_at);

/// What an actor's permissions are made of.
struct Grant {
  std::string name;  ///< of the person or the robot
  Slug role;
  std::vector<PermissionPattern> permissions;
  bool installation_admin = false;
};
MODELOPS_DESCRIBE(Grant, name, role, permissions, installation_admin);

/// SQL only; each function is one statement or two, inside the caller's transaction.
namespace store {

std::optional<Organization> find_organization(db::Tx& tx, const std::string& org_id);
std::optional<Organization> find_organization_by_name(db::Tx& tx, const std::string& name);
std::int64_t count_organizations(db::Tx& tx);
bool update_organization(db::Tx& tx, const Organization& organization, std::int64_t seen_version);

std::optional<UserRow> find_user(db::Tx& tx, const std::string& user_id);
std::optional<UserRow> find_user_by_email(db::Tx& tx, const std::string& email);
void set_password(db::Tx& tx, const std::string& user_id, const std::string& hash);

std::optional<Member> find_member(db::Tx& tx, const std::string& org_id, const std::string& id_or_email);
std::vector<Member> members(db::Tx& tx, const query::Keyset& keyset, const std::string& org_id);
std::vector<MemberRow> memberships(db::Tx& tx, const std::string& user_id);
bool update_member(db::Tx& tx, const std::string& org_id, const Member& member, std::int64_t seen_version);
void remove_member(db::Tx& tx, const std::string& org_id, const std::string& user_id, Time now);
/// How many enabled people of the organisation hold a role with the pattern "*".
std::int64_t count_administrators(db::Tx& tx, const std::string& org_id);

std::optional<RoleRow> find_role(db::Tx& tx, const std::string& org_id, const std::string& id_or_name);
std::vector<RoleRow> roles(db::Tx& tx, const std::string& org_id);
bool update_role(db::Tx& tx, const RoleRow& role, std::int64_t seen_version);
bool role_is_used(db::Tx& tx, const std::string& org_id, const std::string& role_id);
void remove_role(db::Tx& tx, const std::string& org_id, const std::string& role_id);

std::optional<TeamRow> find_team(db::Tx& tx, const std::string& org_id, const std::string& id_or_name);
std::vector<TeamRow> teams(db::Tx& tx, const std::string& org_id);
std::vector<UserId> team_members(db::Tx& tx, const std::string& org_id, const std::string& team_id);
std::vector<std::string> teams_of(db::Tx& tx, const std::string& org_id, const std::string& user_id);
bool update_team(db::Tx& tx, const TeamRow& team, std::int64_t seen_version);
void add_team_member(db::Tx& tx, const std::string& org_id, const std::string& team_id, const std::string& user_id);
void remove_team_member(db::Tx& tx, const std::string& org_id, const std::string& team_id, const std::string& user_id);
void remove_team(db::Tx& tx, const std::string& org_id, const std::string& team_id);

std::optional<ServiceAccount> find_service_account(db::Tx& tx, const std::string& org_id,
                                                   const std::string& id_or_name);
std::vector<ServiceAccount> service_accounts(db::Tx& tx, const std::string& org_id);
void remove_service_account(db::Tx& tx, const std::string& org_id, const std::string& id, Time now);

std::optional<ApiKeyRow> find_api_key_by_digest(db::Tx& tx, const std::string& digest);
std::optional<ApiKey> find_api_key(db::Tx& tx, const std::string& org_id, const std::string& id);
/// Of one owner; of everybody when `owner_id` is empty. Not the temporary ones.
std::vector<ApiKey> api_keys(db::Tx& tx, const std::string& org_id, const std::string& owner_id);
void revoke_api_key(db::Tx& tx, const std::string& org_id, const std::string& id, Time now);
/// Removes the temporary keys of the organisation that have expired, and of the owner's all but the newest `keep`.
void remove_temporary_keys(db::Tx& tx, const std::string& org_id, const std::string& owner_id, Time now,
                           std::int64_t keep);
void touch_api_key(db::Tx& tx, const std::string& org_id, const std::string& id, Time now);

/// What a member (not disabled) or a service account may do; nothing when there is none.
std::optional<Grant> find_grant(db::Tx& tx, const std::string& org_id, KeyOwnerKind kind, const std::string& id);

std::optional<SessionRow> find_session(db::Tx& tx, const std::string& digest);
void touch_session(db::Tx& tx, const std::string& digest, Time now);
void remove_session(db::Tx& tx, const std::string& digest);
void remove_sessions_of(db::Tx& tx, const std::string& user_id, const std::string& but_digest);
void remove_old_sessions(db::Tx& tx, Time created_before, Time seen_before);

/// Removes and returns it: a link is good for one use.
std::optional<LinkRow> take_link(db::Tx& tx, const std::string& digest);
void remove_links_of(db::Tx& tx, const std::string& user_id);

std::optional<FailureRow> find_failures(db::Tx& tx, const std::string& source);
void add_failure(db::Tx& tx, const std::string& source, Time now, Time forgotten_before);
void clear_failures(db::Tx& tx, const std::string& source);

}  // namespace store
}  // namespace modelops::identity
