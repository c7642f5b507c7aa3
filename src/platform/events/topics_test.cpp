#include "platform/events/topics.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace modelops::events {
namespace {

TEST(Topics, a_waiter_is_woken_once_by_its_own_topic) {
  Topics topics;
  int woken = 0;
  topics.wait("a", topics.version("a"), [&] { ++woken; });
  topics.notify("b");
  EXPECT_EQ(woken, 0);
  topics.notify("a");
  topics.notify("a");
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(topics.waiters(), 0u);
}

TEST(Topics, what_was_notified_since_the_version_was_read_wakes_at_once) {
  Topics topics;
  const auto seen = topics.version("a");
  topics.notify("a");
  int woken = 0;
  topics.wait("a", seen, [&] { ++woken; });
  EXPECT_EQ(woken, 1);
}

TEST(Topics, a_cancelled_waiter_is_not_woken) {
  Topics topics;
  int woken = 0;
  const auto id = topics.wait("a", topics.version("a"), [&] { ++woken; });
  topics.cancel(id);
  topics.notify("a");
  EXPECT_EQ(woken, 0);
}

TEST(Topics, any_number_of_names_may_be_notified) {
  Topics topics;
  for (int i = 0; i < 100'000; ++i) topics.notify("topic " + std::to_string(i));
  EXPECT_EQ(topics.waiters(), 0u);
  for (int i = 0; i < 10'000; ++i) {
    const std::string name = "topic " + std::to_string(i);
    bool woken = false;
    topics.wait(name, topics.version(name), [&] { woken = true; });
    topics.notify(name);
    ASSERT_TRUE(woken) << name;
  }
}

// One thread publishes numbers, another reads them all, and sleeps only through the topic: it would hang if a
// wake-up were lost.
TEST(Topics, no_wake_up_is_lost_between_threads) {
  Topics topics;
  constexpr int last = 20'000;
  std::atomic<int> published = 0;
  std::thread publisher([&] {
    for (int i = 1; i <= last; ++i) {
      published = i;
      topics.notify("numbers");
    }
  });
  for (int read = 0; read < last;) {
    const auto seen = topics.version("numbers");
    if (const int now = published; now > read) {
      read = now;
      continue;
    }
    std::atomic_flag woken;
    const auto id = topics.wait("numbers", seen, [&] {
      woken.test_and_set();
      woken.notify_one();
    });
    woken.wait(false);
    topics.cancel(id);
  }
  publisher.join();
}

}  // namespace
}  // namespace modelops::events
