// The load generator against servers that do what they are told.
#include "dataplane/loadgen/load.hpp"

#include <gmock/gmock.h>

#include "base/error.hpp"
#include "dataplane/loadgen/main.hpp"
#include "dataplane/proxy/fake_engine_test.hpp"
#include "reflect/json.hpp"

namespace modelops::loadgen {
namespace {

using namespace std::chrono_literals;
using proxy::FakeEngine;
using proxy::RawEngine;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr std::string_view small_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// 100 requests in a tenth of a second, no warm-up.
LoadOptions short_open() {
  LoadOptions options;
  options.rate = 1'000;
  options.warm_up = 0ns;
  options.duration = 100ms;
  return options;
}

Report load(const LoadOptions& options, const std::string& address, std::string method = "GET", std::string body = "") {
  const Url url = parse_url("http://" + address + "/");
  return run_load(options, url, RequestText(std::move(method), url, {}, {}, std::move(body)));
}

/// Blocks the calling thread, as a slow server would.
void take(std::chrono::milliseconds time) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  const auto until = std::chrono::steady_clock::now() + time;
  while (never.wait_until(lock, until) != std::cv_status::timeout) {}
}

TEST(LoadgenLoad, every_request_is_answered_and_counted) {
  FakeEngine engine;
  std::atomic<int> seen = 0;
  std::atomic<bool> right = true;
  engine.handler.routes["/"] = [&](http::Request& request) {
    ++seen;
    if (request.method != http::Method::post || request.body != "hello") right = false;
    return http::text("0123456789");
  };
  for (const unsigned threads : {1u, 3u}) {
    seen = 0;
    LoadOptions options = short_open();
    options.threads = threads;
    const Report report = load(options, engine.server ? engine.address() : engine.start(), "POST", "hello");
    EXPECT_EQ(seen, 100);
    EXPECT_TRUE(right);
    EXPECT_EQ(report.answered_total, 100u);
    EXPECT_EQ(report.latency_us.count, 100u);
    EXPECT_THAT(report.statuses, UnorderedElementsAre(Pair("200", 100u)));
    EXPECT_TRUE(report.errors.empty());
    EXPECT_EQ(report.send_lag_us->count + report.waited_for_connection, 100u);
  }
}

TEST(LoadgenLoad, a_stall_shows_in_the_latency_of_all_that_should_have_been_sent_meanwhile) {
  RawEngine engine([](int fd, int) {
    for (bool first = true; !RawEngine::read_head(fd).empty(); first = false) {
      if (first) take(100ms);
      RawEngine::write(fd, small_answer);
    }
  });
  LoadOptions options = short_open();
  options.connections = 1;
  const Report report = load(options, engine.address());
  EXPECT_EQ(report.latency_us.count, 100u);
  // The request of the n-th millisecond waits for the rest of the stall, 100 - n ms at least.
  EXPECT_GE(report.latency_us.max, 100'000);
  EXPECT_GE(report.latency_us.p90, 89'000);
  EXPECT_GE(report.latency_us.p50, 49'000);
  EXPECT_GT(report.waited_for_connection, 50u);
}

TEST(LoadgenLoad, a_closed_loop_keeps_so_many_connections_busy) {
  FakeEngine engine;
  std::atomic<int> at_once = 0, most = 0;
  engine.handler.routes["/"] = [&](http::Request&) {
    most = std::max<int>(most, ++at_once);
    take(1ms);
    --at_once;
    return http::text("ok");
  };
  LoadOptions options = short_open();
  options.rate.reset();
  options.connections = 5;
  options.threads = 2;
  const Report report = load(options, engine.start());
  EXPECT_EQ(report.connections_opened, 5u);
  EXPECT_LE(most, 5);
  EXPECT_GE(report.answered_total, 5u);
  EXPECT_FALSE(report.send_lag_us);
  EXPECT_EQ(report.asked.loop, "closed");
}

TEST(LoadgenLoad, warm_up_is_sent_and_not_measured) {
  FakeEngine engine;
  engine.handler.routes["/"] = [](http::Request&) { return http::text("ok"); };
  LoadOptions options = short_open();
  options.warm_up = 50ms;
  const Report report = load(options, engine.start());
  EXPECT_EQ(report.answered_total, 150u);
  EXPECT_EQ(report.latency_us.count, 100u);
}

TEST(LoadgenLoad, tokens_of_a_stream_are_timed) {
  RawEngine engine([](int fd, int) {
    if (RawEngine::read_head(fd).empty()) return;
    RawEngine::write(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    for (int i = 0; i < 4; ++i) {
      take(10ms);
      RawEngine::write(fd, "data: {\"token\": 1}\n\n");
    }
    RawEngine::write(fd, "data: [DONE]\n\n");
  });
  LoadOptions options = short_open();
  options.rate = 10;
  options.stream = true;
  options.duration = 1ms;
  const Report report = load(options, engine.address());
  EXPECT_EQ(report.latency_us.count, 1u);
  EXPECT_EQ(report.first_token_us->count, 1u);
  EXPECT_EQ(report.inter_token_us->count, 3u);
  EXPECT_GE(report.first_token_us->max, 10'000);
  const double last_token = report.first_token_us->mean + 3 * report.inter_token_us->mean;
  EXPECT_GE(last_token, 40'000);
  EXPECT_LE(last_token, report.latency_us.max + 1);
}

TEST(LoadgenLoad, failures_are_told_by_kind) {
  const auto errors = [](std::function<void(int)> serve, std::chrono::nanoseconds timeout = 10s) {
    RawEngine engine([serve](int fd, int) {
      if (!RawEngine::read_head(fd).empty()) serve(fd);
    });
    LoadOptions options = short_open();
    options.rate = 100;
    options.timeout = timeout;
    const Report report = load(options, engine.address());
    EXPECT_EQ(report.latency_us.count, 0u);
    return report.errors;
  };
  EXPECT_THAT(errors([](int) {}), UnorderedElementsAre(Pair("closed", 10u)));
  EXPECT_THAT(errors([](int fd) { RawEngine::write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"); }),
              UnorderedElementsAre(Pair("closed", 10u)));
  EXPECT_THAT(errors([](int fd) { RawEngine::write(fd, "hello\r\n\r\n"); }),
              UnorderedElementsAre(Pair("bad_answer", 10u)));
  EXPECT_THAT(errors([](int fd) { RawEngine::read_head(fd); }, 30ms), UnorderedElementsAre(Pair("timeout", 10u)));

  std::string address;
  {
    address = RawEngine([](int, int) {}).address();
  }
  EXPECT_THAT(load(short_open(), address).errors, UnorderedElementsAre(Pair("connect", 100u)));
}

TEST(LoadgenLoad, requests_beyond_what_may_wait_are_not_sent_and_counted) {
  RawEngine engine([](int fd, int) { RawEngine::read_head(fd), RawEngine::read_head(fd); });
  LoadOptions options = short_open();
  options.connections = 2;
  options.backlog_max = 10;
  options.timeout = 1s;
  EXPECT_THAT(load(options, engine.address()).errors, UnorderedElementsAre(Pair("timeout", 12u), Pair("unsent", 88u)));
}

TEST(LoadgenLoad, a_connection_that_the_server_ends_in_good_order_is_opened_again) {
  RawEngine engine([](int fd, int) {
    RawEngine::read_head(fd);
    RawEngine::write(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  LoadOptions options = short_open();
  const Report report = load(options, engine.address());
  EXPECT_EQ(report.answered_total, 100u);
  EXPECT_EQ(report.connections_opened, 100u);
  EXPECT_TRUE(report.errors.empty());
}

TEST(LoadgenLoad, a_connection_that_was_ended_while_idle_is_no_failure) {
  RawEngine engine([](int fd, int) {
    RawEngine::read_head(fd);
    RawEngine::write(fd, small_answer);
  });
  LoadOptions options = short_open();
  options.rate = 5;
  options.duration = 400ms;
  const Report report = load(options, engine.address());
  EXPECT_EQ(report.answered_total, 2u);
  EXPECT_TRUE(report.errors.empty());
}

TEST(LoadgenLoad, a_name_with_several_addresses_leads_to_the_one_that_answers) {
  FakeEngine engine;
  engine.handler.routes["/"] = [](http::Request&) { return http::text("ok"); };
  engine.start();
  const Report report = load(short_open(), "localhost:" + std::to_string(engine.server->port()));
  EXPECT_THAT(report.statuses, UnorderedElementsAre(Pair("200", 100u)));
}

TEST(LoadgenLoad, an_unknown_host_and_too_many_connections_are_told) {
  EXPECT_THROW(load(short_open(), "no-such-host.invalid:1"), Error);
  LoadOptions options = short_open();
  options.connections = ~0u - 100;
  EXPECT_THROW(load(options, "127.0.0.1:1"), Error);
}

struct Ran {
  int status = 0;
  std::string output;
};

int run(std::vector<std::string> words, const std::string& profile_url) {
  words.insert(words.begin(), "bench");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  return run_bench(static_cast<int>(arguments.size()), arguments.data(), [&](const std::string& profile) {
    return Profile{profile_url, profile_url, "secret-of-" + (profile.empty() ? "current" : profile)};
  });
}

Ran bench(const std::vector<std::string>& words, const std::string& profile_url = "") {
  ::testing::internal::CaptureStdout();
  Ran ran;
  ran.status = run(words, profile_url);
  ran.output = ::testing::internal::GetCapturedStdout();
  return ran;
}

TEST(LoadgenCommand, a_token_is_sent_and_never_shown) {
  FakeEngine engine;
  std::atomic<int> authorised = 0;
  engine.handler.routes["/v1"] = [&](http::Request& request) {
    if (request.headers.get("Authorization") == "Bearer secret-of-prod" && request.headers.get("X-A") == "b")
      ++authorised;
    return http::text("ok");
  };
  const std::string url = "http://" + engine.start() + "/v1";
  const std::vector<std::string> words{url, "--rate", "100", "--warmup", "0", "--duration", "0.1", "-H", "X-A: b"};
  for (const char* format : {"table", "json"}) {
    std::vector<std::string> all = words;
    all.insert(all.end(), {"--profile", "prod", "-o", format});
    const Ran ran = bench(all);
    EXPECT_EQ(ran.status, 0) << ran.output;
    EXPECT_THAT(ran.output, Not(HasSubstr("secret")));
    if (std::string_view(format) == "json") {
      const auto report = reflect::parse_json_value(ran.output).as_object();
      EXPECT_EQ(report.at("statuses").as_object().at("200").to_number<int>(), 10);
    }
  }
  EXPECT_EQ(authorised, 20);
}

TEST(LoadgenCommand, a_path_alone_is_one_of_the_profile_and_a_whole_url_gets_no_token_unasked) {
  FakeEngine engine;
  std::mutex mutex;
  std::set<std::string> seen;
  engine.handler.routes["/v1"] = [&](http::Request& request) {
    std::lock_guard lock(mutex);
    seen.emplace(request.headers.get("Authorization"));
    return http::text("ok");
  };
  const std::string server = "http://" + engine.start();
  const std::vector<std::string> once{"--rate", "10", "--warmup", "0", "--duration", "0.05"};
  const auto authorised = [&](std::vector<std::string> words, const std::string& profile_url) {
    words.insert(words.end(), once.begin(), once.end());
    EXPECT_EQ(bench(words, profile_url).status, 0);
    return std::exchange(seen, {});
  };
  EXPECT_THAT(authorised({"/v1"}, server), UnorderedElementsAre("Bearer secret-of-current"));
  EXPECT_THAT(authorised({"/v1", "--gateway"}, server), UnorderedElementsAre("Bearer secret-of-current"));
  EXPECT_THAT(authorised({server + "/v1"}, "http://elsewhere.invalid"), UnorderedElementsAre(""));
}

TEST(LoadgenCommand, ends_with_1_when_not_all_is_a_success_and_2_when_asked_wrongly) {
  FakeEngine engine;
  const std::string url = "http://" + engine.start() + "/nothing";
  EXPECT_EQ(bench({url, "--concurrency", "2", "--warmup", "0", "--duration", "0.05"}).status, 1);
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(bench({url, "--rate", "1", "--concurrency", "2"}).status, 2);
  EXPECT_EQ(bench({url, "--rate", "0"}).status, 2);
  EXPECT_EQ(bench({}).status, 2);
  ::testing::internal::GetCapturedStderr();
  EXPECT_THROW(run({url, "--token-env", "MODELOPS_NO_SUCH_VARIABLE"}, ""), Error);
  EXPECT_THROW(run({"https://h/"}, ""), Error);
}

}  // namespace
}  // namespace modelops::loadgen
