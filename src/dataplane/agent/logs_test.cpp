#include "dataplane/agent/logs.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "dataplane/machine/control_plane_test.hpp"

namespace modelops::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class LogQueueTest : public ::testing::Test {
 protected:
  LogQueueTest() { std::filesystem::create_directories(replicas / "r"); }
  void write(std::string_view bytes, const char* stream = "stdout") {
    std::ofstream(replicas / "r" / (std::string(stream) + ".log"), std::ios::app) << bytes;
  }
  std::vector<std::string> take(LogQueue& queue) {
    queue.collect(now);
    std::vector<std::string> out;
    for (const auto& line : queue.batch()) out.push_back(line.stream + ": " + line.line);
    queue.sent(out.size(), now);
    return out;
  }
  void pass(std::chrono::milliseconds time) { now += time; }

  testing::TemporaryFolder folder;
  std::filesystem::path replicas = folder.path() / "replicas";
  ManualClock clock;
  Instant now{std::chrono::hours(1)};
};

TEST_F(LogQueueTest, SendsLinesInOrderOnce) {
  LogQueue queue(replicas, clock);
  write("one\ntwo\nthr");
  write("bad\n", "stderr");
  EXPECT_THAT(take(queue), ElementsAre("stdout: one", "stdout: two", "stderr: bad"));
  EXPECT_THAT(take(queue), IsEmpty());
  write("ee\n");
  EXPECT_THAT(take(queue), ElementsAre("stdout: three"));
  queue.note("r", "restarted");
  EXPECT_THAT(take(queue), ElementsAre("agent: restarted"));
}

TEST_F(LogQueueTest, AnUnfinishedLineIsSentAfterAWhile) {
  LogQueue queue(replicas, clock);
  write("no end");
  EXPECT_THAT(take(queue), IsEmpty());
  pass(std::chrono::seconds(2));
  EXPECT_THAT(take(queue), ElementsAre("stdout: no end"));
}

TEST_F(LogQueueTest, WhatWasNotSentIsReadAgainByTheNextAgent) {
  write("one\ntwo\n");
  {
    LogQueue queue(replicas, clock);
    queue.collect(now);
    EXPECT_THAT(queue.batch(), SizeIs(2));
    queue.sent(1, now);
  }
  LogQueue next(replicas, clock);
  EXPECT_THAT(take(next), ElementsAre("stdout: two"));
}

TEST_F(LogQueueTest, ReadsNoFasterThanTheServerTakes) {
  LogQueue queue(replicas, clock, {.lines_max = 3});
  std::string text;
  for (int i = 0; i < 30'000; ++i) text += "line " + std::to_string(i) + "\n";
  write(text);
  queue.collect(now);
  const auto first = queue.batch();
  queue.collect(now);
  EXPECT_EQ(queue.batch().size(), first.size());
  std::vector<std::string> all;
  for (std::vector<std::string> some = take(queue); !some.empty(); some = take(queue)) {
    EXPECT_LE(some.size(), 1000u);
    all.insert(all.end(), some.begin(), some.end());
  }
  ASSERT_THAT(all, SizeIs(30'000));
  EXPECT_EQ(all.front(), "stdout: line 0");
  EXPECT_EQ(all.back(), "stdout: line 29999");
}

TEST_F(LogQueueTest, DropsTheOldestWhenTheServerIsAwayTooLong) {
  LogQueue queue(replicas, clock, {.file_bytes_max = 1000});
  write(std::string(5000, 'x') + "\nlast\n");
  const auto lines = take(queue);
  EXPECT_THAT(lines.front(), HasSubstr("bytes of stdout were dropped"));
  EXPECT_EQ(lines.back(), "stdout: last");
}

TEST_F(LogQueueTest, MakesLinesFitForTheWire) {
  LogQueue queue(replicas, clock);
  write("tab\there \x1b[31mred\xff\r\n" + std::string(10'000, 'a') + "\n\xc3\xa4\n");
  const auto lines = take(queue);
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_EQ(lines[0], "stdout: tab\there  [31mred?");
  EXPECT_EQ(lines[1].size(), 8 + 8192u);
  EXPECT_EQ(lines[2].size(), 8 + 10'000 - 8192u);
  EXPECT_EQ(lines[3], "stdout: \xc3\xa4");
}

TEST_F(LogQueueTest, GivesSentBytesBackToTheDisk) {
  LogQueue queue(replicas, clock, {.file_bytes_kept = 0});
  std::string text;
  for (int i = 0; i < 1000; ++i) text += std::string(999, 'a') + "\n";
  write(text);
  const auto blocks = [&] {
    struct stat status{};
    ::stat((replicas / "r" / "stdout.log").c_str(), &status);
    return status.st_blocks;
  };
  const auto before = blocks();
  while (!take(queue).empty()) {}
  queue.collect(now);
  EXPECT_LT(blocks(), before / 4);
  write("after\n");
  EXPECT_THAT(take(queue), ElementsAre("stdout: after"));
}

TEST_F(LogQueueTest, RemovesTheFolderOfAFinishedReplicaOnceAllIsSent) {
  LogQueue queue(replicas, clock);
  write("one\n");
  queue.collect(now);
  queue.remove_finished({});
  EXPECT_TRUE(std::filesystem::exists(replicas / "r"));
  queue.sent(1, now);
  queue.remove_finished({"r"});
  EXPECT_TRUE(std::filesystem::exists(replicas / "r"));
  queue.remove_finished({});
  EXPECT_FALSE(std::filesystem::exists(replicas / "r"));
}

TEST_F(LogQueueTest, LastWords) {
  write("old\n");
  write("a\nb\nc\n");
  EXPECT_EQ(last_lines(replicas / "r" / "stdout.log", 4, 2, 1000), "b\nc");
  EXPECT_EQ(last_lines(replicas / "r" / "stdout.log", 4, 20, 1000), "a\nb\nc");
  EXPECT_EQ(last_lines(replicas / "r" / "stdout.log", 0, 20, 5), "b\nc");
  EXPECT_EQ(last_lines(replicas / "r" / "none.log", 0, 20, 5), "");
}

}  // namespace
}  // namespace modelops::agent
