#pragma once
#include "registry/analysis/ports.hpp"

namespace modelops::formats {

/// Answers the registry's port with the readers of this folder. Thread-safe.
class RegistryAnalyzer final : public registry::SourceAnalyzer {
 public:
  registry::Analysis analyze(const std::vector<registry::SourceFile>& files) override;
};

class RegistryTensorReader final : public registry::TensorReader {
 public:
  std::vector<registry::Tensor> read(const registry::SourceFile& file) override;
};

}  // namespace modelops::formats
