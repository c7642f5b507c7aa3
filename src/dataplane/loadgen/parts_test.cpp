// Histogram, schedule, request, response and report, without a socket.
#include <gmock/gmock.h>

#include <numeric>
#include <random>

#include "base/error.hpp"
#include "dataplane/loadgen/report.hpp"
#include "dataplane/loadgen/request.hpp"
#include "dataplane/loadgen/response.hpp"
#include "dataplane/loadgen/schedule.hpp"

namespace modelops::loadgen {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// ------------------------------------------------------------------------------------------------- histogram

TEST(LoadgenHistogram, quantiles_are_those_of_the_sorted_values_to_1_part_in_1024) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> latency(13, 2.5);
  Histogram histogram;
  std::vector<std::uint64_t> values(20'000);
  for (std::uint64_t& value : values) histogram.add(value = static_cast<std::uint64_t>(latency(random)));
  std::ranges::sort(values);
  for (const double fraction : {0.0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(values.size())));
    const std::uint64_t exact = values[std::max<std::size_t>(rank, 1) - 1];
    EXPECT_GE(histogram.quantile(fraction), exact) << fraction;
    EXPECT_LE(histogram.quantile(fraction), exact + exact / 1024) << fraction;
  }
  EXPECT_EQ(histogram.min(), values.front());
  EXPECT_EQ(histogram.max(), values.back());
  EXPECT_NEAR(histogram.mean(), std::accumulate(values.begin(), values.end(), 0.0) / 20'000, 1);
}

TEST(LoadgenHistogram, every_power_of_two_and_its_neighbours_have_their_place) {
  for (int bit = 0; bit < 42; ++bit) {
    for (const int beside : {-1, 0, 1}) {
      const std::uint64_t value = (std::uint64_t{1} << bit) + static_cast<std::uint64_t>(beside);
      Histogram histogram;
      histogram.add(value);
      histogram.add(Histogram::value_max);
      EXPECT_GE(histogram.quantile(0.5), value);
      EXPECT_LE(histogram.quantile(0.5), value + value / 1024);
    }
  }
}

TEST(LoadgenHistogram, small_values_are_exact_and_too_large_ones_are_kept_as_the_largest) {
  Histogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), 0u);
  EXPECT_EQ(histogram.min(), 0u);
  for (std::uint64_t value = 0; value < 2048; ++value) histogram.add(value);
  EXPECT_EQ(histogram.quantile(0.5), 1023u);
  histogram.add(~std::uint64_t{0});
  EXPECT_EQ(histogram.max(), Histogram::value_max);
  EXPECT_EQ(histogram.quantile(1), Histogram::value_max);
}

TEST(LoadgenHistogram, the_sum_of_two_is_one_of_all_values) {
  Histogram a, b, all;
  for (std::uint64_t value = 1; value < 100'000; value += 7) {
    (value % 3 == 0 ? a : b).add(value);
    all.add(value);
  }
  b.add(5, 3);
  all.add(5, 3);
  a.add(b);
  EXPECT_EQ(a.count(), all.count());
  EXPECT_EQ(a.quantile(0.3), all.quantile(0.3));
  EXPECT_EQ(a.min(), all.min());
  EXPECT_EQ(a.max(), all.max());
}

// -------------------------------------------------------------------------------------------------- schedule

