#include "dataplane/runtime/tensor.hpp"

#include <fmt/ranges.h>

#include <bit>

namespace modelops::runtime {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors travel and lie in memory as little-endian");

struct Row {
  Datatype datatype;
  std::string_view name;
  std::size_t size_bytes;
};

constexpr Row rows[] = {
    {Datatype::bool_, "BOOL", 1},    {Datatype::uint8, "UINT8", 1},   {Datatype::uint16, "UINT16", 2},
    {Datatype::uint32, "UINT32", 4}, {Datatype::uint64, "UINT64", 8}, {Datatype::int8, "INT8", 1},
    {Datatype::int16, "INT16", 2},   {Datatype::int32, "INT32", 4},   {Datatype::int64, "INT64", 8},
    {Datatype::fp16, "FP16", 2},     {Datatype::fp32, "FP32", 4},     {Datatype::fp64, "FP64", 8},
    {Datatype::bytes, "BYTES", 0},
};

const Row& row_of(Datatype datatype) { return rows[static_cast<std::size_t>(datatype)]; }

}  // namespace

std::string_view datatype_name(Datatype datatype) { return row_of(datatype).name; }

std::optional<Datatype> parse_datatype(std::string_view name) {
  for (const Row& row : rows) {
    if (row.name == name) return row.datatype;
  }
  return std::nullopt;
}

std::size_t element_size_bytes(Datatype datatype) { return row_of(datatype).size_bytes; }

std::string to_text(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ",")); }

std::optional<std::size_t> count_elements(const Shape& shape) {
  constexpr std::size_t elements_max = std::size_t{1} << 48;
  std::size_t count = 1;
  for (const std::int64_t dim : shape) {
    if (dim < 0) return std::nullopt;
    if (__builtin_mul_overflow(count, static_cast<std::size_t>(dim), &count) || count > elements_max) {
      return std::nullopt;
    }
  }
  return count;
}

Tensor rows_of(const Tensor& tensor, std::int64_t first, std::int64_t count) {
  Tensor part{.name = tensor.name, .datatype = tensor.datatype, .shape = tensor.shape, .data = {}, .strings = {}};
  const std::int64_t total = tensor.shape[0];
  part.shape[0] = count;
  const auto row_bytes = static_cast<std::int64_t>(tensor.data.size()) / total;
  const auto row_strings = static_cast<std::int64_t>(tensor.strings.size()) / total;
  part.data.assign(tensor.data.begin() + first * row_bytes, tensor.data.begin() + (first + count) * row_bytes);
  part.strings.assign(tensor.strings.begin() + first * row_strings,
                      tensor.strings.begin() + (first + count) * row_strings);
  return part;
}

Tensor concatenate(std::span<const Tensor* const> parts) {
  const Tensor& first = *parts.front();
  Tensor whole{.name = first.name, .datatype = first.datatype, .shape = first.shape, .data = {}, .strings = {}};
  whole.shape[0] = 0;
  std::size_t size = 0;
  for (const Tensor* part : parts) {
    whole.shape[0] += part->shape[0];
    size += part->data.size();
  }
  whole.data.reserve(size);
  for (const Tensor* part : parts) {
    whole.data.insert(whole.data.end(), part->data.begin(), part->data.end());
    whole.strings.insert(whole.strings.end(), part->strings.begin(), part->strings.end());
  }
  return whole;
}

std::string shape_text(const TensorInfo& info) {
  std::vector<std::string> dims;
  for (std::size_t i = 0; i < info.shape.size(); ++i) {
    if (info.shape[i] >= 0) {
      dims.push_back(std::to_string(info.shape[i]));
    } else {
      dims.push_back(info.dim_names[i].empty() ? "?" : info.dim_names[i]);
    }
  }
  return fmt::format("[{}]", fmt::join(dims, ","));
}

}  // namespace modelops::runtime
