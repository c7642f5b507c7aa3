#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modelops::loadgen {

/// "http://host:port/path?query" taken apart.
struct Url {
  std::string host;  ///< a name or an address, without brackets
  std::uint16_t port = 80;
  std::string authority;  ///< as in the Host field
  std::string target = "/";
};
/// Throws Error(invalid) for what is not an http URL.
Url parse_url(std::string_view text);

/// What is sent again and again, as bytes.
class RequestText {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  /// `targets`: asked one after another, over and over. Throws Error(invalid) for a method, target or field that would
  /// break the head.
  RequestText(std::string method, const Url& url, std::vector<std::string> targets, const Fields& fields,
              std::string body);

  std::string_view before_target() const { return before_; }
  std::string_view target(std::uint64_t number) const { return targets_[number % targets_.size()]; }
  std::string_view after_target() const { return after_; }
  std::string_view body() const { return body_; }
  bool is_head() const { return before_ == "HEAD "; }

 private:
  std::string before_;
  std::vector<std::string> targets_;
  std::string after_;
  std::string body_;
};

}  // namespace modelops::loadgen
