#include "dataplane/loadgen/request.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "platform/http/wire.hpp"

namespace modelops::loadgen {
namespace {

bool is_visible(char c) { return c > ' ' && c < 0x7f; }

}  // namespace

Url parse_url(std::string_view text) {
  constexpr std::string_view scheme = "http://";
  if (text.starts_with("https://"))
    fail(ErrorCode::invalid,
         "https is not spoken here: what TLS costs is not the server's speed. Use its http address.");
  if (!text.starts_with(scheme)) fail(ErrorCode::invalid, "Give a URL that starts with http://.");
  text.remove_prefix(scheme.size());
  Url url;
  const std::size_t slash = std::min(text.find_first_of("/?"), text.size());
  std::string_view authority = text.substr(0, slash);
  if (slash < text.size()) url.target = (text[slash] == '?' ? "/" : "") + std::string(text.substr(slash));
  url.authority = authority;
  const std::size_t host_end = authority.starts_with('[') ? authority.find(']') : authority.find(':');
  if (authority.starts_with('[')) {
    if (host_end == authority.npos) fail(ErrorCode::invalid, "The URL's address lacks its closing bracket.");
    url.host = authority.substr(1, host_end - 1);
    authority.remove_prefix(host_end + 1);
  } else {
    url.host = authority.substr(0, host_end);
    authority.remove_prefix(std::min(host_end, authority.size()));
  }
  if (!authority.empty()) {
    const auto port = parse_int(authority.substr(1));
    if (authority[0] != ':' || !port || *port < 1 || *port > 65535)
      fail(ErrorCode::invalid, "The URL's port is a number from 1 to 65535.");
    url.port = static_cast<std::uint16_t>(*port);
  }
  if (url.host.empty() || url.host.find('@') != url.host.npos || !std::ranges::all_of(url.authority, is_visible))
    fail(ErrorCode::invalid, "The URL names no host, or names it in a way that is not understood.");
  return url;
}

RequestText::RequestText(std::string method, const Url& url, std::vector<std::string> targets, const Fields& fields,
                         std::string body)
    : before_(method + " "), targets_(std::move(targets)), body_(std::move(body)) {
  if (method.empty() || !std::ranges::all_of(method, [](char c) { return c >= 'A' && c <= 'Z'; }))
    fail(ErrorCode::invalid, "A method is written in capital letters.");
  if (targets_.empty()) targets_.push_back(url.target);
  for (const std::string& target : targets_)
    if (!target.starts_with('/') || !std::ranges::all_of(target, is_visible))
      fail(ErrorCode::invalid, fmt::format("\"{}\" is no path: it starts with / and has no blanks.", target));
  after_ = " HTTP/1.1\r\n";
  bool has_host = false;
  for (const auto& [name, value] : fields) {
    if (name.empty() || !std::ranges::all_of(name, [](char c) { return is_visible(c) && c != ':'; }) ||
        value.find_first_of(std::string_view("\r\n\0", 3)) != value.npos)
      fail(ErrorCode::invalid, "A header is written as \"Name: value\", in one line.");
    for (const std::string_view own : {"Content-Length", "Transfer-Encoding", "Connection", "Expect"})
      if (http::equal_without_case(name, own))
        fail(ErrorCode::invalid, fmt::format("{} is set by the load generator itself.", own));
    has_host = has_host || http::equal_without_case(name, "Host");
    after_ += fmt::format("{}: {}\r\n", name, value);
  }
  if (!has_host) after_ += fmt::format("Host: {}\r\n", url.authority);
  const bool may_have_body = method == "POST" || method == "PUT" || method == "PATCH";
  if (may_have_body || !body_.empty()) after_ += fmt::format("Content-Length: {}\r\n", body_.size());
  after_ += "\r\n";
}

}  // namespace modelops::loadgen
