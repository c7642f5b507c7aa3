#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelops::runtime {

/// The datatypes of the Open Inference Protocol v2.
enum class Datatype : std::uint8_t {
  bool_,
  uint8,
  uint16,
  uint32,
  uint64,
  int8,
  int16,
  int32,
  int64,
  fp16,
  fp32,
  fp64,
  bytes
};

std::string_view datatype_name(Datatype datatype);  ///< "FP32"
std::optional<Datatype> parse_datatype(std::string_view name);
std::size_t element_size_bytes(Datatype datatype);  ///< 0 for BYTES

using Shape = std::vector<std::int64_t>;

std::string to_text(const Shape& shape);  ///< "[1,64]"
/// The product of the dimensions; nothing for a negative one or beyond 2^48 elements.
std::optional<std::size_t> count_elements(const Shape& shape);

/// A dense tensor in row-major order. `data` holds the elements in the machine's byte order (little-endian);
/// of BYTES, `strings` holds them instead.
struct Tensor {
  std::string name;
  Datatype datatype = Datatype::fp32;
  Shape shape;
  std::vector<char> data;
  std::vector<std::string> strings;

  bool operator==(const Tensor&) const = default;
};

/// Calls `f` with a zero of the C++ type of `datatype`; not for BYTES.
template <class F>
void with_element_type(Datatype datatype, F&& f) {
  switch (datatype) {
    case Datatype::bool_: return f(bool{});
    case Datatype::uint8: return f(std::uint8_t{});
    case Datatype::uint16: return f(std::uint16_t{});
    case Datatype::uint32: return f(std::uint32_t{});
    case Datatype::uint64: return f(std::uint64_t{});
    case Datatype::int8: return f(std::int8_t{});
    case Datatype::int16: return f(std::int16_t{});
    case Datatype::int32: return f(std::int32_t{});
    case Datatype::int64: return f(std::int64_t{});
    case Datatype::fp16: return f(_Float16{});
    case Datatype::fp32: return f(float{});
    case Datatype::fp64: return f(double{});
    case Datatype::bytes: return;
  }
}

/// Rows [first, first + count) of `tensor`, which has at least one row.
Tensor rows_of(const Tensor& tensor, std::int64_t first, std::int64_t count);
/// The rows of `parts`, one below the other; their shapes differ in dimension 0 only. At least one part.
Tensor concatenate(std::span<const Tensor* const> parts);

/// What a model takes or gives. -1 is any size.
struct TensorInfo {
  std::string name;
  Datatype datatype = Datatype::fp32;
  Shape shape;
  std::vector<std::string> dim_names;  ///< as long as `shape`; "" where the size is fixed or has no name
};

/// "[batch,64]": the shape with the names of its free dimensions, "?" for those without.
std::string shape_text(const TensorInfo& info);

}  // namespace modelops::runtime
