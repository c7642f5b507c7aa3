#include "monitoring/rules.hpp"

#include <gmock/gmock.h>

#include <random>

#include "base/error.hpp"

namespace modelops::monitoring {
namespace {

using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;

constexpr Time noon{1'800'000'000'000'000};  // a whole hour

Histogram histogram_of(const std::vector<std::int64_t>& values_us) {
  Histogram out;
  for (const std::int64_t value : values_us) add(out, histogram_bucket(value), 1);
  return out;
}

std::string violation_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.violations.at(0).pointer + " " + error.violations.at(0).message;
  }
  return "nothing was thrown";
}

// ---- histograms ----------------------------------------------------------------------------------------------------

TEST(HistogramTest, BucketsHaveNoHolesAndStayWithinTheErrorBound) {
  std::int64_t next = 0;
  for (int bucket = 0; bucket < histogram_buckets; ++bucket) {
    EXPECT_EQ(bucket_lower_us(bucket), next);
    next += bucket_width_us(bucket);
    EXPECT_EQ(histogram_bucket(bucket_lower_us(bucket)), bucket);
    EXPECT_EQ(histogram_bucket(next - 1), bucket);
    const double half_width = static_cast<double>(bucket_width_us(bucket) - 1) / 2;
    EXPECT_LE(half_width, latency_relative_error * static_cast<double>(bucket_lower_us(bucket)));
  }
  EXPECT_EQ(next, 1LL << 30);
  EXPECT_EQ(histogram_bucket(-5), 0);
  EXPECT_EQ(histogram_bucket(std::numeric_limits<std::int64_t>::max()), histogram_buckets - 1);
}

TEST(HistogramTest, MergingIsAsIfAllHadBeenCountedInOnePlace) {
  std::mt19937 random(1);
  std::vector<std::int64_t> all;
  Histogram merged;
  for (int part = 0; part < 20; ++part) {
    std::vector<std::int64_t> some;
    for (int i = 0; i < 50; ++i) some.push_back(static_cast<std::int64_t>(std::exp2(random() % 30)));
    add(merged, histogram_of(some));
    all.insert(all.end(), some.begin(), some.end());
  }
  EXPECT_EQ(merged, histogram_of(all));
  EXPECT_TRUE(std::ranges::is_sorted(merged.buckets));
}

TEST(PercentileTest, IsTheNearestRankWithinTheErrorBound) {
  EXPECT_EQ(percentile_ms({}, 0.5), std::nullopt);
  EXPECT_THAT(percentile_ms(histogram_of({7}), 0.99), Optional(0.007));
  std::mt19937 random(2);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::int64_t> values;
    const auto count = 1 + random() % 500;
    for (std::size_t i = 0; i < count; ++i) values.push_back(static_cast<std::int64_t>(random() % 5'000'000));
    const Histogram histogram = histogram_of(values);
    std::ranges::sort(values);
    for (const double quantile : {0.0, 0.5, 0.95, 0.99, 1.0}) {
      const auto rank =
          std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(quantile * static_cast<double>(count))));
      const double exact = static_cast<double>(values[rank - 1]) / 1000;
      // The digits that are cut off come on top.
      EXPECT_NEAR(percentile_ms(histogram, quantile).value(), exact, exact * (latency_relative_error + 1e-4) + 1e-6);
    }
  }
}

// ---- points --------------------------------------------------------------------------------------------------------

