#include "reflect/values.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "base/text.hpp"

namespace modelops::reflect::detail {
namespace {

bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

}  // namespace

std::optional<std::size_t> visible_length(std::string_view text, bool lines_allowed) {
  if (!is_utf8(text)) return std::nullopt;
  std::string kept;
  if (lines_allowed) {
    for (const char c : text)
      if (c != '\n' && c != '\t' && c != '\r') kept += c;
  }
  if (has_invisible_characters(lines_allowed ? std::string_view(kept) : text)) return std::nullopt;
  std::size_t length = 0;
  for (const char c : text) length += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return length;
}

bool is_slug(std::string_view text) {
  if (text.empty() || text.size() > 63 || !is_lower_alnum(text.front()) || !is_lower_alnum(text.back())) return false;
  if (text.find("..") != std::string_view::npos) return false;
  for (const char c : text)
    if (!is_lower_alnum(c) && c != '-' && c != '_' && c != '.') return false;
  return true;
}

bool is_url(std::string_view text) {
  if (text.size() > 2048) return false;
  const auto url = boost::urls::parse_uri(text);
  return url && (url->scheme() == "http" || url->scheme() == "https") && !url->host().empty() && !url->has_userinfo();
}

bool is_email(std::string_view text) {
  const std::size_t at = text.find('@');
  if (text.size() > 254 || at == std::string_view::npos || at == 0 || at > 64) return false;
  const std::string_view host = text.substr(at + 1);
  if (host.empty() || host.front() == '.' || host.back() == '.' || host.find("..") != std::string_view::npos)
    return false;
  for (const char c : text.substr(0, at))
    if (!is_alnum(c) && std::string_view(".!#$%&'*+/=?^_`{|}~-").find(c) == std::string_view::npos) return false;
  for (const char c : host)
    if (!is_alnum(c) && c != '-' && c != '.') return false;
  return true;
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

bool is_tag_key(std::string_view text) {
  if (text.empty() || text.size() > 128 || !is_alnum(text.front())) return false;
  for (const char c : text)
    if (!is_alnum(c) && c != '-' && c != '_' && c != '.' && c != '/') return false;
  return true;
}

bool is_relative_path(std::string_view text) {
  const auto length = visible_length(text, false);
  if (!length || *length == 0 || text.size() > 512 || text.find('\\') != std::string_view::npos) return false;
  for (const std::string_view part : split(text, '/'))
    if (part.empty() || part == "." || part == "..") return false;
  return true;
}

}  // namespace modelops::reflect::detail
