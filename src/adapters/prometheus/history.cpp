#include "adapters/prometheus/history.hpp"

#include <cmath>

#include "adapters/prometheus/metrics.hpp"
#include "base/error.hpp"
#include "reflect/json.hpp"

namespace modelops::adapters::prometheus {
namespace {

using boost::json::value;

constexpr std::uint64_t answer_bytes_max = 8 << 20;
constexpr std::size_t series_max = 1000;
/// rate() needs some samples within its window, however short the steps of a chart are.
constexpr std::chrono::seconds window_min{60};

/// What a Prometheus that answers something else gets.
[[noreturn]] void fail_unusable(std::string detail) {
  fail(
      ErrorCode::unavailable,
      "The answer of Prometheus, which keeps the history, cannot be used: check that prometheus.url names a Prometheus "
      "and nothing else.",
      std::move(detail));
}

/// What Prometheus answers under "data"/"result". Throws Error(unavailable).
boost::json::array result_of(const std::string& text, std::string_view type) {
  try {
    value answer = reflect::parse_json_value(text, {.depth_max = 16, .elements_max = 2'000'000});
    const auto& whole = answer.as_object();
    if (whole.at("status").as_string() != "success") fail_unusable("status is not success");
    auto& data = answer.as_object().at("data").as_object();
    if (data.at("resultType").as_string() != type) fail_unusable("another type of result");
    auto result = std::move(data.at("result").as_array());
    if (result.size() > series_max) fail_unusable("too many series");
    return result;
  } catch (const Error& error) {
    if (error.code == ErrorCode::unavailable) throw;
    fail_unusable(error.message);
  } catch (const std::exception& error) {  // Boost.JSON: not there, or of another kind
    fail_unusable(error.what());
  }
}

/// `[time, "value"]`: the time in seconds, and the value unless it is not a finite number.
std::pair<double, std::optional<double>> sample_of(const value& sample) {
  const auto& pair = sample.as_array();
  const double time = pair.at(0).to_number<double>();
  const std::string text(pair.at(1).as_string());
  std::optional<double> number;
  if (text != "NaN" && text != "+Inf" && text != "-Inf") {
    number = reflect::parse_number_text(text);
    if (!number) fail_unusable("a value is no number");
  }
  if (number && !std::isfinite(*number)) number.reset();
  return {time, number};
}

std::string label(const value& series, std::string_view name) {
  const auto& labels = series.as_object().at("metric").as_object();
  const auto* found = labels.if_contains(name);
  return found == nullptr ? std::string() : std::string(found->as_string());
}

double seconds_of(Time time) { return static_cast<double>(time.us) / 1e6; }

}  // namespace

PrometheusHistory::PrometheusHistory(std::string url)
    : url_(url.ends_with('/') ? url.substr(0, url.size() - 1) : std::move(url)),
      client_({.addresses = http::AddressPolicy::any,
               .connect_timeout = std::chrono::seconds(2),
               .response_bytes_max = answer_bytes_max}) {}

std::string PrometheusHistory::ask(const std::string& path, const std::string& form, Deadline deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  const auto fail_silent = [](std::string detail) {
    fail(ErrorCode::unavailable,
         "Prometheus, which keeps the history, does not answer in time: see that it runs (`modelops up` starts it) and "
         "that prometheus.url is right, or ask for a shorter range. Live values are there without it.",
         std::move(detail));
  };
  if (left.count() <= 0) fail_silent("no time is left");
  http::ClientRequest request{.method = http::Method::post, .url = url_ + path, .body = form};
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  request.total_timeout = left;
  request.idle_timeout = left;
  http::Response answer;
  try {
    answer = client_.send(request);
  } catch (const Error& error) {
    if (error.code == ErrorCode::unavailable || error.code == ErrorCode::gateway_timeout)
      fail_silent(describe_exception(error));
    fail_unusable(describe_exception(error));
  }
  if (answer.status != 200) fail_unusable(fmt::format("status {}: {}", answer.status, answer.body.substr(0, 500)));
  return std::move(answer.body);
}

std::vector<monitoring::HistorySeries> PrometheusHistory::range(const monitoring::HistoryQuery& query,
                                                                Deadline deadline) {
  Scope scope{{{"organization", query.organization}, {"deployment_id", query.deployment_id}},
              {},
              std::max(query.step, window_min)};
  const bool whole = is_of_deployment(query.metric);
  if (!whole) scope.by = {"replica"};
  // Prometheus looks back from each time: a point is asked for at its end.
  const double start = seconds_of(query.first + query.step);
  const auto step = static_cast<double>(query.step.count());
  const std::string form = fmt::format("query={}&start={:.3f}&end={:.3f}&step={}",
                                       http::percent_encode(expression_of(query.metric, scope).text()), start,
                                       start + step * static_cast<double>(query.count - 1), query.step.count());
  std::vector<monitoring::HistorySeries> out;
  try {
    for (const value& series : result_of(ask("/api/v1/query_range", form, deadline), "matrix")) {
      auto& made = out.emplace_back();
      if (!whole) made.replica_id = label(series, "replica");
      made.values.resize(static_cast<std::size_t>(query.count));
      for (const value& sample : series.as_object().at("values").as_array()) {
        const auto [time, number] = sample_of(sample);
        const double place = std::round((time - start) / step);
        if (place >= 0 && place < static_cast<double>(query.count))
          made.values[static_cast<std::size_t>(place)] = number;
      }
      if (std::ranges::all_of(made.values, [](const auto& number) { return !number; })) out.pop_back();
    }
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    fail_unusable(error.what());
  }
  return out;
}

std::map<std::string, double> PrometheusHistory::summary(const monitoring::SummaryQuery& query, Deadline deadline) {
  const Scope scope{{{"organization", query.organization}}, {"deployment_id"}, query.window};
  const std::string form = fmt::format(
      "query={}&time={:.3f}", http::percent_encode(expression_of(query.metric, scope).text()), seconds_of(query.until));
  std::map<std::string, double> out;
  try {
    for (const value& series : result_of(ask("/api/v1/query", form, deadline), "vector")) {
      const auto [time, number] = sample_of(series.as_object().at("value"));
      if (number) out.emplace(label(series, "deployment_id"), *number);
    }
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    fail_unusable(error.what());
  }
  return out;
}

}  // namespace modelops::adapters::prometheus
