#include "formats/analysis.hpp"

#include <fmt/format.h>

#include "formats/test_support.hpp"

namespace modelops::formats {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;

using File = std::pair<std::string, std::string>;

SourceTree tree(const std::vector<File>& files) {
  SourceTree result;
  for (const auto& [path, bytes] : files) result.files.push_back(memory_file(path, bytes));
  return result;
}
Analysis analyzed(const std::vector<File>& files) { return analyze(tree(files)); }
std::string refused(const std::vector<File>& files) {
  return refusal([&] { analyzed(files); });
}
auto warned(Severity severity, const std::string& code, const std::string& text = "") {
  return Contains(AllOf(Field(&AnalysisWarning::severity, severity), Field(&AnalysisWarning::code, code),
                        Field(&AnalysisWarning::message, HasSubstr(text))));
}
auto warned_at(Severity severity, const std::string& code, const std::string& file) {
  return Contains(AllOf(Field(&AnalysisWarning::severity, severity), Field(&AnalysisWarning::code, code),
                        Field(&AnalysisWarning::file, file)));
}

const std::string llama_config =
    R"({"model_type":"llama","architectures":["LlamaForCausalLM"],)"
    R"("torch_dtype":"bfloat16","max_position_embeddings":4096,"transformers_version":"4.45.0"})";

TEST(AnalysisTest, AnOnnxFile) {
  const auto a =
      analyzed({{"tiny.onnx", onnx(onnx_tensor("w", {3, 2}, pb(9, std::string(24, '\0'))), "",
                                   pb(14, pb(1, "license") + pb(2, "MIT")) + pb(14, pb(1, "name") + pb(2, "Tiny")))}});
  EXPECT_EQ(a.framework, Framework::onnx);
  EXPECT_EQ(a.format, FileFormat::onnx);
  EXPECT_EQ(a.primary_file, "tiny.onnx");
  EXPECT_EQ(a.name, "Tiny");
  EXPECT_EQ(a.license, "MIT");
  EXPECT_EQ(a.parameter_count, 6);
  EXPECT_EQ(a.tensor_count, 1);
  EXPECT_EQ(a.dtype, "float32");
  EXPECT_EQ(a.interface, ModelInterface::custom);
  EXPECT_EQ(a.recommended_engine, "onnxruntime");
  EXPECT_EQ(a.size_class, SizeClass::tiny);
  EXPECT_EQ(a.storage_strategy, StorageStrategy::embed);
  ASSERT_EQ(a.inputs.size(), 1u);
  EXPECT_THAT(a.inputs[0].shape, ElementsAre(-1, 3));
  EXPECT_THAT(a.outputs[0].dim_names, ElementsAre("batch", ""));
  EXPECT_TRUE(a.warnings.empty());
}

TEST(AnalysisTest, AGgufFile) {
  const auto a = analyzed({{"m.gguf", small_gguf()}});
  EXPECT_EQ(a.framework, Framework::gguf);
  EXPECT_EQ(a.architecture, "llama");
  EXPECT_EQ(a.quantization, "Q4_K_M");
  EXPECT_EQ(a.context_length, 2048);
  EXPECT_EQ(a.interface, ModelInterface::chat);
  EXPECT_EQ(a.recommended_engine, "llama_cpp");
  EXPECT_EQ(a.license, "apache-2.0");
  EXPECT_EQ(a.parameter_count, 768);
  EXPECT_THAT(a.warnings, warned(Severity::info, "chat_template"));
}

TEST(AnalysisTest, GgufInterfaceFollowsTemplateAndPooling) {
  EXPECT_EQ(analyzed({{"m.gguf", gguf({gguf_text("general.architecture", "llama")}, {}, 0)}}).interface,
            ModelInterface::completion);
  EXPECT_EQ(analyzed({{"m.gguf",
                       gguf({gguf_text("general.architecture", "qwen3"), gguf_u32("qwen3.pooling_type", 3)}, {}, 0)}})
                .interface,
            ModelInterface::embedding);
  EXPECT_EQ(analyzed({{"m.gguf", gguf({gguf_text("general.architecture", "nomic-bert")}, {}, 0)}}).interface,
            ModelInterface::embedding);
}

TEST(AnalysisTest, ASplitGgufCountsAllItsParts) {
  const auto part = [](std::uint64_t number, const std::string& name) {
    std::vector<std::string> metadata = {gguf_string("split.no") + u32(2) + u16(number),
                                         gguf_string("split.count") + u32(2) + u16(2)};
    if (number == 0) metadata.push_back(gguf_text("general.architecture", "llama"));
    return gguf(metadata, {gguf_tensor(name, {8}, 0, 0)}, 32);
  };
  const auto whole = analyzed({{"m-00002-of-00002.gguf", part(1, "b")}, {"m-00001-of-00002.gguf", part(0, "a")}});
  EXPECT_EQ(whole.primary_file, "m-00001-of-00002.gguf");
  EXPECT_EQ(whole.parameter_count, 16);
  EXPECT_THAT(whole.warnings, Not(warned(Severity::danger, "missing_part")));
  EXPECT_THAT(analyzed({{"m-00001-of-00002.gguf", part(0, "a")}}).warnings,
              warned(Severity::danger, "missing_part", "over 2 files, 1"));
}

TEST(AnalysisTest, ATransformersFolder) {
  const auto a = analyzed(
      {{"model/config.json", llama_config},
       {"model/model.safetensors", small_safetensors()},
       {"model/tokenizer_config.json", R"({"chat_template":"{{ messages }}"})"},
       {"model/README.md", "---\nlicense: apache-2.0\nbase_model: a/b\npipeline_tag: text-generation\n---\n"}});
  EXPECT_EQ(a.framework, Framework::transformers);
  EXPECT_EQ(a.format, FileFormat::safetensors);
  EXPECT_EQ(a.architecture, "LlamaForCausalLM");
  EXPECT_EQ(a.model_type, "llama");
  EXPECT_EQ(a.dtype, "bfloat16");
  EXPECT_EQ(a.interface, ModelInterface::chat);
  EXPECT_EQ(a.task, "text-generation");
  EXPECT_EQ(a.license, "apache-2.0");
  EXPECT_THAT(a.base_models, ElementsAre("a/b"));
  EXPECT_EQ(a.recommended_engine, "vllm");
  EXPECT_THAT(a.alternative_engines, ElementsAre("sglang", "tgi"));
  EXPECT_THAT(a.dependencies, ElementsAre("transformers>=4.45.0", "torch"));
  EXPECT_EQ(a.parameter_count, 8);
  EXPECT_FALSE(a.trust_remote_code);
}

TEST(AnalysisTest, EmbeddingModelsGoToTei) {
  const auto a = analyzed({{"config.json", R"({"model_type":"bert","architectures":["BertModel"]})"},
                           {"modules.json", "[]"},
                           {"model.safetensors", small_safetensors()}});
  EXPECT_EQ(a.interface, ModelInterface::embedding);
  EXPECT_EQ(a.recommended_engine, "tei");
}

TEST(AnalysisTest, PackedQuantisedWeightsCountInFull) {
  const auto a =
      analyzed({{"config.json", R"({"model_type":"llama","quantization_config":{"quant_method":"gptq","bits":4}})"},
                {"model.safetensors", safetensors(R"({"q":{"dtype":"I32","shape":[10],"data_offsets":[0,40]}})", 40)}});
  EXPECT_EQ(a.parameter_count, 80);
  EXPECT_EQ(a.quantization, "gptq 4-bit");
}

TEST(AnalysisTest, ShardsAreThoseOfTheIndex) {
  const std::string index = R"({"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}})";
  const auto a = analyzed({{"config.json", llama_config},
                           {"model.safetensors.index.json", index},
                           {"model-1.safetensors", small_safetensors()},
                           {"consolidated.safetensors", small_safetensors()}});
  EXPECT_EQ(a.parameter_count, 8);
  EXPECT_THAT(a.warnings, warned_at(Severity::danger, "missing_part", "model-2.safetensors"));
}

