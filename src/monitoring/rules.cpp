#include "monitoring/rules.hpp"

#include <cmath>

#include "base/error.hpp"

namespace modelops::monitoring {
namespace {

constexpr std::int64_t points_min = 10;
constexpr std::int64_t points_max = 1440;
constexpr std::chrono::minutes clock_skew_max{5};  // as for signatures
constexpr std::int64_t sparkline_points = 30;

std::chrono::seconds length_of(std::string_view window) {
  if (window == "15m") return std::chrono::minutes(15);
  if (window == "1h") return std::chrono::hours(1);
  return std::chrono::hours(24);
}

double seconds_of(std::chrono::microseconds duration) { return std::chrono::duration<double>(duration).count(); }

Points points_until(Time now, std::chrono::seconds step, std::chrono::seconds length) {
  const Time end = bucket_start(now - report_delay, step);
  return {end - length, step, length / step};
}

void check_count(std::int64_t value, const std::string& pointer) {
  if (value < 0 || value > count_max) fail_field(pointer, fmt::format("must be 0 to {}", count_max));
}

void check(const Histogram& histogram, const std::string& pointer) {
  const auto refuse = [&] {
    fail_field(pointer, fmt::format("must list buckets from 0 to {} in their order, each with its count",
                                    histogram_buckets - 1));
  };
  if (histogram.buckets.size() != histogram.counts.size()) refuse();
  int before = -1;
  for (std::size_t i = 0; i < histogram.buckets.size(); ++i) {
    const int bucket = histogram.buckets[i];
    const std::int64_t count = histogram.counts[i];
    if (bucket <= before || bucket >= histogram_buckets || count < 1 || count > count_max) refuse();
    before = bucket;
  }
}

void check(const Traffic& traffic, const std::string& pointer) {
  reflect::visit_members(traffic, [&](std::string_view name, const auto& member) {
    const std::string own = fmt::format("{}/{}", pointer, name);
    if constexpr (std::is_same_v<decltype(member), const std::int64_t&>)
      check_count(member, own);
    else
      check(member, own);
  });
}

}  // namespace

double rounded(double value) {
  if (value == 0 || !std::isfinite(value)) return 0;
  const double scale = std::pow(10, 4 - std::ceil(std::log10(std::abs(value))));
  return std::round(value * scale) / scale;
}

std::optional<double> ratio(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return std::nullopt;
  return rounded(static_cast<double>(part) / static_cast<double>(whole));
}

std::optional<std::size_t> Points::at(Time time) const {
  if (time < first || time >= end()) return std::nullopt;
  return static_cast<std::size_t>((time - first) / step);
}

std::vector<Time> Points::times() const {
  std::vector<Time> out;
  out.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) out.push_back(first + step * i);
  return out;
}

Chart chart_of(const WindowName& window, std::optional<std::int64_t> step_s, Time now) {
  const std::chrono::seconds length = length_of(window.str());
  const Grain& grain = length > std::chrono::hours(1) ? coarse : fine;
  const std::chrono::seconds usual = length == std::chrono::minutes(15) ? fine.step
                                     : length == std::chrono::hours(1)  ? std::chrono::seconds(15)
                                                                        : std::chrono::seconds(300);
  const std::chrono::seconds step = step_s ? std::chrono::seconds(*step_s) : usual;
  const std::int64_t count = length / step;
  if (step % grain.step != std::chrono::seconds(0) || length % step != std::chrono::seconds(0) || count < points_min ||
      count > points_max)
    fail_field("/step", fmt::format("must be a multiple of {} that divides {} seconds into {} to {} points",
                                    grain.step.count(), length.count(), points_min, points_max));
  return {points_until(now, step, length), grain};
}

Points sparkline_of(const ShortWindowName& window, Time now) {
  const std::chrono::seconds length = length_of(window.str());
  return points_until(now, length / sparkline_points, length);
}

std::optional<double> percentile_ms(const Histogram& histogram, double quantile) {
  std::int64_t total = 0;
  for (const std::int64_t count : histogram.counts) total += count;
  if (total == 0) return std::nullopt;
  const auto rank =
      std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(quantile * static_cast<double>(total))));
  std::int64_t seen = 0;
  int bucket = 0;
  for (std::size_t i = 0; i < histogram.buckets.size() && seen < rank; ++i) {
    bucket = histogram.buckets[i];
    seen += histogram.counts[i];
  }
  const double middle =
      static_cast<double>(bucket_lower_us(bucket)) + static_cast<double>(bucket_width_us(bucket) - 1) / 2;
  return rounded(middle / 1000);
}

