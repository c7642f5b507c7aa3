#include <gmock/gmock.h>

#include <condition_variable>
#include <latch>

#include "base/error.hpp"
#include "platform/api/router.hpp"
#include "platform/eventlog/event_log.hpp"
#include "platform/eventlog/retention.hpp"
#include "platform/eventlog/routes.hpp"
#include "platform/jobs/replica_test.hpp"
#include "platform/jobs/store.hpp"

namespace modelops::eventlog {
namespace {

using jobs::testing::context_of;
using jobs::testing::eventually;
using jobs::testing::Replica;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t batch = 100;

class EventLogTest : public ::testing::TestWithParam<db::Dialect> {
 protected:
  void SetUp() override { database->migrate(all_migrations()); }
  void publish(std::string_view kind, std::string_view org = "org_a", std::string_view subject = "dep_1") {
    database->write([&](db::Tx& tx) {
      log.publish(tx, org, Audience::everybody(), kind, "deployment", subject, {{"kind", kind}});
    });
  }
  std::size_t sequence() {
    return database->write([&](db::Tx& tx) { return log.step(tx); });
  }
  std::vector<std::string> kinds(std::int64_t after = 0, std::string_view org = "org_a") {
    std::vector<std::string> out;
    for (const auto& [seq, event] : events.read(context_of(std::string(org)), after, batch).events)
      out.push_back(event.kind);
    return out;
  }
  http::Stream follow(FollowEvents request = {}) {
    return std::get<http::Stream>(events.follow(context_of("org_a"), request));
  }
  static ErrorCode refusal(const std::function<void()>& f) {
    try {
      f();
    } catch (const Error& error) {
      return error.code;
    }
    return ErrorCode::internal;
  }
  void keep_within_retention() {
    jobs::LeaseKeeper keeper(*database);
    const auto lease = keeper.try_hold("reconciler/retention");
    Retention(*database, clock).reconcile(lease->fence());
  }
  modelops::testing::TestDatabase database{GetParam()};
  ManualClock clock;
  events::Topics topics;
  EventLog log{topics, clock};
  EventReader events{*database, jobs::testing::visible_to};
};

TEST_P(EventLogTest, IsSeenInOrderOnceItHasItsPlace) {
  publish("a.one");
  publish("b.one", "org_b");
  database->write([&](db::Tx& tx) {
    for (const char* kind : {"a.two", "a.three", "a.four"})
      log.publish(tx, "org_a", Audience::everybody(), kind, "deployment", "dep_1");
  });
  EXPECT_TRUE(kinds().empty());
  EXPECT_EQ(sequence(), 5u);
  EXPECT_EQ(sequence(), 0u);
  EXPECT_THAT(kinds(), ElementsAre("a.one", "a.two", "a.three", "a.four"));
  EXPECT_THAT(kinds(2), ElementsAre("a.three", "a.four"));
  EXPECT_THAT(kinds(0, "org_b"), ElementsAre("b.one"));
  const auto read = events.read(context_of("org_a"), 1, 2);
  EXPECT_EQ(read.cursor, 3);
  EXPECT_TRUE(read.more);
  EXPECT_EQ(read.events[0].second.created_at, clock.now());
}

TEST_P(EventLogTest, WhatIsRolledBackNeverHappened) {
  EXPECT_THROW(database->write([&](db::Tx& tx) {
    log.publish(tx, "org_a", Audience::everybody(), "never", "deployment", "dep_1");
    fail(ErrorCode::conflict, "No.");
  }),
               Error);
  EXPECT_EQ(sequence(), 0u);
}

TEST_P(EventLogTest, TheStreamBeginsNowAndIsResumed) {
  publish("before");
  sequence();
  http::Stream stream = follow();
  EXPECT_EQ(stream.topic, events_topic("org_a"));
  EXPECT_EQ(stream.poll().bytes, "id: 1\n\n");  // a client that is cut off before the first event knows where it was
  EXPECT_EQ(stream.poll().bytes, "");
  publish("after");
  EXPECT_EQ(stream.poll().bytes, "");
  const auto version = topics.version(events_topic("org_a"));
  sequence();
  EXPECT_GT(topics.version(events_topic("org_a")), version);
  const std::string got = stream.poll().bytes;
  EXPECT_TRUE(got.starts_with("id: 2\ndata: {\"id\":\"evt_")) << got;
  EXPECT_EQ(got.find("id: ", 3), std::string::npos) << got;
  EXPECT_EQ(follow({.after = jobs::Cursor::parse("1"), .kind = {}, .subject_kind = {}, .subject_id = {}}).poll().bytes,
            got);
}

TEST_P(EventLogTest, Filters) {
  publish("deployment.healthy", "org_a", "dep_1");
  publish("deployment.failed", "org_a", "dep_2");
  publish("model.created", "org_a", "dep_2");
  sequence();
  const auto count = [&](FollowEvents request) {
    request.after = jobs::Cursor::parse("0");
    const std::string got = follow(request).poll().bytes;
    // What was passed over counts as read: the last cursor is the same for all.
    EXPECT_THAT(got, HasSubstr("id: 3\n"));
    std::size_t events = 0;
    for (std::size_t at = 0; (at = got.find("data: ", at)) != std::string::npos; ++at) ++events;
    return events;
  };
  const auto text = [](std::string_view value) { return reflect::Bounded<1, 128>::parse(value); };
  EXPECT_EQ(count({}), 3u);
  EXPECT_EQ(count({.after = {}, .kind = text("deployment."), .subject_kind = {}, .subject_id = {}}), 2u);
  EXPECT_EQ(count({.after = {},
                   .kind = {},
                   .subject_kind = text("deployment"),
                   .subject_id = reflect::Bounded<1, 254>::parse("dep_2")}),
            2u);
  EXPECT_EQ(count({.after = {}, .kind = {}, .subject_kind = text("model"), .subject_id = {}}), 0u);
}

TEST_P(EventLogTest, WhatOneMayNotSeeIsPassedOver) {
  const Context other = context_of("org_a", "usr_2");
  database->write([&](db::Tx& tx) {
    for (int i = 1; i <= 9; ++i)
      log.publish(tx, "org_a", i % 3 == 0 ? Audience::everybody() : Audience::only("usr_1"), fmt::format("k{}", i),
                  "model", "mdl_1");
    log.publish(tx, "org_a", Audience::only("usr_1"), "k10", "model", "mdl_1");
  });
  sequence();
  const auto read_by = [&](const Context& who, std::int64_t limit) {
    std::vector<std::string> out;
    std::int64_t cursor = 0;
    for (bool more = true; more;) {
      const EventBatch read = events.read(who, cursor, limit);
      EXPECT_GT(read.cursor, cursor) << "a batch of which nothing is seen still leads on";
      for (const auto& [seq, event] : read.events) {
        EXPECT_EQ(event.kind, fmt::format("k{}", seq)) << "places are the same to everybody";
        out.push_back(event.kind);
      }
      cursor = read.cursor;
      more = read.more;
    }
    EXPECT_EQ(cursor, 10);
    return out;
  };
  for (const std::int64_t limit : {1, 2, 3, 100}) {
    EXPECT_THAT(read_by(other, limit), ElementsAre("k3", "k6", "k9"));
    EXPECT_EQ(read_by(context_of("org_a"), limit).size(), 10u);
  }
  // A stream tells its reader where it is although the last events are not for them; so it is resumed there.
  const auto stream_of = [&](const Context& who, std::string_view after) {
    return std::get<http::Stream>(
        events.follow(who, {.after = jobs::Cursor::parse(after), .kind = {}, .subject_kind = {}, .subject_id = {}}));
  };
  http::Stream stream = stream_of(other, "6");
  const std::string got = stream.poll().bytes;
  EXPECT_TRUE(got.starts_with("id: 9\ndata: ")) << got;
  EXPECT_TRUE(got.ends_with("\n\nid: 10\n\n")) << got;
  EXPECT_EQ(got.find("k10"), std::string::npos);
  publish("k11");
  sequence();
  EXPECT_TRUE(stream.poll().bytes.starts_with("id: 11\n"));
  EXPECT_TRUE(stream_of(other, "10").poll().bytes.starts_with("id: 11\ndata: "));
}

TEST_P(EventLogTest, OldEventsAreForgottenAndTheirReadersToldSo) {
  publish("old.one");
  publish("old.two");
  sequence();
  http::Stream slow = follow({.after = jobs::Cursor::parse("1"), .kind = {}, .subject_kind = {}, .subject_id = {}});
  // A long transaction's event: old, but behind a younger one in the order.
  publish("late");
  clock.advance(hours(24));
  publish("young");
  sequence();
  database->write([](db::Tx& tx) {
    tx.run("UPDATE events SET seq = 99 WHERE kind = 'young'");
    tx.run("UPDATE events SET seq = 4 WHERE kind = 'late'");
    tx.run("UPDATE events SET seq = 3 WHERE kind = 'young'");
  });
  keep_within_retention();
  EXPECT_EQ(kinds().size(), 4u);
  clock.advance(hours(6 * 24) + seconds(1));
  keep_within_retention();
  EXPECT_THAT(kinds(2), ElementsAre("young", "late"));
  EXPECT_EQ(refusal([&] { kinds(1); }), ErrorCode::gone);
  EXPECT_EQ(refusal([&] { slow.poll(); }), ErrorCode::gone);
  EXPECT_EQ(refusal([&] { kinds(5); }), ErrorCode::gone);  // of a log that was set back
  EXPECT_NO_THROW(kinds(4));
  clock.advance(hours(24));
  keep_within_retention();
  EXPECT_TRUE(kinds(4).empty());
  EXPECT_EQ(refusal([&] { kinds(3); }), ErrorCode::gone);
  publish("new");
  sequence();
  EXPECT_THAT(kinds(4), ElementsAre("new"));
}

TEST_P(EventLogTest, RetentionForgetsAnswersAndOperationsToo) {
  database->write([&](db::Tx& tx) {
    for (const auto& [key, age] : {std::pair("young", hours(23)), std::pair("old", hours(25))})
      tx.run(
          "INSERT INTO idempotency_keys (principal_id, idempotency_key, request_hash, status, body, created_at) "
          "VALUES ('usr_1', ?, 'h', 200, '', ?)",
          key, clock.now() - age);
    jobs::Operation operation;
    operation.id = jobs::OperationId::make();
    jobs::store::insert(tx, "org_a", operation, Audience::everybody(), {}, "");
    jobs::store::end(tx, "org_a", operation.id, jobs::OperationState::cancelled, clock.now() - hours(91 * 24),
                     std::nullopt, std::nullopt);
  });
  keep_within_retention();
  const auto left =
      database->read([](db::Tx& tx) { return tx.values<std::string>("SELECT idempotency_key FROM idempotency_keys"); });
  EXPECT_THAT(left, ElementsAre("young"));
  EXPECT_EQ(database->read([](db::Tx& tx) { return tx.value<std::int64_t>("SELECT count(*) FROM operations"); }), 0);
}

TEST_P(EventLogTest, Routes) {
  class OpenDoor final : public api::Access {
    Context authenticate(const http::Request&) override { return context_of("org_a"); }
    void authorize(const Context&, Permission permission) override { EXPECT_EQ(permission, events_read); }
    void refused(const Context&, Permission, std::string_view) override {}
    std::string protect(const Context&, std::string_view, std::string_view body) override { return std::string(body); }
    std::string unprotect(const Context&, std::string_view, std::string_view sealed) override {
      return std::string(sealed);
    }
  } door;
  api::Router router(routes(events), door);
  const auto get = [&](std::string query, std::string last_event = {}) {
    http::Request request{.method = http::Method::get, .path = "/api/v1/events", .query = std::move(query)};
    if (!last_event.empty()) request.headers.set("Last-Event-ID", last_event);
    return std::get<http::Stream>(router.handle(router.plan(request), std::move(request)));
  };
  publish("one");
  publish("two");
  sequence();
  EXPECT_EQ(get({}).poll().bytes, "id: 2\n\n");
  EXPECT_TRUE(get("after=1").poll().bytes.starts_with("id: 2\ndata:"));
  EXPECT_TRUE(get("after=0", "1").poll().bytes.starts_with("id: 2\ndata:"));
  EXPECT_EQ(get("after=0&kind=none").poll().bytes, "id: 2\n\n");
  EXPECT_EQ(refusal([&] { get("after=x"); }), ErrorCode::unprocessable);
  EXPECT_EQ(refusal([&] { get({}, "\"1\""); }), ErrorCode::unprocessable);
  EXPECT_EQ(refusal([&] { get("colour=red"); }), ErrorCode::unprocessable);
  EXPECT_EQ(refusal([&] { get("after=3").poll(); }), ErrorCode::gone);
}

TEST_P(EventLogTest, ALateSequencerGivesNoPlaces) {
  jobs::LeaseKeeper keeper(*database);
  const auto lease = keeper.try_hold("reconciler/sequencer/events");
  Sequencer sequencer(*database, log);
  EXPECT_EQ(sequencer.name(), "sequencer/events");
  publish("one");
  sequencer.reconcile(lease->fence());
  database->write([](db::Tx& tx) { tx.run("UPDATE leases SET epoch = epoch + 1"); });
  publish("two");
  EXPECT_EQ(refusal([&] { sequencer.reconcile(lease->fence()); }), ErrorCode::conflict);
  EXPECT_THAT(kinds(), ElementsAre("one"));
}

/// A server with its own sequencer.
struct EventServer {
  explicit EventServer(const std::string& url)
      : replica(url), log(replica.topics, clock), events(*replica.database, jobs::testing::visible_to) {
    start();
  }
  void start() {
    runner = std::make_unique<jobs::ReconcilerRunner>(replica.topics, replica.keeper,
                                                      std::vector<jobs::Reconciler*>{&sequencer});
  }
  SystemClock clock;
  Replica replica;
  EventLog log;
  EventReader events;
  Sequencer sequencer{*replica.database, log, milliseconds(20)};
  std::unique_ptr<jobs::ReconcilerRunner> runner;
};

// Long transactions begin first, take their ids first, and end after many short ones that began later, while readers
// go on after the last event they saw and come back on the other replica now and then.
TEST_P(EventLogTest, TwoReplicasMissNothingAndDoubleNothing) {
  constexpr int rounds = 6;
  constexpr int shorts = 25;
  EventServer first(database.url());
  EventServer second(database.url());
  EventServer* const servers[] = {&first, &second};

  std::mutex mutex;
  std::set<std::string> committed;
  const auto commit = [&](EventServer& server, std::string subject, const std::function<void()>& linger) {
    server.replica.database->write([&](db::Tx& tx) {
      server.log.publish(tx, "org_a", Audience::everybody(), "begin", "sample", subject);
      linger();
      server.log.publish(tx, "org_a", Audience::everybody(), "end", "sample", subject);
    });
    std::lock_guard lock(mutex);
    committed.insert(std::move(subject));
  };

  std::atomic<bool> writing = true;
  std::atomic<int> seen_places = 0;
  const auto reader = [&](int start, std::vector<std::string>& got) {
    std::int64_t cursor = 0;
    for (int turn = start;; ++turn) {
      const bool last_look = !writing;
      EventBatch read = servers[turn % 2]->events.read(context_of("org_a"), cursor, 7);
      for (auto& [seq, event] : read.events) {
        EXPECT_EQ(seq, ++cursor) << "a hole or a double";
        got.push_back(event.subject_id + "/" + event.kind);
      }
      seen_places = static_cast<int>(std::max<std::int64_t>(seen_places, cursor));
      std::size_t expected = 0;
      {
        std::lock_guard lock(mutex);
        expected = 2 * committed.size();
      }
      if (last_look && got.size() >= expected) return;
      if (read.events.empty()) jobs::pause_for(milliseconds(1), {});
    }
  };
  std::vector<std::string> got[3];
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < 3; ++i) readers.emplace_back([&, i] { reader(i, got[i]); });
    for (int round = 0; round < rounds; ++round) {
      std::latch long_ones_began(2);
      std::atomic<int> began = 0;
      std::vector<std::jthread> writers;
      for (int server = 0; server < 2; ++server) {
        writers.emplace_back([&, server] {
          std::atomic<bool> counted = false;
          const int places = seen_places;
          commit(*servers[server], fmt::format("long-{}-{}", round, server), [&] {
            if (!counted.exchange(true)) ++began, long_ones_began.count_down();
            // SQLite has one writer: there is nothing to wait for.
            if (GetParam() == db::Dialect::sqlite) return;
            // Not before readers have gone past places that were given after this one's rows were inserted.
            EXPECT_TRUE(eventually([&] { return seen_places >= places + shorts; }));
          });
        });
      }
      long_ones_began.wait();
      for (int server = 0; server < 2; ++server) {
        writers.emplace_back([&, server] {
          for (int i = 0; i < shorts; ++i)
            commit(*servers[server], fmt::format("short-{}-{}-{}", round, server, i), [] {});
        });
      }
      writers.clear();
      // The replica that gives the places goes away and comes back.
      servers[round % 2]->runner.reset();
      commit(*servers[round % 2], fmt::format("between-{}", round), [] {});
      servers[round % 2]->start();
    }
    writing = false;
  }
  ASSERT_EQ(committed.size(), static_cast<std::size_t>(rounds * (2 + 2 * shorts + 1)));
  for (const auto& events : got) {
    EXPECT_EQ(events, got[0]);  // one order for all
    std::set<std::string> distinct(events.begin(), events.end());
    EXPECT_EQ(distinct.size(), events.size());
    EXPECT_EQ(events.size(), 2 * committed.size());
    for (const std::string& subject : committed) {
      const auto begin = std::ranges::find(events, subject + "/begin");
      EXPECT_NE(std::find(begin, events.end(), subject + "/end"), events.end()) << subject;
    }
  }
}