TEST(AnalysisTest, CustomCodeIsFlaggedWithItsFiles) {
  const auto a = analyzed(
      {{"config.json", R"({"model_type":"x","auto_map":{"AutoModel":"modeling_x.X","AutoConfig":"owner/repo--conf.C",)"
                       R"("AutoTokenizer":"gone.T"}})"},
       {"modeling_x.py", "import os"},
       {"setup.py", ""},
       {"model.safetensors", small_safetensors()}});
  EXPECT_TRUE(a.custom_code);
  EXPECT_TRUE(a.trust_remote_code);
  EXPECT_THAT(a.custom_code_files, ElementsAre("modeling_x.py", "setup.py"));
  EXPECT_THAT(a.warnings, warned(Severity::danger, "custom_code", "modeling_x.py"));
  EXPECT_THAT(a.warnings, warned(Severity::danger, "custom_code_elsewhere", "owner/repo"));
  EXPECT_THAT(a.warnings, warned(Severity::warning, "custom_code_missing", "gone.T"));
}

TEST(AnalysisTest, AutoMapOfTheTokenizerCounts) {
  EXPECT_TRUE(analyzed({{"config.json", llama_config},
                        {"model.safetensors", small_safetensors()},
                        {"tokenizer_config.json", R"({"auto_map":{"AutoTokenizer":["tok.T",null]}})"}})
                  .trust_remote_code);
}

