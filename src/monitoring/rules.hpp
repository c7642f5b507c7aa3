#pragma once
// From counted buckets of time to points of a chart. Pure.
#include <span>

#include "monitoring/types.hpp"
#include "monitoring/vocabulary.hpp"

namespace modelops::monitoring {

/// Two grains of time are kept: the fine one for an hour, the coarse one for a day, each a little longer than a window
/// can reach back.
struct Grain {
  std::chrono::seconds step;
  std::chrono::minutes kept;
};
inline constexpr Grain fine{fine_step, std::chrono::minutes(75)};
inline constexpr Grain coarse{std::chrono::seconds(60), std::chrono::hours(27)};
inline constexpr Grain grains[] = {fine, coarse};

/// A point is complete when its reports have come: gateways send about every two seconds.
inline constexpr std::chrono::seconds report_delay{4};

/// The points of a chart: they begin at multiples of their step, and the last one has ended.
struct Points {
  Time first;
  std::chrono::seconds step{};
  std::int64_t count = 0;

  Time end() const { return first + step * count; }
  /// Which point `time` falls into; nothing outside.
  std::optional<std::size_t> at(Time time) const;
  std::vector<Time> times() const;
};
struct Chart {
  Points points;
  Grain grain{};
};
/// Throws Error(unprocessable) at /step.
Chart chart_of(const WindowName& window, std::optional<std::int64_t> step_s, Time now);
/// 30 points of the fine grain.
Points sparkline_of(const ShortWindowName& window, Time now);

/// To four digits: enough for a chart, few enough for the wire.
double rounded(double value);
/// Nothing when the whole is 0.
std::optional<double> ratio(std::int64_t part, std::int64_t whole);

/// The value that `quantile` (0 to 1) of the observations do not exceed, in milliseconds, by the middle of its bucket;
/// nothing when there are none.
std::optional<double> percentile_ms(const Histogram& histogram, double quantile);

struct TimedTraffic {
  Time start;
  Traffic traffic;
};
/// `rows` and `covered` (the buckets of time that a gateway reported, without repeats) are of the chart's grain.
TrafficSeries traffic_series(const Chart& chart, std::span<const TimedTraffic> rows, std::span<const Time> covered);

/// What an agent saw of a replica. `cpu_us` counts up from the start of its process.
struct Sample {
  Time at;
  std::int64_t memory_bytes = 0;
  std::int64_t cpu_us = 0;
  std::vector<targets::EngineSample> engine = {};
};
/// `samples` in the order of time. Two that are further apart than `gap_max` are not joined.
ReplicaSeries replica_series(const Points& points, std::string replica_id, std::span<const Sample> samples,
                             std::chrono::seconds gap_max, const Vocabulary& vocabulary);
/// Of what an agent told, that which can be: names of the vocabulary, and finite numbers of at least 0; each name once.
std::vector<targets::EngineSample> checked(const std::vector<targets::EngineSample>& told,
                                           const Vocabulary& vocabulary);

/// Where a gateway's /metrics is found: where it says that it listens, and when that is at every address, the one that
/// its report came from. Empty when it cannot be told.
std::string scrape_address(const std::string& listens, const std::string& remote_address);
/// Whether it can be reached from its own machine only.
bool is_loopback(std::string_view address);

/// A range of the history: throws Error(unprocessable) at /from, /to or /step.
Points history_points(const GetDeploymentHistory& request, Time now);
/// The metrics that history has of every deployment: those of its traffic and of its replicas.
const std::vector<std::string>& common_metrics();
/// "ms", "1/s", "By"…
std::string unit_of(const std::string& metric, const Vocabulary& vocabulary);

/// Throws Error(unprocessable) for a report that no gateway of ours would make.
void check(const ReportMetrics& report, Time now);

}  // namespace modelops::monitoring
