#include "formats/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <set>
#include <unordered_set>

#include "base/text.hpp"
#include "formats/bounded_json.hpp"

namespace modelops::formats {
namespace {

constexpr std::uint64_t header_bytes_max = 25'000'000;
constexpr std::uint64_t index_bytes_max = 16 * 1024 * 1024;
constexpr std::size_t tensors_max = 1'000'000;
constexpr std::size_t dimensions_max = 16;
constexpr std::size_t name_bytes_max = 1024;

struct Dtype {
  std::string_view name;
  std::uint64_t bits;
};
constexpr Dtype dtypes[] = {{"BOOL", 8},    {"U8", 8},   {"I8", 8},      {"F8_E5M2", 8}, {"F8_E4M3", 8},
                            {"F8_E8M0", 8}, {"F4", 4},   {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"I16", 16},
                            {"U16", 16},    {"F16", 16}, {"BF16", 16},   {"I32", 32},    {"U32", 32},
                            {"F32", 32},    {"F64", 64}, {"I64", 64},    {"U64", 64},    {"C64", 64}};

/// Takes the header's JSON as events, so that 25 MB of header never become a document in memory and a key that is
/// given twice is seen. Expected: {"__metadata__": {text: text}, name: {"dtype", "shape", "data_offsets"}}.
struct Handler {
  static constexpr std::size_t max_array_size = dimensions_max;
  static constexpr std::size_t max_object_size = tensors_max;
  static constexpr std::size_t max_string_size = header_bytes_max;
  static constexpr std::size_t max_key_size = name_bytes_max;

  using Text = boost::json::string_view;
  using Code = boost::json::error_code;

  SafetensorsModel model;
  std::string problem;

  bool refuse(Code& code, std::string why) {
    problem = std::move(why);
    code = boost::json::error::syntax;
    return false;
  }

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }

  bool on_object_begin(Code& code) {
    ++depth_;
    if (depth_ == 1) return true;
    if (depth_ > 2 || in_array_) return refuse(code, "an object stands where a value is expected");
    in_metadata_ = key_ == "__metadata__";
    members_.clear();
    if (!in_metadata_) {
      model.tensors.push_back({});
      model.tensors.back().name = key_;
    }
    return true;
  }

  bool on_object_end(std::size_t, Code& code) {
    --depth_;
    if (depth_ == 1 && !in_metadata_ && members_.size() != 3)
      return refuse(code, fmt::format("the tensor '{}' lacks dtype, shape or data_offsets",
                                      display_text(model.tensors.back().name)));
    return true;
  }

  bool on_array_begin(Code& code) {
    if (depth_ != 2 || in_array_ || in_metadata_ || (key_ != "shape" && key_ != "data_offsets"))
      return refuse(code, "a list stands where none is expected");
    in_array_ = true;
    offsets_ = 0;
    return true;
  }
  bool on_array_end(std::size_t, Code& code) {
    in_array_ = false;
    if (key_ == "data_offsets" && offsets_ != 2) return refuse(code, "data_offsets does not have two numbers");
    return true;
  }

  bool on_key_part(Text part, std::size_t, Code&) {
    partial_.append(part.data(), part.size());
    return true;
  }
  bool on_key(Text part, std::size_t, Code& code) {
    partial_.append(part.data(), part.size());
    key_ = std::move(partial_);
    partial_.clear();
    if (!(depth_ == 1 ? names_ : members_).insert(key_).second)
      return refuse(code, fmt::format("the key '{}' appears twice", display_text(key_, 64)));
    if (depth_ == 2 && !in_metadata_ && key_ != "dtype" && key_ != "shape" && key_ != "data_offsets")
      return refuse(code, fmt::format("a tensor has the unknown member '{}'", display_text(key_, 64)));
    return true;
  }

  bool on_string_part(Text part, std::size_t total, Code&) {
    if (total <= 64) partial_.append(part.data(), part.size());  // longer ones are metadata that nobody asks for
    return true;
  }
  bool on_string(Text part, std::size_t total, Code& code) {
    std::string value;
    if (total <= 64) value = partial_ + std::string(part.data(), part.size());
    partial_.clear();
    if (depth_ == 2 && in_metadata_) {
      if (key_ == "format") model.framework = display_text(value);
      return true;
    }
    if (depth_ != 2 || in_array_ || key_ != "dtype") return refuse(code, "a text stands where none is expected");
    if (std::none_of(std::begin(dtypes), std::end(dtypes), [&](const auto& d) { return d.name == value; }))
      return refuse(code, fmt::format("'{}' is not a data type of safetensors", display_text(value)));
    model.tensors.back().dtype = value;
    return true;
  }

  bool on_number_part(Text, Code&) { return true; }
  bool on_uint64(std::uint64_t value, Text, Code& code) {
    if (!in_array_) return refuse(code, "a number stands where none is expected");
    auto& tensor = model.tensors.back();
    if (key_ == "shape") {
      tensor.shape.push_back(value);
    } else {
      (offsets_ == 0 ? tensor.begin : tensor.end) = value;
      ++offsets_;
    }
    return true;
  }
  bool on_int64(std::int64_t value, Text text, Code& code) {
    if (value < 0) return refuse(code, "a negative number");
    return on_uint64(static_cast<std::uint64_t>(value), text, code);
  }
  bool on_double(double, Text, Code& code) { return refuse(code, "a number that is not whole"); }
  bool on_bool(bool, Code& code) { return refuse(code, "true or false stands where none is expected"); }
  bool on_null(Code& code) { return refuse(code, "null stands where none is expected"); }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }

