#include "platform/config/units.hpp"

#include <gtest/gtest.h>

namespace modelops::config {
namespace {

using namespace std::chrono_literals;

TEST(Units, DurationsRoundTrip) {
  const std::pair<std::string_view, std::chrono::milliseconds> cases[] = {
      {"0ms", 0ms}, {"1ms", 1ms}, {"1500ms", 1500ms}, {"10s", 10s}, {"5m", 5min}, {"2h", 2h}, {"7d", 168h}};
  for (const auto& [text, value] : cases) {
    ASSERT_TRUE(Duration::parse(text)) << text;
    EXPECT_EQ(Duration::parse(text)->value(), value);
    EXPECT_EQ(Duration::parse(text)->str(), text);
  }
  EXPECT_EQ(Duration::parse("0d")->str(), "0ms");
  EXPECT_EQ(Duration::parse("60s")->str(), "1m");
  EXPECT_EQ(Duration::of(90s).str(), "90s");
  EXPECT_FALSE(Duration().is_set());
}

TEST(Units, SizesRoundTrip) {
  const std::pair<std::string_view, std::uint64_t> cases[] = {{"0B", 0},
                                                              {"100B", 100},
                                                              {"64KiB", 65536},
                                                              {"512MiB", 536870912},
                                                              {"1025MiB", 1074790400},
                                                              {"10GiB", 10737418240},
                                                              {"2TiB", 2199023255552}};
  for (const auto& [text, bytes] : cases) {
    ASSERT_TRUE(ByteSize::parse(text)) << text;
    EXPECT_EQ(ByteSize::parse(text)->bytes(), bytes);
    EXPECT_EQ(ByteSize::parse(text)->str(), text);
  }
  EXPECT_EQ(ByteSize::parse("5MB")->bytes(), 5'000'000u);
  EXPECT_EQ(ByteSize::parse("10kB")->str(), "10000B");
  EXPECT_EQ(ByteSize::parse("4194304TiB")->bytes(), 1ULL << 62);
}

TEST(Units, RefuseEverythingElse) {
  for (const std::string_view text : {"", "10", "s", "-1s", "+1s", " 1s", "1 s", "1s ", "1.5s", "1h30m", "1S", "1w",
                                      "36501d", "99999999999999999999ms", "18446744073709551615d"})
    EXPECT_FALSE(Duration::parse(text)) << text;
  for (const std::string_view text :
       {"", "10", "B", "-1B", "1.5GiB", "1 MiB", "1mib", "1KB", "1PiB", "4194305TiB", "18446744073709551615KiB"})
    EXPECT_FALSE(ByteSize::parse(text)) << text;
}

}  // namespace
}  // namespace modelops::config
