#include "identity/rules.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "platform/crypto/password.hpp"
#include "platform/http/address.hpp"

namespace modelops::identity {
namespace {

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 40 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

}  // namespace

bool PermissionPatternRule::accepts(std::string_view text) {
  if (text == "*") return true;
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view noun = text.substr(0, colon);
  const std::string_view verb = text.substr(colon + 1);
  return (noun == "*" || is_word(noun)) && (verb == "*" || is_word(verb));
}

bool covers(std::string_view pattern, std::string_view permission) {
  if (pattern == "*" || pattern == permission) return true;
  const std::size_t p = pattern.find(':');
  const std::size_t q = permission.find(':');
  if (p == std::string_view::npos || q == std::string_view::npos) return false;
  const bool noun = pattern.substr(0, p) == "*" || pattern.substr(0, p) == permission.substr(0, q);
  const bool verb = pattern.substr(p + 1) == "*" || pattern.substr(p + 1) == permission.substr(q + 1);
  return noun && verb;
}

Permissions::Names expand(const std::vector<PermissionPattern>& patterns, std::span<const std::string> known) {
  Permissions::Names out;
  for (const std::string& permission : known)
    for (const PermissionPattern& pattern : patterns)
      if (covers(pattern.str(), permission)) out.insert(permission);
  return out;
}

const std::vector<BuiltInRole>& built_in_roles() {
  static const std::vector<BuiltInRole> roles = {
      {"viewer", "Reads what is visible to them", {"*:read"}},
      {"data-scientist",
       "Registers models, makes versions, asks for approval, tries endpoints",
       {"*:read", "models:*", "uploads:*", "operations:*", "approvals:request", "inference:call"}},
      {"operator",
       "Runs deployments and the targets they run on",
       {"*:read", "deployments:*", "targets:*", "operations:*", "inference:call"}},
      {"approver", "Decides on versions that others made", {"*:read", "approvals:decide"}},
      {"admin", "Everything within the organization", {"*"}},
  };
  return roles;
}

std::chrono::seconds sign_in_delay(std::int64_t failures) {
  if (failures < 5) return std::chrono::seconds(0);
  const auto doublings = std::min<std::int64_t>(failures - 5, 10);
  return std::min(std::chrono::seconds(1LL << doublings), std::chrono::seconds(15 * 60));
}

PasswordSources password_sources(std::string_view email, const std::string& remote_address) {
  return {"email:" + to_lower_ascii(email), "address:" + http::client_network(remote_address)};
}

void check_password(const std::string& password, std::string_view pointer) {
  if (password.size() < 12 || password.size() > crypto::password_bytes_max)
    fail_field(std::string(pointer), "must be 12 to 1024 bytes long");
}

}  // namespace modelops::identity
