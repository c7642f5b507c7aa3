#include "base/text.hpp"

#include <array>
#include <charconv>

namespace modelops {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode64(std::string_view bytes, std::string_view letters, bool pad) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < left ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) {
      if (k <= left)
        out += letters[group >> (18 - 6 * k) & 63];
      else if (pad)
        out += '=';
    }
  }
  return out;
}

std::optional<std::string> decode64(std::string_view text, std::string_view letters, bool padded) {
  if (padded) {
    if (text.size() % 4 != 0) return std::nullopt;
    if (text.ends_with("=="))
      text.remove_suffix(2);
    else if (text.ends_with('='))
      text.remove_suffix(1);
  }
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const std::size_t value = letters.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out += static_cast<char>(bits >> held & 0xff);
    }
  }
  if ((bits & ((1U << held) - 1)) != 0) return std::nullopt;  // not what the encoder writes
  return out;
}

/// The next code point of well-formed UTF-8, or -1; advances `at`.
std::int32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return text[at++];
  std::size_t extra = 0;
  std::int32_t value = 0;
  std::int32_t least = 0;
  if ((first & 0xe0) == 0xc0) {
    extra = 1;
    value = first & 0x1f;
    least = 0x80;
  } else if ((first & 0xf0) == 0xe0) {
    extra = 2;
    value = first & 0x0f;
    least = 0x800;
  } else if ((first & 0xf8) == 0xf0) {
    extra = 3;
    value = first & 0x07;
    least = 0x10000;
  } else
    return -1;
  if (text.size() - at <= extra) return -1;
  for (std::size_t k = 1; k <= extra; ++k) {
    if ((byte(at + k) & 0xc0) != 0x80) return -1;
    value = value << 6 | (byte(at + k) & 0x3f);
  }
  if (value < least || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return -1;
  at += extra + 1;
  return value;
}

}  // namespace

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

void append_hex(std::string& out, std::uint64_t number) {
  std::array<char, 16> digits;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, number >>= 4)
    *digit = "0123456789abcdef"[number & 15];
  out.append(digits.data(), digits.size());
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high << 4 | low);
  }
  return out;
}

std::string to_base64(std::string_view bytes) { return encode64(bytes, alphabet, true); }
std::optional<std::string> from_base64(std::string_view text) { return decode64(text, alphabet, true); }
std::string to_base64url(std::string_view bytes) { return encode64(bytes, url_alphabet, false); }
std::optional<std::string> from_base64url(std::string_view text) { return decode64(text, url_alphabet, false); }

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();)
    if (next_code_point(text, at) < 0) return false;
  return true;
}

bool has_invisible_characters(std::string_view utf8) {
  for (std::size_t at = 0; at < utf8.size();) {
    const std::int32_t c = next_code_point(utf8, at);
    if (c < 0x20 || (c >= 0x7f && c <= 0x9f)) return true;
    if (c == 0xad || c == 0x61c || c == 0xfeff) return true;
    if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f)) return true;
    if (c >= 0xe0000 && c <= 0xe0fff) return true;
  }
  return false;
}

std::string display_text(std::string_view bytes, std::size_t bytes_max) {
  const bool cut = bytes.size() > bytes_max;
  std::string text;
  for (std::size_t i = 0; i < bytes.size();) {
    const auto lead = static_cast<unsigned char>(bytes[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    const auto character = bytes.substr(i, length);
    const bool valid = is_utf8(character);
    const std::size_t step = valid ? character.size() : 1;
    if (i + step > bytes_max) break;
    if (valid && !has_invisible_characters(character))
      text += character;
    else
      text += '?';
    i += step;
  }
  return cut ? text + "…" : text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t at = text.find(separator);
    out.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + 1);
  }
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string to_lower_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  return difference == 0;
}

std::optional<std::int64_t> parse_int(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_count(std::string_view text) {
  return text.starts_with('-') ? std::nullopt : parse_int(text);
}

}  // namespace modelops
