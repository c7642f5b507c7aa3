#include "platform/http/range.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/text.hpp"
#include "platform/http/wire.hpp"

namespace modelops::http {
namespace {

/// A number that does not fit is beyond the end of anything. Nothing for what is no number.
std::optional<std::uint64_t> position(std::string_view digits) {
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  return static_cast<std::uint64_t>(parse_count(digits).value_or(INT64_MAX));
}

}  // namespace

std::optional<ByteRange> parse_range(std::string_view header, std::uint64_t size_bytes) {
  constexpr std::string_view unit = "bytes=";
  if (!equal_without_case(header.substr(0, unit.size()), unit)) return std::nullopt;
  header = trim(header.substr(unit.size()));
  const std::size_t dash = header.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = position(header.substr(0, dash));
  const auto last = position(header.substr(dash + 1));
  const bool suffix = dash == 0;  // the last so many bytes
  const bool open = dash + 1 == header.size();
  if ((!first && !suffix) || (!last && !open) || (suffix && open) || (first && last && *last < *first))
    return std::nullopt;
  if (suffix ? *last == 0 || size_bytes == 0 : *first >= size_bytes)
    fail(ErrorCode::range_not_satisfiable, fmt::format("The file has {} bytes; ask for a range within.", size_bytes));
  if (suffix) {
    const std::uint64_t length = std::min(*last, size_bytes);
    return ByteRange{size_bytes - length, length};
  }
  return ByteRange{*first, std::min(last.value_or(UINT64_MAX), size_bytes - 1) - *first + 1};
}

}  // namespace modelops::http