TEST(AnalysisTest, PicklesAreRecognisedByContentNotByName) {
  const auto raw = analyzed({{"weights.txt", stack_global_pickle()}});
  EXPECT_EQ(raw.format, FileFormat::pickle);
  EXPECT_THAT(raw.warnings, warned(Severity::danger, "pickle_import", "posix system"));
  EXPECT_THAT(analyzed({{"model.safetensors", global_pickle()}}).warnings, warned(Severity::danger, "misleading_name"));
  EXPECT_THAT(analyzed({{"model.onnx", zip({{"a/data.pkl", torch_pickle(), "", 0}})}}).warnings,
              warned(Severity::danger, "misleading_name"));
  EXPECT_THAT(analyzed({{"m", text_pickle()}}).warnings, warned(Severity::danger, "pickle_import", "os system"));
  EXPECT_THAT(analyzed({{"m.pkl", "\x78\x9cxxxx"}}).warnings, warned(Severity::danger, "pickle", "compressed"));
}

TEST(AnalysisTest, PytorchArchives) {
  const auto a = analyzed({{"m.pt", zip({{"m/data.pkl", torch_pickle(), "", 0}, {"m/data/0", "w", "", 0}})}});
  EXPECT_EQ(a.framework, Framework::pytorch);
  EXPECT_EQ(a.format, FileFormat::pytorch_zip);
  EXPECT_FALSE(a.recommended_engine);
  EXPECT_THAT(a.warnings, warned(Severity::warning, "pickle"));
  EXPECT_THAT(a.warnings, Not(warned(Severity::danger, "pickle_import")));
  EXPECT_THAT(analyzed({{"m.pt", zip({{"m/data.pkl", global_pickle(), "", 0}})}}).warnings,
              warned(Severity::danger, "pickle_import", "posix system"));
  EXPECT_THAT(analyzed({{"m.pt", zip({{"m/data.pkl", "zzz", "", 8}})}}).warnings,
              warned(Severity::danger, "pickle", "not inspected"));
  const auto script =
      analyzed({{"m.pt", zip({{"m/data.pkl", torch_pickle(), "", 0}, {"m/constants.pkl", torch_pickle(), "", 0}})}});
  EXPECT_EQ(script.format, FileFormat::torchscript);
  EXPECT_EQ(script.recommended_engine, "triton");
}

TEST(AnalysisTest, SklearnXgboostAndTensorflow) {
  EXPECT_EQ(analyzed({{"m.pkl",
                       "\x80\x02"
                       "csklearn.svm._classes\nSVC\n)\x81."}})
                .framework,
            Framework::sklearn);
  const auto xgb = analyzed({{"m.json", R"({"learner":{"attributes":{}},"version":[2,1,0]})"}});
  EXPECT_EQ(xgb.framework, Framework::xgboost);
  EXPECT_EQ(xgb.recommended_engine, "triton");
  EXPECT_THAT(refused({{"m.json", R"({"learner":{"attributes":)"}}), HasSubstr("not valid JSON"));
  EXPECT_THAT(refused({{"m.json", R"({"learner":)" + std::string(500, '[')}}), HasSubstr("malformed at byte"));
  EXPECT_EQ(analyzed({{"m.ubj", "{L" + std::string(7, '\0') + "\x07learner{}}"}}).format, FileFormat::xgboost_ubjson);
  const auto saved = analyzed({{"1/saved_model.pb", pb(1, 1) + pb(2, "graph")}, {"1/variables/variables.index", "x"}});
  EXPECT_EQ(saved.framework, Framework::tensorflow);
  EXPECT_FALSE(saved.primary_file);
  EXPECT_EQ(analyzed({{"m.h5", "\x89HDF\r\n\x1a\n...."}}).framework, Framework::tensorflow);
  EXPECT_EQ(analyzed({{"m.tflite", std::string("\x1c\0\0\0TFL3....", 12)}}).format, FileFormat::tflite);
}

