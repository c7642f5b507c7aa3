#include "dataplane/runtime/batcher.hpp"

#include <gmock/gmock.h>

#include <future>
#include <latch>
#include <random>

#include "base/error.hpp"
#include "dataplane/runtime/test_models.hpp"

namespace modelops::runtime {
namespace {

using namespace testing;
using std::chrono::steady_clock;
using ::testing::ElementsAre;

/// A model without an engine: y = 10 x, z = -x. It notes the rows of every run, can be held, and refuses 13.
class FakeModel {
 public:
  std::vector<Tensor> run(std::span<const Tensor> inputs, std::span<const std::size_t> outputs) {
    {
      std::unique_lock lock(mutex_);
      runs_.push_back(inputs[0].shape[0]);
      ++started_;
      changed_.notify_all();
      changed_.wait(lock, [&] { return !held_; });
    }
    std::vector<float> numbers = values(inputs[0]);
    if (std::find(numbers.begin(), numbers.end(), 13.0F) != numbers.end()) fail(ErrorCode::invalid, "unlucky");
    std::vector<Tensor> results;
    for (const std::size_t output : outputs) {
      std::vector<float> result;
      for (const float number : numbers) result.push_back(output == 0 ? 10 * number : -number);
      results.push_back(floats(output == 0 ? "y" : "z", inputs[0].shape, result));
    }
    return results;
  }
  void hold(bool held) {
    std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  void await_runs(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return started_ >= count; });
  }
  std::vector<std::int64_t> runs() {
    std::lock_guard lock(mutex_);
    return runs_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  int started_ = 0;
  std::vector<std::int64_t> runs_;
};

class BatcherTest : public ::testing::Test {
 protected:
  /// A batcher over `fake`.
  std::unique_ptr<Batcher> make(BatchOptions options) {
    return std::make_unique<Batcher>([this](auto inputs, auto outputs) { return fake.run(inputs, outputs); }, options,
                                     BatchMetrics(registry, {{"model", "m"}}));
  }
  static Job job(std::vector<float> numbers, std::int64_t columns = 1) {
    const auto rows = static_cast<std::int64_t>(numbers.size()) / columns;
    Job made;
    made.inputs.push_back(floats("x", {rows, columns}, numbers));
    made.outputs = {0};
    made.rows = rows;
    return made;
  }
  static std::future<Outcome> submit(Batcher& batcher, Job made, bool may_block = false) {
    const auto promise = std::make_shared<std::promise<Outcome>>();
    made.done = [promise](Outcome outcome) { promise->set_value(std::move(outcome)); };
    batcher.submit(std::move(made), may_block);
    return promise->get_future();
  }
  static std::vector<float> result(std::future<Outcome>& future, std::size_t output = 0) {
    Outcome outcome = future.get();
    if (outcome.error) std::rethrow_exception(outcome.error);
    return values(outcome.outputs.at(output));
  }