TEST_P(EventLogTest, AnEventReachesAReaderOnTheOtherReplica) {
  if (GetParam() == db::Dialect::sqlite) {
    // One process: its own topic tells.
    EventServer only(database.url());
    const auto seen = only.replica.topics.version(events_topic("org_a"));
    only.replica.database->write(
        [&](db::Tx& tx) { only.log.publish(tx, "org_a", Audience::everybody(), "one", "sample", "x"); });
    EXPECT_TRUE(eventually([&] { return only.replica.topics.version(events_topic("org_a")) > seen; }));
    return;
  }
  EventServer first(database.url());
  EventServer second(database.url());
  for (EventServer* const to : {&first, &second}) {
    EventServer* const from = to == &first ? &second : &first;
    std::atomic<bool> woken = false;
    events::Topics& topics_there = to->replica.topics;
    const auto waiter =
        topics_there.wait(events_topic("org_a"), topics_there.version(events_topic("org_a")), [&] { woken = true; });
    EXPECT_TRUE(eventually([&] {
      from->replica.database->write(
          [&](db::Tx& tx) { from->log.publish(tx, "org_a", Audience::everybody(), "one", "sample", "x"); });
      return woken.load();
    }));
    topics_there.cancel(waiter);
  }
}

TEST_P(EventLogTest, TheListenerComesBackAfterItsConnectionBroke) {
  if (GetParam() == db::Dialect::sqlite) {
    jobs::Listener idle(database.url(), topics);  // does nothing, and ends at once
    return;
  }
  events::Topics heard;
  jobs::Listener listener(database.url(), heard);
  for (int i = 0; i < 2; ++i) {
    const auto seen = heard.version("sample");
    EXPECT_TRUE(eventually([&] {
      database->write([&](db::Tx& tx) { jobs::announce(tx, topics, "sample"); });
      return heard.version("sample") > seen;
    }));
    database->write([](db::Tx& tx) {
      tx.query(
          "SELECT CASE WHEN pg_terminate_backend(pid) THEN '1' ELSE '0' END FROM pg_stat_activity "
          "WHERE application_name = 'modelops listener' AND datname = current_database()",
          {}, 1, [](const auto&) {});
    });
  }
}

MODELOPS_ON_BOTH_DATABASES(EventLogTest);

}  // namespace
}  // namespace modelops::eventlog
