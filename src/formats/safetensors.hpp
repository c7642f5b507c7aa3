#pragma once
// safetensors (safetensors/src/tensor.rs): u64 header length, a JSON header, the data without holes.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/cursor.hpp"

namespace modelops::formats {

struct SafeTensor {
  std::string name;
  std::string dtype;  ///< "BF16", "F8_E4M3", ...
  std::vector<std::uint64_t> shape;
  std::uint64_t begin = 0;  ///< from the start of the data
  std::uint64_t end = 0;
};

struct SafetensorsModel {
  std::uint64_t header_bytes = 0;
  std::optional<std::string> framework;  ///< __metadata__.format: "pt", "tf", "flax", "mlx"
  std::vector<SafeTensor> tensors;       ///< in the order of their data
  std::vector<DtypeCount> dtypes;
};

/// Throws Error(unprocessable) for a header above 25,000,000 bytes, a key given twice, overlaps, holes, a size that
/// does not follow from shape and dtype, and data that is shorter or longer than the header says.
SafetensorsModel read_safetensors(const RandomAccess& source, std::string_view file_name);

/// `*.safetensors.index.json`: over which files the tensors of one model are spread.
struct SafetensorsIndex {
  std::optional<std::int64_t> total_size_bytes;
  std::uint64_t tensors = 0;
  std::vector<std::string> files;  ///< sorted, each once, safe relative paths
};
SafetensorsIndex read_safetensors_index(const RandomAccess& source, std::string_view file_name);

}  // namespace modelops::formats
