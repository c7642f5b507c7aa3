#include "platform/jobs/lease.hpp"

#include <latch>

#include "base/error.hpp"
#include "platform/jobs/reconciler.hpp"
#include "platform/jobs/replica_test.hpp"

namespace modelops::jobs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::eventually;
using testing::Replica;

class LeaseTest : public ::testing::TestWithParam<db::Dialect> {
 protected:
  void SetUp() override { database->migrate(all_migrations()); }
  std::optional<Fence> take(std::string_view owner, milliseconds ttl = seconds(60)) {
    return database->write([&](db::Tx& tx) { return acquire(tx, "work", owner, ttl); });
  }
  Fence take_when_ended(std::string_view owner) {
    std::optional<Fence> fence;
    EXPECT_TRUE(eventually([&] { return (fence = take(owner)).has_value(); }));
    return fence.value();
  }
  bool may_write(const Fence& fence) {
    try {
      database->write([&](db::Tx& tx) { fence.check(tx); });
      return true;
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::conflict) << describe_exception(error);
      return false;
    }
  }
  modelops::testing::TestDatabase database{GetParam()};
};

TEST_P(LeaseTest, TheDatabaseTellsTheTime) {
  const auto now = database->read(
      [](db::Tx& tx) { return *tx.value<std::int64_t>(fmt::format("SELECT {}", now_us(tx.dialect()))); });
  // Same machine, so about the same time: the unit and the epoch are right.
  EXPECT_LT(std::abs(now - SystemClock().now().us), std::chrono::microseconds(seconds(60)).count());
}

TEST_P(LeaseTest, OneHoldsAtATime) {
  const Fence first = take("a").value();
  EXPECT_FALSE(take("b"));
  EXPECT_FALSE(take("a"));
  EXPECT_TRUE(may_write(first));
  EXPECT_TRUE(database->write([&](db::Tx& tx) { return renew(tx, first, seconds(60)); }));
  database->write([&](db::Tx& tx) { release(tx, first); });
  const Fence second = take("b").value();
  EXPECT_EQ(second.epoch, first.epoch + 1);
  EXPECT_TRUE(may_write(second));
}

TEST_P(LeaseTest, NobodyWaitsForALeaseOfAClockThatWasSetBack) {
  ASSERT_TRUE(take("a"));
  database->write([](db::Tx& tx) { tx.run("UPDATE leases SET until_us = until_us + 86400000000"); });
  LeaseKeeper keeper(*database, seconds(60));
  const auto taken = keeper.try_hold("work");
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->fence().epoch, 2);
  EXPECT_FALSE(take("b"));
}

TEST_P(LeaseTest, ALateWriterIsRefused) {
  const Fence late = take("a", milliseconds(1)).value();
  EXPECT_TRUE(may_write(late));  // ended, but nobody took it
  const Fence next = take_when_ended("b");
  EXPECT_FALSE(may_write(late));
  EXPECT_FALSE(database->write([&](db::Tx& tx) { return renew(tx, late, seconds(60)); }));
  database->write([&](db::Tx& tx) { release(tx, late); });
  EXPECT_TRUE(may_write(next));
  EXPECT_FALSE(take("c"));
}

TEST_P(LeaseTest, ATakeOverWaitsForTheTransactionThatChecked) {
  const Fence first = take("a", milliseconds(1)).value();
  std::latch checked(1);
  std::jthread writer([&] {
    database->write([&](db::Tx& tx) {
      first.check(tx);
      tx.run("INSERT INTO leases (name, owner, epoch, until_us) VALUES ('proof', 'a', 1, 0)");
      if (checked.try_wait()) return;  // a repetition
      checked.count_down();
      // On SQLite the next writer waits in the queue; on PostgreSQL for the row, which the server shows.
      if (GetParam() == db::Dialect::sqlite) return;
      EXPECT_TRUE(eventually([&] {
        return database->read([](db::Tx& other) {
          return other.value<std::int64_t>(
              "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
              "datname = current_database()");
        }) == 1;
      }));
    });
  });
  checked.wait();
  take_when_ended("b");
  EXPECT_EQ(database->read(
                [](db::Tx& tx) { return tx.value<std::int64_t>("SELECT count(*) FROM leases WHERE name = 'proof'"); }),
            1);
}

