#include "identity/service.hpp"

#include "base/text.hpp"
#include "identity/rules.hpp"
#include "identity/store.hpp"
#include "platform/crypto/password.hpp"
#include "platform/crypto/token.hpp"
#include "platform/db/data_keys.hpp"

namespace modelops::identity {
namespace {

[[noreturn]] void not_found(std::string_view what, std::string_view name) {
  fail(ErrorCode::not_found, fmt::format("There is no {} {} here.", what, name));
}

template <class T>
T or_not_found(std::optional<T> found, std::string_view what, std::string_view name) {
  if (!found) not_found(what, name);
  return std::move(*found);
}

[[noreturn]] void outdated() {
  fail(ErrorCode::precondition_failed, "Somebody changed this meanwhile. Read it again and repeat your change.");
}

Role to_role(const RoleRow& row) {
  return {row.id, row.name, row.description, row.built_in, row.permissions, row.row_version, row.created_at};
}

Team to_team(db::Tx& tx, const TeamRow& row) {
  return {row.id,          row.name,      row.display_name, store::team_members(tx, row.org_id.str(), row.id.str()),
          row.row_version, row.created_at};
}

std::vector<PermissionPattern> patterns(const std::vector<std::string_view>& texts) {
  std::vector<PermissionPattern> out;
  for (const std::string_view text : texts) out.push_back(PermissionPattern::parse(text).value());
  return out;
}

}  // namespace

// ------------------------------------------------------------------------------------------ organisations

OrgId Service::make_organization(db::Tx& tx, const Slug& name, const std::string& display_name) {
  const Time now = clock_.now();
  if (store::find_organization_by_name(tx, name.str()))
    fail(ErrorCode::conflict, fmt::format("There is an organization {} already. Choose another name.", name.str()));
  const Organization made{OrgId::make(), name, display_name, false, 1, now, now};
  tx.insert("organizations", made);
  for (const BuiltInRole& role : built_in_roles())
    tx.insert("roles", RoleRow{made.id, RoleId::make(), *Slug::parse(role.name), std::string(role.description), true,
                               patterns(role.permissions), 1, now});
  // The organization's data key is made here, in a write: what seals later may stand in a read.
  access_.make_data_key(tx, made.id.str());
  return made.id;
}

UserId Service::find_or_make_user(db::Tx& tx, const Email& email, const std::string& display_name,
                                  bool installation_admin) {
  if (const auto known = store::find_user_by_email(tx, email.str())) return known->id;
  const UserRow made{UserId::make(),     email.str(), to_lower_ascii(email.str()), display_name, std::nullopt,
                     installation_admin, clock_.now()};
  tx.insert("users", made);
  return made.id;
}

std::string Service::make_link(db::Tx& tx, const std::string& org_id, const UserId& user, Time expires_at) {
  const Secret token = crypto::make_token("signin");
  store::remove_links_of(tx, user.str());
  tx.insert("sign_in_links", LinkRow{crypto::token_digest(token.reveal()), *OrgId::parse(org_id), user, expires_at});
  return token.reveal();
}

std::optional<Bootstrap> Service::bootstrap(const std::string& organization, const std::string& admin_email) {
  return database_.write([&](db::Tx& tx) -> std::optional<Bootstrap> {
    if (store::count_organizations(tx) > 0) return std::nullopt;
    const Time now = clock_.now();
    const OrgId org_id = make_organization(tx, *Slug::parse(organization), organization);
    const UserId user = find_or_make_user(tx, *Email::parse(admin_email), "Administrator", true);
    const RoleRow role = *store::find_role(tx, org_id.str(), "admin");
    tx.insert("members", MemberRow{org_id, user, role.id, false, 1, now});
    const Secret key = crypto::make_token("api");
    tx.insert("api_keys", ApiKeyRow{org_id,
                                    ApiKeyId::make(),
                                    "command line of the first administrator",
                                    KeyOwnerKind::user,
                                    user.str(),
                                    crypto::token_digest(key.reveal()),
                                    crypto::token_display(key.reveal()),
                                    {},
                                    std::nullopt,
                                    std::nullopt,
                                    std::nullopt,
                                    now,
                                    false});
    Context system;
    system.actor.kind = ActorKind::system;
    system.org_id = org_id.str();
    record(tx, system, {"organization.create", "organization", org_id.str(), {{"name", organization}}});
    return Bootstrap{org_id, make_link(tx, org_id.str(), user, now + sign_in_link_age_max), key.reveal()};
  });
}

std::optional<std::string> Service::new_admin_link() {
  return database_.write([&](db::Tx& tx) -> std::optional<std::string> {
    const auto user = tx.find<UserRow>("SELECT " + reflect::columns<UserRow>() +
                                           " FROM users WHERE installation_admin = ? "
                                           "ORDER BY created_at LIMIT 1",
                                       true);
    if (!user) return std::nullopt;
    const auto memberships = store::memberships(tx, user->id.str());
    if (memberships.empty()) return std::nullopt;
    Context system;
    system.actor.kind = ActorKind::system;
    system.org_id = memberships.front().org_id.str();
    record(tx, system, {"member.sign_in_link", "member", user->id.str()});
    return make_link(tx, system.org_id, user->id, clock_.now() + sign_in_link_age_max);
  });
}

Organization Service::organization(const Context& ctx, const Nothing&) {
  return database_.read(
      [&](db::Tx& tx) { return or_not_found(store::find_organization(tx, ctx.org_id), "organization", ctx.org_id); });
}

Organization Service::update_organization(const Context& ctx, const UpdateOrganization& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    Organization found = or_not_found(store::find_organization(tx, ctx.org_id), "organization", ctx.org_id);
    const Organization before = found;
    if (request.display_name.present && request.display_name.value)
      found.display_name = request.display_name.value->str();
    request.self_approval.apply(found.self_approval);
    found.row_version = *ctx.if_match + 1;
    found.updated_at = clock_.now();
    if (!store::update_organization(tx, found, *ctx.if_match)) outdated();
    record(tx, ctx,
           {"organization.update",
            "organization",
            ctx.org_id,
            {{"display_name", found.display_name}, {"self_approval", {before.self_approval, found.self_approval}}}});
    return found;
  });
}