TEST(LoadgenSchedule, constant_arrivals_do_not_drift) {
  Schedule schedule(Arrivals::constant, 3);
  for (int i = 0; i < 3'000; ++i)
    EXPECT_EQ(schedule.next(), std::chrono::nanoseconds(std::int64_t{1'000'000'000} * i / 3));
}

TEST(LoadgenSchedule, the_shares_of_several_threads_make_up_the_whole) {
  Schedule whole(Arrivals::constant, 1'000);
  Schedule first(Arrivals::constant, 1'000, 0, 2), second(Arrivals::constant, 1'000, 1, 2);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(whole.next(), first.next());
    EXPECT_EQ(whole.next(), second.next());
  }
}

TEST(LoadgenSchedule, poisson_gaps_have_the_mean_and_the_spread_of_their_rate) {
  for (const unsigned shares : {1u, 4u}) {
    Schedule schedule(Arrivals::poisson, 1'000, 0, shares, 5);
    double last = 0, sum = 0, squares = 0;
    constexpr int count = 50'000;
    for (int i = 0; i < count; ++i) {
      const double at = std::chrono::duration<double>(schedule.next()).count();
      sum += at - last;
      squares += (at - last) * (at - last);
      last = at;
    }
    const double mean = sum / count;
    EXPECT_NEAR(mean, 0.001 * shares, 0.00002 * shares);
    EXPECT_NEAR(squares / count, 2 * mean * mean, 0.1 * mean * mean);  // of an exponential distribution
  }
  Schedule one(Arrivals::poisson, 10, 0, 1, 5), same(Arrivals::poisson, 10, 0, 1, 5),
      other(Arrivals::poisson, 10, 0, 1, 6);
  const auto first = one.next();
  EXPECT_EQ(first, same.next());
  EXPECT_NE(first, other.next());
}

// --------------------------------------------------------------------------------------------------- request

TEST(LoadgenRequest, urls_are_taken_apart) {
  const Url plain = parse_url("http://models.example:8080/v1/x?a=b");
  EXPECT_EQ(plain.host, "models.example");
  EXPECT_EQ(plain.port, 8080);
  EXPECT_EQ(plain.authority, "models.example:8080");
  EXPECT_EQ(plain.target, "/v1/x?a=b");
  EXPECT_EQ(parse_url("http://h").target, "/");
  EXPECT_EQ(parse_url("http://h").port, 80);
  EXPECT_EQ(parse_url("http://h?q").target, "/?q");
  EXPECT_EQ(parse_url("http://[::1]:9/").host, "::1");
  EXPECT_EQ(parse_url("http://[::1]").port, 80);
  for (const char* wrong : {"", "h", "ftp://h", "https://h", "http://", "http:///x", "http://h:0/", "http://h:65536",
                            "http://h:x", "http://h:", "http://[::1", "http://[::1]x", "http://a b/", "http://me:1@h/"})
    EXPECT_THROW(parse_url(wrong), Error) << wrong;
}

TEST(LoadgenRequest, a_request_is_written_with_what_belongs_in_it) {
  const Url url = parse_url("http://h:1/a");
  const RequestText get("GET", url, {}, {{"Accept", "text/plain"}}, "");
  EXPECT_EQ(std::string(get.before_target()) + std::string(get.target(3)) + std::string(get.after_target()),
            "GET /a HTTP/1.1\r\nAccept: text/plain\r\nHost: h:1\r\n\r\n");
  const RequestText post("POST", url, {"/x", "/y"}, {{"host", "other"}}, "body");
  EXPECT_EQ(post.after_target(), " HTTP/1.1\r\nhost: other\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(post.target(0), "/x");
  EXPECT_EQ(post.target(3), "/y");
  EXPECT_TRUE(RequestText("HEAD", url, {}, {}, "").is_head());
}

TEST(LoadgenRequest, what_would_break_the_head_is_refused) {
  const Url url = parse_url("http://h/");
  EXPECT_THROW(RequestText("get", url, {}, {}, ""), Error);
  EXPECT_THROW(RequestText("", url, {}, {}, ""), Error);
  EXPECT_THROW(RequestText("GET", url, {"x"}, {}, ""), Error);
  EXPECT_THROW(RequestText("GET", url, {"/a b"}, {}, ""), Error);
  EXPECT_THROW(RequestText("GET", url, {}, {{"A", "b\r\nC: d"}}, ""), Error);
  EXPECT_THROW(RequestText("GET", url, {}, {{"A b", "c"}}, ""), Error);
  EXPECT_THROW(RequestText("GET", url, {}, {{"content-length", "3"}}, ""), Error);
}

// -------------------------------------------------------------------------------------------------- response

/// Feeds `bytes` in two pieces; true when whole.
bool feed_cut(ResponseReader& reader, std::string_view bytes, std::size_t cut) {
  if (cut > 0 && reader.feed(bytes.substr(0, cut))) return cut == bytes.size();
  return cut < bytes.size() && reader.feed(bytes.substr(cut));
}

TEST(LoadgenResponse, the_end_is_found_wherever_the_bytes_are_cut) {
  const std::pair<std::string_view, std::uint64_t> answers[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello", 5},
      {"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 0},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 5},
      {"HTTP/1.1 204 No Content\r\n\r\n", 0},
      {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", 2}};
  for (const auto& [bytes, size] : answers) {
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      ResponseReader reader;
      EXPECT_TRUE(feed_cut(reader, bytes, cut)) << bytes << cut;
      EXPECT_EQ(reader.body_bytes(), size) << bytes << cut;
      EXPECT_TRUE(reader.keep_alive());
    }
    ResponseReader reader;
    EXPECT_FALSE(reader.feed(bytes.substr(0, bytes.size() - 1)));
    EXPECT_FALSE(reader.end());
  }
}

TEST(LoadgenResponse, a_connection_is_kept_as_the_answer_says) {
  const auto keeps = [](std::string_view bytes, bool of_head = false) {
    ResponseReader reader(of_head);
    EXPECT_TRUE(reader.feed(bytes)) << bytes;
    return reader.keep_alive();
  };
  EXPECT_TRUE(keeps("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_TRUE(keeps("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", true));
  ResponseReader until_end;
  EXPECT_FALSE(until_end.feed("HTTP/1.1 200 OK\r\n\r\nabc"));
  EXPECT_TRUE(until_end.end());
  EXPECT_FALSE(until_end.keep_alive());
  EXPECT_EQ(until_end.body_bytes(), 3u);
}

TEST(LoadgenResponse, what_is_no_answer_is_refused) {
  for (const std::string_view wrong :
       {"SSH-2.0-x\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP"}) {
    ResponseReader reader;
    EXPECT_THROW(reader.feed(wrong), Error) << wrong;
  }
  ResponseReader reader;
  EXPECT_THROW(while (true) reader.feed(std::string(1000, 'x')), Error);
}

TEST(LoadgenResponse, events_of_a_stream_are_counted_as_they_come) {
  ResponseReader reader;
  EXPECT_FALSE(reader.feed("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"));
  EXPECT_EQ(reader.new_tokens(), 0);
  EXPECT_FALSE(reader.feed("data: {\"a\":1}\n\n"));
  EXPECT_EQ(reader.new_tokens(), 1);
  EXPECT_FALSE(reader.feed("data: {\"a\":2}\n\ndata: {\"usage\":{\"completion_tokens\": 9}}\n\n"));
  EXPECT_EQ(reader.new_tokens(), 2);
  EXPECT_FALSE(reader.feed("data: [DONE]\n\n"));
  EXPECT_EQ(reader.new_tokens(), 0);
  EXPECT_EQ(reader.completion_tokens(), 9);
}

// ---------------------------------------------------------------------------------------------------- report

Asked asked_openly() { return {.url = "http://h/", .loop = "open", .requests_per_second = 100, .seconds = 1}; }

Tally good_tally() {
  Tally tally;
  for (int i = 0; i < 100; ++i) {
    tally.latency.add(5'000'000);
    tally.send_lag.add(10'000);
  }
  tally.answered_total = 120;
  tally.answered_in_time = 100;
  tally.body_bytes = 4'000;
  tally.statuses["200"] = 100;
  return tally;
}

TEST(LoadgenReport, figures_are_those_of_the_measured_time) {
  const Report made = report(asked_openly(), good_tally(), 1.2);
  EXPECT_EQ(made.answered_total, 120u);
  EXPECT_DOUBLE_EQ(made.requests_per_second, 100);
  EXPECT_DOUBLE_EQ(made.body_bytes_per_second, 4'000);
  EXPECT_NEAR(made.latency_us.p99, 5'000, 5);
  EXPECT_NEAR(made.send_lag_us->p50, 10, 0.01);
  EXPECT_FALSE(made.first_token_us);
  EXPECT_THAT(made.warnings, IsEmpty());
  EXPECT_THAT(as_table(made), HasSubstr("5.00 ms"));
}

TEST(LoadgenReport, warns_when_the_figures_are_not_the_servers_alone) {
  const auto only_warning = [](const Tally& tally, Asked asked = asked_openly()) {
    const Report made = report(asked, tally, 1.2);
    EXPECT_EQ(made.warnings.size(), 1u);
    return made.warnings.empty() ? "" : made.warnings[0];
  };
  Tally busy = good_tally();
  busy.busiest_thread = 0.97;
  EXPECT_THAT(only_warning(busy), HasSubstr("97 % of a core"));
  Tally late = good_tally();
  late.send_lag.add(3'000'000, 2);
  EXPECT_THAT(only_warning(late), HasSubstr("more than 3.0 ms after its time"));
  Tally queued = good_tally();
  queued.waited = 7;
  EXPECT_THAT(only_warning(queued), HasSubstr("7 requests waited"));
  Tally slow = good_tally();
  slow.answered_in_time = 90;
  EXPECT_THAT(only_warning(slow), HasSubstr("only 90 were answered in time"));
  Tally refused = good_tally();
  refused.statuses["429"] = 4;
  EXPECT_THAT(only_warning(refused), HasSubstr("4 of 104 answers"));
  Tally broken = good_tally();
  broken.errors["closed"] = 2;
  EXPECT_THAT(only_warning(broken), HasSubstr("2 requests have no answer"));
  Asked streams = asked_openly();
  streams.stream = true;
  EXPECT_THAT(only_warning(good_tally(), streams), HasSubstr("No answer was a stream"));
}

TEST(LoadgenReport, tallies_of_threads_add_up) {
  Tally all = good_tally();
  Tally other = good_tally();
  other.errors["timeout"] = 1;
  other.busiest_thread = 0.4;
  all.add(other);
  EXPECT_EQ(all.latency.count(), 200u);
  EXPECT_EQ(all.answered_total, 240u);
  EXPECT_EQ(all.statuses["200"], 200u);
  EXPECT_EQ(all.errors["timeout"], 1u);
  EXPECT_DOUBLE_EQ(all.busiest_thread, 0.4);
}

}  // namespace
}  // namespace modelops::loadgen
