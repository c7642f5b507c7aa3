#include <gmock/gmock.h>

#include <latch>

#include "base/error.hpp"
#include "platform/api/router.hpp"
#include "platform/jobs/job_runner.hpp"
#include "platform/jobs/operations.hpp"
#include "platform/jobs/replica_test.hpp"
#include "platform/jobs/routes.hpp"

namespace modelops::jobs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::context_of;
using testing::eventually;
using ::testing::HasSubstr;
using testing::Replica;

class Handler final : public JobHandler {
 public:
  using Body = std::function<boost::json::value(JobRun&)>;
  explicit Handler(Body body, std::int64_t attempts = 5) : body_(std::move(body)), attempts_(attempts) {}
  std::string_view kind() const override { return "sample.work"; }
  std::int64_t attempts_max() const override { return attempts_; }
  boost::json::value run(JobRun& run) override { return body_(run); }

 private:
  Body body_;
  std::int64_t attempts_;
};

/// A server that only runs jobs of one handler.
struct Worker {
  Worker(const std::string& url, Handler::Body body, std::int64_t attempts = 5, milliseconds ttl = seconds(5),
         int threads = 3)
      : replica(url, ttl),
        handler(std::move(body), attempts),
        runner(std::make_unique<JobRunner>(*replica.database, replica.topics, clock, replica.keeper,
                                           std::vector<JobHandler*>{&handler},
                                           JobRunnerOptions{.threads = threads,
                                                            .poll_interval = milliseconds(20),
                                                            .flush_interval = milliseconds(10),
                                                            .back_off_first = milliseconds(2)})) {}
  SystemClock clock;
  Replica replica;
  Handler handler;
  std::unique_ptr<JobRunner> runner;
};

class JobsTest : public ::testing::TestWithParam<db::Dialect> {
 protected:
  void SetUp() override {
    database->migrate(all_migrations());
    database->write(
        [](db::Tx& tx) { tx.run("CREATE TABLE effects (operation_id TEXT NOT NULL, made_by TEXT NOT NULL)"); });
  }
  OperationId create(boost::json::value payload = boost::json::object(), const std::string& org = "org_a") {
    return database
        ->write([&](db::Tx& tx) {
          return operations.create(tx, context_of(org), {"sample.work", "model", "mdl_1", payload});
        })
        .id;
  }
  Operation get(const OperationId& id) { return operations.get(ctx, OperationReference{id}); }
  OperationState get_as(std::string actor_id, const OperationId& id) {
    return operations.get(context_of("org_a", std::move(actor_id)), OperationReference{id}).state;
  }
  bool reaches(const OperationId& id, OperationState state) {
    return eventually([&] { return get(id).state == state; });
  }
  template <class T>
  T one(std::string_view sql) {
    return database->read([&](db::Tx& tx) { return tx.value<T>(sql); }).value();
  }
  std::vector<OperationLogLine> lines(const OperationId& id) {
    return operations.log(ctx, {.operation = id, .after = {}}).items;
  }
  http::Stream follow(const OperationId& id, std::optional<std::string> after = {}) {
    FollowOperationLog request{.operation = id, .after = {}};
    if (after) request.after = Cursor::parse(*after);
    return std::get<http::Stream>(operations.follow_log(ctx, request));
  }

  modelops::testing::TestDatabase database{GetParam()};
  SystemClock clock;
  events::Topics topics;
  Operations operations{*database, topics, clock, testing::visible_to};
  Context ctx = context_of("org_a");
};

