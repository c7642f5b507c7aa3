// The part of the service by which people come in and go out: passwords, links, sessions.
#include "base/text.hpp"
#include "identity/rules.hpp"
#include "identity/service.hpp"
#include "identity/store.hpp"
#include "platform/crypto/password.hpp"
#include "platform/crypto/token.hpp"

namespace modelops::identity {

SessionInfo Service::session_info(db::Tx& tx, const Context& ctx, std::string_view session_token) {
  const auto organization = store::find_organization(tx, ctx.org_id);
  if (!organization) fail(ErrorCode::not_found, "This organization is gone.");
  const KeyOwnerKind kind =
      ctx.actor.kind == ActorKind::service_account ? KeyOwnerKind::service_account : KeyOwnerKind::user;
  const auto grant = store::find_grant(tx, ctx.org_id, kind, ctx.actor.id);
  const auto user = store::find_user(tx, ctx.actor.id);
  SessionInfo out;
  out.actor_id = ctx.actor.id;
  out.name = ctx.actor.name;
  out.organization_id = organization->id;
  out.organization = organization->name.str();
  out.role = grant ? grant->role.str() : "";
  out.permissions.assign(ctx.actor.permissions.begin(), ctx.actor.permissions.end());
  out.team_ids = ctx.actor.team_ids;
  out.has_password = user && user->password_hash;
  if (!session_token.empty()) out.csrf_token = csrf_token(session_token);
  return out;
}

SessionInfo Service::session(const Context& ctx, const Nothing&) {
  return database_.read([&](db::Tx& tx) { return session_info(tx, ctx, ctx.session_token); });
}

http::Response Service::session_response(int status, std::string body, const std::string& cookie,
                                         std::chrono::seconds age) const {
  http::Response response;
  response.status = status;
  response.headers.set("Content-Type", "application/json");
  response.headers.set("Cache-Control", "no-store");
  response.headers.set("Set-Cookie",
                       fmt::format("{}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{}", access_.cookie_name(), cookie,
                                   age.count(), access_.secure_cookies() ? "; Secure" : ""));
  response.body = std::move(body);
  return response;
}

http::Response Service::start_session(db::Tx& tx, const std::string& org_id, const UserId& user) {
  const Time now = clock_.now();
  const Secret token = crypto::make_token("session");
  store::remove_old_sessions(tx, now - session_age_max, now - session_idle_max);
  tx.insert("sessions", SessionRow{crypto::token_digest(token.reveal()), *OrgId::parse(org_id), user, now, now});
  Context ctx;
  ctx.org_id = org_id;
  auto actor = find_actor(tx, KeyOwnerKind::user, org_id, user.str(), access_.known_permissions());
  if (!actor) fail(ErrorCode::unauthenticated, "This account is not a member of the organization any more.");
  ctx.actor = std::move(*actor);
  record(tx, ctx, {"session.start", "user", user.str()});
  return session_response(200, reflect::to_json(session_info(tx, ctx, token.reveal())), token.reveal(),
                          session_age_max);
}

void Service::require_patience(db::Tx& tx, const PasswordSources& sources) const {
  const Time now = clock_.now();
  std::chrono::microseconds wait{0};
  for (const std::string& source : {sources.by_mail, sources.by_address}) {
    const auto failures = store::find_failures(tx, source);
    if (!failures || now - failures->last_at > sign_in_failures_forgotten_after) continue;
    // Many people may share one network address: it gets ten times the patience.
    const auto delay = sign_in_delay(source == sources.by_mail ? failures->failures : failures->failures / 10);
    wait = std::max(wait, std::chrono::duration_cast<std::chrono::microseconds>(delay) - (now - failures->last_at));
  }
  if (wait.count() <= 0) return;
  Error error(ErrorCode::too_many_requests,
              "Too many wrong passwords. Wait, then try again, or ask for a sign-in link.");
  error.retry_after_seconds = static_cast<int>(wait.count() / 1'000'000) + 1;
  throw error;
}

void Service::count_failure(const PasswordSources& sources) {
  const Time now = clock_.now();
  database_.write([&](db::Tx& tx) {
    for (const std::string& source : {sources.by_mail, sources.by_address})
      store::add_failure(tx, source, now, now - sign_in_failures_forgotten_after);
  });
}

http::Answer Service::sign_in(const Context& ctx, const SignIn& request) {
  const PasswordSources sources = password_sources(request.email.str(), ctx.remote_address);
  const auto user = database_.read([&](db::Tx& tx) {
    require_patience(tx, sources);
    return store::find_user_by_email(tx, request.email.str());
  });
  const std::string& hash = user && user->password_hash ? *user->password_hash : crypto::nobodys_password_hash();
  const bool right = crypto::verify_password(Secret(*request.password), hash) && user && user->password_hash;
  std::optional<std::string> org_id;
  if (right) {
    org_id = database_.read([&](db::Tx& tx) -> std::optional<std::string> {
      for (const MemberRow& membership : store::memberships(tx, user->id.str())) {
        const auto organization = store::find_organization(tx, membership.org_id.str());
        if (!request.organization || organization->name == *request.organization) return membership.org_id.str();
      }
      return std::nullopt;
    });
  }
  if (!org_id) {
    count_failure(sources);
    audit_.unknown_failure("sign_in", ctx.remote_address);
    fail(ErrorCode::unauthenticated, "The address, the password or the organization is wrong.");
  }
  return database_.write([&](db::Tx& tx) -> http::Response {
    store::clear_failures(tx, sources.by_mail);
    return start_session(tx, *org_id, user->id);
  });
}

http::Answer Service::redeem_link(const Context& ctx, const RedeemLink& request) {
  guesses_.require_left(ctx.remote_address);
  const auto response = database_.write([&](db::Tx& tx) -> std::optional<http::Response> {
    if (!crypto::is_token(*request.token, "signin")) return std::nullopt;
    const auto link = store::take_link(tx, crypto::token_digest(*request.token));
    if (!link || link->expires_at <= clock_.now()) return std::nullopt;
    return start_session(tx, link->org_id.str(), link->user_id);
  });
  if (response) return *response;
  guesses_.take(ctx.remote_address);
  audit_.unknown_failure("sign_in_link", ctx.remote_address);
  fail(ErrorCode::unauthenticated, "This sign-in link was used before or is too old. Ask for a new one.");
}

http::Answer Service::sign_out(const Context& ctx, const Nothing&) {
  database_.write([&](db::Tx& tx) {
    store::remove_session(tx, ctx.actor.credential_id);
    record(tx, ctx, {"session.end", "user", ctx.actor.id});
  });
  http::Response response = session_response(204, {}, "", std::chrono::seconds(0));
  response.headers.remove("Content-Type");
  return response;
}

void Service::change_password(const Context& ctx, const ChangePassword& request) {
  if (ctx.actor.kind != ActorKind::user) fail(ErrorCode::forbidden, "Only people have passwords.");
  check_password(*request.new_password, "/new_password");
  const auto user = database_.read([&](db::Tx& tx) { return store::find_user(tx, ctx.actor.id); });
  if (!user) fail(ErrorCode::not_found, "This account is gone.");
  const PasswordSources sources = password_sources(user->email, ctx.remote_address);
  if (user->password_hash) {
    // A session that was left open must not be the way around what a sign-in is held to.
    database_.read([&](db::Tx& tx) { require_patience(tx, sources); });
    if (!request.current_password ||
        !crypto::verify_password(Secret(*request.current_password), *user->password_hash)) {
      if (request.current_password) count_failure(sources);
      fail_field("/current_password", "is not your current password");
    }
  }
  const std::string hash = crypto::hash_password(Secret(*request.new_password));
  database_.write(ctx, [&](db::Tx& tx) {
    store::set_password(tx, ctx.actor.id, hash);
    store::clear_failures(tx, sources.by_mail);
    // Whoever else holds a session or a link of this person loses it.
    store::remove_sessions_of(tx, ctx.actor.id, ctx.actor.credential_id);
    store::remove_links_of(tx, ctx.actor.id);
    record(tx, ctx, {"password.change", "user", ctx.actor.id});
  });
}

}  // namespace modelops::identity