TEST(ChartTest, EndsWithTheLastPointThatIsComplete) {
  const auto chart = [](const char* window, std::optional<std::int64_t> step, Time now) {
    return chart_of(*WindowName::parse(window), step, now);
  };
  const Chart quarter = chart("15m", std::nullopt, noon + 8s);
  EXPECT_EQ(quarter.points.step, 5s);
  EXPECT_EQ(quarter.points.count, 180);
  EXPECT_EQ(quarter.points.end(), noon);  // the next one ends at +5 s, and reports may still come
  EXPECT_EQ(chart("15m", std::nullopt, noon + 9s).points.end(), noon + 5s);
  EXPECT_EQ(chart("1h", std::nullopt, noon).points.step, 15s);
  EXPECT_EQ(chart("24h", std::nullopt, noon).points.count, 288);
  EXPECT_EQ(chart("24h", 60, noon).grain.step, coarse.step);
  for (const auto& [window, step] :
       std::vector<std::pair<const char*, int>>{{"15m", 7}, {"15m", 900}, {"1h", 2000}, {"24h", 30}, {"24h", 17 * 60}})
    EXPECT_THAT(violation_of([&] { chart(window, step, noon); }), HasSubstr("/step")) << window << step;
  const Points line = sparkline_of(*ShortWindowName::parse("15m"), noon + 1s);
  EXPECT_EQ(line.count, 30);
  EXPECT_EQ(line.step, 30s);
  EXPECT_EQ(line.end(), noon - 30s);
}

/// Nothing that a chart shows may have been forgotten.
TEST(ChartTest, ReachesNoFurtherBackThanWhatIsKept) {
  for (const char* window : {"15m", "1h", "24h"}) {
    for (std::int64_t step = 5; step <= 8640; step += 5) {
      for (const Time now : {noon, noon + 1s, noon + 3599s}) {
        try {
          const Chart chart = chart_of(*WindowName::parse(window), step, now);
          EXPECT_GE(chart.points.first, now - chart.grain.kept) << window << step;
        } catch (const Error&) {
          continue;  // refused
        }
      }
    }
  }
}

Chart small_chart(Grain grain = fine, std::chrono::seconds step = 10s) { return {{noon, step, 3}, grain}; }

TEST(TrafficSeriesTest, RatesAreOverTheTimeThatWasReported) {
  Traffic traffic;
  traffic.requests = 10;
  traffic.server_errors = 2;
  traffic.client_errors = 1;
  traffic.tokens_out = 50;
  traffic.in_flight_us = 15'000'000;
  traffic.duration = histogram_of({10});
  Traffic more;
  more.requests = 30;
  more.duration = histogram_of({12});
  const std::vector<TimedTraffic> rows{
      {noon, traffic}, {noon + 5s, more}, {noon + 10s, traffic}, {noon + 40s, traffic}};
  const std::vector<Time> covered{noon, noon + 5s, noon + 10s};
  const TrafficSeries series = traffic_series(small_chart(), rows, covered);
  EXPECT_THAT(series.requests_per_second, ElementsAre(Optional(4.0), Optional(2.0), std::nullopt));
  EXPECT_THAT(series.error_ratio, ElementsAre(Optional(0.05), Optional(0.2), std::nullopt));
  EXPECT_THAT(series.tokens_out_per_second, ElementsAre(Optional(5.0), Optional(10.0), std::nullopt));
  EXPECT_THAT(series.in_flight, ElementsAre(Optional(1.5), Optional(3.0), std::nullopt));
  EXPECT_THAT(series.duration_p50_ms, ElementsAre(Optional(0.01), Optional(0.01), std::nullopt));
  EXPECT_THAT(series.duration_p99_ms, ElementsAre(Optional(0.012), Optional(0.01), std::nullopt));
}

TEST(TrafficSeriesTest, SilenceIsZeroAndAbsenceIsNull) {
  const std::vector<Time> covered{noon + 10s};
  const TrafficSeries series = traffic_series(small_chart(), {}, covered);
  EXPECT_THAT(series.requests_per_second, ElementsAre(std::nullopt, Optional(0.0), std::nullopt));
  EXPECT_THAT(series.queue_depth, ElementsAre(std::nullopt, Optional(0.0), std::nullopt));
  EXPECT_THAT(series.error_ratio, Each(std::nullopt));
  EXPECT_THAT(series.first_token_p95_ms, Each(std::nullopt));
}

