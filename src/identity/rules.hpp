#pragma once
#include <chrono>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "identity/types.hpp"

namespace modelops::identity {

/// True when `pattern` ("models:*", "*:read", "*") covers `permission`.
bool covers(std::string_view pattern, std::string_view permission);
/// The known permissions that `patterns` cover.
Permissions::Names expand(const std::vector<PermissionPattern>& patterns, std::span<const std::string> known);
/// The roles that every organisation starts with. They cannot be changed or deleted.
struct BuiltInRole {
  std::string_view name;
  std::string_view description;
  std::vector<std::string_view> permissions;
};
const std::vector<BuiltInRole>& built_in_roles();

/// How long sign-in stays closed after so many failures in a row: nothing for the first five, then doubling from
/// a second to a quarter of an hour.
std::chrono::seconds sign_in_delay(std::int64_t failures);
/// Where wrong passwords are counted: an IPv6 host has the address of its network.
struct PasswordSources {
  std::string by_mail;
  std::string by_address;
};
PasswordSources password_sources(std::string_view email, const std::string& remote_address);
inline constexpr std::chrono::minutes sign_in_failures_forgotten_after{60};
inline constexpr std::chrono::hours session_idle_max{12};
inline constexpr std::chrono::hours session_age_max{24 * 7};
inline constexpr std::chrono::hours sign_in_link_age_max{24};
/// Throws Error(unprocessable) at `pointer` for a password that is too short or too long.
void check_password(const std::string& password, std::string_view pointer);

}  // namespace modelops::identity
