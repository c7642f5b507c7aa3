#pragma once
// Reads what other programs expose for Prometheus.
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "platform/metrics/metrics.hpp"

namespace modelops::metrics {

struct ExposedSample {
  std::string name;
  Labels labels;
  double value = 0;  ///< may be infinite or not a number
  bool operator==(const ExposedSample&) const = default;
};

inline constexpr std::size_t exposed_samples_max = 10'000;
inline constexpr std::size_t exposed_line_bytes_max = 16 * 1024;

/// The samples of the series named in `wanted`, as they stand in `text`: Prometheus' text format 0.0.4, or OpenMetrics.
/// The text is not trusted: lines that are neither are passed over, and what comes after `exposed_samples_max` samples
/// is not read.
std::vector<ExposedSample> read_exposition(std::string_view text, const std::set<std::string, std::less<>>& wanted);

}  // namespace modelops::metrics
