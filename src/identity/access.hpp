#pragma once
#include "identity/ports.hpp"
#include "identity/types.hpp"
#include "platform/api/guesses.hpp"
#include "platform/api/router.hpp"
#include "platform/crypto/keyring.hpp"
#include "platform/events/topics.hpp"

namespace modelops::identity {

/// Announced with every change of what a key may do.
inline constexpr const char* access_topic = "access";

/// Reads credentials and decides permissions: for every route, the one place. A bearer API key is for programs; the
/// session cookie for browsers, whose changes must also carry X-CSRF-Token and come from our own origin.
class Access final : public api::Access {
 public:
  Access(db::Database& database, const Clock& clock, AuditTrail& audit, const crypto::Keyring& keyring,
         events::Topics& topics, bool secure_cookies);
  /// Every permission there is, once the routes are known; before the first request.
  void set_known_permissions(std::vector<std::string> known) { known_permissions_ = std::move(known); }

  Context authenticate(const http::Request& request) override;
  bool knows(const http::Request& request, Permission permission) override;
  void authorize(const Context& ctx, Permission permission) override;
  void refused(const Context& ctx, Permission permission, std::string_view reason) override;
  std::string protect(const Context& ctx, std::string_view key, std::string_view body) override;
  std::string unprotect(const Context& ctx, std::string_view key, std::string_view sealed) override;

  /// Makes the data key of a new organisation.
  void make_data_key(db::Tx& tx, const std::string& org_id);
  /// The actor of an API key; nothing for one that is unknown, revoked or expired. What was read of a key is good until
  /// a change of keys, roles or people is announced, and for a second at most: announcements of another replica can be
  /// late or lost.
  std::optional<Context> context_of_key(std::string_view token);
  /// In the transaction of a change of what a key may do.
  void forget_keys(db::Tx& tx);
  std::string_view cookie_name() const;
  bool secure_cookies() const { return secure_cookies_; }
  const std::vector<std::string>& known_permissions() const { return known_permissions_; }

 private:
  struct KnownKey {
    Context context;
    std::optional<Time> expires_at;
    Time read_at;
    std::uint64_t version = 0;  // of `access_topic`, when it was read
  };

  /// Null: it must be read.
  std::shared_ptr<const KnownKey> known_key(const std::string& digest, Time now);
  std::optional<Context> context_of_session(const http::Request& request, std::string_view token);

  db::Database& database_;
  const Clock& clock_;
  AuditTrail& audit_;
  const crypto::Keyring& keyring_;
  api::Guesses guesses_{clock_};  // of API keys
  events::Topics& topics_;
  std::vector<std::string> known_permissions_;
  bool secure_cookies_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const KnownKey>> known_keys_;  // by digest; guarded by `mutex_`
};

/// The value of a cookie; nothing when it is absent.
std::optional<std::string> find_cookie(const http::Request& request, std::string_view name);
/// A member (not disabled) or a service account as an actor, with what their role allows; nothing when there is none.
std::optional<Actor> find_actor(db::Tx& tx, KeyOwnerKind kind, const std::string& org_id, const std::string& id,
                                std::span<const std::string> known_permissions);
/// What a browser session must send with each change.
std::string csrf_token(std::string_view session_token);

}  // namespace modelops::identity
