#include "platform/crypto/password.hpp"

#include <argon2.h>

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/text.hpp"

namespace modelops::crypto {
namespace {

constexpr std::uint32_t memory_kib = 19 * 1024;
constexpr std::uint32_t passes = 2;
constexpr std::uint32_t lanes = 1;
constexpr std::string_view current_parameters = "$argon2id$v=19$m=19456,t=2,p=1$";

/// A hash is as costly to check as its parameters say: those of a damaged row must not exhaust the machine.
bool has_bearable_parameters(std::string_view phc) {
  if (!phc.starts_with("$argon2id$v=19$") || phc.size() > 256) return false;
  const std::vector<std::string_view> parameters = split(split(phc, '$')[3], ',');
  if (parameters.size() != 3) return false;
  const auto at_most = [](std::string_view text, std::string_view name, std::int64_t limit) {
    if (!text.starts_with(name)) return false;
    const auto value = parse_count(text.substr(name.size()));
    return value && *value <= limit;
  };
  return at_most(parameters[0], "m=", 256 * 1024) && at_most(parameters[1], "t=", 16) &&
         at_most(parameters[2], "p=", 4);
}

}  // namespace

std::string hash_password(const Secret& password) {
  const std::string& text = password.reveal();
  if (text.empty() || text.size() > password_bytes_max)
    fail(ErrorCode::unprocessable, fmt::format("a password must have 1 to {} bytes", password_bytes_max));
  const std::string salt = random_bytes(16);
  std::string phc(argon2_encodedlen(passes, memory_kib, lanes, 16, 32, Argon2_id), '\0');
  const int status = argon2id_hash_encoded(passes, memory_kib, lanes, text.data(), text.size(), salt.data(),
                                           salt.size(), 32, phc.data(), phc.size());
  if (status != ARGON2_OK)
    fail(ErrorCode::unavailable, "the password cannot be processed now; try again", argon2_error_message(status));
  phc.resize(phc.find('\0'));
  return phc;
}

bool verify_password(const Secret& password, std::string_view phc) {
  const std::string& text = password.reveal();
  if (text.size() > password_bytes_max || !has_bearable_parameters(phc)) return false;
  const int status = argon2id_verify(std::string(phc).c_str(), text.data(), text.size());
  if (status == ARGON2_MEMORY_ALLOCATION_ERROR)
    fail(ErrorCode::unavailable, "the password cannot be processed now; try again", argon2_error_message(status));
  return status == ARGON2_OK;
}

bool needs_rehash(std::string_view phc) { return !phc.starts_with(current_parameters); }

const std::string& nobodys_password_hash() {
  static const std::string phc = hash_password(Secret(random_bytes(32)));
  return phc;
}

}  // namespace modelops::crypto