Invitation Service::create_organization(const Context& ctx, const CreateOrganization& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    const Time now = clock_.now();
    const std::string display = request.display_name ? request.display_name->str() : request.name.str();
    const OrgId org_id = make_organization(tx, request.name, display);
    const UserId user = find_or_make_user(tx, request.admin_email, request.admin_email.str(), false);
    tx.insert("members", MemberRow{org_id, user, store::find_role(tx, org_id.str(), "admin")->id, false, 1, now});
    Context made = ctx;
    made.org_id = org_id.str();
    record(tx, made, {"organization.create", "organization", org_id.str(), {{"name", request.name.str()}}});
    const Time expires = now + sign_in_link_age_max;
    return Invitation{user, request.admin_email, make_link(tx, org_id.str(), user, expires), expires};
  });
}

// ------------------------------------------------------------------------------------------------ members

void Service::require_grantable(const Context& ctx, const std::vector<PermissionPattern>& permissions,
                                std::string_view pointer) {
  for (const std::string& permission : expand(permissions, access_.known_permissions())) {
    if (permission == organizations_create.name || ctx.actor.permissions.contains(permission)) continue;
    throw Error(ErrorCode::forbidden, fmt::format("You cannot give {}, which you do not have yourself.", permission),
                {}, {{std::string(pointer), "gives more than you have"}});
  }
}

MemberPage Service::list_members(const Context& ctx, const ListMembers& request) {
  static const query::FieldTable fields{
      .alias = "m",
      .fields = {{.name = "email", .column = "m.email", .folded = "m.email_folded", .sortable = true},
                 {.name = "display_name", .column = "m.display_name", .sortable = true},
                 {.name = "role", .column = "m.role"},
                 {.name = "disabled", .column = "m.disabled", .type = query::FieldType::boolean},
                 {.name = "created_at", .column = "m.created_at", .type = query::FieldType::time, .sortable = true}},
      .default_order = "email"};
  const query::Keyset keyset = query::plan(fields, request);
  return database_.read(
      [&](db::Tx& tx) { return query::page<MemberPage>(keyset, store::members(tx, keyset, ctx.org_id)); });
}

