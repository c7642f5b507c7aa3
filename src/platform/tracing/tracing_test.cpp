#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/error.hpp"
#include "platform/http/test_peer.hpp"
#include "platform/tracing/exporter.hpp"

namespace modelops::tracing {
namespace {

constexpr std::string_view example = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceContext, IsReadAndWrittenAsItCame) {
  const auto context = parse_trace_parent(example);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_id(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(context->span_id(), "b7ad6b7169203331");
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(context->trace_parent(), example);
  EXPECT_FALSE(parse_trace_parent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")->sampled);
}

TEST(TraceContext, WhatIsNotExactlyOneIsNone) {
  for (const std::string_view bad : {"", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
                                     "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                     "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                     "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                     "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                                     "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
                                     "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x"})
    EXPECT_FALSE(parse_trace_parent(bad)) << bad;
}

Span example_span() {
  Span span;
  span.context = *parse_trace_parent(example);
  span.parent = 0xff;
  span.name = "GET /api/v1/models/{model}";
  span.kind = SpanKind::server;
  span.start = {1'700'000'000'000'001};
  span.duration = std::chrono::microseconds(1'500);
  span.status = SpanStatus::error;
  span.message = "broken \xff";
  span.attributes = {{"http.response.status_code", std::int64_t{503}},
                     {"modelops.operation", std::string("get_model")}};
  return span;
}

TEST(Otlp, SaysWhatTheSpanSays) {
  const auto told = boost::json::parse(otlp_json({"modelops-server", "1.2.3", "one"}, std::vector{example_span()}));
  const auto& scope = told.at_pointer("/resourceSpans/0/scopeSpans/0");
  EXPECT_EQ(
      boost::json::serialize(scope.at_pointer("/spans/0")),
      R"({"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331",)"
      R"("name":"GET /api/v1/models/{model}","kind":2,"startTimeUnixNano":"1700000000000001000",)"
      R"("endTimeUnixNano":"1700000000001501000","parentSpanId":"00000000000000ff","attributes":[)"
      R"({"key":"http.response.status_code","value":{"intValue":"503"}},)"
      R"({"key":"modelops.operation","value":{"stringValue":"get_model"}}],"status":{"code":2,"message":"broken ?"}})");
  EXPECT_EQ(told.at_pointer("/resourceSpans/0/resource/attributes/0/value/stringValue").as_string(), "modelops-server");
}

TEST(Otlp, ReadsWhatACollectorHasNotTaken) {
  EXPECT_EQ(rejected_spans(R"({"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}})"), 3u);
  EXPECT_EQ(rejected_spans(R"({"partialSuccess":{"rejectedSpans":2}})"), 2u);
  for (const std::string_view none : {"", "{}", "[]", "{\"partialSuccess\":{\"rejectedSpans\":-1}}", "<html>"})
    EXPECT_EQ(rejected_spans(none), 0u) << none;
}

/// A collector that keeps what it gets, and answers with the statuses that it was given, at last with 200.
class Collector final : public http::Handler {
 public:
  explicit Collector(std::vector<int> statuses = {}) : statuses_(std::move(statuses)) {}

  http::Plan plan(const http::Request&) noexcept override { return {.body_bytes_max = 8 << 20}; }
  http::Answer handle(const http::Plan&, http::Request&& request) override {
    std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
    changed_.notify_all();
    const std::size_t index = requests_.size() - 1;
    return http::Response{index < statuses_.size() ? statuses_[index] : 200, {}, "{}"};
  }
  std::unique_ptr<http::BodySink> receive(const http::Plan&, const http::Request&) override { return nullptr; }

  std::vector<http::Request> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(30), [&] { return requests_.size() >= count; }));
    return requests_;
  }

 private:
  const std::vector<int> statuses_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<http::Request> requests_;
};

struct ExporterTest : ::testing::Test {
  void start(std::vector<int> statuses = {}) {
    collector.emplace(std::move(statuses));
    server.emplace(http::ServerOptions{.port = 0}, *collector, topics, nullptr);
  }
  ExporterOptions options() {
    return {.url = fmt::format("http://127.0.0.1:{}", server->port()),
            .headers = Secret("Authorization=Bearer%20secret, X-Tenant=a"),
            .service = "modelops-server",
            .version = "1.2.3",
            .gather_time = std::chrono::milliseconds(1),
            .pause_first = std::chrono::milliseconds(1)};
  }
  double count(const std::string& name) { return registry.counter(name, "").value(); }