/// However gateways and buckets divide the requests, a roll-up says the same.
TEST(TrafficSeriesTest, TheCoarseGrainSaysTheSameAsTheFineOne) {
  std::mt19937 random(3);
  std::vector<TimedTraffic> fine_rows;
  std::map<Time, Traffic> minutes;
  std::vector<Time> fine_covered;
  for (int i = 0; i < 36; ++i) {
    Traffic traffic;
    traffic.requests = static_cast<std::int64_t>(random() % 100);
    for (int k = 0; k < traffic.requests; ++k)
      add(traffic.duration, histogram_bucket(static_cast<std::int64_t>(random() % 1'000'000)), 1);
    fine_rows.push_back({noon + 5s * i, traffic});
    fine_covered.push_back(noon + 5s * i);
    add(minutes[bucket_start(noon + 5s * i, coarse.step)], traffic);
  }
  std::vector<TimedTraffic> coarse_rows;
  std::vector<Time> coarse_covered;
  for (const auto& [start, traffic] : minutes) {
    coarse_rows.push_back({start, traffic});
    coarse_covered.push_back(start);
  }
  const TrafficSeries one = traffic_series(small_chart(fine, 60s), fine_rows, fine_covered);
  const TrafficSeries other = traffic_series(small_chart(coarse, 60s), coarse_rows, coarse_covered);
  EXPECT_EQ(one.requests_per_second, other.requests_per_second);
  EXPECT_EQ(one.duration_p95_ms, other.duration_p95_ms);
}

// ---- replicas ------------------------------------------------------------------------------------------------------

TEST(ReplicaSeriesTest, CpuIsTheDifferenceOfCountersSpreadOverTheirTime) {
  const Points points{noon, 10s, 4};
  const std::vector<Sample> samples{
      {noon - 5s, 100, 1'000'000}, {noon + 5s, 200, 6'000'000}, {noon + 15s, 300, 26'000'000}};
  const ReplicaSeries series = replica_series(points, "rep_1", samples, 12s, Vocabulary::embedded());
  // 0.5 cores to +5 s, then 2; the last sample holds for 12 s.
  EXPECT_THAT(series.cpu_cores, ElementsAre(Optional(1.25), Optional(2.0), std::nullopt, std::nullopt));
  EXPECT_THAT(series.memory_bytes, ElementsAre(Optional(200.0), Optional(300.0), Optional(300.0), std::nullopt));
}

TEST(ReplicaSeriesTest, ANewProcessCountsFromZeroAndAGapIsNotBridged) {
  const Points points{noon, 10s, 3};
  const std::vector<Sample> restarted{{noon, 1, 90'000'000}, {noon + 10s, 1, 5'000'000}};
  EXPECT_THAT(replica_series(points, "r", restarted, 30s, Vocabulary::embedded()).cpu_cores[0], Optional(0.5));
  const std::vector<Sample> apart{{noon - 100s, 1, 0}, {noon + 10s, 1, 5'000'000}};
  const ReplicaSeries series = replica_series(points, "r", apart, 30s, Vocabulary::embedded());
  EXPECT_THAT(series.cpu_cores, Each(std::nullopt));
  EXPECT_THAT(series.memory_bytes, ElementsAre(std::nullopt, Optional(1.0), Optional(1.0)));
  EXPECT_THAT(replica_series(points, "r", {}, 30s, Vocabulary::embedded()).memory_bytes, Each(std::nullopt));
}