Member Service::get_member(const Context& ctx, const MemberReference& request) {
  return database_.read([&](db::Tx& tx) {
    return or_not_found(store::find_member(tx, ctx.org_id, request.member.str()), "member", request.member.str());
  });
}

Invitation Service::add_member(const Context& ctx, const AddMember& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    const RoleRow role = or_not_found(store::find_role(tx, ctx.org_id, request.role.str()), "role", request.role.str());
    require_grantable(ctx, role.permissions, "/role");
    if (store::find_member(tx, ctx.org_id, request.email.str()))
      fail(ErrorCode::conflict, "This person is a member already. Change their role instead.");
    const Time now = clock_.now();
    const UserId user = find_or_make_user(
        tx, request.email, request.display_name ? request.display_name->str() : request.email.str(), false);
    tx.insert("members", MemberRow{*OrgId::parse(ctx.org_id), user, role.id, false, 1, now});
    record(tx, ctx, {"member.add", "member", user.str(), {{"role", role.name.str()}}});
    const Time expires = now + sign_in_link_age_max;
    return Invitation{user, request.email, make_link(tx, ctx.org_id, user, expires), expires};
  });
}

Invitation Service::renew_link(const Context& ctx, const MemberReference& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    const Member member =
        or_not_found(store::find_member(tx, ctx.org_id, request.member.str()), "member", request.member.str());
    // A link is a way to become that person: whoever makes one must be allowed what they are.
    require_grantable(ctx, store::find_role(tx, ctx.org_id, member.role_id.str())->permissions, "/member");
    const Time expires = clock_.now() + sign_in_link_age_max;
    record(tx, ctx, {"member.sign_in_link", "member", member.id.str()});
    return Invitation{member.id, member.email, make_link(tx, ctx.org_id, member.id, expires), expires};
  });
}

Member Service::update_member(const Context& ctx, const UpdateMember& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    Member member =
        or_not_found(store::find_member(tx, ctx.org_id, request.member.str()), "member", request.member.str());
    const std::string role_before = member.role;
    if (request.role.value) {
      const RoleRow role =
          or_not_found(store::find_role(tx, ctx.org_id, request.role.value->str()), "role", request.role.value->str());
      require_grantable(ctx, role.permissions, "/role");
      require_grantable(ctx, store::find_role(tx, ctx.org_id, member.role_id.str())->permissions, "/role");
      member.role_id = role.id;
      member.role = role.name.str();
    }
    if (request.display_name.value) member.display_name = request.display_name.value->str();
    member.row_version = *ctx.if_match + 1;
    if (!store::update_member(tx, ctx.org_id, member, *ctx.if_match)) outdated();
    if (store::count_administrators(tx, ctx.org_id) == 0)
      fail(ErrorCode::conflict,
           "The organization would be left without an administrator. Make somebody else one first.");
    record(tx, ctx, {"member.update", "member", member.id.str(), {{"role", {role_before, member.role}}}});
    return member;
  });
}

void Service::remove_member(const Context& ctx, const MemberReference& request) {
  database_.write(ctx, [&](db::Tx& tx) {
    const Member member =
        or_not_found(store::find_member(tx, ctx.org_id, request.member.str()), "member", request.member.str());
    require_grantable(ctx, store::find_role(tx, ctx.org_id, member.role_id.str())->permissions, "/member");
    store::remove_member(tx, ctx.org_id, member.id.str(), clock_.now());
    if (store::count_administrators(tx, ctx.org_id) == 0)
      fail(ErrorCode::conflict,
           "The organization would be left without an administrator. Make somebody else one first.");
    record(tx, ctx, {"member.remove", "member", member.id.str()});
  });
}

// -------------------------------------------------------------------------------------------------- teams

TeamList Service::list_teams(const Context& ctx, const Nothing&) {
  return database_.read([&](db::Tx& tx) {
    TeamList out;
    for (const TeamRow& row : store::teams(tx, ctx.org_id)) out.items.push_back(to_team(tx, row));
    return out;
  });
}

