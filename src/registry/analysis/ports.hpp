#pragma once
#include <functional>
#include <memory>

#include "platform/storage/blobs.hpp"
#include "registry/analysis/types.hpp"

namespace modelops::registry {

/// One file of a source, opened when it is looked at.
struct SourceFile {
  std::string path;
  std::uint64_t size_bytes = 0;
  std::function<std::unique_ptr<storage::BlobReader>()> open;
};

/// Reads what a source is: answered by `formats`.
class SourceAnalyzer {
 public:
  virtual ~SourceAnalyzer() = default;
  /// Throws Error(unprocessable) with what is wrong when the files are not a model, or a malformed one.
  virtual Analysis analyze(const std::vector<SourceFile>& files) = 0;
};

}  // namespace modelops::registry
