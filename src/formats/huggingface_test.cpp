#include "formats/huggingface.hpp"

#include <boost/json/parse.hpp>

#include "formats/bounded_json.hpp"
#include "formats/test_support.hpp"

namespace modelops::formats {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(BoundedJsonTest, DepthSizeAndMemoryAreLimited) {
  EXPECT_THAT(refusal([] { read_json(MemorySource(std::string(100, '[')), "c.json", 1000); }),
              HasSubstr("'c.json' is malformed at byte 64"));
  EXPECT_THAT(refusal([] { read_json(MemorySource(std::string(101, ' ')), "c.json", 100); }),
              HasSubstr("at most 100 bytes"));
  EXPECT_THAT(refusal([] { read_json(MemorySource("{\"a\": tru}"), "c.json", 100); }), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal([] { read_json(MemorySource(""), "c.json", 100); }), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal([] { read_json(MemorySource("{} {}"), "c.json", 100); }), HasSubstr("not valid JSON"));
  std::string wide = "[0";
  for (int i = 0; i < 100'000; ++i) wide += ",[]";
  EXPECT_THAT(refusal([&] { read_json(MemorySource(wide + "]"), "c.json", wide.size() + 1); }),
              HasSubstr("too many JSON values"));
  EXPECT_NO_THROW(read_json(MemorySource(wide + "]"), "c.json", 4 * wide.size()));
}

TEST(BoundedJsonTest, LargeDocumentsAreCheckedInPieces) {
  std::string wide = "[\"" + std::string(70'000, 'x') + "\"";
  for (int i = 0; i < 50'000; ++i) wide += ",1.5";
  EXPECT_NO_THROW(check_json(MemorySource(wide + "]"), "m.json", 64));
  EXPECT_THAT(refusal([&] { check_json(MemorySource(wide), "m.json", 64); }), HasSubstr("incomplete"));
  EXPECT_THAT(refusal([&] { check_json(MemorySource(std::string(100'000, '[')), "m.json", 64); }),
              HasSubstr("byte 64"));
}

TEST(HfConfigTest, ReadsWhatServingNeeds) {
  const auto config = read_hf_config(
      boost::json::parse(R"({"model_type":"llama","architectures":["LlamaForCausalLM"],"torch_dtype":"bfloat16",)"
                         R"("max_position_embeddings":8192,
          "transformers_version":"4.45.0","quantization_config":{"quant_method":"awq","bits":4}})"));
  EXPECT_EQ(config.model_type, "llama");
  EXPECT_THAT(config.architectures, ElementsAre("LlamaForCausalLM"));
  EXPECT_EQ(config.dtype, "bfloat16");
  EXPECT_EQ(config.context_length, 8192);
  EXPECT_EQ(config.quantization, "awq");
  EXPECT_EQ(config.quantization_bits, 4);
}

TEST(HfConfigTest, WrongTypesAreAbsentNotErrors) {
  const auto config = read_hf_config(
      boost::json::parse(R"({"model_type":7,"architectures":{"a":1},"dtype":null,"max_position_embeddings":-1,)"
                         R"("quantization_config":[],"text_config":"x"})"));
  EXPECT_FALSE(config.model_type);
  EXPECT_FALSE(config.context_length);
  EXPECT_EQ(config.quantization, "unknown");
  EXPECT_TRUE(config.architectures.empty());
}

TEST(CodeReferenceTest, FindsLocalAndForeignCode) {
  const auto found = find_code_references(
      boost::json::parse(R"({"auto_map":{"AutoConfig":"configuration_x.XConfig","AutoTokenizer":["tok.Slow",null],)"
                         R"("AutoModel":"owner/repo--modeling_x.XModel"},
          "custom_pipelines":{"p":{"impl":"pipe.P"}}})"));
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0].file, "configuration_x.py");
  EXPECT_FALSE(found[0].repository);
  EXPECT_EQ(found[1].file, "tok.py");
  EXPECT_EQ(found[2].repository, "owner/repo");
  EXPECT_EQ(found[2].file, "modeling_x.py");
  EXPECT_EQ(found[3].file, "pipe.py");
}

TEST(ChatTemplateTest, EveryFormCounts) {
  for (const auto* json :
       {R"({"chat_template":"{{ x }}"})", R"({"chat_template":[{"name":"default","template":"x"}]})"})
    EXPECT_TRUE(has_chat_template(boost::json::parse(json))) << json;
  for (const auto* json : {R"({"chat_template":null})", R"({"chat_template":""})", "{}", "[]"})
    EXPECT_FALSE(has_chat_template(boost::json::parse(json))) << json;
}

ModelCard card(const std::string& text) { return read_model_card(MemorySource(text), "README.md"); }

TEST(ModelCardTest, ReadsFrontMatter) {
  const auto read = card(
      "---\r\nlicense: apache-2.0\r\nbase_model:\r\n- a/b\r\n  - 'c/d'\r\npipeline_tag: \"text-generation\" \r\ntags: "
      "[x]\r\n---\r\n# Model\nlicense: fake\n");
  EXPECT_EQ(read.license, "apache-2.0");
  EXPECT_THAT(read.base_models, ElementsAre("a/b", "c/d"));
  EXPECT_EQ(read.pipeline_tag, "text-generation");
  EXPECT_EQ(card("---\nlicense: other\nlicense_name: llama3 # x\nbase_model: [a, \"b\"]\n---\n").license, "llama3");
  EXPECT_THAT(card("---\nbase_model: [a, \"b\"]\n---\n").base_models, ElementsAre("a", "b"));
}

TEST(ModelCardTest, NoFrontMatterIsNoError) {
  EXPECT_FALSE(card("# Title\nlicense: mit\n").license);
  EXPECT_FALSE(card("").license);
  EXPECT_FALSE(card("---\n---\n").license);
  EXPECT_FALSE(card("---\nmodel-index:\n- license: nested\n  license: nested\n---\n").license);
}

TEST(ModelCardTest, AnchorsAliasesTagsAndBlocksAreNotFollowed) {
  for (const auto* value :
       {"&a mit", "*a", "!!python/object/apply:os.system [id]", "|", ">-", "{a: b}", "[*a, &b c, !t d]"})
    EXPECT_FALSE(card("---\nlicense: " + std::string(value) + "\n---\n").license) << value;
}

TEST(ModelCardTest, RefusesEndlessFrontMatterAndBinary) {
  EXPECT_THAT(refusal([] { card("---\nlicense: mit\n"); }), HasSubstr("does not end"));
  EXPECT_THAT(refusal([] { card("---\n" + std::string(200'000, 'x') + "\n---\n"); }), HasSubstr("does not end"));
  EXPECT_THAT(refusal([] { card("---\nlicense: \xff\n---\n"); }), HasSubstr("not UTF-8"));
}

}  // namespace
}  // namespace modelops::formats