TEST_P(JobsTest, AJobRunsAndItsOperationTells) {
  const OperationId id = create({{"size", 3}});
  EXPECT_EQ(get(id).state, OperationState::pending);
  std::latch seen(1);
  Worker worker(database.url(), [&](JobRun& run) -> boost::json::value {
    EXPECT_EQ(run.org_id(), "org_a");
    EXPECT_EQ(run.attempt(), 1);
    EXPECT_EQ(run.context().org_id, "org_a");
    run.progress(0.5, "half");
    seen.wait();
    return {{"twice", run.payload().at("size").as_int64() * 2}};
  });
  ASSERT_TRUE(eventually([&] { return get(id).progress == 0.5; }));
  const Operation running = get(id);
  EXPECT_EQ(running.state, OperationState::running);
  EXPECT_EQ(running.step, "half");
  EXPECT_TRUE(running.started_at);
  seen.count_down();
  ASSERT_TRUE(reaches(id, OperationState::succeeded));
  const Operation done = get(id);
  EXPECT_EQ(done.result, boost::json::value({{"twice", 6}}));
  EXPECT_EQ(done.progress, 1.0);
  EXPECT_TRUE(done.ended_at);
  EXPECT_GT(done.row_version, running.row_version);
  EXPECT_EQ(one<std::int64_t>("SELECT count(*) FROM jobs"), 0);
  EXPECT_EQ(one<std::int64_t>("SELECT count(*) FROM leases"), 0);
}

TEST_P(JobsTest, IntentIsStoredWithTheChangeOrNotAtAll) {
  EXPECT_THROW(database->write([&](db::Tx& tx) {
    operations.create(tx, ctx, {"sample.work", "model", "mdl_1", {}});
    fail(ErrorCode::conflict, "No.");
  }),
               Error);
  EXPECT_EQ(one<std::int64_t>("SELECT count(*) FROM jobs"), 0);
  EXPECT_EQ(one<std::int64_t>("SELECT count(*) FROM operations"), 0);
}

TEST_P(JobsTest, WhoMayNotSeeAnOperationIsToldThatThereIsNone) {
  const Context other = context_of("org_a", "usr_2");
  const Context stranger = context_of("org_b");
  const OperationId id = create();
  const auto refused = [&](const Context& who) {
    const auto status_of = [](const auto& f) {
      try {
        f();
      } catch (const Error& error) {
        return error.code;
      }
      return ErrorCode::internal;
    };
    return operations.list(who, {}).items.empty() &&
           status_of([&] { operations.get(who, OperationReference{id}); }) == ErrorCode::not_found &&
           status_of([&] { operations.cancel(who, {id}); }) == ErrorCode::not_found &&
           status_of([&] { operations.log(who, {.operation = id, .after = {}}); }) == ErrorCode::not_found &&
           status_of([&] {
             std::get<http::Stream>(operations.follow_log(who, {.operation = id, .after = {}})).poll();
           }) == ErrorCode::not_found;
  };
  EXPECT_EQ(operations.list(ctx, {}).items.size(), 1u);
  EXPECT_TRUE(refused(other));
  EXPECT_TRUE(refused(stranger));
  database->write([&](db::Tx& tx) { operations.set_audience(tx, ctx, id, Audience::everybody()); });
  http::Stream open = std::get<http::Stream>(operations.follow_log(other, {.operation = id, .after = {}}));
  EXPECT_FALSE(open.poll().end);
  EXPECT_EQ(operations.list(other, {}).items.size(), 1u);
  EXPECT_EQ(operations.get(other, OperationReference{id}).id, id);
  EXPECT_TRUE(refused(stranger));
  database->write([&](db::Tx& tx) { operations.set_audience(tx, ctx, id, Audience::only("usr_3")); });
  EXPECT_TRUE(refused(ctx));
  EXPECT_THROW(open.poll(), Error) << "a stream ends when its operation is seen no more";
  EXPECT_EQ(get_as("usr_3", id), OperationState::pending);
}

