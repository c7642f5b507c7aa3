#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "base/secret.hpp"

namespace modelops::crypto {

inline constexpr std::size_t aead_key_bytes = 32;
inline constexpr std::size_t aead_overhead_bytes = 12 + 16;

/// AES-256-GCM (NIST SP 800-38D): a random nonce of 12 bytes, the ciphertext, a tag of 16 bytes.
/// `context` is not stored but must be the same to open. `key` has 32 bytes and seals at most 2^32 texts.
std::string aead_seal(const Secret& key, std::string_view plaintext, std::string_view context);
/// Throws `unprocessable` unless `sealed` is unchanged and was made with this key and context.
Secret aead_open(const Secret& key, std::string_view sealed, std::string_view context);

}  // namespace modelops::crypto