  FakeModel fake;
  metrics::Registry registry;
};

TEST_F(BatcherTest, merges_what_waits_and_gives_each_its_rows) {
  const auto batcher = make({.batch_max = 4});
  fake.hold(true);
  auto first = submit(*batcher, job({1}));
  fake.await_runs(1);
  auto a = submit(*batcher, job({2, 3}));
  auto other_shape = submit(*batcher, job({4, 5}, 2));
  auto b = submit(*batcher, job({6, 7}));
  Job both = job({8});
  both.outputs = {0, 1};
  auto c = submit(*batcher, std::move(both));
  EXPECT_EQ(batcher->queued(), 4u);
  fake.hold(false);
  EXPECT_THAT(result(first), ElementsAre(10));
  EXPECT_THAT(result(a), ElementsAre(20, 30));
  EXPECT_THAT(result(b), ElementsAre(60, 70));
  EXPECT_THAT(result(other_shape), ElementsAre(40, 50));
  const Outcome outcome = c.get();
  ASSERT_EQ(outcome.outputs.size(), 2u);
  EXPECT_THAT(values(outcome.outputs[1]), ElementsAre(-8));
  EXPECT_THAT(fake.runs(), ElementsAre(1, 4, 1, 1)) << "a and b fill a batch; then those that do not fit together";
}

TEST_F(BatcherTest, never_exceeds_the_batch_but_for_a_request_that_is_larger_by_itself) {
  const auto batcher = make({.batch_max = 3});
  fake.hold(true);
  auto first = submit(*batcher, job({1}));
  fake.await_runs(1);
  auto large = submit(*batcher, job({1, 2, 3, 4, 5}));
  auto two = submit(*batcher, job({1, 2}));
  auto too_many = submit(*batcher, job({3, 4}));
  auto fits = submit(*batcher, job({5}));
  fake.hold(false);
  EXPECT_THAT(result(large), ElementsAre(10, 20, 30, 40, 50));
  EXPECT_THAT(result(too_many), ElementsAre(30, 40));
  EXPECT_THAT(result(fits), ElementsAre(50));
  result(two);
  result(first);
  EXPECT_THAT(fake.runs(), ElementsAre(1, 5, 3, 2));
}

TEST_F(BatcherTest, does_not_merge_what_has_no_rows) {
  const auto batcher = make({.batch_max = 8});
  fake.hold(true);
  auto first = submit(*batcher, job({1}));
  fake.await_runs(1);
  std::vector<std::future<Outcome>> futures;
  for (int i = 0; i < 3; ++i) {
    Job alone = job({2});
    alone.rows.reset();
    futures.push_back(submit(*batcher, std::move(alone)));
  }
  fake.hold(false);
  for (auto& future : futures) EXPECT_THAT(result(future), ElementsAre(20));
  EXPECT_THAT(fake.runs(), ElementsAre(1, 1, 1, 1));
}

TEST_F(BatcherTest, waits_for_a_full_batch_no_longer_than_the_delay) {
  const auto batcher = make({.batch_max = 2, .queue_delay = std::chrono::hours(1)});
  auto a = submit(*batcher, job({1}), true);
  auto b = submit(*batcher, job({2}));
  EXPECT_THAT(result(a), ElementsAre(10)) << "the batch is full long before the delay";
  EXPECT_THAT(result(b), ElementsAre(20));
  EXPECT_THAT(fake.runs(), ElementsAre(2));

  const auto soon = make({.batch_max = 2, .queue_delay = std::chrono::milliseconds(1)});
  auto lone = submit(*soon, job({3}), true);
  EXPECT_THAT(result(lone), ElementsAre(30)) << "nobody joins it";
}

TEST_F(BatcherTest, finishes_what_waits_for_company_when_it_ends) {
  auto batcher = make({.batch_max = 100, .queue_delay = std::chrono::hours(1)});
  auto a = submit(*batcher, job({1}));
  auto b = submit(*batcher, job({2}));
  batcher.reset();
  EXPECT_THAT(result(a), ElementsAre(10));
  EXPECT_THAT(result(b), ElementsAre(20));
}

TEST_F(BatcherTest, refuses_more_than_its_queue_holds) {
  const auto batcher = make({.queue_max = 2});
  fake.hold(true);
  auto running = submit(*batcher, job({1}));
  fake.await_runs(1);
  auto a = submit(*batcher, job({2}));
  auto b = submit(*batcher, job({3}));
  try {
    submit(*batcher, job({4}), true);
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::unavailable);
    EXPECT_TRUE(error.retry_after_seconds);
  }
  fake.hold(false);
  EXPECT_THAT(result(b), ElementsAre(30));
  EXPECT_THAT(registry.expose(), ::testing::HasSubstr("outcome=\"rejected\"} 1"));
}

TEST_F(BatcherTest, drops_what_is_cancelled_or_too_late) {
  const auto batcher = make({.batch_max = 8});
  fake.hold(true);
  auto running = submit(*batcher, job({1}));
  fake.await_runs(1);
  Job late = job({2});
  late.deadline = steady_clock::now() - std::chrono::seconds(1);
  Job cancelled = job({3});
  cancelled.cancelled = std::make_shared<std::atomic<bool>>(false);
  const auto cancel = cancelled.cancelled;
  auto late_future = submit(*batcher, std::move(late));
  auto cancelled_future = submit(*batcher, std::move(cancelled));
  auto good = submit(*batcher, job({4}));
  *cancel = true;
  fake.hold(false);
  EXPECT_THROW(result(late_future), Error);
  EXPECT_THROW(result(cancelled_future), Error);
  EXPECT_THAT(result(good), ElementsAre(40));
  EXPECT_THAT(fake.runs(), ElementsAre(1, 1));
}

TEST_F(BatcherTest, one_bad_request_of_a_batch_fails_alone) {
  const auto batcher = make({.batch_max = 8});
  fake.hold(true);
  auto running = submit(*batcher, job({1}));
  fake.await_runs(1);
  auto a = submit(*batcher, job({2}));
  auto bad = submit(*batcher, job({13}));
  auto b = submit(*batcher, job({3}));
  fake.hold(false);
  EXPECT_THAT(result(a), ElementsAre(20));
  EXPECT_THAT(result(b), ElementsAre(30));
  EXPECT_THROW(result(bad), Error);
  EXPECT_THAT(fake.runs(), ElementsAre(1, 3, 1, 1, 1));
}

TEST_F(BatcherTest, runs_on_the_calling_thread_when_idle) {
  const auto batcher = make({});
  Job made = job({1});
  std::thread::id where;
  made.done = [&](Outcome) { where = std::this_thread::get_id(); };
  batcher->submit(std::move(made), true);
  EXPECT_EQ(where, std::this_thread::get_id());
}

TEST_F(BatcherTest, is_brief_after_many_brief_runs_in_a_row) {
  const auto batcher = make({.brief_run_max = std::chrono::hours(1)});
  for (int i = 0; i < 63; ++i) submit(*batcher, job({1}), true).get();
  EXPECT_FALSE(batcher->is_brief());
  submit(*batcher, job({1}), true).get();
  EXPECT_TRUE(batcher->is_brief());

  const auto slow = make({.brief_run_max = std::chrono::microseconds(-1)});
  for (int i = 0; i < 100; ++i) submit(*slow, job({1}), true).get();
  EXPECT_FALSE(slow->is_brief());
}

TEST_F(BatcherTest, brief_runs_do_not_wait_for_a_worker) {
  const auto batcher = make({.brief_run_max = std::chrono::hours(1)});
  for (int i = 0; i < 64; ++i) submit(*batcher, job({1}), true).get();
  fake.hold(true);
  auto on_the_worker = submit(*batcher, job({2}));
  fake.await_runs(65);
  std::thread other([&] { submit(*batcher, job({3}), true).get(); });
  fake.await_runs(66);
  fake.hold(false);
  other.join();
  on_the_worker.get();
}

TEST_F(BatcherTest, uses_its_workers_at_the_same_time) {
  const auto batcher = make({.workers = 3});
  fake.hold(true);
  std::vector<std::future<Outcome>> futures;
  for (int i = 0; i < 4; ++i) futures.push_back(submit(*batcher, job({static_cast<float>(i)})));
  fake.await_runs(3);
  EXPECT_EQ(batcher->queued(), 1u);
  fake.hold(false);
  for (auto& future : futures) future.get();
}

TEST_F(BatcherTest, answers_each_of_many_random_requests_with_its_own_rows) {
  for (const unsigned workers : {1u, 3u}) {
    const auto batcher = make({.batch_max = 7, .queue_delay = std::chrono::microseconds(50), .workers = workers});
    std::latch start(4);
    std::vector<std::thread> clients;
    for (unsigned client = 0; client < 4; ++client) {
      clients.emplace_back([&, client] {
        std::mt19937 random(client);
        start.arrive_and_wait();
        for (int round = 0; round < 50; ++round) {
          std::vector<std::pair<std::vector<float>, std::future<Outcome>>> sent;
          for (unsigned i = 0; i < 1 + random() % 4; ++i) {
            const std::int64_t columns = 1 + random() % 2;
            std::vector<float> numbers;
            const std::size_t count = static_cast<std::size_t>(columns) * (1 + random() % 4);
            while (numbers.size() < count) numbers.push_back(static_cast<float>(100 + random() % 100'000));
            auto future = submit(*batcher, job(numbers, columns), random() % 2 == 0);
            sent.emplace_back(std::move(numbers), std::move(future));
          }
          for (auto& [numbers, future] : sent) {
            for (float& number : numbers) number *= 10;
            EXPECT_EQ(result(future), numbers);
          }
        }
      });
    }
    for (std::thread& client : clients) client.join();
    EXPECT_EQ(batcher->queued(), 0u);
  }
}

}  // namespace
}  // namespace modelops::runtime