Team Service::get_team(const Context& ctx, const TeamReference& request) {
  return database_.read([&](db::Tx& tx) {
    return to_team(tx, or_not_found(store::find_team(tx, ctx.org_id, request.team.str()), "team", request.team.str()));
  });
}

Team Service::create_team(const Context& ctx, const CreateTeam& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    if (store::find_team(tx, ctx.org_id, request.name.str()))
      fail(ErrorCode::conflict, fmt::format("There is a team {} already. Choose another name.", request.name.str()));
    const TeamRow row{*OrgId::parse(ctx.org_id),
                      TeamId::make(),
                      request.name,
                      request.display_name ? request.display_name->str() : request.name.str(),
                      1,
                      clock_.now()};
    tx.insert("teams", row);
    record(tx, ctx, {"team.create", "team", row.id.str(), {{"name", row.name.str()}}});
    return to_team(tx, row);
  });
}

Team Service::update_team(const Context& ctx, const UpdateTeam& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    TeamRow row = or_not_found(store::find_team(tx, ctx.org_id, request.team.str()), "team", request.team.str());
    if (request.display_name.value) row.display_name = request.display_name.value->str();
    row.row_version = *ctx.if_match + 1;
    if (!store::update_team(tx, row, *ctx.if_match)) outdated();
    record(tx, ctx, {"team.update", "team", row.id.str(), {{"display_name", row.display_name}}});
    return to_team(tx, row);
  });
}

void Service::remove_team(const Context& ctx, const TeamReference& request) {
  database_.write(ctx, [&](db::Tx& tx) {
    const TeamRow row = or_not_found(store::find_team(tx, ctx.org_id, request.team.str()), "team", request.team.str());
    store::remove_team(tx, ctx.org_id, row.id.str());
    record(tx, ctx, {"team.delete", "team", row.id.str(), {{"name", row.name.str()}}});
  });
}

Team Service::add_team_member(const Context& ctx, const TeamMembership& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    const TeamRow row = or_not_found(store::find_team(tx, ctx.org_id, request.team.str()), "team", request.team.str());
    const Member member =
        or_not_found(store::find_member(tx, ctx.org_id, request.member.str()), "member", request.member.str());
    store::add_team_member(tx, ctx.org_id, row.id.str(), member.id.str());
    record(tx, ctx, {"team.add_member", "team", row.id.str(), {{"member_id", member.id.str()}}});
    return to_team(tx, row);
  });
}

void Service::remove_team_member(const Context& ctx, const TeamMembership& request) {
  database_.write(ctx, [&](db::Tx& tx) {
    const TeamRow row = or_not_found(store::find_team(tx, ctx.org_id, request.team.str()), "team", request.team.str());
    const Member member =
        or_not_found(store::find_member(tx, ctx.org_id, request.member.str()), "member", request.member.str());
    store::remove_team_member(tx, ctx.org_id, row.id.str(), member.id.str());
    record(tx, ctx, {"team.remove_member", "team", row.id.str(), {{"member_id", member.id.str()}}});
  });
}

// -------------------------------------------------------------------------------------------------- roles

RoleList Service::list_roles(const Context& ctx, const Nothing&) {
  return database_.read([&](db::Tx& tx) {
    RoleList out;
    for (const RoleRow& row : store::roles(tx, ctx.org_id)) out.items.push_back(to_role(row));
    return out;
  });
}

Role Service::get_role(const Context& ctx, const RoleReference& request) {
  return database_.read([&](db::Tx& tx) {
    return to_role(or_not_found(store::find_role(tx, ctx.org_id, request.role.str()), "role", request.role.str()));
  });
}

Role Service::create_role(const Context& ctx, const CreateRole& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    require_grantable(ctx, request.permissions, "/permissions");
    if (store::find_role(tx, ctx.org_id, request.name.str()))
      fail(ErrorCode::conflict, fmt::format("There is a role {} already. Choose another name.", request.name.str()));
    const RoleRow row{*OrgId::parse(ctx.org_id),
                      RoleId::make(),
                      request.name,
                      request.description.str(),
                      false,
                      request.permissions,
                      1,
                      clock_.now()};
    tx.insert("roles", row);
    record(tx, ctx,
           {"role.create",
            "role",
            row.id.str(),
            {{"name", row.name.str()}, {"permissions", reflect::parse_json_value(reflect::to_json(row.permissions))}}});
    return to_role(row);
  });
}

