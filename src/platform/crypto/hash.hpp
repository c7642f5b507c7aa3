#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace modelops::crypto {

/// SHA-256 (FIPS 180-4) in pieces. Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::string_view bytes);
  /// The 32 bytes of the digest; the object then starts anew.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256(std::string_view bytes);                             ///< 32 bytes
std::string sha256_hex(std::string_view bytes);                         ///< 64 lowercase hexadecimal digits
std::string hmac_sha256(std::string_view key, std::string_view bytes);  ///< 32 bytes, RFC 2104
/// RFC 5869 extract and expand; `size_bytes` at most 255 * 32.
std::string hkdf_sha256(std::string_view key, std::string_view salt, std::string_view info, std::size_t size_bytes);

/// Each field after its length (8 bytes, big-endian): different lists never give the same bytes, so the
/// result can be signed or authenticated.
std::string join_fields(std::initializer_list<std::string_view> fields);
/// 8 bytes, big-endian.
std::string big_endian(std::uint64_t number);

}  // namespace modelops::crypto
