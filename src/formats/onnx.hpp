#pragma once
// ONNX (onnx/onnx.proto) through a minimal protobuf wire reader: weights are stepped over, never loaded.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats/cursor.hpp"

namespace modelops::formats {

struct OnnxPort {
  std::string name;
  std::string dtype;                   ///< "float32", "int64", "string"; "sequence", "map", ... for other kinds
  std::vector<std::int64_t> shape;     ///< -1 is any size
  std::vector<std::string> dim_names;  ///< as long as `shape`: "batch", or empty
  bool has_shape = false;              ///< false: of any rank
};

struct OnnxExternalData {
  std::string tensor;
  std::string location;  ///< a safe path relative to the model's file
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;  ///< absent: to the end of the file
};

/// An initializer, by what its header says.
struct OnnxTensor {
  std::string name;
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::optional<std::uint64_t> size_bytes;  ///< of raw or external data; absent when it is written number by number
};

struct OnnxModel {
  std::int64_t ir_version = 0;
  std::string producer;
  std::string graph_name;
  std::vector<std::pair<std::string, std::int64_t>> opsets;   ///< domain ("" is ai.onnx), version
  std::vector<std::pair<std::string, std::string>> metadata;  ///< metadata_props
  std::vector<OnnxPort> inputs;                               ///< without those that are initializers
  std::vector<OnnxPort> outputs;
  std::vector<std::string> operator_domains;  ///< of all nodes, sorted, without ai.onnx's own
  std::vector<std::string> custom_operators;  ///< "domain::Type", at most 100, sorted
  std::vector<OnnxExternalData> external_data;
  std::uint64_t node_count = 0;     ///< subgraphs and functions included
  std::uint64_t tensor_count = 0;   ///< initializers
  std::vector<DtypeCount> dtypes;   ///< of the initializers
  std::vector<OnnxTensor> tensors;  ///< the first 100,000 initializers
};

/// Throws Error(unprocessable) for malformed protobuf, a missing graph, more than 64 levels, more than 20 million
/// fields, dimensions that overflow, and external data that leaves the model's folder.
OnnxModel read_onnx(const RandomAccess& source, std::string_view file_name);

}  // namespace modelops::formats