  events::Topics topics;
  metrics::Registry registry;
  std::optional<Collector> collector;
  std::optional<http::Server> server;
};

TEST_F(ExporterTest, SendsWhatIsSampledWithTheHeadersThatItWasGiven) {
  start();
  {
    Exporter exporter(options(), registry);
    Span unwanted = example_span();
    unwanted.context.sampled = false;
    exporter.add(unwanted);
    exporter.add(example_span());
  }
  const auto requests = collector->wait_for(1);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].path, "/v1/traces");
  EXPECT_EQ(requests[0].headers.get("Authorization"), "Bearer secret");
  EXPECT_EQ(requests[0].headers.get("X-Tenant"), "a");
  EXPECT_EQ(requests[0].headers.get("Content-Type"), "application/json");
  const auto spans = boost::json::parse(requests[0].body).at_pointer("/resourceSpans/0/scopeSpans/0/spans");
  EXPECT_EQ(spans.as_array().size(), 1u);
  EXPECT_EQ(count("modelops_spans_exported_total"), 1);
}

TEST_F(ExporterTest, TriesAgainWhatACollectorCannotTakeJustNow) {
  start({503});
  Exporter exporter(options(), registry);
  exporter.add(example_span());
  const auto requests = collector->wait_for(2);
  EXPECT_EQ(requests[0].body, requests[1].body);
  EXPECT_EQ(count("modelops_spans_dropped_total"), 0);
}

TEST_F(ExporterTest, DropsWhatACollectorRefuses) {
  start({400, 400});
  {
    Exporter exporter(options(), registry);
    exporter.add(example_span());
    collector->wait_for(1);
  }
  EXPECT_EQ(count("modelops_spans_dropped_total"), 1);
  EXPECT_EQ(count("modelops_spans_exported_total"), 0);
}

TEST_F(ExporterTest, KeepsNoMoreThanItMayAndCountsWhatIsLost) {
  start();
  ExporterOptions small = options();
  small.url = "http://127.0.0.1:1";  // nobody listens there
  small.waiting_max = 4;
  small.batch_max = 4;
  {
    Exporter exporter(small, registry);
    for (int i = 0; i < 100; ++i) exporter.add(example_span());
  }
  EXPECT_EQ(count("modelops_spans_dropped_total"), 100);
}

TEST_F(ExporterTest, ATraceIsSampledByItsCallerOrByItsShare) {
  start();
  ExporterOptions some = options();
  some.sample_ratio = 0.25;
  const Exporter exporter(some, registry);
  SpanContext parent = *parse_trace_parent(example);
  const SpanContext below = exporter.begin(parent);
  EXPECT_EQ(below.trace_id(), parent.trace_id());
  EXPECT_NE(below.span, parent.span);
  EXPECT_TRUE(below.sampled);
  parent.sampled = false;
  EXPECT_FALSE(exporter.begin(parent).sampled);
  int sampled = 0;
  for (int i = 0; i < 10'000; ++i) sampled += exporter.begin(std::nullopt).sampled ? 1 : 0;
  EXPECT_NEAR(sampled, 2'500, 300);
}

TEST_F(ExporterTest, RefusesWhatItCannotUse) {
  start();
  ExporterOptions bad = options();
  bad.url = "localhost:4318";
  EXPECT_THROW(Exporter(bad, registry), Error);
  bad = options();
  bad.headers = Secret("Bearer secret");
  EXPECT_THROW(Exporter(bad, registry), Error);
}

}  // namespace
}  // namespace modelops::tracing
