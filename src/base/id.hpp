#pragma once
#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace modelops {

/// `count` bytes from the kernel's generator.
std::string random_bytes(std::size_t count);

/// A UUID of version 7 (RFC 9562) without dashes: 32 lowercase hexadecimal digits that sort by time.
/// Ids made by one process are strictly increasing.
std::string new_uuid7();
/// True for exactly what `new_uuid7` writes.
bool is_uuid7(std::string_view text);

/// The id of a resource of kind `Tag`: "mdl_019aaf3c…". `Tag` has `static constexpr std::string_view prefix`.
/// A default-constructed id is unset.
template <class Tag>
class Id {
 public:
  Id() = default;

  static Id make() { return Id(std::string(Tag::prefix) + "_" + new_uuid7()); }
  static std::optional<Id> parse(std::string_view text) {
    const std::string_view prefix = Tag::prefix;
    if (text.size() != prefix.size() + 33 || !text.starts_with(prefix) || text[prefix.size()] != '_' ||
        !is_uuid7(text.substr(prefix.size() + 1)))
      return std::nullopt;
    return Id(std::string(text));
  }

  const std::string& str() const { return text_; }
  bool is_set() const { return !text_.empty(); }
  auto operator<=>(const Id&) const = default;
  bool operator==(const Id&) const = default;

 private:
  explicit Id(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace modelops
