#include "formats/registry_analyzer.hpp"

#include "formats/test_support.hpp"

namespace modelops::formats {
namespace {

using ::testing::ElementsAre;

class TextReader final : public storage::BlobReader {
 public:
  explicit TextReader(std::string text) : text_(std::move(text)) {}
  std::uint64_t size_bytes() const override { return text_.size(); }
  std::size_t read_at(std::uint64_t offset, std::span<char> into) const override {
    return offset > text_.size() ? 0 : text_.copy(into.data(), into.size(), offset);
  }

 private:
  std::string text_;
};

registry::SourceFile blob(std::string path, std::string text) {
  return {std::move(path), text.size(), [text] { return std::make_unique<TextReader>(text); }};
}

TEST(RegistryAnalyzer, ReadsBlobs) {
  RegistryAnalyzer analyzer;
  const registry::Analysis found =
      analyzer.analyze({blob("model.gguf", testing::small_gguf()), blob("README.md", "hi")});
  EXPECT_EQ(found.framework, registry::Framework::gguf);
  EXPECT_EQ(found.primary_file, "model.gguf");
  EXPECT_EQ(found.file_count, 2);
}

TEST(RegistryAnalyzer, AMalformedFileIsRefusedByName) {
  RegistryAnalyzer analyzer;
  const std::string whole = testing::small_gguf();
  EXPECT_THAT(testing::refusal([&] { analyzer.analyze({blob("model.gguf", whole.substr(0, 30))}); }),
              ::testing::HasSubstr("model.gguf"));
}

TEST(RegistryTensorReader, ListsTheTensorsOfEachFormat) {
  RegistryTensorReader reader;
  const auto lines = [&](const std::string& path, const std::string& bytes) {
    std::vector<std::string> out;
    for (const registry::Tensor& tensor : reader.read(blob(path, bytes))) {
      std::string shape;
      for (const std::int64_t size : tensor.shape) shape += fmt::format("{}x", size);
      out.push_back(fmt::format("{} {} {} {}", tensor.name, tensor.dtype, shape, tensor.size_bytes.value_or(-1)));
    }
    return out;
  };
  EXPECT_THAT(lines("m.safetensors", testing::small_safetensors()), ElementsAre("a BF16 2x3x 12", "b F32 2x 8"));
  // GGUF has the innermost dimension first; here it is as everywhere else.
  EXPECT_THAT(lines("m.gguf", testing::small_gguf()),
              ElementsAre("token_embd.weight F32 4x64x 1024", "output.weight Q4_K 2x256x 288"));
  EXPECT_THAT(lines("m.onnx", testing::onnx()), ElementsAre("w float32 3x2x 24"));
  EXPECT_THAT(lines("m.onnx", testing::onnx(testing::onnx_tensor("w", {3, 2}, ""))), ElementsAre("w float32 3x2x -1"));
  EXPECT_THAT(lines("README.md", "hello"), ::testing::IsEmpty());
  EXPECT_THAT(lines("config.json", "{}"), ::testing::IsEmpty());
}

TEST(RegistryTensorReader, AMalformedFileIsRefusedAndManyDimensionsToo) {
  RegistryTensorReader reader;
  const std::string whole = testing::small_safetensors();
  EXPECT_THAT(testing::refusal([&] { reader.read(blob("m.safetensors", whole.substr(0, 40))); }),
              ::testing::HasSubstr("m.safetensors"));
  std::string dimensions;
  for (int i = 0; i < 65; ++i) dimensions += testing::pb(1, std::uint64_t{1});
  EXPECT_THAT(testing::refusal([&] { reader.read(blob("m.onnx", testing::onnx(dimensions + testing::pb(2, 1)))); }),
              ::testing::HasSubstr("more than 64 dimensions"));
}

}  // namespace
}  // namespace modelops::formats
