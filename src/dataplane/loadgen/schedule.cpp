#include "dataplane/loadgen/schedule.hpp"

namespace modelops::loadgen {

Schedule::Schedule(Arrivals arrivals, double per_second, unsigned share, unsigned shares, std::uint64_t seed)
    : arrivals_(arrivals),
      per_second_(per_second),
      shares_(shares),
      position_(arrivals == Arrivals::constant ? share : 0),
      random_(seed * 1'000'003 + share) {}

std::chrono::nanoseconds Schedule::next() {
  double seconds = 0;
  if (arrivals_ == Arrivals::constant) {
    seconds = position_ / per_second_;
    position_ += shares_;
  } else {
    // The sum of `shares_` independent Poisson processes of this rate is one of the whole rate.
    position_ += std::exponential_distribution<double>(per_second_ / shares_)(random_);
    seconds = position_;
  }
  return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

}  // namespace modelops::loadgen
