#pragma once
// Text encodings. Each decoder refuses anything that its encoder would not have written.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelops {

std::string to_hex(std::string_view bytes);
void append_hex(std::string& out, std::uint64_t number);  ///< 16 lowercase digits
std::optional<std::string> from_hex(std::string_view text);
std::string to_base64(std::string_view bytes);  ///< RFC 4648 section 4, padded
std::optional<std::string> from_base64(std::string_view text);
std::string to_base64url(std::string_view bytes);  ///< RFC 4648 section 5, unpadded
std::optional<std::string> from_base64url(std::string_view text);

/// True for well-formed UTF-8 (no surrogates, no overlong forms).
bool is_utf8(std::string_view text);
/// True when `text` holds a control character, or a mark that changes how it reads: bidirectional
/// overrides and isolates, zero-width characters, line and paragraph separators (Unicode TR 36).
bool has_invisible_characters(std::string_view utf8);
/// `bytes` as text that can be shown: at most `bytes_max` bytes, with "…" where it was cut, and "?" for bytes that
/// are not UTF-8 and for characters that are invisible or change how the text reads.
std::string display_text(std::string_view bytes, std::size_t bytes_max = 200);

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);
std::string to_lower_ascii(std::string_view text);
/// Equal without revealing by its duration where they differ.
bool equal_constant_time(std::string_view a, std::string_view b);
/// The whole of `text` as an integer, a '-' before it included; nothing for '+', blanks or overflow beyond int64.
std::optional<std::int64_t> parse_int(std::string_view text);
/// The same for digits only: of what counts or measures, where a sign is an error.
std::optional<std::int64_t> parse_count(std::string_view text);

}  // namespace modelops
