#include "monitoring/requests.hpp"
#include "monitoring/fixture_test.hpp"

namespace modelops::monitoring {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RequestsTest : public MonitoringTest {
 protected:
  RequestTrace trace(const std::string& deployment_id, const std::string& request_id, std::chrono::seconds ago = 0s) {
    RequestTrace out;
    out.deployment_id = deployment_id;
    out.key_id = "key_1";
    out.request.request_id = request_id;
    out.request.trace_id = std::string(32, 'a');
    out.request.started_at = clock.now() - ago;
    out.request.duration_ms = 12.5;
    out.request.status = 200;
    out.request.name = "POST /serve/acme/digits";
    out.request.tokens_out = 7;
    RequestSpan span;
    span.span_id = std::string(16, 'b');
    span.name = out.request.name;
    span.duration_ms = 12.5;
    span.attributes = {{"http.request.method", "POST"}};
    out.spans = {span};
    return out;
  }
  int tell(const SignedAgent& gateway, std::vector<RequestTrace> requests) {
    ReportMetrics report = report_of({});
    report.requests = std::move(requests);
    return send(gateway, report);
  }
  std::vector<std::string> ids(const Context& ctx, const std::string& deployment, const std::string& filter = {}) {
    ListRecentRequests request;
    request.deployment = *Reference::parse(deployment);
    request.filter = filter;
    std::vector<std::string> out;
    for (const RecentRequest& item : recent.list(ctx, request).items) out.push_back(item.request_id);
    return out;
  }
  RecentRequestDetail detail(const Context& ctx, const std::string& deployment, const std::string& request_id) {
    return recent.get(ctx, {*Reference::parse(deployment), *reflect::Bounded<1, 64>::parse(request_id)});
  }

  Requests recent{*database, deployment_service, "https://jaeger.example.org/trace/{trace_id}"};
};

TEST_P(RequestsTest, WhatAGatewayToldIsListedNewestFirstAndShownWithItsSpans) {
  RequestTrace failed = trace(digits, "r2", 1s);
  failed.request.failed = true;
  failed.request.status = 503;
  failed.request.duration_ms = 900.25;
  EXPECT_EQ(tell(edge, {trace(digits, "r1", 2s), failed, trace(digits, "r3")}), 204);
  EXPECT_THAT(ids(admin, "digits"), ElementsAre("r3", "r2", "r1"));
  EXPECT_THAT(ids(admin, "digits", "failed = true"), ElementsAre("r2"));
  EXPECT_THAT(ids(admin, "digits", "duration_ms > 100"), ElementsAre("r2"));
  EXPECT_THAT(ids(admin, "digits", "request_id = 'r1'"), ElementsAre("r1"));
  EXPECT_THAT(ids(admin, "digits", "status >= 500 AND failed = true"), ElementsAre("r2"));
  const RecentRequestDetail found = detail(admin, "digits", "r2");
  EXPECT_EQ(reflect::to_json(found.request), reflect::to_json(failed.request));
  EXPECT_EQ(reflect::to_json(found.spans), reflect::to_json(failed.spans));
  EXPECT_EQ(found.trace_url, "https://jaeger.example.org/trace/" + std::string(32, 'a'));
  EXPECT_EQ(code_of([&] { detail(admin, "digits", "unknown"); }), ErrorCode::not_found);
}

TEST_P(RequestsTest, ARepeatedReportCountsOnce) {
  ReportMetrics report = report_of({});
  report.requests = {trace(digits, "r1")};
  send(edge, report);
  send(edge, report);
  EXPECT_THAT(ids(admin, "digits"), ElementsAre("r1"));
}

TEST_P(RequestsTest, AnotherOrganizationSeesAndTellsNothing) {
  tell(foreign, {trace(digits, "forged")});
  EXPECT_THAT(ids(admin, "digits"), IsEmpty());
  const std::string open = deploy(admin, "open", identity::Visibility::public_);
  tell(edge, {trace(open, "r1"), trace("dep_gone", "r2")});
  EXPECT_THAT(ids(admin, "open"), ElementsAre("r1"));
  EXPECT_EQ(code_of([&] { ids(other, open); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { detail(other, open, "r1"); }), ErrorCode::not_found);
}

TEST_P(RequestsTest, TheNewestAreKeptForADay) {
  for (int batch = 0; batch < 6; ++batch) {
    std::vector<RequestTrace> told;
    for (int i = 0; i < 200; ++i) told.push_back(trace(digits, fmt::format("r{}", batch * 200 + i)));
    tell(edge, std::move(told));
    clock.advance(1s);
  }
  const auto count = [&] {
    return database->read([](db::Tx& tx) { return *tx.value<std::int64_t>("SELECT count(*) FROM recent_requests"); });
  };
  EXPECT_EQ(count(), recent_requests_max);
  EXPECT_EQ(ids(admin, "digits").front().substr(0, 2), "r1");
  clock.advance(recent_requests_kept);
  retention.reconcile(keeper.try_hold("test")->fence());
  EXPECT_EQ(count(), 0);
}

TEST_P(RequestsTest, WhatIsTooMuchIsRefused) {
  const auto refused = [&](auto&& change) {
    RequestTrace bad = trace(digits, "r1");
    change(bad);
    return tell(edge, {bad}) == 422;
  };
  EXPECT_TRUE(refused([](RequestTrace& t) { t.request.path = std::string(1025, 'p'); }));
  EXPECT_TRUE(refused([](RequestTrace& t) { t.request.duration_ms = -1; }));
  EXPECT_TRUE(refused([](RequestTrace& t) { t.request.started_at.us += 3'600'000'000; }));
  EXPECT_TRUE(refused([](RequestTrace& t) { t.spans.resize(41); }));
  EXPECT_TRUE(refused([](RequestTrace& t) {
    for (int i = 0; i < 33; ++i) t.spans[0].attributes[std::to_string(i)] = "x";
  }));
  EXPECT_EQ(tell(edge, std::vector<RequestTrace>(201, trace(digits, "r1"))), 422);
  EXPECT_THAT(ids(admin, "digits"), IsEmpty());
}

MODELOPS_ON_BOTH_DATABASES(RequestsTest);

}  // namespace
}  // namespace modelops::monitoring
