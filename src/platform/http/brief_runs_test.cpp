#include "platform/http/brief_runs.hpp"

#include <gtest/gtest.h>

namespace modelops::http {
namespace {

constexpr std::chrono::microseconds brief{100}, lengthy{300};

void count(BriefRuns& runs, int times, std::chrono::microseconds took) {
  for (int i = 0; i < times; ++i) runs.count(took);
}

TEST(BriefRuns, AreProvedByManyInARow) {
  BriefRuns runs;
  count(runs, 63, brief);
  EXPECT_FALSE(runs.are_brief());
  count(runs, 1, lengthy);
  count(runs, 63, brief);
  EXPECT_TRUE(runs.are_brief()) << "31 of before still count";
  BriefRuns others;
  count(others, 64, brief);
  EXPECT_TRUE(others.are_brief());
}

TEST(BriefRuns, ALongOneNowAndThenIsForgiven) {
  BriefRuns runs;
  count(runs, 200, brief);
  for (int i = 0; i < 100; ++i) {
    count(runs, 1, lengthy);
    EXPECT_TRUE(runs.are_brief()) << i;
    count(runs, 32, brief);
  }
}

TEST(BriefRuns, LongOnesEndThat) {
  BriefRuns runs;
  count(runs, 200, brief);
  count(runs, 3, lengthy);
  EXPECT_FALSE(runs.are_brief());
  count(runs, 64, brief);
  for (int i = 0; i < 10; ++i) {
    count(runs, 1, lengthy);
    count(runs, 20, brief);
  }
  EXPECT_FALSE(runs.are_brief()) << "one in 21";
}

}  // namespace
}  // namespace modelops::http