TEST(AnalysisTest, ASingleMalformedFileIsRefusedWithNameAndByte) {
  EXPECT_THAT(refused({{"m.gguf", small_gguf().substr(0, 100)}}), HasSubstr("'m.gguf' is malformed at byte"));
  EXPECT_THAT(refused({{"m.onnx", onnx().substr(0, 100)}}), HasSubstr("'m.onnx' is malformed at byte"));
  EXPECT_THAT(refused({{"m.safetensors", small_safetensors().substr(0, 100)}}),
              HasSubstr("'m.safetensors' is malformed at byte"));
  EXPECT_THAT(refused({{"m.onnx", ""}}), HasSubstr("the file is empty"));
  for (const auto* name : {"m.onnx", "m.gguf", "m.safetensors", "m.pkl", "m.pt", "m.h5", "m.tflite", "m.npy",
                           "saved_model.pb", "m.ubj", "config.json"})
    EXPECT_THAT(refused({{name, "What is this? It is not a model at all, only some text."}}),
                HasSubstr(std::string("'") + name + "' is malformed at byte"));
}

TEST(AnalysisTest, AMalformedFileAmongReadableOnesIsADanger) {
  const auto a =
      analyzed({{"config.json", llama_config}, {"model.safetensors", small_safetensors()}, {"broken.gguf", "GGUF\3"}});
  EXPECT_EQ(a.framework, Framework::transformers);
  EXPECT_THAT(a.warnings, warned_at(Severity::danger, "malformed_file", "broken.gguf"));
  EXPECT_EQ(a.warnings.front().severity, Severity::danger);
  EXPECT_THAT(refused({{"README.md", "# hello"}, {"broken.gguf", "GGUF\3"}}), HasSubstr("'broken.gguf'"));
}

TEST(AnalysisTest, ExternalDataMustBeThereAndLongEnough) {
  const auto model = onnx(onnx_tensor("w", {3, 2}, onnx_external("w.bin", "8")));
  EXPECT_TRUE(analyzed({{"a/m.onnx", model}, {"a/w.bin", std::string(32, 'x')}, {"LICENSE", ""}}).warnings.size() == 1);
  EXPECT_THAT(analyzed({{"m.onnx", model}, {"w.bin", std::string(31, 'x')}}).warnings,
              warned(Severity::danger, "truncated_part"));
  EXPECT_THAT(analyzed({{"m.onnx", model}}).warnings, warned(Severity::danger, "missing_part", "w.bin"));
}

TEST(AnalysisTest, TreesWithUnsafeOrDoublePathsAreRefused) {
  EXPECT_THAT(refused({}), HasSubstr("no files"));
  EXPECT_THAT(refused({{"../m.onnx", onnx()}}), HasSubstr("not a path inside"));
  EXPECT_THAT(refused({{"m.onnx", onnx()}, {"m.onnx", onnx()}}), HasSubstr("given twice"));
}

TEST(AnalysisTest, UnknownFilesAreAWarning) {
  const auto a = analyzed({{"notes.txt", "nothing"}});
  EXPECT_EQ(a.framework, Framework::unknown);
  EXPECT_THAT(a.warnings, warned(Severity::warning, "unknown_format"));
}

TEST(AnalysisTest, RequirementsBecomeDependencies) {
  const auto a =
      analyzed({{"m.onnx", onnx()}, {"requirements.txt", "# x\nnumpy>=1.0  # y\n--index-url http://evil\n\nscipy\n"}});
  EXPECT_THAT(a.dependencies, ElementsAre("numpy>=1.0", "scipy", "onnxruntime"));
}

TEST(AnalysisTest, AFloodOfWarningsDoesNotHideADanger) {
  std::vector<File> files = {{"m.onnx", onnx()}};
  for (int i = 0; i < 300; ++i) files.push_back({fmt::format("p{}.bin", i), torch_pickle()});
  files.push_back({"z.bin", global_pickle()});
  const auto a = analyzed(files);
  EXPECT_EQ(a.warnings.size(), 200u);
  EXPECT_EQ(a.warnings.front().code, "pickle_import");
  EXPECT_EQ(a.warnings.back().code, "more_warnings");
}

TEST(AnalysisTest, SizeClassesAndStorage) {
  EXPECT_EQ(size_class_of(99'999'999, 0), SizeClass::tiny);
  EXPECT_EQ(size_class_of(100'000'000, 0), SizeClass::small);
  EXPECT_EQ(size_class_of(7'000'000'000, 0), SizeClass::medium);
  EXPECT_EQ(size_class_of(70'000'000'000, 0), SizeClass::large);
  EXPECT_EQ(size_class_of(100'000'000'000, 0), SizeClass::xlarge);
  EXPECT_EQ(size_class_of(std::nullopt, 16'000'000'000), SizeClass::medium);
  EXPECT_EQ(storage_strategy_of(1'999'999'999), StorageStrategy::embed);
  EXPECT_EQ(storage_strategy_of(2'000'000'000), StorageStrategy::volume);
  EXPECT_EQ(storage_strategy_of(50'000'000'000), StorageStrategy::stream);
}

}  // namespace
}  // namespace modelops::formats
