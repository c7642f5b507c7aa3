#pragma once
#include <chrono>
#include <cstdint>
#include <random>

namespace modelops::loadgen {

enum class Arrivals { constant, poisson };

/// When requests are meant to be sent, as time since the beginning: `per_second` of them at equal distances, or as many
/// callers that know nothing of each other would (exponential gaps). The n-th time does not depend on how late anything
/// was before. One of `shares` generators that together make up the whole rate.
class Schedule {
 public:
  Schedule(Arrivals arrivals, double per_second, unsigned share = 0, unsigned shares = 1, std::uint64_t seed = 1);
  std::chrono::nanoseconds next();

 private:
  Arrivals arrivals_;
  double per_second_;  // of all shares
  double shares_;
  double position_;  // constant: in requests of the whole; poisson: seconds
  std::mt19937_64 random_;
};

}  // namespace modelops::loadgen