TEST(ReplicaSeriesTest, EnginesTellLevelsCountsAndMeans) {
  const Points points{noon, 10s, 3};
  const std::vector<Sample> samples{
      {noon, 1, 0, {{"kv_usage_ratio", 0.25, {}}, {"tokens_out_total", 100, {}}, {"ttft_seconds", 4, 20}}},
      {noon + 10s, 1, 0, {{"kv_usage_ratio", 0.5, {}}, {"tokens_out_total", 300, {}}, {"ttft_seconds", 7, 30}}},
      // A new process, which has served two requests.
      {noon + 20s, 1, 0, {{"kv_usage_ratio", 0, {}}, {"tokens_out_total", 50, {}}, {"ttft_seconds", 1, 2}}}};
  const auto engine = replica_series(points, "r", samples, 12s, Vocabulary::embedded()).engine;
  ASSERT_EQ(engine.size(), 3u);
  EXPECT_EQ(engine[0].name, "kv_usage_ratio");
  EXPECT_THAT(engine[0].values, ElementsAre(Optional(0.25), Optional(0.5), Optional(0.0)));
  EXPECT_THAT(engine[1].values, ElementsAre(Optional(20.0), Optional(5.0), std::nullopt));
  EXPECT_THAT(engine[2].values, ElementsAre(Optional(0.3), Optional(0.5), std::nullopt));
  const std::vector<Sample> idle{{noon, 1, 0, {{"ttft_seconds", 4, 20}}},
                                 {noon + 10s, 1, 0, {{"ttft_seconds", 4, 20}}}};
  EXPECT_THAT(replica_series(points, "r", idle, 12s, Vocabulary::embedded()).engine.at(0).values, Each(std::nullopt))
      << "nobody called, so there is no mean";
}

TEST(EngineSamples, OnlyWhatCanBeIsKept) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<targets::EngineSample> told{
      {"requests_running", 2, {}},       {"requests_running", 3, {}},   {"made_up", 1, {}},
      {"kv_usage_ratio", infinity, {}},  {"tokens_out_total", -1, {}},  {"ttft_seconds", 1, infinity},
      {"tpot_seconds", 1, std::nan("")}, {"a{b=\"c\"} 1\nup 1", 1, {}}, {"itl_seconds", 1, 2.0}};
  EXPECT_THAT(checked(told, Vocabulary::embedded()), ElementsAre(told[0], told[8]));
}

// ---- where gateways are
// ----------------------------------------------------------------------------------------------

TEST(ScrapeAddress, IsWhereAGatewaySaysOrWhereItsReportCameFrom) {
  EXPECT_EQ(scrape_address("127.0.0.1:18088", "10.0.0.7"), "127.0.0.1:18088");
  EXPECT_EQ(scrape_address("0.0.0.0:18088", "10.0.0.7"), "10.0.0.7:18088");
  EXPECT_EQ(scrape_address("[::]:18088", "fd00::7"), "[fd00::7]:18088");
  EXPECT_EQ(scrape_address("::1:18088", ""), "[::1]:18088");
  for (const char* hostile : {"", ":", "1.2.3.4", "1.2.3.4:", "1.2.3.4:0", "1.2.3.4:65536", "example.org:80",
                              "1.2.3.4@example.org:80", "1.2.3.4/metrics?x=:80", "0.0.0.0:1x"})
    EXPECT_EQ(scrape_address(hostile, "10.0.0.7"), "") << hostile;
  EXPECT_TRUE(is_loopback("127.0.0.1:1") && is_loopback("127.9.9.9:1") && is_loopback("[::1]:1"));
  EXPECT_FALSE(is_loopback("10.0.0.7:1") || is_loopback("[fd00::7]:1"));
}

// ---- ranges of the history
// -------------------------------------------------------------------------------------------

TEST(HistoryPoints, AreBoundedAndRegular) {
  const auto request = [](std::optional<Time> from, std::optional<Time> to, std::int64_t step = 0) {
    GetDeploymentHistory out;
    out.from = from;
    out.to = to;
    if (step != 0) out.step = reflect::Ranged<15, 86400>::parse(step);
    return out;
  };
  const Points hour = history_points(request({}, {}), noon + 7s);
  EXPECT_EQ(hour.step, 15s);
  EXPECT_EQ(hour.end(), noon);
  EXPECT_EQ(hour.count, 240);
  const Points week = history_points(request(noon - 24h * 7, noon), noon);
  EXPECT_EQ(week.step, 3600s);
  EXPECT_EQ(week.count, 168);
  EXPECT_EQ(history_points(request(noon - 60s, noon, 30), noon).times(), (std::vector<Time>{noon - 60s, noon - 30s}));
  const auto refusal = [&](const GetDeploymentHistory& asked) {
    return violation_of([&] { history_points(asked, noon); });
  };
  EXPECT_THAT(refusal(request({}, noon + 1h)), HasSubstr("/to"));
  EXPECT_THAT(refusal(request(noon, noon)), HasSubstr("/from"));
  EXPECT_THAT(refusal(request(Time{-1}, noon)), HasSubstr("/from"));
  EXPECT_THAT(refusal(request(noon - 24h * 32, noon)), HasSubstr("31 days"));
  EXPECT_THAT(refusal(request(noon - 24h * 30, noon, 60)), HasSubstr("1729 seconds or more"));
  EXPECT_THAT(refusal(request(noon - 60s, noon, 3600)), HasSubstr("/step"));
}