TEST_P(LeaseTest, ATransactionThatBeganBeforeTheTakeOverIsRefused) {
  if (GetParam() == db::Dialect::sqlite) {
    // One writer at a time: there is no such transaction.
    const Fence only = take("a").value();
    EXPECT_TRUE(may_write(only));
    return;
  }
  const Fence late = take("a", milliseconds(1)).value();
  std::latch began(1);
  std::latch taken(1);
  std::jthread successor([&] {
    began.wait();
    take_when_ended("b");
    taken.count_down();
  });
  int runs = 0;
  try {
    database->write([&](db::Tx& tx) {
      tx.value<std::int64_t>(
          "SELECT epoch FROM leases WHERE name = 'work'");  // its snapshot is older than the take-over
      if (++runs == 1) {
        began.count_down();
        taken.wait();
      }
      late.check(tx);
    });
    ADD_FAILURE() << "a late transaction was let through";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::conflict);
  }
}

TEST_P(LeaseTest, TheKeeperRenewsUntilItLetsGo) {
  Replica replica(database.url(), milliseconds(150));
  Replica other(database.url(), milliseconds(150));
  const auto until = [&] {
    return database->read(
        [](db::Tx& tx) { return *tx.value<std::int64_t>("SELECT until_us FROM leases WHERE name = 'work'"); });
  };
  auto held = replica.keeper.try_hold("work");
  ASSERT_TRUE(held);
  for (int i = 0; i < 5; ++i) {
    const std::int64_t before = until();
    EXPECT_TRUE(eventually([&] { return until() > before; }));
  }
  EXPECT_EQ(held->fence().epoch, 1);
  EXPECT_TRUE(may_write(held->fence()));
  held.reset();
  EXPECT_EQ(until(), 0);
  held = other.keeper.try_hold("work");
  ASSERT_TRUE(held);
  EXPECT_EQ(held->fence().epoch, 2);
}

TEST_P(LeaseTest, TheKeeperNoticesWhatItLost) {
  Replica replica(database.url(), milliseconds(90));
  const auto held = replica.keeper.try_hold("work");
  ASSERT_TRUE(held);
  database->write([](db::Tx& tx) { tx.run("UPDATE leases SET epoch = 7, until_us = 0 WHERE name = 'work'"); });
  EXPECT_TRUE(eventually([&] { return held->lost(); }));
  EXPECT_FALSE(may_write(held->fence()));
}

TEST_P(LeaseTest, ManyTryAndOneGetsIt) {
  std::atomic<int> holders = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&, i] {
        if (take(std::to_string(i))) ++holders;
      });
  }
  EXPECT_EQ(holders, 1);
}

MODELOPS_ON_BOTH_DATABASES(LeaseTest);

// ------------------------------------------------------------------------------------------- reconcilers

class Counting final : public Reconciler {
 public:
  Counting(db::Database& database, std::atomic<int>& inside, milliseconds every)
      : database_(database), inside_(inside), every_(every) {}
  std::string_view name() const override { return "counting"; }
  milliseconds interval() const override { return every_; }
  void reconcile(const Fence& fence) override {
    if (++inside_ != 1) overlapped = true;
    database_.write([&](db::Tx& tx) {
      fence.check(tx);
      tx.run("UPDATE runs SET count = count + 1");
    });
    --inside_;
    if (++runs <= failures) fail(ErrorCode::unavailable, "Not yet.");
  }
  std::atomic<int> runs = 0;
  std::atomic<bool> overlapped = false;
  int failures = 0;

 private:
  db::Database& database_;
  std::atomic<int>& inside_;
  milliseconds every_;
};

class ReconcilerTest : public LeaseTest {
 protected:
  void SetUp() override {
    LeaseTest::SetUp();
    database->write([](db::Tx& tx) {
      tx.run("CREATE TABLE runs (count BIGINT NOT NULL)");
      tx.run("INSERT INTO runs (count) VALUES (0)");
    });
  }
  std::atomic<int> inside = 0;
};

