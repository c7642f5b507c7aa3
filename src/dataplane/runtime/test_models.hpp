#pragma once
// For the tests of this folder: tiny ONNX models, written as protobuf by hand, and the engine to run them.
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/runtime/ort.hpp"

namespace modelops::runtime::testing {

/// The engine's library: $MODELOPS_ONNXRUNTIME, else where set-up keeps it.
inline std::filesystem::path library() {
  const char* given = std::getenv("MODELOPS_ONNXRUNTIME");
  return given ? std::filesystem::path(given) : find_library();
}

inline std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}
inline std::string field(unsigned number, std::uint64_t value) { return varint(number << 3) + varint(value); }
inline std::string field(unsigned number, std::string_view bytes) {
  return varint(number << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}

/// A dimension: a size, or a name for any size.
struct Dim {
  Dim(int size) : text(field(1, static_cast<std::uint64_t>(size))) {}
  Dim(const char* name) : text(field(2, std::string_view(name))) {}
  std::string text;
};

/// onnx.ValueInfoProto. `element_type`: onnx.TensorProto.DataType, 1 for float.
inline std::string port(std::string_view name, int element_type, const std::vector<Dim>& dims) {
  std::string shape;
  for (const Dim& dim : dims) shape += field(1, dim.text);
  const std::string tensor = field(1, static_cast<std::uint64_t>(element_type)) + field(2, shape);
  return field(1, name) + field(2, field(1, tensor));
}

/// onnx.NodeProto with at most one attribute, an integer.
inline std::string node(std::string_view op, std::initializer_list<std::string_view> inputs,
                        std::initializer_list<std::string_view> outputs, std::string_view attribute = {},
                        std::uint64_t value = 0) {
  std::string out;
  for (const auto input : inputs) out += field(1, input);
  for (const auto output : outputs) out += field(2, output);
  out += field(4, op);
  if (!attribute.empty()) out += field(5, field(1, attribute) + field(3, value) + field(20, 2));
  return out;
}

/// onnx.ModelProto of opset 13.
inline std::string model(std::initializer_list<std::string> nodes, std::initializer_list<std::string> inputs,
                         std::initializer_list<std::string> outputs, std::string_view initializer = {}) {
  std::string graph;
  for (const std::string& text : nodes) graph += field(1, text);
  graph += field(2, std::string_view("test"));
  if (!initializer.empty()) graph += field(5, initializer);
  for (const std::string& text : inputs) graph += field(11, text);
  for (const std::string& text : outputs) graph += field(12, text);
  return field(1, std::uint64_t{8}) + field(7, graph) +
         field(8, field(1, std::string_view()) + field(2, std::uint64_t{13}));
}

/// sum = a + b, difference = a - b; each float [N,2].
inline std::string add_model() {
  return model({node("Add", {"a", "b"}, {"sum"}), node("Sub", {"a", "b"}, {"difference"})},
               {port("a", 1, {"N", 2}), port("b", 1, {"N", 2})},
               {port("sum", 1, {"N", 2}), port("difference", 1, {"N", 2})});
}

/// y = x of any element type, [N,2].
inline std::string identity_model(int element_type = 1) {
  return model({node("Identity", {"x"}, {"y"})}, {port("x", element_type, {"N", 2})},
               {port("y", element_type, {"N", 2})});
}

/// y = x divided by the sum of its column: a row depends on its neighbours. float [N,2].
inline std::string column_softmax_model() {
  return model({node("Softmax", {"x"}, {"y"}, "axis", 0)}, {port("x", 1, {"N", 2})}, {port("y", 1, {"N", 2})});
}

/// y = the entry of a table of three that each index names; others cannot be run. int64 [N] to float [N].
inline std::string lookup_model() {
  std::string table = field(1, std::uint64_t{3}) + field(2, std::uint64_t{1}) + field(8, std::string_view("table"));
  const float values[] = {10, 20, 30};
  table += field(9, std::string_view(reinterpret_cast<const char*>(values), sizeof values));
  return model({node("Gather", {"table", "x"}, {"y"})}, {port("x", 7, {"N"})}, {port("y", 1, {"N"})}, table);
}

/// An operator that no engine has.
inline std::string unknown_operator_model() {
  return model({node("NoSuchOperator", {"x"}, {"y"})}, {port("x", 1, {"N", 2})}, {port("y", 1, {"N", 2})});
}

template <class T>
Tensor tensor(std::string name, Datatype datatype, Shape shape, const std::vector<T>& values) {
  Tensor made{.name = std::move(name), .datatype = datatype, .shape = std::move(shape), .data = {}, .strings = {}};
  made.data.resize(values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(made.data.data(), values.data(), made.data.size());
  return made;
}
inline Tensor floats(std::string name, Shape shape, const std::vector<float>& values) {
  return tensor(std::move(name), Datatype::fp32, std::move(shape), values);
}

template <class T = float>
std::vector<T> values(const Tensor& tensor) {
  std::vector<T> all(tensor.data.size() / sizeof(T));
  if (!all.empty()) std::memcpy(all.data(), tensor.data.data(), tensor.data.size());
  return all;
}

}  // namespace modelops::runtime::testing