// ---- reports -------------------------------------------------------------------------------------------------------

TEST(ReportTest, WhatNoGatewayOfOursWouldSayIsRefused) {
  const auto report = [] {
    ReportMetrics out{{1}, {"run"}, {1}, {{noon, {{"dep_1", {}}}}}};
    out.buckets[0].deployments[0].traffic.duration = histogram_of({1, 2, 3});
    return out;
  };
  const auto refusal = [&](const std::function<void(ReportMetrics&)>& change) {
    ReportMetrics changed = report();
    change(changed);
    return violation_of([&] { check(changed, noon); });
  };
  EXPECT_NO_THROW(check(report(), noon));
  EXPECT_THAT(refusal([](auto& r) { r.protocol = {2}; }), HasSubstr("/protocol"));
  EXPECT_THAT(refusal([](auto& r) { r.run = {""}; }), HasSubstr("/run"));
  EXPECT_THAT(refusal([](auto& r) { r.run = {"a\nb"}; }), HasSubstr("/run"));
  EXPECT_THAT(refusal([](auto& r) { r.sequence = {0}; }), HasSubstr("/sequence"));
  EXPECT_THAT(refusal([](auto& r) { r.buckets[0].start.us += 1; }), HasSubstr("/buckets/0/start"));
  EXPECT_THAT(refusal([](auto& r) { r.buckets[0].start = noon + 400s; }), HasSubstr("future"));
  EXPECT_THAT(refusal([](auto& r) { r.buckets[0].start.us = -5'000'000; }), HasSubstr("/buckets/0/start"));
  EXPECT_THAT(refusal([](auto& r) { r.buckets.resize(buckets_per_report_max + 1, r.buckets[0]); }),
              HasSubstr("/buckets"));
  EXPECT_THAT(refusal([](auto& r) {
                auto& list = r.buckets[0].deployments;
                list.resize(deployments_per_report_max + 1, list[0]);
              }),
              HasSubstr("/deployments"));
  const auto bad_traffic = [&](const std::function<void(Traffic&)>& change) {
    return refusal([&](ReportMetrics& r) { change(r.buckets[0].deployments[0].traffic); });
  };
  EXPECT_THAT(bad_traffic([](Traffic& t) { t.requests = -1; }), HasSubstr("/buckets/0/deployments/0/traffic/requests"));
  EXPECT_THAT(bad_traffic([](Traffic& t) { t.tokens_out = count_max + 1; }), HasSubstr("/tokens_out"));
  EXPECT_THAT(bad_traffic([](Traffic& t) { t.duration.counts.pop_back(); }), HasSubstr("/duration"));
  EXPECT_THAT(bad_traffic([](Traffic& t) { std::swap(t.duration.buckets[0], t.duration.buckets[1]); }),
              HasSubstr("/duration"));
  EXPECT_THAT(bad_traffic([](Traffic& t) { t.duration.buckets[2] = histogram_buckets; }), HasSubstr("/duration"));
  EXPECT_THAT(bad_traffic([](Traffic& t) { t.duration.counts[0] = 0; }), HasSubstr("/duration"));
}

}  // namespace
}  // namespace modelops::monitoring
