#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "base/secret.hpp"

namespace modelops::crypto {

/// Longer passwords are refused, so that hashing stays cheap to refuse.
inline constexpr std::size_t password_bytes_max = 1024;

/// argon2id with 19 MiB, 2 passes, 1 lane (OWASP's first choice) as a PHC string "$argon2id$v=19$m=…".
/// Takes about 80 ms: never on an I/O thread. Throws `unprocessable` for an empty or too long password.
std::string hash_password(const Secret& password);
/// True when `password` made `phc`; false for anything else. As slow as `hash_password`.
bool verify_password(const Secret& password, std::string_view phc);
/// True when `phc` was made with other parameters than `hash_password` uses: hash again at next sign-in.
bool needs_rehash(std::string_view phc);
/// A hash that no password matches. Verify against it when the user does not exist, so that the time of
/// the answer does not tell.
const std::string& nobodys_password_hash();

}  // namespace modelops::crypto
