#pragma once
// Requests for a part (RFC 9110, section 14).
#include <cstdint>
#include <optional>
#include <string_view>

namespace modelops::http {

struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t length = 0;
};

/// What a Range header asks for. Nothing when the whole is to be sent: no header, or one that we need not understand
/// (several ranges, other units). Throws Error(range_not_satisfiable).
std::optional<ByteRange> parse_range(std::string_view header, std::uint64_t size_bytes);

}  // namespace modelops::http
