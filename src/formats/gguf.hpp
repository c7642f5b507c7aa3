#pragma once
// GGUF, versions 2 and 3, little-endian (ggml/include/gguf.h of llama.cpp). The caps are far below that library's.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/cursor.hpp"

namespace modelops::formats {

struct GgufTensor {
  std::string name;
  std::string type;                  ///< as ggml prints it: "Q4_K"
  std::vector<std::uint64_t> shape;  ///< the innermost (contiguous) dimension first, as in the file
  std::uint64_t offset = 0;          ///< from the start of the data
  std::uint64_t size_bytes = 0;
};

struct GgufModel {
  std::uint32_t version = 0;
  std::uint64_t metadata_count = 0;
  std::uint64_t alignment = 32;
  std::uint64_t data_start = 0;
  std::optional<std::string> architecture;     ///< general.architecture
  std::optional<std::string> type;             ///< general.type: "model", "mmproj", "adapter", ...
  std::optional<std::string> name;             ///< general.name
  std::optional<std::string> license;          ///< general.license
  std::optional<std::string> quantization;     ///< general.file_type by name: "Q4_K_M"; "unknown (99)" for a new one
  std::optional<std::string> tokenizer_model;  ///< tokenizer.ggml.model
  std::optional<std::uint64_t> context_length;
  std::optional<std::uint64_t> block_count;
  std::optional<std::uint64_t> embedding_length;
  std::optional<std::uint64_t> pooling_type;  ///< 0 is none; embedding models have another
  std::optional<std::uint64_t> split_count;   ///< files that the model is split over
  std::optional<std::uint64_t> vocabulary_size;
  bool has_chat_template = false;
  std::vector<GgufTensor> tensors;
  std::vector<DtypeCount> dtypes;
};

/// Throws Error(unprocessable) for anything that llama.cpp would not load, and for what exceeds the caps.
GgufModel read_gguf(const RandomAccess& source, std::string_view file_name);

}  // namespace modelops::formats
