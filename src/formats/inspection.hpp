#pragma once
// The first half of the analysis: reads every file of a tree that it knows. What the findings mean is decided in
// analysis.cpp.
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "formats/analysis.hpp"
#include "formats/gguf.hpp"
#include "formats/huggingface.hpp"
#include "formats/onnx.hpp"
#include "formats/safetensors.hpp"

namespace modelops::formats {

template <class Model>
struct Found {
  std::string path;
  std::uint64_t size_bytes;
  Model model;
};

struct Inspection {
  /// What a file states by itself: sizes, task, base models, dependencies, custom code, and all warnings so far.
  Analysis stated;
  std::string root;  ///< the folder that all files share, with its '/', or empty
  std::map<std::string, std::uint64_t, std::less<>> sizes;
  std::optional<Error> first_malformed;
  std::vector<Found<OnnxModel>> onnx;
  std::vector<Found<GgufModel>> gguf;
  std::vector<Found<SafetensorsModel>> safetensors;
  std::vector<Found<SafetensorsIndex>> indexes;
  std::vector<Found<FileFormat>> others;  ///< recognised only
  std::optional<HfConfig> config;
  std::optional<std::string> card_license;
  std::vector<std::string> python_files;
  std::set<std::string> code_files;      ///< those that `auto_map` refers to
  std::set<std::string> pickle_imports;  ///< of all pickles
  bool sentence_transformer = false;

  void warn(Severity severity, std::string code, std::string message, std::optional<std::string> file = {});
  void depend(std::string what);
  void add_base_model(std::string name);
};

/// Malformed files become warnings here; the errors of `analyze` about the tree as a whole are thrown.
Inspection inspect(const SourceTree& tree);

std::string_view base_name(std::string_view path);
/// "a/b/" of "a/b/c", empty without a folder.
std::string_view folder_of(std::string_view path);
/// "a, b and 3 more".
std::string joined(const std::vector<std::string>& items, std::size_t shown_max = 10);

}  // namespace modelops::formats
