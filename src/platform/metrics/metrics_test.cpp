#include "platform/metrics/metrics.hpp"

#include <gmock/gmock.h>

namespace modelops::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, the_same_name_and_labels_are_the_same_series) {
  Registry registry;
  registry.counter("requests_total", "Requests.", {{"route", "models"}}).add();
  registry.counter("requests_total", "Requests.", {{"route", "models"}}).add(2);
  registry.counter("requests_total", "Requests.", {{"route", "other"}}).add(-5);
  EXPECT_EQ(registry.counter("requests_total", "Requests.", {{"route", "models"}}).value(), 3);
  const std::string text = registry.expose();
  EXPECT_THAT(text, HasSubstr("# TYPE requests_total counter"));
  EXPECT_THAT(text, HasSubstr("requests_total{route=\"models\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("requests_total{route=\"other\"} 0\n"));
}

TEST(Metrics, the_series_of_a_scope_leave_with_it) {
  Registry registry;
  registry.counter("requests_total", "Requests.", {{"route", "models"}}).add();
  {
    Scope scope(registry);
    scope.counter("requests_total", "Requests.", {{"route", "gone"}}).add();
    scope.gauge("depth", "Depth.", {{"route", "gone"}}).set(1);
    scope.histogram("latency_seconds", "Latency.", {1}, {{"route", "gone"}}).observe(1);
    EXPECT_THAT(registry.expose(), HasSubstr("latency_seconds_count{route=\"gone\"} 1\n"));
  }
  EXPECT_THAT(registry.expose(), Not(HasSubstr("gone")));
  EXPECT_THAT(registry.expose(), HasSubstr("requests_total{route=\"models\"} 1\n"));
  Scope again(registry);
  EXPECT_EQ(again.counter("requests_total", "Requests.", {{"route", "gone"}}).value(), 0);
}

TEST(Metrics, a_label_value_cannot_forge_a_line) {
  Registry registry;
  registry.gauge("depth", "Depth.", {{"queue", "a\"\nforged 1"}}).set(4);
  EXPECT_THAT(registry.expose(), HasSubstr(R"(depth{queue="a\"\nforged 1"} 4)"));
}

TEST(Metrics, a_histogram_counts_by_bucket) {
  Registry registry;
  const Histogram latency = registry.histogram("latency_seconds", "Latency.", {0.1, 1});
  latency.observe(0.05);
  latency.observe(0.5);
  latency.observe(5);
  const std::string text = registry.expose();
  EXPECT_THAT(text, HasSubstr("latency_seconds_bucket{le=\"0.1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("latency_seconds_bucket{le=\"1\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("latency_seconds_bucket{le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("latency_seconds_count 3\n"));
}

TEST(Metrics, a_wrong_name_or_type_is_refused) {
  Registry registry;
  registry.counter("things", "Things.");
  EXPECT_THROW(registry.gauge("things", "Things."), std::logic_error);
  EXPECT_THROW(registry.counter("not a name", "x"), std::logic_error);
}

}  // namespace
}  // namespace modelops::metrics
