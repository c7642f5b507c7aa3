#pragma once
#include <cstdint>
#include <vector>

namespace modelops::loadgen {

/// Counts of values in the layout of HdrHistogram: 2,048 slots below 2^11, then 1,024 for each further power of two, so
/// that every value is told to 1 part in 1,024. Of fixed size, 270 kB, whatever it counts. For nanoseconds up to 73
/// minutes; what is larger counts as that.
class Histogram {
 public:
  static constexpr std::uint64_t value_max = (std::uint64_t{1} << 42) - 1;

  Histogram();
  void add(std::uint64_t value, std::uint64_t times = 1);
  void add(const Histogram& other);

  std::uint64_t count() const { return count_; }
  std::uint64_t min() const { return count_ == 0 ? 0 : min_; }  ///< exact
  std::uint64_t max() const { return max_; }                    ///< exact
  double mean() const;                                          ///< exact
  /// The least value that at least `fraction` (0 to 1) of the values do not exceed: of its slot the largest value, and
  /// never more than `max()`. 0 when nothing was counted.
  std::uint64_t quantile(double fraction) const;

 private:
  std::vector<std::uint64_t> slots_;
  std::uint64_t count_ = 0;
  std::uint64_t min_ = value_max;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace modelops::loadgen
