#include "platform/crypto/aead.hpp"

#include <climits>

#include "base/id.hpp"
#include "platform/crypto/openssl.hpp"

namespace modelops::crypto {
namespace {

constexpr std::size_t nonce_bytes = 12;
constexpr int tag_bytes = 16;

CipherContext start(const Secret& key, std::string_view nonce, bool encrypt) {
  if (key.reveal().size() != aead_key_bytes)
    fail(ErrorCode::internal, "a cryptographic operation failed", "an AES-256 key must have 32 bytes");
  CipherContext context(EVP_CIPHER_CTX_new());
  must(context, "EVP_CIPHER_CTX_new");
  must(EVP_CipherInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, in(key.reveal()), in(nonce), encrypt) == 1,
       "EVP_CipherInit_ex");
  return context;
}

void update(EVP_CIPHER_CTX* context, unsigned char* to, std::string_view bytes) {
  if (bytes.size() > INT_MAX) fail(ErrorCode::too_large, "the data to seal must be smaller than 2 GiB");
  int written = 0;
  must(EVP_CipherUpdate(context, to, &written, in(bytes), static_cast<int>(bytes.size())) == 1, "EVP_CipherUpdate");
}

}  // namespace

std::string aead_seal(const Secret& key, std::string_view plaintext, std::string_view context) {
  std::string sealed = random_bytes(nonce_bytes);
  const CipherContext cipher = start(key, sealed, true);
  sealed.resize(nonce_bytes + plaintext.size() + tag_bytes);
  update(cipher.get(), nullptr, context);
  update(cipher.get(), out(sealed) + nonce_bytes, plaintext);
  int written = 0;
  unsigned char* const tag = out(sealed) + nonce_bytes + plaintext.size();
  must(EVP_CipherFinal_ex(cipher.get(), tag, &written) == 1, "EVP_CipherFinal_ex");
  must(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, tag_bytes, tag) == 1, "EVP_CTRL_AEAD_GET_TAG");
  return sealed;
}

Secret aead_open(const Secret& key, std::string_view sealed, std::string_view context) {
  const auto refuse = [] {
    fail(ErrorCode::unprocessable, "the sealed data cannot be opened: it was changed, or sealed with another key");
  };
  if (sealed.size() < aead_overhead_bytes) refuse();
  const CipherContext cipher = start(key, sealed.substr(0, nonce_bytes), false);
  const std::string_view body = sealed.substr(nonce_bytes, sealed.size() - aead_overhead_bytes);
  std::string tag(sealed.substr(sealed.size() - tag_bytes));
  std::string plaintext(body.size(), '\0');
  update(cipher.get(), nullptr, context);
  update(cipher.get(), out(plaintext), body);
  must(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, tag_bytes, tag.data()) == 1, "EVP_CTRL_AEAD_SET_TAG");
  int written = 0;
  unsigned char rest[16];
  const bool authentic = EVP_CipherFinal_ex(cipher.get(), rest, &written) == 1;
  Secret opened(std::move(plaintext));  // wiped when refused
  if (!authentic) {
    ERR_clear_error();
    refuse();
  }
  return opened;
}

}  // namespace modelops::crypto
