#include "monitoring/rules.hpp"

#include <array>
#include <cmath>
#include <set>

#include "base/error.hpp"
#include "reflect/json.hpp"

namespace modelops::monitoring {
namespace {

constexpr std::int64_t points_min = 10;
constexpr std::int64_t points_max = 1440;
constexpr std::chrono::minutes clock_skew_max{5};  // as for signatures
constexpr std::int64_t sparkline_points = 30;

std::chrono::seconds length_of(std::string_view window) {
  if (window == "15m") return std::chrono::minutes(15);
  if (window == "1h") return std::chrono::hours(1);
  if (window == "6h") return std::chrono::hours(6);
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

/// Every text of `told` is short, every number is one that can be.
template <reflect::Described T>
void check_bounds(const T& told, const std::string& pointer) {
  const auto check_text = [](const std::string& text, const std::string& at) {
    if (text.size() > request_text_bytes_max)
      fail_field(at, fmt::format("must have at most {} bytes", request_text_bytes_max));
  };
  reflect::visit_members(told, [&](std::string_view name, const auto& member) {
    using M = std::remove_cvref_t<decltype(member)>;
    const std::string own = fmt::format("{}/{}", pointer, name);
    const auto check_number = [&](auto value) {
      if (!(value >= 0 && value <= count_max)) fail_field(own, fmt::format("must be 0 to {}", count_max));
    };
    if constexpr (std::is_same_v<M, std::string>) {
      check_text(member, own);
    } else if constexpr (std::is_same_v<M, double> || std::is_same_v<M, int>) {
      check_number(member);
    } else if constexpr (reflect::is_optional<M>) {
      if (member) check_number(*member);
    } else if constexpr (reflect::is_map<M>) {
      if (member.size() > attributes_per_span_max)
        fail_field(own, fmt::format("must not have more than {} entries", attributes_per_span_max));
      for (const auto& [key, value] : member) check_text(key, own), check_text(value, own);
    }
  });
}

void check(const RequestTrace& trace, Time now, const std::string& pointer) {
  check_bounds(trace, pointer);
  check_bounds(trace.request, pointer + "/request");
  if (trace.request.started_at.us < 0 || trace.request.started_at > now + clock_skew_max)
    fail_field(pointer + "/request/started_at", "must not be in the future: set this machine's clock (NTP)");
  if (trace.spans.size() > spans_per_request_max)
    fail_field(pointer + "/spans", fmt::format("must not have more than {} entries", spans_per_request_max));
  for (std::size_t i = 0; i < trace.spans.size(); ++i)
    check_bounds(trace.spans[i], fmt::format("{}/spans/{}", pointer, i));
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
                                     : length == std::chrono::hours(6)  ? coarse.step
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

namespace {

/// Of one thing that was seen at some moments: a level, or a count, or a sum and what it is over.
struct Seen {
  Time at;
  double value = 0;
  double divisor = 0;
};

/// What was seen holds until the next time, or as long as one is waited for.
Values held(const Points& points, std::span<const Seen> seen, std::chrono::seconds gap_max) {
  Values out(static_cast<std::size_t>(points.count));
  for (std::size_t i = 0; i < seen.size(); ++i) {
    Time until = seen[i].at + gap_max;
    if (i + 1 < seen.size()) until = std::min(until, seen[i + 1].at);
    const Time from = std::max(seen[i].at, points.first);
    if (from >= until || from >= points.end()) continue;
    const std::size_t last = points.at(std::min(until, points.end()) - std::chrono::microseconds(1)).value();
    for (std::size_t at = points.at(from).value(); at <= last; ++at) out[at] = seen[i].value;
  }
  return out;
}

/// What was counted between two times, spread evenly over them and divided by the time, or with `over_divisor` by what
/// it is over.
Values counted(const Points& points, std::span<const Seen> seen, std::chrono::seconds gap_max, bool over_divisor) {
  const auto count = static_cast<std::size_t>(points.count);
  std::vector<double> sum(count), over(count);
  for (std::size_t i = 1; i < seen.size(); ++i) {
    const Seen& before = seen[i - 1];
    const Seen& now = seen[i];
    const std::chrono::microseconds length = now.at - before.at;
    if (length.count() <= 0 || length > gap_max) continue;
    // A count that went back belongs to a new process.
    const bool anew = now.value < before.value || now.divisor < before.divisor;
    const double grown = anew ? now.value : now.value - before.value;
    const double divided = over_divisor ? (anew ? now.divisor : now.divisor - before.divisor) : seconds_of(length);
    for (Time at = std::max(before.at, points.first); at < std::min(now.at, points.end());) {
      const std::size_t point = points.at(at).value();
      const Time end = std::min(points.first + points.step * static_cast<std::int64_t>(point + 1), now.at);
      const double part = seconds_of(end - at) / seconds_of(length);
      sum[point] += grown * part;
      over[point] += divided * part;
      at = end;
    }
  }
  Values out(count);
  for (std::size_t i = 0; i < count; ++i)
    if (over[i] > 0) out[i] = rounded(sum[i] / over[i]);
  return out;
}

}  // namespace

ReplicaSeries replica_series(const Points& points, std::string replica_id, std::span<const Sample> samples,
                             std::chrono::seconds gap_max, const Vocabulary& vocabulary) {
  std::vector<Seen> memory, cpu;
  std::map<std::pair<std::string, bool>, std::vector<Seen>> engine;  // by name and whether there is a divisor
  for (const Sample& sample : samples) {
    memory.push_back({sample.at, static_cast<double>(sample.memory_bytes)});
    cpu.push_back({sample.at, static_cast<double>(sample.cpu_us) / 1e6});
    for (const targets::EngineSample& said : sample.engine)
      engine[{said.name, said.divisor.has_value()}].push_back({sample.at, said.value, said.divisor.value_or(0)});
  }
  ReplicaSeries out{std::move(replica_id), counted(points, cpu, gap_max, false), held(points, memory, gap_max), {}};
  for (const auto& [key, seen] : engine) {
    const auto& [name, has_divisor] = key;
    const std::string* unit = vocabulary.unit(name);
    if (unit == nullptr) continue;
    const EngineKind kind = engine_kind(name, has_divisor);
    out.engine.push_back({name, *unit,
                          kind == EngineKind::level ? held(points, seen, gap_max)
                                                    : counted(points, seen, gap_max, kind == EngineKind::mean)});
  }
  return out;
}

std::vector<targets::EngineSample> checked(const std::vector<targets::EngineSample>& told,
                                           const Vocabulary& vocabulary) {
  const auto is_count = [](double value) { return std::isfinite(value) && value >= 0; };
  std::vector<targets::EngineSample> out;
  std::set<std::string_view> names;
  for (const targets::EngineSample& sample : told) {
    if (out.size() == targets::engine_samples_max) break;
    if (vocabulary.unit(sample.name) == nullptr || !is_count(sample.value) || !is_count(sample.divisor.value_or(0)) ||
        !names.insert(sample.name).second)
      continue;
    out.push_back(sample);
  }
  return out;
}

std::string scrape_address(const std::string& listens, const std::string& remote_address) {
  const std::size_t colon = listens.rfind(':');
  if (colon == std::string::npos) return {};
  const auto port = reflect::parse_integer_text(std::string_view(listens).substr(colon + 1));
  if (!port || *port < 1 || *port > 65535) return {};
  std::string host = listens.substr(0, colon);
  if (host == "0.0.0.0" || host == "::" || host == "[::]") host = remote_address;
  if (host.starts_with("[") && host.ends_with("]")) host = host.substr(1, host.size() - 2);
  // An address, not a name: nothing is resolved on behalf of a machine.
  const bool numeric =
      !host.empty() && host.size() <= 45 && host.find_first_not_of("0123456789abcdefABCDEF.:") == std::string::npos;
  if (!numeric) return {};
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, *port) : fmt::format("[{}]:{}", host, *port);
}

bool is_loopback(std::string_view address) { return address.starts_with("127.") || address.starts_with("[::1]"); }

Points history_points(const GetDeploymentHistory& request, Time now) {
  constexpr std::chrono::seconds range_max = std::chrono::days(31);
  constexpr std::int64_t count_most = 1500;
  constexpr std::int64_t count_usual = 300;
  constexpr std::array<std::int64_t, 11> steps = {15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400};
  const Time to = request.to.value_or(now);
  if (to > now + clock_skew_max) fail_field("/to", "must not be in the future");
  const Time from = request.from.value_or(to - std::chrono::hours(1));
  if (from.us < 0 || from >= to) fail_field("/from", "must be before `to`");
  if (to - from > range_max)
    fail_field("/from", fmt::format("must not be more than {} days before `to`", range_max / std::chrono::days(1)));
  std::chrono::seconds step{0};
  if (request.step) {
    step = std::chrono::seconds(request.step->number());
  } else {
    for (const std::int64_t seconds : steps) {
      step = std::chrono::seconds(seconds);
      if ((to - from) / step <= count_usual) break;
    }
  }
  const Time end = bucket_start(to, step);
  const std::int64_t count = (to - from) / step;
  if (count < 1) fail_field("/step", "must not be longer than the range");
  if (count > count_most)
    fail_field("/step", fmt::format("must make at most {} points of the range: {} seconds or more", count_most,
                                    (to - from) / std::chrono::seconds(count_most) + 1));
  return {end - step * count, step, count};
}

const std::vector<std::string>& common_metrics() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    const TrafficSeries traffic;
    reflect::visit_members(traffic, [&](std::string_view name, const Values&) { out.emplace_back(name); });
    out.insert(out.end(), {"cpu_cores", "memory_bytes"});
    return out;
  }();
  return names;
}

std::string unit_of(const std::string& metric, const Vocabulary& vocabulary) {
  if (const std::string* unit = vocabulary.unit(metric)) return metric.ends_with("_total") ? *unit + "/s" : *unit;
  if (metric.ends_with("_ms")) return "ms";
  if (metric.starts_with("tokens_")) return "token/s";
  if (metric.ends_with("_per_second")) return "1/s";
  if (metric == "memory_bytes") return "By";
  return metric == "cpu_cores" ? "cores" : "1";
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
  if (report.requests.size() > requests_per_report_max)
    fail_field("/requests", fmt::format("must not have more than {} entries", requests_per_report_max));
  for (std::size_t i = 0; i < report.requests.size(); ++i)
    check(report.requests[i], now, fmt::format("/requests/{}", i));
}

}  // namespace modelops::monitoring