TEST_P(JobsTest, TwoRunnersDoEachJobOnce) {
  constexpr int jobs = 40;
  std::mutex mutex;
  std::set<std::string> inside;
  bool overlapped = false;
  const auto body = [&](Worker*& self) {
    return [&](JobRun& run) -> boost::json::value {
      const std::string id = run.operation_id().str();
      {
        std::lock_guard lock(mutex);
        if (!inside.insert(id).second) overlapped = true;
      }
      // Also when its write is refused: a busy database may have it tried again later.
      const std::shared_ptr<void> leave(nullptr, [&](void*) {
        std::lock_guard lock(mutex);
        inside.erase(id);
      });
      self->replica.database->write([&](db::Tx& tx) {
        tx.run("INSERT INTO effects (operation_id, made_by) VALUES (?, ?)", id, self->replica.keeper.owner());
        run.complete(tx, {{"done", true}});
      });
      return {};
    };
  };
  std::vector<OperationId> ids;
  for (int i = 0; i < jobs / 2; ++i) ids.push_back(create());
  Worker* a = nullptr;
  Worker* b = nullptr;
  std::latch ready(1);
  const auto gated = [&](Worker*& self) {
    return [&ready, inner = body(self)](JobRun& run) {
      ready.wait();
      return inner(run);
    };
  };
  Worker first(database.url(), gated(a));
  Worker second(database.url(), gated(b));
  a = &first;
  b = &second;
  ready.count_down();
  for (int i = 0; i < jobs / 2; ++i) ids.push_back(create());
  for (const OperationId& id : ids) ASSERT_TRUE(reaches(id, OperationState::succeeded));
  EXPECT_FALSE(overlapped);
  EXPECT_EQ(one<std::int64_t>("SELECT count(*) FROM effects"), jobs);
  EXPECT_EQ(one<std::int64_t>("SELECT count(DISTINCT operation_id) FROM effects"), jobs);
  for (const OperationId& id : ids) EXPECT_EQ(get(id).result, boost::json::value({{"done", true}}));
}

TEST_P(JobsTest, AJobWhoseRunnerLostItsLeaseIsTakenAgainAndTheFirstWritesNothing) {
  const OperationId id = create();
  std::latch lost(1);
  std::atomic<bool> refused = false;
  std::atomic<bool> started = false;
  std::unique_ptr<Worker> second;
  Worker first(
      database.url(),
      [&](JobRun& run) -> boost::json::value {
        started = true;
        lost.wait();
        EXPECT_TRUE(eventually([&] { return run.cancelled(); }));
        try {
          database->write([&](db::Tx& tx) {
            tx.run("INSERT INTO effects (operation_id, made_by) VALUES ('x', 'first')");
            run.complete(tx, "first");
          });
        } catch (const Error&) {
          refused = true;
        }
        return "first, again";
      },
      5, milliseconds(300), 1);  // one thread: it would take the job again itself
  ASSERT_TRUE(eventually([&] { return started.load(); }));
  second = std::make_unique<Worker>(database.url(), [&](JobRun& run) -> boost::json::value {
    EXPECT_EQ(run.attempt(), 2);
    return "second";
  });
  // As if the first had been suspended for longer than its lease.
  ASSERT_TRUE(eventually([&] {
    database->write([](db::Tx& tx) { tx.run("UPDATE leases SET until_us = 0 WHERE epoch = 1"); });
    return has_ended(get(id).state);
  }));
  lost.count_down();
  ASSERT_TRUE(eventually([&] { return refused.load(); }));
  first.runner.reset();
  const Operation done = get(id);
  EXPECT_EQ(done.state, OperationState::succeeded);
  EXPECT_EQ(done.result, boost::json::value("second"));
  EXPECT_EQ(one<std::int64_t>("SELECT count(*) FROM effects"), 0);
}

TEST_P(JobsTest, RetriesWhatMayPass) {
  std::atomic<int> calls = 0;
  const OperationId id = create();
  Worker worker(database.url(), [&](JobRun& run) -> boost::json::value {
    ++calls;
    if (run.attempt() < 3) fail(ErrorCode::bad_gateway, "The hub does not answer.");
    return run.attempt();
  });
  ASSERT_TRUE(reaches(id, OperationState::succeeded));
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(get(id).result, boost::json::value(3));
}

TEST_P(JobsTest, EndsWithTheProblemWhenAttemptsAreUsedUp) {
  std::atomic<int> calls = 0;
  const OperationId id = create();
  Worker worker(
      database.url(),
      [&](JobRun&) -> boost::json::value {
        ++calls;
        throw std::runtime_error("a secret of the inside");
      },
      3);
  ASSERT_TRUE(reaches(id, OperationState::failed));
  EXPECT_EQ(calls, 3);
  const auto problem = get(id).problem.value();
  EXPECT_EQ(problem.status, 500);
  EXPECT_EQ(problem.type, "urn:modelops:problem:internal");
  EXPECT_THAT(problem.detail, ::testing::Not(HasSubstr("secret")));
  EXPECT_EQ(one<std::int64_t>("SELECT count(*) FROM jobs"), 0);
}