 private:
  int depth_ = 0;
  bool in_metadata_ = false;
  bool in_array_ = false;
  int offsets_ = 0;
  std::string key_;
  std::string partial_;
  std::unordered_set<std::string> names_;
  std::unordered_set<std::string> members_;
};

/// Data without holes or overlaps: each tensor starts where the one before ends, the last ends with the file.
void check_layout(const Cursor& in, SafetensorsModel& model) {
  const std::uint64_t data_bytes = in.size() - 8 - model.header_bytes;
  std::sort(model.tensors.begin(), model.tensors.end(),
            [](const auto& a, const auto& b) { return std::tie(a.begin, a.end) < std::tie(b.begin, b.end); });
  std::uint64_t expected = 0;
  for (const auto& tensor : model.tensors) {
    const auto refuse = [&](std::string_view why) {
      in.malformed_at(8 + model.header_bytes, fmt::format("the tensor '{}' {}", display_text(tensor.name), why));
    };
    if (tensor.end < tensor.begin) refuse("ends before it begins");
    if (tensor.begin < expected) refuse("overlaps the one before");
    if (tensor.begin > expected) refuse("leaves a hole before it");
    const auto* dtype =
        std::find_if(std::begin(dtypes), std::end(dtypes), [&](const auto& d) { return d.name == tensor.dtype; });
    std::uint64_t elements = 1;
    std::uint64_t bits = 0;
    bool fits = true;
    for (const auto dimension : tensor.shape) fits = fits && multiply(elements, dimension, elements);
    if (!fits || !multiply(elements, dtype->bits, bits) || !count_tensor(model.dtypes, tensor.dtype, elements))
      refuse("has a shape that overflows");
    if (bits % 8 != 0 || bits / 8 != tensor.end - tensor.begin)
      refuse(fmt::format("has {} bytes, its shape and dtype need {} bits", tensor.end - tensor.begin, bits));
    expected = tensor.end;
    if (expected > data_bytes)
      refuse(fmt::format("ends at byte {} of the data, the file has {}", expected, data_bytes));
  }
  if (expected != data_bytes)
    in.malformed_at(8 + model.header_bytes + expected,
                    fmt::format("{} bytes follow the last tensor", data_bytes - expected));
}

}  // namespace

SafetensorsModel read_safetensors(const RandomAccess& source, std::string_view file_name) {
  Cursor in(source, file_name);
  if (in.size() < 10) in.malformed("a safetensors file has at least 10 bytes");
  const std::uint64_t header_bytes = in.u64();
  if (header_bytes > header_bytes_max)
    in.malformed_at(0, fmt::format("a header of {} bytes, at most {} are allowed", header_bytes, header_bytes_max));
  if (header_bytes > in.remaining())
    in.malformed_at(
        0, fmt::format("a header of {} bytes, the file has {} after its length", header_bytes, in.remaining()));

  boost::json::parse_options options;
  options.max_depth = 3;
  boost::json::basic_parser<Handler> parser(options);
  boost::json::error_code error;
  std::uint64_t left = header_bytes;
  if (left == 0) in.malformed("the header is empty");
  bool first = true;
  while (left != 0) {
    const std::uint64_t at = in.position();
    const std::string chunk = in.bytes(std::min<std::uint64_t>(left, 64 * 1024), 64 * 1024);
    left -= chunk.size();
    if (first && chunk[0] != '{') in.malformed_at(at, "the header does not begin with '{'");
    first = false;
    std::size_t consumed = parser.write_some(left != 0, chunk.data(), chunk.size(), error);
    if (!error && consumed < chunk.size()) error = boost::json::error::extra_data;
    if (error) {
      const std::string& problem = parser.handler().problem;
      in.malformed_at(at + consumed,
                      problem.empty() ? "the header is not valid JSON (" + error.message() + ")" : problem);
    }
  }
  SafetensorsModel model = std::move(parser.handler().model);
  model.header_bytes = header_bytes;
  check_layout(in, model);
  return model;
}

SafetensorsIndex read_safetensors_index(const RandomAccess& source, std::string_view file_name) {
  const auto document = read_json(source, file_name, index_bytes_max);
  const auto* map = find_member(document, "weight_map");
  if (!map || !map->is_object()) fail_malformed(file_name, 0, "the index has no object 'weight_map'");
  SafetensorsIndex index;
  if (const auto* metadata = find_member(document, "metadata"))
    index.total_size_bytes = count_member(*metadata, "total_size");
  std::set<std::string> files;
  for (const auto& entry : map->get_object()) {
    const auto* file = entry.value().if_string();
    const std::string_view path = file ? std::string_view(file->data(), file->size()) : std::string_view{};
    if (!is_safe_relative_path(path))
      fail_malformed(file_name, 0, fmt::format("'{}' is not a file inside the model's folder", display_text(path)));
    files.emplace(path);
  }
  index.tensors = map->get_object().size();
  index.files.assign(files.begin(), files.end());
  return index;
}

}  // namespace modelops::formats
