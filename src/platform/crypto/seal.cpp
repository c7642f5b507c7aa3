#include "platform/crypto/seal.hpp"

#include "base/id.hpp"
#include "platform/crypto/aead.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/crypto/openssl.hpp"

namespace modelops::crypto {
namespace {

/// The key of one box. Both public keys go into it, so that a box is bound to its recipient.
Secret box_key(const Secret& own_private, std::string_view other_public, std::string_view ephemeral_public,
               std::string_view recipient_public) {
  const PrivateOrPublicKey own = load_private_key(EVP_PKEY_X25519, own_private.reveal());
  const PrivateOrPublicKey other = load_public_key(EVP_PKEY_X25519, other_public);
  const KeyContext context(EVP_PKEY_CTX_new(own.get(), nullptr));
  must(context, "EVP_PKEY_CTX_new");
  must(EVP_PKEY_derive_init(context.get()) == 1, "EVP_PKEY_derive_init");
  std::string shared(32, '\0');
  std::size_t size = shared.size();
  // Fails for a point of small order, whose shared secret anyone would know (RFC 7748, section 6.1).
  if (EVP_PKEY_derive_set_peer(context.get(), other.get()) != 1 ||
      EVP_PKEY_derive(context.get(), out(shared), &size) != 1) {
    ERR_clear_error();
    fail(ErrorCode::invalid, "this is not a usable X25519 public key");
  }
  const Secret secret(std::move(shared));
  const std::string salt = std::string(ephemeral_public) + std::string(recipient_public);
  return Secret(hkdf_sha256(secret.reveal(), salt, "modelops-seal-v1", aead_key_bytes));
}

}  // namespace

KeyPair make_sealing_key() { return sealing_key_from(Secret(random_bytes(32))); }

KeyPair sealing_key_from(Secret private_key) {
  std::string public_key = raw_public_key(*load_private_key(EVP_PKEY_X25519, private_key.reveal()));
  return {std::move(private_key), std::move(public_key)};
}

std::string seal_to(std::string_view public_key, std::string_view plaintext, std::string_view context) {
  const KeyPair ephemeral = make_sealing_key();
  const Secret key = box_key(ephemeral.private_key, public_key, ephemeral.public_key, public_key);
  return ephemeral.public_key + aead_seal(key, plaintext, context);
}

Secret open_sealed(const KeyPair& recipient, std::string_view sealed, std::string_view context) {
  if (sealed.size() < 32 + aead_overhead_bytes)
    fail(ErrorCode::unprocessable, "the sealed data cannot be opened: it is too short");
  const std::string_view ephemeral = sealed.substr(0, 32);
  const Secret key = [&] {
    try {
      return box_key(recipient.private_key, ephemeral, ephemeral, recipient.public_key);
    } catch (const Error& error) {
      if (error.code != ErrorCode::invalid) throw;
      fail(ErrorCode::unprocessable, "the sealed data cannot be opened: it was changed");
    }
  }();
  return aead_open(key, sealed.substr(32), context);
}

}  // namespace modelops::crypto