TEST_P(JobsTest, DoesNotRetryWhatIsWrong) {
  std::atomic<int> calls = 0;
  const OperationId id = create();
  Worker worker(database.url(), [&](JobRun&) -> boost::json::value {
    ++calls;
    fail_field("/source", "is not a model");
  });
  ASSERT_TRUE(reaches(id, OperationState::failed));
  EXPECT_EQ(calls, 1);
  const auto problem = get(id).problem.value();
  EXPECT_EQ(problem.status, 422);
  ASSERT_EQ(problem.violations.size(), 1u);
  EXPECT_EQ(problem.violations[0].pointer, "/source");
}

TEST_P(JobsTest, AJobThatKillsItsServersIsGivenUp) {
  const OperationId id = create();
  database->write([](db::Tx& tx) { tx.run("UPDATE jobs SET attempt = 5"); });
  Worker worker(database.url(), [&](JobRun&) -> boost::json::value { return "never"; });
  ASSERT_TRUE(reaches(id, OperationState::failed));
  EXPECT_THAT(get(id).problem.value().detail, HasSubstr("5 times"));
}

TEST_P(JobsTest, CancelsWhatWaitsAtOnce) {
  const OperationId id = create();
  const Operation cancelled = operations.cancel(ctx, {id});
  EXPECT_EQ(cancelled.state, OperationState::cancelled);
  EXPECT_TRUE(cancelled.ended_at);
  EXPECT_EQ(one<std::int64_t>("SELECT count(*) FROM jobs"), 0);
  EXPECT_EQ(operations.cancel(ctx, {id}).row_version, cancelled.row_version);
}

TEST_P(JobsTest, AsksWhatRunsToStop) {
  const OperationId id = create();
  Worker worker(database.url(), [&](JobRun& run) -> boost::json::value {
    EXPECT_TRUE(eventually([&] { return run.cancelled(); }));
    run.throw_if_cancelled();
    return {};
  });
  ASSERT_TRUE(reaches(id, OperationState::running));
  const Operation asked = operations.cancel(ctx, {id});
  EXPECT_TRUE(asked.cancel_requested);
  ASSERT_TRUE(reaches(id, OperationState::cancelled));
  EXPECT_FALSE(get(id).problem);
}

TEST_P(JobsTest, ACancelledJobOfADeadRunnerIsNotTakenAgain) {
  const OperationId id = create();
  database->write([&](db::Tx& tx) {
    auto job = store::find_due(tx, {"sample.work"}, true).value();
    acquire(tx, store::lease_name(id), "dead", milliseconds(1));
    store::start(tx, job, clock.now());
  });
  EXPECT_EQ(operations.cancel(ctx, {id}).state, OperationState::running);
  Worker worker(database.url(), [&](JobRun&) -> boost::json::value { return "never"; });
  EXPECT_TRUE(reaches(id, OperationState::cancelled));
}

TEST_P(JobsTest, WhatHasEndedCannotBeCancelled) {
  const OperationId id = create();
  Worker worker(database.url(), [&](JobRun&) -> boost::json::value { return {}; });
  ASSERT_TRUE(reaches(id, OperationState::succeeded));
  try {
    operations.cancel(ctx, {id});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::conflict);
  }
}

TEST_P(JobsTest, ShutdownGivesJobsBackAtOnce) {
  const OperationId id = create();
  {
    Worker worker(
        database.url(),
        [&](JobRun& run) -> boost::json::value {
          run.log("began");
          EXPECT_TRUE(eventually([&] { return run.cancelled(); }));
          run.throw_if_cancelled();
          return {};
        },
        5, std::chrono::hours(1), 1);
    ASSERT_TRUE(reaches(id, OperationState::running));
    worker.runner.reset();
  }
  EXPECT_EQ(get(id).state, OperationState::pending);
  EXPECT_EQ(one<std::int64_t>("SELECT attempt FROM jobs"), 0);
  Worker worker(database.url(), [&](JobRun& run) -> boost::json::value {
    EXPECT_EQ(run.attempt(), 1);
    EXPECT_EQ(run.fence().epoch, 2);
    run.log("began again");
    return {};
  });
  ASSERT_TRUE(reaches(id, OperationState::succeeded));
  const auto log = lines(id);
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[1].line, "began again");
  EXPECT_EQ(log[1].seq, 2);
}

