#include "monitoring/performance.hpp"

#include "base/text.hpp"
#include "monitoring/store.hpp"

namespace modelops::monitoring {
namespace {

/// Of one request, over all that it asks of the history.
constexpr std::chrono::seconds patience{8};
/// Requests that may wait for the history at the same time: when it is slow, the rest of the API still has threads.
constexpr int under_way_max = 4;

std::optional<std::chrono::seconds> history_window(std::string_view window) {
  if (window == "6h") return std::chrono::hours(6);
  if (window == "24h") return std::chrono::hours(24);
  if (window == "7d") return std::chrono::days(7);
  return std::nullopt;
}

/// By the control plane's own measurements. `covered`: how long some gateway reported, in seconds.
void fill(DeploymentPerformance& row, const Traffic& sum, double covered) {
  if (covered == 0) return;
  row.requests = static_cast<double>(sum.requests);
  row.errors = static_cast<double>(sum.server_errors);
  row.requests_per_second = rounded(*row.requests / covered);
  row.error_ratio = ratio(sum.server_errors, sum.requests);
  row.duration_p50_ms = percentile_ms(sum.duration, 0.50);
  row.duration_p95_ms = percentile_ms(sum.duration, 0.95);
  row.duration_p99_ms = percentile_ms(sum.duration, 0.99);
  row.first_token_p50_ms = percentile_ms(sum.first_token, 0.50);
  row.first_token_p95_ms = percentile_ms(sum.first_token, 0.95);
  row.first_token_p99_ms = percentile_ms(sum.first_token, 0.99);
  row.inter_token_p50_ms = percentile_ms(sum.token_gap, 0.50);
  row.inter_token_p95_ms = percentile_ms(sum.token_gap, 0.95);
  row.inter_token_p99_ms = percentile_ms(sum.token_gap, 0.99);
  row.tokens_in_per_second = rounded(static_cast<double>(sum.tokens_in) / covered);
  row.tokens_out_per_second = rounded(static_cast<double>(sum.tokens_out) / covered);
}

/// Calls `f(name, figure)` for each member that is one.
template <class Row, class F>
void each_figure(Row&& row, F f) {
  reflect::visit_members(row, [&](std::string_view name, auto& member) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(member)>, std::optional<double>>) f(name, member);
  });
}

}  // namespace

/// Takes one of the few places before the history.
class Performance::Turn {
 public:
  explicit Turn(Performance& owner) : under_way_(owner.under_way_) {
    if (owner.history_ == nullptr)
      fail(ErrorCode::unavailable,
           "History needs Prometheus: set prometheus.url in the server's configuration; `modelops up` does so where "
           "Prometheus is installed. The live values of the last 24 hours are there without it.");
    if (under_way_.fetch_add(1) >= under_way_max) {
      --under_way_;
      Error error(ErrorCode::unavailable, "Too many requests wait for the history: try again in a moment.");
      error.retry_after_seconds = 2;
      throw error;
    }
  }
  ~Turn() { --under_way_; }
  Turn(const Turn&) = delete;

 private:
  std::atomic<int>& under_way_;
};

std::vector<std::string> Performance::metrics_of(const GetDeploymentHistory& request, const std::string& engine) const {
  std::vector<std::string> known = common_metrics();
  for (const targets::MetricRule& rule : vocabulary_.rules(engine)) known.push_back(rule.name);
  if (trim(request.metrics.str()).empty()) return known;
  std::vector<std::string> out;
  for (const std::string_view part : split(request.metrics.str(), ',')) {
    const std::string name(trim(part));
    const bool in_vocabulary = vocabulary_.unit(name) != nullptr;
    if (!in_vocabulary && std::ranges::find(known, name) == known.end())
      fail_field("/metrics", fmt::format("must be names of metrics with commas between them, such as {}, {} or {}; "
                                         "there is no such metric as is named here",
                                         known[0], known[3], known.back()));
    if (std::ranges::find(out, name) == out.end()) out.push_back(name);
  }
  return out;
}

DeploymentHistory Performance::deployment(const Context& ctx, const GetDeploymentHistory& request) {
  const Points points = history_points(request, clock_.now());
  HistoryQuery query{.organization = {},
                     .deployment_id = {},
                     .metric = {},
                     .first = points.first,
                     .step = points.step,
                     .count = points.count};
  DeploymentHistory out;
  std::string engine;
  database_.read([&](db::Tx& tx) {
    const deployments::Endpoint endpoint = deployments_.endpoint(tx, ctx, request.deployment);
    query.organization = gateway_.organization_name(tx, endpoint.org_id);
    query.deployment_id = endpoint.deployment_id;
    engine = endpoint.engine;
  });
  const Turn turn(*this);
  out.deployment_id = *deployments::DeploymentId::parse(query.deployment_id);
  out.step = points.step.count();
  out.times = points.times();
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (const std::string& metric : metrics_of(request, engine)) {
    query.metric = metric;
    for (HistorySeries& series : history_->range(query, deadline)) {
      for (std::optional<double>& value : series.values)
        if (value) value = rounded(*value);
      out.series.push_back({metric, unit_of(metric, vocabulary_),
                            series.replica_id.empty() ? std::nullopt : std::optional(std::move(series.replica_id)),
                            std::move(series.values)});
    }
  }
  return out;
}

PerformancePage Performance::list(const Context& ctx, const ListPerformance& request) {
  const deployments::DeploymentPage page = deployments_.list(
      ctx, {*query::PageSize::parse(request.page_size.number()), request.page_token, request.filter, request.order_by});
  PerformancePage out;
  out.window = request.window.str();
  out.next_page_token = page.next_page_token;
  for (const deployments::Deployment& deployment : page.items) {
    DeploymentPerformance& row = out.items.emplace_back();
    row.deployment_id = deployment.id;
    row.name = deployment.name;
  }
  const auto window = history_window(out.window);
  if (!window) {
    const std::string& name = out.window;
    const Chart chart = chart_of(*WindowName::parse(name), coarse.step.count(), clock_.now());
    const Chart minutes{chart.points, coarse};
    out.until = chart.points.end();
    database_.read([&](db::Tx& tx) {
      const auto covered = store::coverage(tx, ctx.org_id, coarse, chart.points.first, chart.points.end());
      const double seconds = std::chrono::duration<double>(coarse.step).count() * static_cast<double>(covered.size());
      for (DeploymentPerformance& row : out.items) {
        Traffic sum;
        for (const TimedTraffic& timed : store::traffic(tx, ctx.org_id, row.deployment_id.str(), minutes))
          add(sum, timed.traffic);
        fill(row, sum, seconds);
      }
    });
    return out;
  }
  const Turn turn(*this);
  SummaryQuery query{.organization = {}, .metric = {}, .until = clock_.now(), .window = *window};
  out.until = query.until;
  database_.read([&](db::Tx& tx) { query.organization = gateway_.organization_name(tx, ctx.org_id); });
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::map<std::string_view, std::map<std::string, double>> found;  // by metric, then by deployment
  each_figure(DeploymentPerformance(), [&](std::string_view name, const std::optional<double>&) {
    query.metric = name;
    found.emplace(name, history_->summary(query, deadline));
  });
  for (DeploymentPerformance& row : out.items) {
    each_figure(row, [&](std::string_view name, std::optional<double>& figure) {
      const auto& by_deployment = found.at(name);
      if (const auto at = by_deployment.find(row.deployment_id.str()); at != by_deployment.end())
        figure = rounded(at->second);
    });
  }
  return out;
}

}  // namespace modelops::monitoring