Role Service::update_role(const Context& ctx, const UpdateRole& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    RoleRow row = or_not_found(store::find_role(tx, ctx.org_id, request.role.str()), "role", request.role.str());
    if (row.built_in) fail(ErrorCode::conflict, "Built-in roles cannot be changed. Make a role of your own.");
    if (request.permissions.value) {
      require_grantable(ctx, *request.permissions.value, "/permissions");
      require_grantable(ctx, row.permissions, "/permissions");
      row.permissions = *request.permissions.value;
    }
    if (request.description.value) row.description = request.description.value->str();
    row.row_version = *ctx.if_match + 1;
    if (!store::update_role(tx, row, *ctx.if_match)) outdated();
    record(tx, ctx,
           {"role.update",
            "role",
            row.id.str(),
            {{"permissions", reflect::parse_json_value(reflect::to_json(row.permissions))}}});
    return to_role(row);
  });
}

void Service::remove_role(const Context& ctx, const RoleReference& request) {
  database_.write(ctx, [&](db::Tx& tx) {
    const RoleRow row = or_not_found(store::find_role(tx, ctx.org_id, request.role.str()), "role", request.role.str());
    if (row.built_in) fail(ErrorCode::conflict, "Built-in roles cannot be deleted.");
    if (store::role_is_used(tx, ctx.org_id, row.id.str()))
      fail(ErrorCode::conflict, "Members or service accounts have this role. Give them another one first.");
    store::remove_role(tx, ctx.org_id, row.id.str());
    record(tx, ctx, {"role.delete", "role", row.id.str(), {{"name", row.name.str()}}});
  });
}

PermissionList Service::list_permissions(const Context&, const Nothing&) { return {access_.known_permissions()}; }

// --------------------------------------------------------------------------------------- service accounts

ServiceAccountList Service::list_service_accounts(const Context& ctx, const Nothing&) {
  return database_.read([&](db::Tx& tx) { return ServiceAccountList{store::service_accounts(tx, ctx.org_id)}; });
}

ServiceAccount Service::create_service_account(const Context& ctx, const CreateServiceAccount& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    const RoleRow role = or_not_found(store::find_role(tx, ctx.org_id, request.role.str()), "role", request.role.str());
    require_grantable(ctx, role.permissions, "/role");
    if (store::find_service_account(tx, ctx.org_id, request.name.str()))
      fail(ErrorCode::conflict,
           fmt::format("There is a service account {} already. Choose another name.", request.name.str()));
    const ServiceAccountRow row{*OrgId::parse(ctx.org_id),
                                ServiceAccountId::make(),
                                request.name,
                                request.description.str(),
                                role.id,
                                1,
                                clock_.now()};
    tx.insert("service_accounts", row);
    record(tx, ctx,
           {"service_account.create",
            "service_account",
            row.id.str(),
            {{"name", row.name.str()}, {"role", role.name.str()}}});
    return *store::find_service_account(tx, ctx.org_id, row.id.str());
  });
}

void Service::remove_service_account(const Context& ctx, const ServiceAccountReference& request) {
  database_.write(ctx, [&](db::Tx& tx) {
    const auto account = or_not_found(store::find_service_account(tx, ctx.org_id, request.service_account.str()),
                                      "service account", request.service_account.str());
    store::remove_service_account(tx, ctx.org_id, account.id.str(), clock_.now());
    record(tx, ctx, {"service_account.delete", "service_account", account.id.str(), {{"name", account.name.str()}}});
  });
}

// ----------------------------------------------------------------------------------------------- API keys

ApiKeyList Service::list_api_keys(const Context& ctx, const Nothing&) {
  return database_.read([&](db::Tx& tx) {
    return ApiKeyList{store::api_keys(tx, ctx.org_id, ctx.may(organization_see_all) ? "" : ctx.actor.id)};
  });
}

