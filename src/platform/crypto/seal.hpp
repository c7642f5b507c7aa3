#pragma once
#include <string>
#include <string_view>

#include "platform/crypto/sign.hpp"

namespace modelops::crypto {

/// A new X25519 key pair, to receive sealed data. (An Ed25519 pair only signs: one key, one purpose.)
KeyPair make_sealing_key();
/// The pair of a raw X25519 private key; throws `invalid` unless it has 32 bytes.
KeyPair sealing_key_from(Secret private_key);

/// Seals to the holder of an X25519 key: an ephemeral public key of 32 bytes, then AES-256-GCM under
/// HKDF-SHA256 of the shared secret. Says nothing about who sealed: sign it where that matters. `context`
/// (what it is for and for whom) is not stored but must be the same to open.
/// Throws `invalid` for a public key that is none.
std::string seal_to(std::string_view public_key, std::string_view plaintext, std::string_view context);
/// Throws `unprocessable` unless `sealed` is unchanged and was made for this key and context.
Secret open_sealed(const KeyPair& recipient, std::string_view sealed, std::string_view context);

}  // namespace modelops::crypto
