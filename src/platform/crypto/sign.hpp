#pragma once
#include <string>
#include <string_view>

#include "base/secret.hpp"

namespace modelops::crypto {

/// Raw keys (RFC 8032, RFC 7748) of 32 bytes each. Which algorithm they are for, their maker says.
struct KeyPair {
  Secret private_key;
  std::string public_key;
};

/// A new Ed25519 key pair.
KeyPair make_signing_key();
/// The pair of a raw Ed25519 private key; throws `invalid` unless it has 32 bytes.
KeyPair signing_key_from(Secret private_key);

/// The Ed25519 signature, 64 bytes.
std::string sign(const Secret& private_key, std::string_view message);
/// False for anything but a signature of `message` by `public_key`, malformed keys and signatures included.
bool verify(std::string_view public_key, std::string_view message, std::string_view signature);

}  // namespace modelops::crypto
