#include "platform/crypto/hash.hpp"

#include "base/text.hpp"
#include "platform/crypto/openssl.hpp"

namespace modelops::crypto {
namespace {

// Fetched once: looking the algorithm up costs more than hashing a short input.
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  must(algorithm, "EVP_MD_fetch");
  return algorithm;
}

}  // namespace

struct Sha256::State {
  DigestContext context{EVP_MD_CTX_new()};

  State() {
    must(context, "EVP_MD_CTX_new");
    start();
  }
  void start() { must(EVP_DigestInit_ex2(context.get(), sha256_algorithm(), nullptr) == 1, "EVP_DigestInit_ex2"); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
  must(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1, "EVP_DigestUpdate");
}

std::string Sha256::finish() {
  std::string digest(32, '\0');
  must(EVP_DigestFinal_ex(state_->context.get(), out(digest), nullptr) == 1, "EVP_DigestFinal_ex");
  state_->start();
  return digest;
}

std::string sha256(std::string_view bytes) {
  std::string digest(32, '\0');
  must(EVP_Digest(bytes.data(), bytes.size(), out(digest), nullptr, sha256_algorithm(), nullptr) == 1, "EVP_Digest");
  return digest;
}

std::string sha256_hex(std::string_view bytes) { return to_hex(sha256(bytes)); }

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  std::string code(32, '\0');
  std::size_t size = 0;
  must(EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, key.data(), key.size(), in(bytes), bytes.size(),
                 out(code), code.size(), &size),
       "EVP_Q_mac");
  return code;
}

std::string hkdf_sha256(std::string_view key, std::string_view salt, std::string_view info, std::size_t size_bytes) {
  const Kdf algorithm(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  must(algorithm, "EVP_KDF_fetch");
  const KdfContext context(EVP_KDF_CTX_new(algorithm.get()));
  must(context, "EVP_KDF_CTX_new");
  // OSSL_PARAM has no pointer to const; the values are only read.
  const auto octets = [](const char* name, std::string_view value) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(value.data()), value.size());
  };
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                                   octets(OSSL_KDF_PARAM_KEY, key), octets(OSSL_KDF_PARAM_SALT, salt),
                                   octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()};
  std::string derived(size_bytes, '\0');
  must(EVP_KDF_derive(context.get(), out(derived), derived.size(), parameters) == 1, "EVP_KDF_derive");
  return derived;
}

std::string big_endian(std::uint64_t number) {
  std::string bytes(8, '\0');
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(number >> (56 - 8 * i) & 0xff);
  return bytes;
}

std::string join_fields(std::initializer_list<std::string_view> fields) {
  std::string joined;
  for (const std::string_view field : fields) joined.append(big_endian(field.size())).append(field);
  return joined;
}

}  // namespace modelops::crypto
