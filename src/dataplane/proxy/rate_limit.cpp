#include "dataplane/proxy/rate_limit.hpp"

#include <algorithm>
#include <cmath>

namespace modelops::proxy {

void RateLimit::set(double per_second, double burst) {
  const bool limited = per_second > 0 && std::isfinite(per_second);
  const double interval = limited ? std::min(1e9 / per_second, 1e15) : 0;
  const double extra = std::isfinite(burst) ? std::clamp(burst - 1, 0.0, 1e6) : 0;
  interval_ns_ = static_cast<std::int64_t>(interval);
  tolerance_ns_ = static_cast<std::int64_t>(std::min(interval * extra, 1e18));
}

std::chrono::nanoseconds RateLimit::take(Clock::time_point now) {
  const std::int64_t interval = interval_ns_;
  if (interval == 0) return {};
  const std::int64_t now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
  std::int64_t full_at = full_at_ns_;
  for (;;) {
    const std::int64_t start = std::max(full_at, now_ns);
    const std::int64_t wait = start - now_ns - tolerance_ns_;
    if (wait > 0) return std::chrono::nanoseconds(wait);
    if (full_at_ns_.compare_exchange_weak(full_at, start + interval)) return {};
  }
}

}  // namespace modelops::proxy