TEST_P(JobsTest, OtherKindsAreLeftAlone) {
  const OperationId id = create();
  database->write([](db::Tx& tx) { tx.run("UPDATE jobs SET kind = 'of.tomorrow'"); });
  const OperationId known = create();
  Worker worker(database.url(), [&](JobRun&) -> boost::json::value { return {}; });
  ASSERT_TRUE(reaches(known, OperationState::succeeded));
  EXPECT_EQ(get(id).state, OperationState::pending);
}

TEST_P(JobsTest, LogsAreFollowedByCursor) {
  const OperationId id = create();
  std::latch more(1);
  Worker worker(database.url(), [&](JobRun& run) -> boost::json::value {
    run.log("one\ntwo\n");
    run.log(std::string("bad \xff\0 bytes", 12), LineLevel::warning);
    more.wait();
    std::string wide(log_line_bytes_max - 1, 'x');
    run.log(wide + "\u00e9\u00e9");
    for (int i = 0; i < 1200; ++i) run.log("filler");
    return {};
  });
  http::Stream stream = follow(id);
  std::string got;
  ASSERT_TRUE(eventually([&] { return got += stream.poll().bytes, got.find("id: 3\n") != std::string::npos; }));
  EXPECT_THAT(got, HasSubstr("\"line\":\"one\""));
  EXPECT_THAT(got, HasSubstr("\"line\":\"bad ?? bytes\""));
  EXPECT_EQ(operations.log(ctx, {.operation = id, .after = Cursor::parse("1")}).items.front().line, "two");
  EXPECT_FALSE(operations.log(ctx, {.operation = id, .after = {}}).ended);
  more.count_down();
  http::Stream resumed = follow(id, "3");  // on another connection
  got.clear();
  http::Stream::Batch batch;
  ASSERT_TRUE(eventually([&] { return batch = resumed.poll(), got += batch.bytes, batch.end; }));
  EXPECT_TRUE(got.starts_with("id: 4\ndata: ")) << got.substr(0, 100);
  EXPECT_THAT(got, HasSubstr("id: 1204\n"));
  EXPECT_THAT(got, HasSubstr("event: end\ndata: {\"id\":\"" + id.str()));
  EXPECT_EQ(lines(id).at(3).line, std::string(log_line_bytes_max - 1, 'x'));
  EXPECT_EQ(lines(id).size(), 1000u);
  const auto rest = operations.log(ctx, {.operation = id, .after = Cursor::parse("1000")});
  EXPECT_EQ(rest.items.size(), 204u);
  EXPECT_EQ(rest.after, "1204");
  EXPECT_TRUE(rest.ended);
}

TEST_P(JobsTest, LogsAreBounded) {
  const OperationId id = create();
  database->write(
      [&](db::Tx& tx) { store::append_log(tx, "org_a", id, {log_lines_max - 2, {}, LineLevel::info, "before"}); });
  Worker worker(database.url(), [&](JobRun& run) -> boost::json::value {
    for (int i = 0; i < 5; ++i) run.log("line");
    return {};
  });
  ASSERT_TRUE(reaches(id, OperationState::succeeded));
  const auto log = lines(id);
  ASSERT_EQ(log.size(), 3u);
  EXPECT_EQ(log[1].line, "line");
  EXPECT_THAT(log[2].line, HasSubstr("dropped"));
}

TEST_P(JobsTest, OthersDoNotSeeIt) {
  const OperationId id = create();
  const Context other = context_of("org_b");
  EXPECT_TRUE(operations.list(other, {}).items.empty());
  for (const auto& call : std::vector<std::function<void()>>{
           [&] { operations.get(other, OperationReference{id}); }, [&] { operations.cancel(other, {id}); },
           [&] { operations.log(other, {.operation = id, .after = {}}); },
           [&] { std::get<http::Stream>(operations.follow_log(other, {.operation = id, .after = {}})).poll(); }}) {
    try {
      call();
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::not_found);
    }
  }
}

