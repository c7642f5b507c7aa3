#include "identity/access.hpp"

#include "base/text.hpp"
#include "identity/rules.hpp"
#include "identity/store.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/crypto/token.hpp"
#include "platform/db/data_keys.hpp"
#include "platform/jobs/waiting.hpp"

namespace modelops::identity {
namespace {

constexpr std::chrono::minutes touch_interval{1};
constexpr std::chrono::seconds known_for{1};
constexpr std::size_t known_keys_max = 4096;

[[noreturn]] void refuse_credentials() {
  fail(ErrorCode::unauthenticated,
       "The credentials are unknown, revoked or expired. Sign in again or use another API key.");
}

bool changes_something(http::Method method) { return method != http::Method::get && method != http::Method::head; }

/// "http://host:3000" and Host "host:3000" are of one origin; the scheme is the proxy's business.
bool same_origin(std::string_view origin, std::string_view host) {
  const std::size_t at = origin.find("://");
  return at != std::string_view::npos && origin.substr(at + 3) == host;
}

std::optional<std::string_view> bearer_token(const http::Request& request) {
  constexpr std::string_view scheme = "Bearer ";
  const std::string_view header = request.headers.get("Authorization");
  if (!header.starts_with(scheme)) return std::nullopt;
  return trim(header.substr(scheme.size()));
}

}  // namespace

std::optional<std::string> find_cookie(const http::Request& request, std::string_view name) {
  for (const auto& [field, value] : request.headers) {
    if (to_lower_ascii(field) != "cookie") continue;
    for (const std::string_view part : split(value, ';')) {
      const std::string_view pair = trim(part);
      const std::size_t equals = pair.find('=');
      if (equals != std::string_view::npos && pair.substr(0, equals) == name)
        return std::string(pair.substr(equals + 1));
    }
  }
  return std::nullopt;
}

std::optional<Actor> find_actor(db::Tx& tx, KeyOwnerKind kind, const std::string& org_id, const std::string& id,
                                std::span<const std::string> known) {
  const auto grant = store::find_grant(tx, org_id, kind, id);
  if (!grant) return std::nullopt;
  Actor actor;
  actor.kind = kind == KeyOwnerKind::user ? ActorKind::user : ActorKind::service_account;
  actor.id = id;
  actor.name = grant->name;
  Permissions::Names permissions = expand(grant->permissions, known);
  // No role gives this one, not even "*".
  permissions.erase(std::string(organizations_create.name));
  if (grant->installation_admin) permissions.emplace(organizations_create.name);
  actor.permissions = std::move(permissions);
  if (kind == KeyOwnerKind::user) actor.team_ids = store::teams_of(tx, org_id, id);
  return actor;
}

std::string csrf_token(std::string_view session_token) {
  return to_base64url(crypto::hmac_sha256(session_token, "csrf"));
}

Access::Access(db::Database& database, const Clock& clock, AuditTrail& audit, const crypto::Keyring& keyring,
               events::Topics& topics, bool secure_cookies)
    : database_(database),
      clock_(clock),
      audit_(audit),
      keyring_(keyring),
      topics_(topics),
      secure_cookies_(secure_cookies) {}

void Access::forget_keys(db::Tx& tx) { jobs::announce(tx, topics_, access_topic); }

std::shared_ptr<const Access::KnownKey> Access::known_key(const std::string& digest, Time now) {
  std::shared_ptr<const KnownKey> known;
  {
    std::lock_guard lock(mutex_);
    if (const auto found = known_keys_.find(digest); found != known_keys_.end()) known = found->second;
  }
  if (!known || known->version != topics_.version(access_topic)) return nullptr;
  // A clock that was set back makes a key no older, so it does not count.
  if (now < known->read_at || now - known->read_at > known_for) return nullptr;
  if (known->expires_at && *known->expires_at <= now) return nullptr;
  return known;
}

std::string_view Access::cookie_name() const {
  return secure_cookies_ ? "__Host-modelops_session" : "modelops_session";
}

Context Access::authenticate(const http::Request& request) {
  if (request.headers.find("Authorization")) {
    const auto token = bearer_token(request);
    if (!token) fail(ErrorCode::unauthenticated, "Send the API key as \"Authorization: Bearer mo_api_…\".");
    if (auto ctx = context_of_key(*token)) return std::move(*ctx);
    guesses_.take(request.remote_address);  // after the look-up: whoever shares an address with a guesser gets in
    audit_.unknown_failure("api_key", request.remote_address);
    refuse_credentials();
  }
  if (const auto cookie = find_cookie(request, cookie_name())) {
    if (auto ctx = context_of_session(request, *cookie)) return *ctx;
    // An outdated cookie is no crime: the sign-in page itself must answer it.
  }
  return {};
}

bool Access::knows(const http::Request& request, Permission permission) {
  const auto token = bearer_token(request);
  const auto known =
      token && crypto::is_token(*token, "api") ? known_key(crypto::token_digest(*token), clock_.now()) : nullptr;
  return known && known->context.may(permission);
}

std::optional<Context> Access::context_of_key(std::string_view token) {
  if (!crypto::is_token(token, "api")) return std::nullopt;
  const std::string digest = crypto::token_digest(token);
  const Time now = clock_.now();
  if (const auto known = known_key(digest, now)) return known->context;
  KnownKey read{.context = {}, .expires_at = {}, .read_at = now, .version = topics_.version(access_topic)};
  bool touch = false;
  auto ctx = database_.read([&](db::Tx& tx) -> std::optional<Context> {
    const auto key = store::find_api_key_by_digest(tx, digest);
    if (!key || key->revoked_at || (key->expires_at && *key->expires_at <= now)) return std::nullopt;
    const std::string& org_id = key->org_id.str();
    auto actor = find_actor(tx, key->owner_kind, org_id, key->owner_id, known_permissions_);
    if (!actor) return std::nullopt;
    Context made;
    made.org_id = org_id;
    made.actor = std::move(*actor);
    made.actor.credential_id = key->id.str();
    if (!key->scopes.empty()) {
      Permissions::Names within;
      std::ranges::copy_if(
          made.actor.permissions, std::inserter(within, within.end()), [&](const std::string& permission) {
            return std::ranges::any_of(key->scopes,
                                       [&](const PermissionPattern& scope) { return covers(scope.str(), permission); });
          });
      made.actor.permissions = std::move(within);
    }
    touch = !key->last_used_at || now - *key->last_used_at > touch_interval;
    read.expires_at = key->expires_at;
    return made;
  });
  if (ctx) {
    read.context = *ctx;
    std::lock_guard lock(mutex_);
    if (known_keys_.size() >= known_keys_max) known_keys_.clear();
    known_keys_[digest] = std::make_shared<const KnownKey>(std::move(read));
  }
  if (ctx && touch) {
    try {
      database_.write([&](db::Tx& tx) { store::touch_api_key(tx, ctx->org_id, ctx->actor.credential_id, now); });
    } catch (const Error& error) {
      Log().warning("the last use of an API key was not recorded", {{"error", describe_exception(error)}});
    }
  }
  return ctx;
}

std::optional<Context> Access::context_of_session(const http::Request& request, std::string_view token) {
  if (!crypto::is_token(token, "session")) return std::nullopt;
  const std::string digest = crypto::token_digest(token);
  const Time now = clock_.now();
  bool touch = false;
  auto ctx = database_.read([&](db::Tx& tx) -> std::optional<Context> {
    const auto session = store::find_session(tx, digest);
    if (!session || now - session->created_at > session_age_max || now - session->seen_at > session_idle_max)
      return std::nullopt;
    const std::string& org_id = session->org_id.str();
    auto actor = find_actor(tx, KeyOwnerKind::user, org_id, session->user_id.str(), known_permissions_);
    if (!actor) return std::nullopt;
    Context made;
    made.org_id = org_id;
    made.actor = std::move(*actor);
    made.actor.credential_id = digest;
    touch = now - session->seen_at > touch_interval;
    return made;
  });
  if (!ctx) return std::nullopt;
  if (changes_something(request.method)) {
    const auto origin = request.headers.find("Origin");
    const bool foreign = (origin && !same_origin(*origin, request.headers.get("Host"))) ||
                         request.headers.get("Sec-Fetch-Site") == "cross-site";
    if (foreign || !equal_constant_time(request.headers.get("X-CSRF-Token"), csrf_token(token)))
      fail(
          ErrorCode::forbidden,
          "A change from a browser must come from our own page and carry X-CSRF-Token (GET /api/v1/session tells it).");
  }
  ctx->session_token = token;
  if (touch) database_.write([&](db::Tx& tx) { store::touch_session(tx, digest, now); });
  return ctx;
}

void Access::authorize(const Context& ctx, Permission permission) {
  if (permission == api::anyone) return;
  if (ctx.actor.kind == ActorKind::anonymous)
    fail(ErrorCode::unauthenticated, "Sign in, or send an API key as \"Authorization: Bearer mo_api_…\".");
  if (permission == api::signed_in || ctx.may(permission)) return;
  fail(ErrorCode::forbidden,
       fmt::format("This needs the permission {}. Ask an administrator for a role that has it.", permission.name));
}

void Access::refused(const Context& ctx, Permission permission, std::string_view reason) {
  audit_.denied(ctx, permission.name, reason);
}

void Access::make_data_key(db::Tx& tx, const std::string& org_id) {
  db::TxDataKeys keys(tx);
  crypto::SecretBox(keyring_, keys).seal({org_id}, "first", "");
}

std::string Access::protect(const Context& ctx, std::string_view key, std::string_view body) {
  if (ctx.org_id.empty()) return std::string();  // nobody's answer is not kept
  return database_.read([&](db::Tx& tx) {
    db::TxDataKeys keys(tx);
    return crypto::SecretBox(keyring_, keys)
        .seal({ctx.org_id}, fmt::format("idempotency/{}/{}", ctx.actor.id, key), body);
  });
}

std::string Access::unprotect(const Context& ctx, std::string_view key, std::string_view sealed) {
  if (sealed.empty()) return {};
  return database_.read([&](db::Tx& tx) {
    db::TxDataKeys keys(tx);
    return crypto::SecretBox(keyring_, keys)
        .open({ctx.org_id}, fmt::format("idempotency/{}/{}", ctx.actor.id, key), sealed)
        .reveal();
  });
}

}  // namespace modelops::identity
