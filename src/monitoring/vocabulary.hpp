#pragma once
// One vocabulary for what inference engines expose. What the product knows of each engine's metrics is data
// (engine_metrics.csv), not code.
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "targets/wire.hpp"

namespace modelops::monitoring {

/// How the values of a metric become those of a chart.
enum class EngineKind {
  level,  ///< as it is
  rate,   ///< of a count: per second
  mean,   ///< of a sum and what it is over
};
/// By its name, and whether the engine's sample has a divisor: see targets::EngineSample.
EngineKind engine_kind(std::string_view name, bool has_divisor);

class Vocabulary {
 public:
  /// Parses engine_metrics.csv. Throws Error(invalid) that names the line.
  explicit Vocabulary(std::string_view csv);
  /// The one inside the program.
  static const Vocabulary& embedded();

  /// What an agent reads from an engine; empty for one that is not known.
  std::vector<targets::MetricRule> rules(std::string_view engine) const;
  /// "s", "token", "By", "W" or "1"; null when there is no such metric.
  const std::string* unit(std::string_view name) const;
  /// By name.
  const std::map<std::string, std::string, std::less<>>& units() const { return units_; }

 private:
  std::map<std::string, std::vector<targets::MetricRule>, std::less<>> rules_;
  std::map<std::string, std::string, std::less<>> units_;
};

/// The file that CMake embeds.
extern const std::string_view engine_metrics_csv;

}  // namespace modelops::monitoring
