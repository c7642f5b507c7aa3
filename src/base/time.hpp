#pragma once
#include <chrono>
#include <compare>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace modelops {

/// A point in time: microseconds since 1970-01-01T00:00:00Z. On the wire RFC 3339 with six decimals.
struct Time {
  std::int64_t us = 0;

  auto operator<=>(const Time&) const = default;
  Time operator+(std::chrono::microseconds d) const { return {us + d.count()}; }
  Time operator-(std::chrono::microseconds d) const { return {us - d.count()}; }
  std::chrono::microseconds operator-(Time other) const { return std::chrono::microseconds(us - other.us); }
};

/// "2026-11-23T19:55:20.000000Z".
std::string format_rfc3339(Time time);
/// Accepts any offset and 0 to 9 decimals; years 1970 to 9999. Nothing else.
std::optional<Time> parse_rfc3339(std::string_view text);

/// The only source of wall-clock time. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Time now() const override;
};

/// Stands still until it is moved: for tests.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Time start = {1'800'000'000'000'000}) : now_(start) {}
  Time now() const override {
    std::lock_guard lock(mutex_);
    return now_;
  }
  void advance(std::chrono::microseconds by) {
    std::lock_guard lock(mutex_);
    now_ = now_ + by;
  }

 private:
  mutable std::mutex mutex_;
  Time now_;
};

}  // namespace modelops
