#pragma once
// Constrained types. Constructed only by `parse`; a default-constructed one is unset, which a decoder turns
// into "is required". Each states its rule once, in words (for violations) and as a schema fragment.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/id.hpp"
#include "base/time.hpp"

namespace modelops::reflect {

namespace detail {
/// Code points of well-formed UTF-8; nothing when it is not, or holds invisible characters.
std::optional<std::size_t> visible_length(std::string_view text, bool lines_allowed);
bool is_slug(std::string_view text);
bool is_url(std::string_view text);
bool is_email(std::string_view text);
bool is_sha256(std::string_view text);
bool is_tag_key(std::string_view text);
bool is_relative_path(std::string_view text);
}  // namespace detail

/// What a text type's schema and violations say. Specialised below for each.
template <class T>
struct TextRule;

/// A checked text. `Rule` has `static bool accepts(string_view)`, `says` (completes "must be …"),
/// `pattern` (ECMA 262, may be empty), `format` (may be empty), `min`, `max` (characters).
template <class Rule>
class Text {
 public:
  Text() = default;
  static std::optional<Text> parse(std::string_view text) {
    if (!Rule::accepts(text)) return std::nullopt;
    return Text(std::string(text));
  }
  const std::string& str() const { return value_; }
  bool is_set() const { return set_; }
  auto operator<=>(const Text& other) const { return value_ <=> other.value_; }
  bool operator==(const Text& other) const { return value_ == other.value_ && set_ == other.set_; }

 private:
  explicit Text(std::string value) : value_(std::move(value)), set_(true) {}
  std::string value_;
  bool set_ = false;
};

template <class Rule>
struct TextRule<Text<Rule>> : Rule {};

template <std::size_t Min, std::size_t Max, bool Lines>
struct LengthRule {
  static bool accepts(std::string_view text) {
    const auto length = detail::visible_length(text, Lines);
    return length && *length >= Min && *length <= Max;
  }
  static std::string says() {
    return "must be " + std::to_string(Min) + " to " + std::to_string(Max) + " characters without control " +
           "characters or invisible marks";
  }
  static constexpr std::string_view pattern = "";
  static constexpr std::string_view format = "";
  static constexpr std::size_t min = Min;
  static constexpr std::size_t max = Max;
};
/// One line of visible text.
template <std::size_t Min, std::size_t Max>
using Bounded = Text<LengthRule<Min, Max, false>>;
/// Visible text that may have line breaks and tabs.
template <std::size_t Min, std::size_t Max>
using Paragraph = Text<LengthRule<Min, Max, true>>;

#define MODELOPS_TEXT_RULE(Name, check, words, regex, form, least, most) \
  struct Name {                                                          \
    static bool accepts(std::string_view text) { return check(text); }   \
    static std::string says() { return words; }                          \
    static constexpr std::string_view pattern = regex;                   \
    static constexpr std::string_view format = form;                     \
    static constexpr std::size_t min = least;                            \
    static constexpr std::size_t max = most;                             \
  }

MODELOPS_TEXT_RULE(SlugRule, detail::is_slug,
                   "must be 1 to 63 lowercase letters, digits, '-', '_' or '.', starting and ending with a letter or "
                   "digit, without '..'",
                   "^[a-z0-9](?:[a-z0-9_-]|\\.(?!\\.)){0,61}[a-z0-9]$|^[a-z0-9]$", "", 1, 63);
MODELOPS_TEXT_RULE(UrlRule, detail::is_url, "must be an http or https URL with a host and without credentials", "",
                   "uri", 8, 2048);
MODELOPS_TEXT_RULE(EmailRule, detail::is_email, "must be an e-mail address", "", "email", 3, 254);
MODELOPS_TEXT_RULE(Sha256Rule, detail::is_sha256, "must be a SHA-256 in 64 lowercase hexadecimal digits",
                   "^[0-9a-f]{64}$", "", 64, 64);
MODELOPS_TEXT_RULE(TagKeyRule, detail::is_tag_key,
                   "must be 1 to 128 letters, digits, '-', '_', '.' or '/', starting with a letter or digit",
                   "^[A-Za-z0-9][A-Za-z0-9_./-]{0,127}$", "", 1, 128);
MODELOPS_TEXT_RULE(RelativePathRule, detail::is_relative_path,
                   "must be a relative path of 1 to 512 visible characters with '/' between its parts, without empty "
                   "parts, '.', '..' or '\\'",
                   "", "", 1, 512);

/// The name of a resource: stable, fit for URLs, host names and file names.
using Slug = Text<SlugRule>;
using Url = Text<UrlRule>;
using Email = Text<EmailRule>;
using Sha256Text = Text<Sha256Rule>;
using RelativePath = Text<RelativePathRule>;
using TagKey = Text<TagKeyRule>;
using TagValue = Bounded<0, 512>;
using Tags = std::map<TagKey, TagValue>;

/// A checked integer.
template <std::int64_t Min, std::int64_t Max>
class Ranged {
 public:
  static constexpr std::int64_t min = Min;
  static constexpr std::int64_t max = Max;

  Ranged() = default;
  static std::optional<Ranged> parse(std::int64_t number) {
    if (number < Min || number > Max) return std::nullopt;
    return Ranged(number);
  }
  /// For initialisers: the compiler refuses a value out of range.
  template <std::int64_t Value>
  static Ranged of() {
    static_assert(Value >= Min && Value <= Max);
    return Ranged(Value);
  }
  std::int64_t number() const { return value_; }
  bool is_set() const { return set_; }
  auto operator<=>(const Ranged&) const = default;

 private:
  explicit Ranged(std::int64_t value) : value_(value), set_(true) {}
  std::int64_t value_ = 0;
  bool set_ = false;
};
using Port = Ranged<1, 65535>;

template <class Tag>
struct TextRule<Id<Tag>> {
  static std::string says() { return "must be an id such as " + std::string(Tag::prefix) + "_019a…"; }
  static inline const std::string pattern = "^" + std::string(Tag::prefix) + "_[0-9a-f]{32}$";
  static constexpr std::string_view format = "";
  static constexpr std::size_t min = 0;
  static constexpr std::size_t max = 0;
};

}  // namespace modelops::reflect
