#include "formats/registry_analyzer.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "formats/analysis.hpp"
#include "formats/gguf.hpp"
#include "formats/onnx.hpp"
#include "formats/safetensors.hpp"

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

std::vector<std::int64_t> shape_of(const std::vector<std::uint64_t>& shape) {
  std::vector<std::int64_t> out;
  for (const std::uint64_t size : shape) out.push_back(static_cast<std::int64_t>(size));
  return out;
}

}  // namespace

registry::Analysis RegistryAnalyzer::analyze(const std::vector<registry::SourceFile>& files) {
  SourceTree tree;
  for (const registry::SourceFile& file : files)
    tree.files.push_back({file.path, file.size_bytes, [&file]() -> std::unique_ptr<RandomAccess> {
                            return std::make_unique<BlobAccess>(file.open());
                          }});
  return formats::analyze(tree);
}

std::vector<registry::Tensor> RegistryTensorReader::read(const registry::SourceFile& file) {
  constexpr std::size_t dimensions_max = 64;
  std::vector<registry::Tensor> out;
  const auto add = [&](std::string_view name, std::string dtype, std::vector<std::int64_t> shape,
                       std::optional<std::uint64_t> size_bytes) {
    if (shape.size() > dimensions_max)
      fail(ErrorCode::unprocessable,
           fmt::format("'{}' has a tensor of more than {} dimensions.", display_text(file.path), dimensions_max));
    registry::Tensor& made = out.emplace_back();
    made.name = display_text(name);
    made.dtype = std::move(dtype);
    made.shape = std::move(shape);
    if (size_bytes) made.size_bytes = static_cast<std::int64_t>(*size_bytes);
  };
  const BlobAccess source(file.open());
  switch (sniff(source, file.path)) {
    case FileFormat::safetensors:
      for (const SafeTensor& tensor : read_safetensors(source, file.path).tensors)
        add(tensor.name, tensor.dtype, shape_of(tensor.shape), tensor.end - tensor.begin);
      break;
    case FileFormat::gguf:
      for (const GgufTensor& tensor : read_gguf(source, file.path).tensors) {
        // As everywhere else: the outermost dimension first.
        std::vector<std::int64_t> shape = shape_of(tensor.shape);
        std::ranges::reverse(shape);
        add(tensor.name, tensor.type, std::move(shape), tensor.size_bytes);
      }
      break;
    case FileFormat::onnx:
      for (OnnxTensor& tensor : read_onnx(source, file.path).tensors)
        add(tensor.name, std::move(tensor.dtype), shape_of(tensor.shape), tensor.size_bytes);
      break;
    default: break;
  }
  return out;
}

}  // namespace modelops::formats
