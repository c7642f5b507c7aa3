#include "platform/crypto/checksum.hpp"

#include "platform/crypto/openssl.hpp"

namespace modelops::crypto {

struct Checksum::State {
  DigestContext context{EVP_MD_CTX_new()};
};

Checksum::Checksum(ChecksumAlgorithm algorithm) : state_(std::make_unique<State>()) {
  const EVP_MD* const type = algorithm == ChecksumAlgorithm::sha1 ? EVP_sha1() : EVP_sha256();
  must(EVP_DigestInit_ex2(state_->context.get(), type, nullptr) == 1, "EVP_DigestInit_ex2");
}
Checksum::~Checksum() = default;

void Checksum::update(std::string_view bytes) {
  must(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1, "EVP_DigestUpdate");
}

std::string Checksum::finish() {
  std::string digest(static_cast<std::size_t>(EVP_MD_CTX_get_size(state_->context.get())), '\0');
  must(EVP_DigestFinal_ex(state_->context.get(), out(digest), nullptr) == 1, "EVP_DigestFinal_ex");
  return digest;
}

}  // namespace modelops::crypto
