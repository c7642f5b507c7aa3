#pragma once
// Private to this folder: owners of OpenSSL's objects, and its errors as ours.
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace modelops::crypto {

template <auto free_object>
struct OpensslFree {
  template <class T>
  void operator()(T* object) const {
    free_object(object);
  }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, OpensslFree<EVP_CIPHER_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, OpensslFree<EVP_MD_CTX_free>>;
using PrivateOrPublicKey = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, OpensslFree<EVP_PKEY_CTX_free>>;
using Kdf = std::unique_ptr<EVP_KDF, OpensslFree<EVP_KDF_free>>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, OpensslFree<EVP_KDF_CTX_free>>;

/// Throws `internal` with OpenSSL's own words when `ok` is false (also for a null pointer).
template <class T>
void must(const T& ok, const char* operation) {
  if (static_cast<bool>(ok)) return;
  char text[256] = "no reason given";
  if (const unsigned long error = ERR_get_error(); error != 0) ERR_error_string_n(error, text, sizeof text);
  ERR_clear_error();
  fail(ErrorCode::internal, "a cryptographic operation failed", std::string(operation) + ": " + text);
}

inline const unsigned char* in(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
inline unsigned char* out(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

/// Raw keys of 32 bytes: `type` is EVP_PKEY_ED25519 or EVP_PKEY_X25519.
PrivateOrPublicKey load_private_key(int type, std::string_view raw);
PrivateOrPublicKey load_public_key(int type, std::string_view raw);
std::string raw_public_key(const EVP_PKEY& key);

}  // namespace modelops::crypto
