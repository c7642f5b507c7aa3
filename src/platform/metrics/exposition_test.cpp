#include "platform/metrics/exposition.hpp"

#include <gmock/gmock.h>

#include <cmath>

namespace modelops::metrics {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(Exposition, ReadsTheSeriesThatAreWanted) {
  constexpr std::string_view text =
      "# HELP llamacpp:requests_processing Number of requests processing.\n"
      "# TYPE llamacpp:requests_processing gauge\n"
      "llamacpp:requests_processing 2\n"
      "other 5\n"
      "vllm:e2e_bucket{le=\"0.5\",model_name=\"a\\\"b\\\\c\\nd\"} 1e3 1700000000\r\n"
      "  spaced { a = \"1\" , b=\"2\", } +Inf # {trace_id=\"x\"} 1\n"
      "last{} NaN";
  const auto found =
      read_exposition(text, {"llamacpp:requests_processing", "vllm:e2e_bucket", "spaced", "last", "absent"});
  ASSERT_THAT(found, SizeIs(4));
  EXPECT_EQ(found[0], (ExposedSample{"llamacpp:requests_processing", {}, 2}));
  EXPECT_EQ(found[1], (ExposedSample{"vllm:e2e_bucket", {{"le", "0.5"}, {"model_name", "a\"b\\c\nd"}}, 1000}));
  EXPECT_EQ(found[2].labels, (Labels{{"a", "1"}, {"b", "2"}}));
  EXPECT_TRUE(std::isinf(found[2].value));
  EXPECT_TRUE(std::isnan(found[3].value));
}

TEST(Exposition, PassesOverWhatIsNoSample) {
  for (const std::string_view text : {"",
                                      "\n\n",
                                      "a",
                                      "a ",
                                      "a x",
                                      "a 1x",
                                      "a{",
                                      "a{b",
                                      "a{b=",
                                      "a{b=\"",
                                      "a{b=\"\\",
                                      "a{b=\"c\"",
                                      "a{b=\"c\" 1",
                                      "a{b=\"c\"d=\"e\"} 1",
                                      "a{=\"c\"} 1",
                                      "a} 1",
                                      "1a 1",
                                      "a{1b=\"c\"} 1",
                                      "a\0 1",
                                      "<html>a 1</html>"})
    EXPECT_THAT(read_exposition(text, {"a"}), IsEmpty()) << text;
  EXPECT_THAT(read_exposition("a{b=\"c\n\"} 1\na 2\n", {"a"}), ElementsAre(ExposedSample{"a", {}, 2}));
}

TEST(Exposition, IsBounded) {
  std::string many;
  for (std::size_t i = 0; i < exposed_samples_max + 10; ++i) many += "a 1\n";
  EXPECT_THAT(read_exposition(many, {"a"}), SizeIs(exposed_samples_max));
  EXPECT_THAT(read_exposition("a{b=\"" + std::string(exposed_line_bytes_max, 'x') + "\"} 1\na 3\n", {"a"}),
              ElementsAre(ExposedSample{"a", {}, 3}));
}

}  // namespace
}  // namespace modelops::metrics
