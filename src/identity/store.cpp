#include "identity/store.hpp"

#include "base/text.hpp"

namespace modelops::identity::store {
namespace {

using db::Tx;
using reflect::columns;

const std::string member_select =
    "SELECT u.id, u.email, u.display_name, m.role_id, r.name, m.disabled, m.row_version, m.created_at FROM members m "
    "JOIN users u ON u.id = m.user_id JOIN roles r ON r.org_id = m.org_id AND r.id = m.role_id ";
const std::string service_account_select =
    "SELECT s.id, s.name, s.description, s.role_id, r.name, s.row_version, s.created_at FROM service_accounts s "
    "JOIN roles r ON r.org_id = s.org_id AND r.id = s.role_id ";

}  // namespace

std::optional<Organization> find_organization(Tx& tx, const std::string& org_id) {
  return tx.find<Organization>("SELECT " + columns<Organization>() + " FROM organizations WHERE id = ?", org_id);
}

std::optional<Organization> find_organization_by_name(Tx& tx, const std::string& name) {
  return tx.find<Organization>("SELECT " + columns<Organization>() + " FROM organizations WHERE name = ?", name);
}

std::int64_t count_organizations(Tx& tx) {
  return tx.value<std::int64_t>("SELECT count(*) FROM organizations").value_or(0);
}

bool update_organization(Tx& tx, const Organization& organization, std::int64_t seen_version) {
  return tx.run(
             "UPDATE organizations SET display_name = ?, self_approval = ?, row_version = ?, updated_at = ? WHERE id = "
             "? "
             "AND row_version = ?",
             organization.display_name, organization.self_approval, organization.row_version, organization.updated_at,
             organization.id, seen_version) == 1;
}

std::optional<UserRow> find_user(Tx& tx, const std::string& user_id) {
  return tx.find<UserRow>("SELECT " + columns<UserRow>() + " FROM users WHERE id = ?", user_id);
}

std::optional<UserRow> find_user_by_email(Tx& tx, const std::string& email) {
  return tx.find<UserRow>("SELECT " + columns<UserRow>() + " FROM users WHERE email_folded = ?", to_lower_ascii(email));
}

void set_password(Tx& tx, const std::string& user_id, const std::string& hash) {
  tx.run("UPDATE users SET password_hash = ? WHERE id = ?", hash, user_id);
}

std::optional<Member> find_member(Tx& tx, const std::string& org_id, const std::string& id_or_email) {
  return tx.find<Member>(member_select + "WHERE m.org_id = ? AND (u.id = ? OR u.email_folded = ?)", org_id, id_or_email,
                         to_lower_ascii(id_or_email));
}

std::vector<Member> members(Tx& tx, const query::Keyset& keyset, const std::string& org_id) {
  return tx.all_with<Member>("SELECT " + columns<Member>("m") +
                                 " FROM (SELECT m.org_id, u.id, u.email, u.email_folded, u.display_name, m.role_id, "
                                 "r.name AS role, m.disabled, m.row_version, m.created_at FROM members m JOIN users u "
                                 "ON u.id = m.user_id JOIN roles r "
                                 "ON r.org_id = m.org_id AND r.id = m.role_id) m WHERE m.org_id = ? AND " +
                                 keyset.sql(),
                             keyset.args(org_id));
}

std::vector<MemberRow> memberships(Tx& tx, const std::string& user_id) {
  return tx.all<MemberRow>("SELECT " + columns<MemberRow>() +
                               " FROM members WHERE user_id = ? AND disabled = ? ORDER BY "
                               "created_at, org_id",
                           user_id, false);
}

bool update_member(Tx& tx, const std::string& org_id, const Member& member, std::int64_t seen_version) {
  tx.run("UPDATE users SET display_name = ? WHERE id = ?", member.display_name, member.id);
  return tx.run(
             "UPDATE members SET role_id = ?, disabled = ?, row_version = ? WHERE org_id = ? AND user_id = ? AND "
             "row_version = ?",
             member.role_id, member.disabled, member.row_version, org_id, member.id, seen_version) == 1;
}

void remove_member(Tx& tx, const std::string& org_id, const std::string& user_id, Time now) {
  tx.run("UPDATE api_keys SET revoked_at = ? WHERE org_id = ? AND owner_id = ? AND revoked_at IS NULL", now, org_id,
         user_id);
  tx.run("DELETE FROM sessions WHERE org_id = ? AND user_id = ?", org_id, user_id);
  tx.run("DELETE FROM sign_in_links WHERE org_id = ? AND user_id = ?", org_id, user_id);
  tx.run("DELETE FROM team_members WHERE org_id = ? AND user_id = ?", org_id, user_id);
  tx.run("DELETE FROM members WHERE org_id = ? AND user_id = ?", org_id, user_id);
}

std::int64_t count_administrators(Tx& tx, const std::string& org_id) {
  return tx
      .value<std::int64_t>(
          "SELECT count(*) FROM members m JOIN roles r ON r.org_id = m.org_id AND r.id = m.role_id "
          "WHERE m.org_id = ? AND m.disabled = ? AND r.permissions = ?",
          org_id, false, std::string("[\"*\"]"))
      .value_or(0);
}

std::optional<RoleRow> find_role(Tx& tx, const std::string& org_id, const std::string& id_or_name) {
  return tx.find<RoleRow>("SELECT " + columns<RoleRow>() + " FROM roles WHERE org_id = ? AND (id = ? OR name = ?)",
                          org_id, id_or_name, id_or_name);
}

std::vector<RoleRow> roles(Tx& tx, const std::string& org_id) {
  return tx.all<RoleRow>("SELECT " + columns<RoleRow>() + " FROM roles WHERE org_id = ? ORDER BY name", org_id);
}

bool update_role(Tx& tx, const RoleRow& role, std::int64_t seen_version) {
  return tx.run(
             "UPDATE roles SET description = ?, permissions = ?, row_version = ? WHERE org_id = ? AND id = ? AND "
             "row_version = ?",
             role.description, role.permissions, role.row_version, role.org_id, role.id, seen_version) == 1;
}

bool role_is_used(Tx& tx, const std::string& org_id, const std::string& role_id) {
  return tx.value<std::int64_t>(
               "SELECT (SELECT count(*) FROM members WHERE org_id = ? AND role_id = ?) + (SELECT count(*) "
               "FROM service_accounts WHERE org_id = ? AND role_id = ?)",
               org_id, role_id, org_id, role_id)
             .value_or(0) > 0;
}

void remove_role(Tx& tx, const std::string& org_id, const std::string& role_id) {
  tx.run("DELETE FROM roles WHERE org_id = ? AND id = ?", org_id, role_id);
}

std::optional<TeamRow> find_team(Tx& tx, const std::string& org_id, const std::string& id_or_name) {
  return tx.find<TeamRow>("SELECT " + columns<TeamRow>() + " FROM teams WHERE org_id = ? AND (id = ? OR name = ?)",
                          org_id, id_or_name, id_or_name);
}

std::vector<TeamRow> teams(Tx& tx, const std::string& org_id) {
  return tx.all<TeamRow>("SELECT " + columns<TeamRow>() + " FROM teams WHERE org_id = ? ORDER BY name", org_id);
}

std::vector<UserId> team_members(Tx& tx, const std::string& org_id, const std::string& team_id) {
  return tx.values<UserId>("SELECT user_id FROM team_members WHERE org_id = ? AND team_id = ? ORDER BY user_id", org_id,
                           team_id);
}

std::vector<std::string> teams_of(Tx& tx, const std::string& org_id, const std::string& user_id) {
  return tx.values<std::string>("SELECT team_id FROM team_members WHERE org_id = ? AND user_id = ? ORDER BY team_id",
                                org_id, user_id);
}

bool update_team(Tx& tx, const TeamRow& team, std::int64_t seen_version) {
  return tx.run("UPDATE teams SET display_name = ?, row_version = ? WHERE org_id = ? AND id = ? AND row_version = ?",
                team.display_name, team.row_version, team.org_id, team.id, seen_version) == 1;
}

void add_team_member(Tx& tx, const std::string& org_id, const std::string& team_id, const std::string& user_id) {
  tx.run(
      "INSERT INTO team_members (org_id, team_id, user_id) VALUES (?, ?, ?) ON CONFLICT (org_id, team_id, user_id) DO "
      "NOTHING",
      org_id, team_id, user_id);
}

void remove_team_member(Tx& tx, const std::string& org_id, const std::string& team_id, const std::string& user_id) {
  tx.run("DELETE FROM team_members WHERE org_id = ? AND team_id = ? AND user_id = ?", org_id, team_id, user_id);
}

void remove_team(Tx& tx, const std::string& org_id, const std::string& team_id) {
  tx.run("DELETE FROM team_members WHERE org_id = ? AND team_id = ?", org_id, team_id);
  tx.run("DELETE FROM teams WHERE org_id = ? AND id = ?", org_id, team_id);
}

std::optional<ServiceAccount> find_service_account(Tx& tx, const std::string& org_id, const std::string& id_or_name) {
  return tx.find<ServiceAccount>(service_account_select + "WHERE s.org_id = ? AND (s.id = ? OR s.name = ?)", org_id,
                                 id_or_name, id_or_name);
}

std::vector<ServiceAccount> service_accounts(Tx& tx, const std::string& org_id) {
  return tx.all<ServiceAccount>(service_account_select + "WHERE s.org_id = ? ORDER BY s.name", org_id);
}

void remove_service_account(Tx& tx, const std::string& org_id, const std::string& id, Time now) {
  tx.run("UPDATE api_keys SET revoked_at = ? WHERE org_id = ? AND owner_id = ? AND revoked_at IS NULL", now, org_id,
         id);
  tx.run("DELETE FROM service_accounts WHERE org_id = ? AND id = ?", org_id, id);
}

std::optional<ApiKeyRow> find_api_key_by_digest(Tx& tx, const std::string& digest) {
  return tx.find<ApiKeyRow>("SELECT " + columns<ApiKeyRow>() + " FROM api_keys WHERE digest = ?", digest);
}

std::optional<ApiKey> find_api_key(Tx& tx, const std::string& org_id, const std::string& id) {
  return tx.find<ApiKey>("SELECT " + columns<ApiKey>() + " FROM api_keys WHERE org_id = ? AND id = ?", org_id, id);
}

std::vector<ApiKey> api_keys(Tx& tx, const std::string& org_id, const std::string& owner_id) {
  return tx.all<ApiKey>("SELECT " + columns<ApiKey>() +
                            " FROM api_keys WHERE org_id = ? AND (? = '' OR owner_id = ?) AND temporary = ? "
                            "ORDER BY id",
                        org_id, owner_id, owner_id, false);
}

void remove_temporary_keys(Tx& tx, const std::string& org_id, const std::string& owner_id, Time now,
                           std::int64_t keep) {
  tx.run("DELETE FROM api_keys WHERE org_id = ? AND temporary = ? AND expires_at <= ?", org_id, true, now);
  tx.run(
      "DELETE FROM api_keys WHERE org_id = ? AND owner_id = ? AND temporary = ? AND id NOT IN (SELECT id FROM api_keys "
      "WHERE org_id = ? AND owner_id = ? AND temporary = ? ORDER BY created_at DESC, id DESC LIMIT ?)",
      org_id, owner_id, true, org_id, owner_id, true, keep);
}

void revoke_api_key(Tx& tx, const std::string& org_id, const std::string& id, Time now) {
  tx.run("UPDATE api_keys SET revoked_at = ? WHERE org_id = ? AND id = ? AND revoked_at IS NULL", now, org_id, id);
}

void touch_api_key(Tx& tx, const std::string& org_id, const std::string& id, Time now) {
  tx.run("UPDATE api_keys SET last_used_at = ? WHERE org_id = ? AND id = ?", now, org_id, id);
}

std::optional<Grant> find_grant(Tx& tx, const std::string& org_id, KeyOwnerKind kind, const std::string& id) {
  if (kind == KeyOwnerKind::user) {
    return tx.find<Grant>(
        "SELECT u.display_name, r.name, r.permissions, u.installation_admin FROM members m "
        "JOIN users u ON u.id = m.user_id JOIN roles r ON r.org_id = m.org_id AND r.id = m.role_id "
        "WHERE m.org_id = ? AND m.user_id = ? AND m.disabled = ?",
        org_id, id, false);
  }
  return tx.find<Grant>(
      "SELECT s.name, r.name, r.permissions, r.id <> r.id FROM service_accounts s "
      "JOIN roles r ON r.org_id = s.org_id AND r.id = s.role_id WHERE s.org_id = ? AND s.id = ?",
      org_id, id);
}

std::optional<SessionRow> find_session(Tx& tx, const std::string& digest) {
  return tx.find<SessionRow>("SELECT " + columns<SessionRow>() + " FROM sessions WHERE digest = ?", digest);
}

void touch_session(Tx& tx, const std::string& digest, Time now) {
  tx.run("UPDATE sessions SET seen_at = ? WHERE digest = ?", now, digest);
}

void remove_session(Tx& tx, const std::string& digest) { tx.run("DELETE FROM sessions WHERE digest = ?", digest); }

void remove_sessions_of(Tx& tx, const std::string& user_id, const std::string& but_digest) {
  tx.run("DELETE FROM sessions WHERE user_id = ? AND digest <> ?", user_id, but_digest);
}

void remove_old_sessions(Tx& tx, Time created_before, Time seen_before) {
  tx.run("DELETE FROM sessions WHERE created_at < ? OR seen_at < ?", created_before, seen_before);
}

std::optional<LinkRow> take_link(Tx& tx, const std::string& digest) {
  auto link = tx.find<LinkRow>("SELECT " + columns<LinkRow>() + " FROM sign_in_links WHERE digest = ?", digest);
  if (link) tx.run("DELETE FROM sign_in_links WHERE digest = ?", digest);
  return link;
}

void remove_links_of(Tx& tx, const std::string& user_id) {
  tx.run("DELETE FROM sign_in_links WHERE user_id = ?", user_id);
}

std::optional<FailureRow> find_failures(Tx& tx, const std::string& source) {
  return tx.find<FailureRow>("SELECT " + columns<FailureRow>() + " FROM sign_in_failures WHERE source = ?", source);
}

void add_failure(Tx& tx, const std::string& source, Time now, Time forgotten_before) {
  tx.run("DELETE FROM sign_in_failures WHERE last_at < ?", forgotten_before);
  tx.run(
      "INSERT INTO sign_in_failures (source, failures, last_at) VALUES (?, ?, ?) ON CONFLICT (source) DO UPDATE SET "
      "failures = sign_in_failures.failures + 1, last_at = excluded.last_at",
      source, 1, now);
}

void clear_failures(Tx& tx, const std::string& source) {
  tx.run("DELETE FROM sign_in_failures WHERE source = ?", source);
}

}  // namespace modelops::identity::store
