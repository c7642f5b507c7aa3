#include "formats/registry_analyzer.hpp"

#include "formats/test_support.hpp"

namespace modelops::formats {
namespace {

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

}  // namespace
}  // namespace modelops::formats
