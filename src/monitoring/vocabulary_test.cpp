#include "monitoring/vocabulary.hpp"

#include <gmock/gmock.h>

#include <set>

#include "base/error.hpp"

namespace modelops::monitoring {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string heading = "canonical,unit,engine,metric,type,label,divisor,scale,note\n";

const targets::MetricRule* find(const std::vector<targets::MetricRule>& rules, std::string_view name) {
  const auto found = std::ranges::find(rules, name, &targets::MetricRule::name);
  return found == rules.end() ? nullptr : &*found;
}

TEST(VocabularyTest, TheEmbeddedOneKnowsTheEnginesOfTheCatalogue) {
  const Vocabulary& vocabulary = Vocabulary::embedded();
  for (const char* engine : {"onnxruntime", "llama_cpp", "vllm", "sglang", "tgi", "tei", "triton"}) {
    const auto rules = vocabulary.rules(engine);
    EXPECT_NE(find(rules, "requests_waiting"), nullptr) << engine;
    std::set<std::string> names;
    for (const auto& rule : rules) EXPECT_TRUE(names.insert(rule.name).second) << engine << " " << rule.name;
  }
  EXPECT_THAT(vocabulary.rules("unheard_of"), IsEmpty());
  EXPECT_EQ(vocabulary.unit("made_up"), nullptr);
  EXPECT_EQ(*vocabulary.unit("ttft_seconds"), "s");
}

TEST(VocabularyTest, RowsBecomeRules) {
  const auto vllm = Vocabulary::embedded().rules("vllm");
  const targets::MetricRule* ttft = find(vllm, "ttft_seconds");
  ASSERT_NE(ttft, nullptr);
  EXPECT_EQ(ttft->metric, "vllm:time_to_first_token_seconds_sum");
  EXPECT_EQ(ttft->divisor, "vllm:time_to_first_token_seconds_count");
  EXPECT_TRUE(find(vllm, "kv_usage_ratio")->average);
  EXPECT_FALSE(find(vllm, "requests_running")->average);
  const auto triton = Vocabulary::embedded().rules("triton");
  EXPECT_DOUBLE_EQ(find(triton, "e2e_seconds")->scale, 1e-6);
  const auto tgi = Vocabulary::embedded().rules("tgi");
  EXPECT_EQ(find(tgi, "decode_seconds")->labels, (std::map<std::string, std::string>{{"method", "decode"}}));
  EXPECT_EQ(find(tgi, "tokens_out_total")->metric, "tgi_request_generated_tokens_sum");
}

TEST(VocabularyTest, AMistakeNamesItsLine) {
  const auto problem = [](const std::string& row) {
    try {
      Vocabulary(heading + row);
    } catch (const Error& error) {
      return error.message;
    }
    return std::string("nothing was thrown");
  };
  EXPECT_EQ(problem("a,1,e,m,gauge,,,1,\n"), "nothing was thrown");
  for (const char* row : {"a,1,e,m,gauge,,,1", "a,1,e,m,counter,,,1,", "a_total,1,e,m,gauge,,,1,", "a,1,e,m,odd,,,1,",
                          "a,1,e,m,gauge,,,x,", "a,1,e,m,gauge,,,0,", "a,1,e,m,gauge,label,,1,", "a,1,e,,gauge,,,1,"})
    EXPECT_THAT(problem(row), HasSubstr("Line 2 of engine_metrics.csv")) << row;
}

}  // namespace
}  // namespace modelops::monitoring
