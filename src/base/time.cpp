#include "base/time.hpp"

#include <fmt/compile.h>

namespace modelops {

std::string format_rfc3339(Time time) {
  using namespace std::chrono;
  const sys_time<microseconds> point{microseconds(time.us)};
  const auto day = floor<days>(point);
  const year_month_day date(day);
  const hh_mm_ss<microseconds> clock(point - day);
  return fmt::format(FMT_COMPILE("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z"), static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

std::optional<Time> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  std::size_t at = 0;
  const auto number = [&](std::size_t digits) -> int {
    if (text.size() - at < digits) return -1;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const char c = text[at + i];
      if (c < '0' || c > '9') return -1;
      value = value * 10 + (c - '0');
    }
    at += digits;
    return value;
  };
  const auto literal = [&](char expected) {
    if (at >= text.size() || (text[at] | 0x20) != (expected | 0x20)) return false;
    ++at;
    return true;
  };
  const int y = number(4);
  if (y < 1970 || !literal('-')) return std::nullopt;
  const int mo = number(2);
  if (mo < 1 || !literal('-')) return std::nullopt;
  const int d = number(2);
  if (d < 1 || !literal('T')) return std::nullopt;
  const int h = number(2);
  if (h < 0 || h > 23 || !literal(':')) return std::nullopt;
  const int mi = number(2);
  if (mi < 0 || mi > 59 || !literal(':')) return std::nullopt;
  const int s = number(2);
  if (s < 0 || s > 59) return std::nullopt;
  std::int64_t fraction_us = 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    int digits = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, ++digits)
      if (digits < 6) fraction_us = fraction_us * 10 + (text[at] - '0');
    if (digits == 0 || digits > 9) return std::nullopt;
    for (; digits < 6; ++digits) fraction_us *= 10;
  }
  std::int64_t offset_minutes = 0;
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) {
    const int sign = text[at++] == '-' ? -1 : 1;
    const int oh = number(2);
    if (oh < 0 || oh > 23 || !literal(':')) return std::nullopt;
    const int om = number(2);
    if (om < 0 || om > 59) return std::nullopt;
    offset_minutes = sign * (oh * 60 + om);
  } else if (!literal('Z')) {
    return std::nullopt;
  }
  if (at != text.size()) return std::nullopt;
  const year_month_day date{year(y), month(static_cast<unsigned>(mo)), day(static_cast<unsigned>(d))};
  if (!date.ok()) return std::nullopt;
  const std::int64_t seconds_total =
      sys_days(date).time_since_epoch().count() * 86'400LL + h * 3600LL + mi * 60LL + s - offset_minutes * 60LL;
  if (seconds_total < 0) return std::nullopt;
  return Time{seconds_total * 1'000'000 + fraction_us};
}

Time SystemClock::now() const {
  return {std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

}  // namespace modelops