TEST_P(ReconcilerTest, RunsOnTheTimerOnOneReplicaAndMovesOn) {
  Replica first(database.url());
  Replica second(database.url());
  Counting one(*first.database, inside, milliseconds(5));
  Counting two(*second.database, inside, milliseconds(5));
  auto runner = std::make_unique<ReconcilerRunner>(first.topics, first.keeper, std::vector<Reconciler*>{&one});
  ASSERT_TRUE(eventually([&] { return one.runs >= 3; }));
  ReconcilerRunner waiting(second.topics, second.keeper, {&two});
  const int runs = one.runs;
  ASSERT_TRUE(eventually([&] { return one.runs >= runs + 5; }));
  EXPECT_EQ(two.runs, 0);
  runner.reset();
  ASSERT_TRUE(eventually([&] { return two.runs >= 3; }));
  EXPECT_FALSE(one.overlapped || two.overlapped);
}

TEST_P(ReconcilerTest, RunsWhenToldOnAnyReplica) {
  Replica first(database.url());
  Counting one(*first.database, inside, seconds(3600));
  ReconcilerRunner runner(first.topics, first.keeper, {&one});
  ASSERT_TRUE(eventually([&] { return one.runs == 1; }));
  first.topics.notify("counting");
  ASSERT_TRUE(eventually([&] { return one.runs >= 2; }));
  if (GetParam() == db::Dialect::sqlite) return;  // one process
  Replica second(database.url());
  // The first announcements may come before the listener has its connection.
  const int runs = one.runs;
  EXPECT_TRUE(eventually([&] {
    second.database->write([&](db::Tx& tx) { announce(tx, second.topics, "counting"); });
    return one.runs > runs;
  }));
}

TEST_P(ReconcilerTest, TriesAgainAfterAFailure) {
  Replica first(database.url());
  Counting one(*first.database, inside, seconds(3600));
  one.failures = 2;
  ReconcilerRunner runner(first.topics, first.keeper, {&one});
  EXPECT_TRUE(eventually([&] { return one.runs == 3; }));
}

MODELOPS_ON_BOTH_DATABASES(ReconcilerTest);

TEST(RestAfter, GrowsWithARunThatTookLong) {
  const Rest quick = rest_after(milliseconds(2), milliseconds(1000));
  EXPECT_EQ(quick.at_least, milliseconds(2));
  EXPECT_EQ(quick.at_least + quick.until_timer, milliseconds(1000));
  const Rest slow = rest_after(milliseconds(500), milliseconds(1000));
  EXPECT_EQ(slow.at_least, milliseconds(500)) << "however often it is told to";
  EXPECT_EQ(slow.at_least + slow.until_timer, milliseconds(4500));
  const Rest stuck = rest_after(milliseconds(90'000), milliseconds(100));
  EXPECT_EQ(stuck.at_least, milliseconds(5'000)) << "it may have waited for something outside";
  EXPECT_EQ(stuck.at_least + stuck.until_timer, milliseconds(60'000));
  EXPECT_EQ(rest_after(milliseconds(6'000), milliseconds(1000)).until_timer, milliseconds(49'000));
}

TEST(BackOff, DoublesUpToTheLongestAndVaries) {
  std::set<std::int64_t> seen;
  for (int failures = 1; failures < 100; ++failures) {
    const auto whole = failures < 6 ? milliseconds(1000 << (failures - 1)) : milliseconds(30'000);
    for (int i = 0; i < 20; ++i) {
      const auto delay = back_off(failures, milliseconds(1000), milliseconds(30'000));
      EXPECT_GE(delay, std::min(whole, milliseconds(30'000)) / 2);
      EXPECT_LE(delay, std::min(whole, milliseconds(30'000)));
      seen.insert(delay.count());
    }
  }
  EXPECT_GT(seen.size(), 100u);
}

}  // namespace
}  // namespace modelops::jobs