TEST_P(JobsTest, OldOperationsAreForgotten) {
  const OperationId ended = create();
  const OperationId waiting = create();
  database->write([&](db::Tx& tx) {
    store::append_log(tx, "org_a", ended, {1, {}, LineLevel::info, "line"});
    store::end(tx, "org_a", ended, OperationState::succeeded, Time{1'000}, std::nullopt, boost::json::value(1));
  });
  EXPECT_EQ(database->write([](db::Tx& tx) { return store::prune(tx, Time{1'000}, 10); }), 0);
  EXPECT_EQ(database->write([](db::Tx& tx) { return store::prune(tx, Time{1'001}, 10); }), 1);
  EXPECT_EQ(one<std::string>("SELECT id FROM operations"), waiting.str());
  EXPECT_EQ(one<std::int64_t>("SELECT count(*) FROM operation_logs"), 0);
}

/// Lets everybody in, as the organisation that the header names.
class OpenDoor final : public api::Access {
 public:
  Context authenticate(const http::Request& request) override {
    return context_of(std::string(request.headers.get("Org")));
  }
  void authorize(const Context&, Permission) override {}
  void refused(const Context&, Permission, std::string_view) override {}
  std::string protect(const Context&, std::string_view, std::string_view body) override { return std::string(body); }
  std::string unprotect(const Context&, std::string_view, std::string_view sealed) override {
    return std::string(sealed);
  }
};

TEST_P(JobsTest, Routes) {
  OpenDoor door;
  api::Router router(routes(operations), door);
  const auto send = [&](http::Method method, std::string path, std::string query = {}, std::string last_event = {}) {
    http::Request request{.method = method, .path = std::move(path), .query = std::move(query)};
    request.headers.set("Org", "org_a");
    if (!last_event.empty()) request.headers.set("Last-Event-ID", last_event);
    return router.handle(router.plan(request), std::move(request));
  };
  const auto body = [](const http::Answer& answer) { return std::get<http::Response>(answer).body; };
  const OperationId first = create();
  const OperationId second = create();
  operations.cancel(ctx, {first});
  const std::string all = body(send(http::Method::get, "/api/v1/operations"));
  EXPECT_LT(all.find(second.str()), all.find(first.str()));
  const std::string some = body(send(http::Method::get, "/api/v1/operations", "filter=state+%3D+%22cancelled%22"));
  EXPECT_THAT(some, HasSubstr(first.str()));
  EXPECT_THAT(some, ::testing::Not(HasSubstr(second.str())));
  EXPECT_THAT(body(send(http::Method::get, "/api/v1/operations", "page_size=1")), HasSubstr("next_page_token"));
  const auto one_of = std::get<http::Response>(send(http::Method::get, "/api/v1/operations/" + second.str()));
  EXPECT_EQ(one_of.headers.get("ETag"), "\"1\"");
  EXPECT_THAT(body(send(http::Method::post, "/api/v1/operations/" + second.str() + "/cancel")),
              HasSubstr("\"cancelled\""));

  database->write([&](db::Tx& tx) {
    for (int i = 1; i <= 3; ++i) store::append_log(tx, "org_a", second, {i, {}, LineLevel::info, "line"});
  });
  EXPECT_THAT(body(send(http::Method::get, "/api/v1/operations/" + second.str() + "/logs", "after=2")),
              HasSubstr("\"after\":\"3\""));
  const auto stream = std::get<http::Stream>(
      send(http::Method::get, "/api/v1/operations/" + second.str() + "/logs/stream", "after=0", "2"));
  EXPECT_EQ(stream.head.headers.get("Content-Type"), "text/event-stream");
  EXPECT_TRUE(stream.poll().bytes.starts_with("id: 3\n"));
  for (const char* bad : {"x", "-1", "1.5", "99999999999999999999"}) {
    EXPECT_THROW(send(http::Method::get, "/api/v1/operations/" + second.str() + "/logs", "after=" + std::string(bad)),
                 Error);
    EXPECT_THROW(send(http::Method::get, "/api/v1/operations/" + second.str() + "/logs/stream", {}, bad), Error);
  }
  EXPECT_THAT(api::openapi(router.routes(), "0"), HasSubstr("OperationProblem"));
}

MODELOPS_ON_BOTH_DATABASES(JobsTest);

}  // namespace
}  // namespace modelops::jobs