NewApiKey Service::create_api_key(const Context& ctx, const CreateApiKey& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    KeyOwnerKind kind =
        ctx.actor.kind == ActorKind::service_account ? KeyOwnerKind::service_account : KeyOwnerKind::user;
    std::string owner_id = ctx.actor.id;
    if (request.service_account) {
      if (!ctx.may(service_accounts_write))
        fail(ErrorCode::forbidden, "A key of a service account needs the permission service_accounts:write.");
      const auto account = or_not_found(store::find_service_account(tx, ctx.org_id, request.service_account->str()),
                                        "service account", request.service_account->str());
      require_grantable(ctx, store::find_role(tx, ctx.org_id, account.role_id.str())->permissions, "/service_account");
      kind = KeyOwnerKind::service_account;
      owner_id = account.id.str();
    }
    // Nobody makes a key that is wider than the one they use.
    const std::vector<PermissionPattern>& scopes = request.scopes;
    const auto grant = store::find_grant(tx, ctx.org_id, kind, owner_id);
    if (!grant) not_found("owner", owner_id);
    if (!request.service_account) require_grantable(ctx, scopes.empty() ? grant->permissions : scopes, "/scopes");
    const Time now = clock_.now();
    const Secret token = crypto::make_token("api");
    const std::optional<Time> expires =
        request.expires_in_days ? std::optional(now + std::chrono::hours(24 * request.expires_in_days->number()))
                                : std::nullopt;
    const ApiKeyRow row{*OrgId::parse(ctx.org_id),
                        ApiKeyId::make(),
                        request.name.str(),
                        kind,
                        owner_id,
                        crypto::token_digest(token.reveal()),
                        crypto::token_display(token.reveal()),
                        scopes,
                        expires,
                        std::nullopt,
                        std::nullopt,
                        now,
                        false};
    tx.insert("api_keys", row);
    record(tx, ctx,
           {"api_key.create",
            "api_key",
            row.id.str(),
            {{"owner_id", owner_id}, {"scopes", reflect::parse_json_value(reflect::to_json(scopes))}}});
    return NewApiKey{row.id, row.name, token.reveal(), expires};
  });
}

NewApiKey Service::make_temporary_key(db::Tx& tx, const Context& ctx, const std::string& purpose, Permission scope,
                                      std::chrono::seconds lifetime) {
  constexpr std::int64_t keys_max = 10;
  if (!ctx.may(scope)) fail(ErrorCode::forbidden, fmt::format("This needs the permission {}.", scope.name));
  const Time now = clock_.now();
  const Secret token = crypto::make_token("api");
  const ApiKeyRow row{*OrgId::parse(ctx.org_id),
                      ApiKeyId::make(),
                      purpose,
                      ctx.actor.kind == ActorKind::service_account ? KeyOwnerKind::service_account : KeyOwnerKind::user,
                      ctx.actor.id,
                      crypto::token_digest(token.reveal()),
                      crypto::token_display(token.reveal()),
                      patterns({scope.name}),
                      now + lifetime,
                      std::nullopt,
                      std::nullopt,
                      now,
                      true};
  store::remove_temporary_keys(tx, ctx.org_id, ctx.actor.id, now, keys_max - 1);
  tx.insert("api_keys", row);
  record(tx, ctx,
         {"api_key.create_temporary",
          "api_key",
          row.id.str(),
          {{"owner_id", ctx.actor.id},
           {"purpose", purpose},
           {"scopes", boost::json::array{scope.name}},
           {"expires_at", format_rfc3339(*row.expires_at)}}});
  return {row.id, row.name, token.reveal(), row.expires_at};
}

void Service::revoke_api_key(const Context& ctx, const ApiKeyReference& request) {
  database_.write(ctx, [&](db::Tx& tx) {
    const auto key = store::find_api_key(tx, ctx.org_id, request.key.str());
    if (!key || (key->owner_id != ctx.actor.id && !ctx.may(organization_see_all)))
      not_found("API key", request.key.str());
    store::revoke_api_key(tx, ctx.org_id, request.key.str(), clock_.now());
    record(tx, ctx, {"api_key.revoke", "api_key", key->id.str()});
  });
}

}  // namespace modelops::identity