TrafficSeries traffic_series(const Chart& chart, std::span<const TimedTraffic> rows, std::span<const Time> covered) {
  const auto count = static_cast<std::size_t>(chart.points.count);
  std::vector<std::int64_t> buckets_covered(count);
  for (const Time start : covered)
    if (const auto at = chart.points.at(start)) ++buckets_covered[*at];
  std::vector<Traffic> merged(count);
  for (const TimedTraffic& row : rows)
    if (const auto at = chart.points.at(row.start)) add(merged[*at], row.traffic);

  TrafficSeries out;
  reflect::visit_members(out, [&](std::string_view, Values& values) { values.resize(count); });
  for (std::size_t i = 0; i < count; ++i) {
    if (buckets_covered[i] == 0) continue;
    const Traffic& traffic = merged[i];
    const double seconds = seconds_of(chart.grain.step * buckets_covered[i]);
    const auto per_second = [&](std::int64_t value) { return rounded(static_cast<double>(value) / seconds); };
    out.requests_per_second[i] = per_second(traffic.requests);
    out.error_ratio[i] = ratio(traffic.server_errors, traffic.requests);
    out.client_error_ratio[i] = ratio(traffic.client_errors, traffic.requests);
    out.duration_p50_ms[i] = percentile_ms(traffic.duration, 0.50);
    out.duration_p95_ms[i] = percentile_ms(traffic.duration, 0.95);
    out.duration_p99_ms[i] = percentile_ms(traffic.duration, 0.99);
    out.first_token_p50_ms[i] = percentile_ms(traffic.first_token, 0.50);
    out.first_token_p95_ms[i] = percentile_ms(traffic.first_token, 0.95);
    out.first_token_p99_ms[i] = percentile_ms(traffic.first_token, 0.99);
    out.inter_token_p50_ms[i] = percentile_ms(traffic.token_gap, 0.50);
    out.inter_token_p95_ms[i] = percentile_ms(traffic.token_gap, 0.95);
    out.inter_token_p99_ms[i] = percentile_ms(traffic.token_gap, 0.99);
    out.tokens_in_per_second[i] = per_second(traffic.tokens_in);
    out.tokens_out_per_second[i] = per_second(traffic.tokens_out);
    out.in_flight[i] = rounded(static_cast<double>(traffic.in_flight_us) / 1e6 / seconds);
    out.queue_depth[i] = rounded(static_cast<double>(traffic.queued_us) / 1e6 / seconds);
  }
  return out;
}

ReplicaSeries replica_series(const Points& points, std::string replica_id, std::span<const Sample> samples,
                             std::chrono::seconds gap_max) {
  const auto count = static_cast<std::size_t>(points.count);
  ReplicaSeries out{std::move(replica_id), Values(count), Values(count)};
  std::vector<double> cpu_us(count), measured_us(count);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Sample& sample = samples[i];
    // What was seen holds until the next sample, or as long as one is waited for.
    Time until = sample.at + gap_max;
    if (i + 1 < samples.size()) until = std::min(until, samples[i + 1].at);
    const Time from = std::max(sample.at, points.first);
    if (from < until && from < points.end()) {
      const std::size_t last = points.at(std::min(until, points.end()) - std::chrono::microseconds(1)).value();
      for (std::size_t at = points.at(from).value(); at <= last; ++at)
        out.memory_bytes[at] = static_cast<double>(sample.memory_bytes);
    }
    if (i == 0) continue;
    const Sample& before = samples[i - 1];
    const std::chrono::microseconds length = sample.at - before.at;
    if (length.count() <= 0 || length > gap_max) continue;
    // A counter that went back belongs to a new process.
    const std::int64_t used = sample.cpu_us >= before.cpu_us ? sample.cpu_us - before.cpu_us : sample.cpu_us;
    const double rate = static_cast<double>(used) / static_cast<double>(length.count());
    for (Time at = std::max(before.at, points.first); at < std::min(sample.at, points.end());) {
      const std::size_t point = points.at(at).value();
      const Time end = std::min(points.first + points.step * static_cast<std::int64_t>(point + 1), sample.at);
      cpu_us[point] += rate * static_cast<double>((end - at).count());
      measured_us[point] += static_cast<double>((end - at).count());
      at = end;
    }
  }
  for (std::size_t i = 0; i < count; ++i)
    if (measured_us[i] > 0) out.cpu_cores[i] = rounded(cpu_us[i] / measured_us[i]);
  return out;
}

void check(const ReportMetrics& report, Time now) {
  if (*report.protocol != protocol_version)
    fail_field("/protocol",
               fmt::format("must be {}: use a gateway and a server of the same release", protocol_version));
  const std::string& run = *report.run;
  const bool printable = std::ranges::all_of(run, [](char c) { return c > ' ' && c < 0x7f; });
  if (run.empty() || run.size() > 64 || !printable) fail_field("/run", "must be 1 to 64 visible characters");
  if (*report.sequence < 1) fail_field("/sequence", "must count from 1");
  if (report.buckets.size() > buckets_per_report_max)
    fail_field("/buckets", fmt::format("must not have more than {} entries", buckets_per_report_max));
  std::size_t deployments = 0;
  for (std::size_t i = 0; i < report.buckets.size(); ++i) {
    const TrafficBucket& bucket = report.buckets[i];
    const std::string pointer = fmt::format("/buckets/{}", i);
    if (bucket.start.us < 0 || bucket_start(bucket.start, fine_step) != bucket.start)
      fail_field(pointer + "/start", fmt::format("must be a multiple of {} seconds", fine_step.count()));
    if (bucket.start > now + clock_skew_max)
      fail_field(pointer + "/start", "must not be in the future: set this machine's clock (NTP)");
    deployments += bucket.deployments.size();
    if (deployments > deployments_per_report_max)
      fail_field(pointer + "/deployments",
                 fmt::format("must not have more than {} entries in all", deployments_per_report_max));
    for (std::size_t k = 0; k < bucket.deployments.size(); ++k)
      check(bucket.deployments[k].traffic, fmt::format("{}/deployments/{}/traffic", pointer, k));
  }
}

}  // namespace modelops::monitoring
