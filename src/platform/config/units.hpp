#pragma once
// Quantities with their unit, for configuration: written as one text.
#include <chrono>

#include "reflect/values.hpp"

namespace modelops::config {

/// "500ms", "10s", "5m", "2h", "7d"; up to 36500 days.
class Duration {
 public:
  Duration() = default;
  static std::optional<Duration> parse(std::string_view text);
  static constexpr Duration of(std::chrono::milliseconds value) { return Duration(value); }

  std::chrono::milliseconds value() const { return value_; }
  std::string str() const;  ///< in the largest unit that is exact
  bool is_set() const { return set_; }
  bool operator==(const Duration&) const = default;

 private:
  explicit constexpr Duration(std::chrono::milliseconds value) : value_(value), set_(true) {}
  std::chrono::milliseconds value_{0};
  bool set_ = false;
};

/// "100B", "64KiB", "512MiB", "10GiB", "2TiB" (powers of 1024) or "10kB", "5MB", "1GB", "2TB" (of 1000); up to 2^62.
class ByteSize {
 public:
  ByteSize() = default;
  static std::optional<ByteSize> parse(std::string_view text);
  static constexpr ByteSize of(std::uint64_t bytes) { return ByteSize(bytes); }

  std::uint64_t bytes() const { return bytes_; }
  std::string str() const;  ///< in the largest power of 1024 that is exact
  bool is_set() const { return set_; }
  bool operator==(const ByteSize&) const = default;

 private:
  explicit constexpr ByteSize(std::uint64_t bytes) : bytes_(bytes), set_(true) {}
  std::uint64_t bytes_ = 0;
  bool set_ = false;
};

}  // namespace modelops::config

namespace modelops::reflect {

template <>
struct TextRule<config::Duration> {
  static std::string says() { return "must be a duration such as 500ms, 10s, 5m, 2h or 7d"; }
  static constexpr std::string_view pattern = "^[0-9]{1,14}(ms|s|m|h|d)$";
  static constexpr std::string_view format = "";
  static constexpr std::size_t min = 0;
  static constexpr std::size_t max = 0;
};

template <>
struct TextRule<config::ByteSize> {
  static std::string says() { return "must be a size such as 100B, 64KiB, 512MiB, 10GiB or 5MB"; }
  static constexpr std::string_view pattern = "^[0-9]{1,19}(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)$";
  static constexpr std::string_view format = "";
  static constexpr std::size_t min = 0;
  static constexpr std::size_t max = 0;
};

}  // namespace modelops::reflect
