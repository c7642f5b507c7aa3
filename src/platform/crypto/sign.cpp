#include "platform/crypto/sign.hpp"

#include "base/id.hpp"
#include "platform/crypto/openssl.hpp"

namespace modelops::crypto {

PrivateOrPublicKey load_private_key(int type, std::string_view raw) {
  if (raw.size() != 32) fail(ErrorCode::invalid, "a private key must have 32 bytes");
  PrivateOrPublicKey key(EVP_PKEY_new_raw_private_key(type, nullptr, in(raw), raw.size()));
  must(key, "EVP_PKEY_new_raw_private_key");
  return key;
}

PrivateOrPublicKey load_public_key(int type, std::string_view raw) {
  if (raw.size() != 32) fail(ErrorCode::invalid, "a public key must have 32 bytes");
  PrivateOrPublicKey key(EVP_PKEY_new_raw_public_key(type, nullptr, in(raw), raw.size()));
  must(key, "EVP_PKEY_new_raw_public_key");
  return key;
}

std::string raw_public_key(const EVP_PKEY& key) {
  std::string raw(32, '\0');
  std::size_t size = raw.size();
  must(EVP_PKEY_get_raw_public_key(&key, out(raw), &size) == 1, "EVP_PKEY_get_raw_public_key");
  return raw;
}

KeyPair make_signing_key() { return signing_key_from(Secret(random_bytes(32))); }

KeyPair signing_key_from(Secret private_key) {
  std::string public_key = raw_public_key(*load_private_key(EVP_PKEY_ED25519, private_key.reveal()));
  return {std::move(private_key), std::move(public_key)};
}

std::string sign(const Secret& private_key, std::string_view message) {
  const PrivateOrPublicKey key = load_private_key(EVP_PKEY_ED25519, private_key.reveal());
  const DigestContext context(EVP_MD_CTX_new());
  must(context, "EVP_MD_CTX_new");
  must(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1, "EVP_DigestSignInit");
  std::string signature(64, '\0');
  std::size_t size = signature.size();
  must(EVP_DigestSign(context.get(), out(signature), &size, in(message), message.size()) == 1, "EVP_DigestSign");
  return signature;
}

bool verify(std::string_view public_key, std::string_view message, std::string_view signature) {
  if (public_key.size() != 32 || signature.size() != 64) return false;
  const PrivateOrPublicKey key = load_public_key(EVP_PKEY_ED25519, public_key);
  const DigestContext context(EVP_MD_CTX_new());
  must(context, "EVP_MD_CTX_new");
  must(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1, "EVP_DigestVerifyInit");
  const bool genuine =
      EVP_DigestVerify(context.get(), in(signature), signature.size(), in(message), message.size()) == 1;
  ERR_clear_error();
  return genuine;
}

}  // namespace modelops::crypto
