#pragma once
// What a tree of files is and how it is best served: read from headers only, nothing is executed.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/sniff.hpp"
#include "formats/source.hpp"
#include "registry/analysis/types.hpp"

namespace modelops::formats {

// The finding has the form in which the registry keeps and answers it.
using registry::Analysis;
using registry::AnalysisWarning;
using registry::DtypeShare;
using registry::Framework;
using registry::ModelInterface;
using registry::Severity;
using registry::SizeClass;
using registry::StorageStrategy;
using registry::TensorPort;

SizeClass size_class_of(std::optional<std::int64_t> parameter_count, std::int64_t size_bytes);
StorageStrategy storage_strategy_of(std::int64_t size_bytes);

/// Reads every file that it knows. A malformed file is a `danger` warning (code "malformed_file") when the rest still
/// is a model; when nothing else is, and so for a single file, its Error(unprocessable) is thrown. An empty tree, an
/// unsafe path and more than 100,000 files are Error(unprocessable) as well. Trouble of the device passes through.
Analysis analyze(const SourceTree& tree);

}  // namespace modelops::formats
