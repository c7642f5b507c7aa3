#include "formats/registry_analyzer.hpp"

#include "base/error.hpp"
#include "formats/analysis.hpp"

namespace modelops::formats {
namespace {

class BlobAccess final : public RandomAccess {
 public:
  explicit BlobAccess(std::unique_ptr<storage::BlobReader> reader) : reader_(std::move(reader)) {}
  std::uint64_t size() const override { return reader_->size_bytes(); }
  void read_at(std::uint64_t offset, std::span<char> out) const override {
    if (reader_->read_at(offset, out) != out.size())
      fail(ErrorCode::internal, "A file is shorter than it should be.", std::to_string(offset));
  }

 private:
  std::unique_ptr<storage::BlobReader> reader_;
};

}  // namespace

registry::Analysis RegistryAnalyzer::analyze(const std::vector<registry::SourceFile>& files) {
  SourceTree tree;
  for (const registry::SourceFile& file : files)
    tree.files.push_back({file.path, file.size_bytes, [&file]() -> std::unique_ptr<RandomAccess> {
                            return std::make_unique<BlobAccess>(file.open());
                          }});
  return formats::analyze(tree);
}

}  // namespace modelops::formats
