#include "platform/config/units.hpp"

#include <fmt/format.h>

#include <charconv>
#include <span>

namespace modelops::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// From the largest; `str` takes the first that is exact.
constexpr Unit duration_units[] = {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}};
constexpr Unit size_units[] = {
    {"TiB", 1ULL << 40}, {"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}, {"B", 1}};
constexpr Unit decimal_size_units[] = {
    {"TB", 1'000'000'000'000}, {"GB", 1'000'000'000}, {"MB", 1'000'000}, {"kB", 1000}};

constexpr std::uint64_t duration_ms_max = 36'500ULL * 86'400'000;
constexpr std::uint64_t size_bytes_max = 1ULL << 62;

std::optional<std::uint64_t> parse_quantity(std::string_view text, std::span<const Unit> units, std::uint64_t max) {
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc()) return std::nullopt;
  const std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : units)
    if (unit.name == name && count <= max / unit.factor) return count * unit.factor;
  return std::nullopt;
}

std::string write_quantity(std::uint64_t value, std::span<const Unit> units) {
  for (const Unit& unit : units)
    if (value != 0 && value % unit.factor == 0) return fmt::format("{}{}", value / unit.factor, unit.name);
  return fmt::format("0{}", units.back().name);
}

}  // namespace

std::optional<Duration> Duration::parse(std::string_view text) {
  const auto ms = parse_quantity(text, duration_units, duration_ms_max);
  if (!ms) return std::nullopt;
  return Duration(std::chrono::milliseconds(static_cast<std::int64_t>(*ms)));
}

std::string Duration::str() const { return write_quantity(static_cast<std::uint64_t>(value_.count()), duration_units); }

std::optional<ByteSize> ByteSize::parse(std::string_view text) {
  auto bytes = parse_quantity(text, size_units, size_bytes_max);
  if (!bytes) bytes = parse_quantity(text, decimal_size_units, size_bytes_max);
  if (!bytes) return std::nullopt;
  return ByteSize(*bytes);
}

std::string ByteSize::str() const { return write_quantity(bytes_, size_units); }

}  // namespace modelops::config
