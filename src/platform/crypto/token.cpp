#include "platform/crypto/token.hpp"

#include <zlib.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/id.hpp"
#include "platform/crypto/hash.hpp"

namespace modelops::crypto {
namespace {

constexpr std::string_view letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t random_letters = 43;  // log2(62) * 43 = 256.03 bits
constexpr std::size_t checksum_letters = 6;

std::string checksum(std::string_view text) {
  auto rest =
      static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
  std::string digits(checksum_letters, '0');
  for (std::size_t i = checksum_letters; i-- > 0; rest /= 62) digits[i] = letters[rest % 62];
  return digits;
}

bool is_kind(std::string_view kind) {
  return kind.size() >= 2 && kind.size() <= 16 &&
         std::all_of(kind.begin(), kind.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

}  // namespace

Secret make_token(std::string_view kind) {
  if (!is_kind(kind)) fail(ErrorCode::internal, "a token cannot be made", "bad kind of token");
  std::string token = "mo_" + std::string(kind) + "_";
  token.reserve(token.size() + random_letters + checksum_letters);  // no copies left behind by growth
  const std::size_t end = token.size() + random_letters;
  while (token.size() < end) {
    for (const char c : random_bytes(64)) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 4 * 62 && token.size() < end) token += letters[byte % 62];  // 248..255 would favour some letters
    }
  }
  token += checksum(token);
  return Secret(std::move(token));
}

bool is_token(std::string_view text, std::string_view kind) {
  const std::string prefix = "mo_" + std::string(kind) + "_";
  if (!is_kind(kind) || text.size() != prefix.size() + random_letters + checksum_letters || !text.starts_with(prefix))
    return false;
  if (text.substr(prefix.size()).find_first_not_of(letters) != std::string_view::npos) return false;
  return checksum(text.substr(0, text.size() - checksum_letters)) == text.substr(text.size() - checksum_letters);
}

std::string token_digest(std::string_view token) { return sha256_hex(token); }

std::string token_display(std::string_view token) {
  const std::size_t secret_bytes = random_letters + checksum_letters;
  if (token.size() < secret_bytes) return "";
  return std::string(token.substr(0, token.size() - secret_bytes + 4));
}

}  // namespace modelops::crypto
