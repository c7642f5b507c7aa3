#include "formats/gguf.hpp"

#include <fmt/format.h>

#include <bit>
#include <unordered_set>

#include "base/text.hpp"

namespace modelops::formats {
namespace {

constexpr std::uint64_t metadata_max = 65'536;
constexpr std::uint64_t tensors_max = 131'072;
constexpr std::uint64_t key_bytes_max = 65'535;
constexpr std::uint64_t string_bytes_max = 16 * 1024 * 1024;
constexpr std::uint64_t array_strings_max = 16'777'216;  // over the whole file; the largest vocabularies have 300,000
constexpr int array_depth_max = 2;
constexpr std::uint64_t alignment_max = 65'536;
constexpr std::uint64_t tensor_name_bytes_max = 63;
constexpr unsigned dimensions_max = 4;

enum ValueType : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64, value_types };
constexpr std::uint64_t value_bytes[value_types] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

struct TensorType {
  std::uint32_t id;
  std::string_view name;
  std::uint64_t block_elements;
  std::uint64_t block_bytes;
};
// ggml.h and gguf-py/gguf/constants.py. Missing numbers were removed from the format.
constexpr TensorType tensor_types[] = {
    {0, "F32", 1, 4},         {1, "F16", 1, 2},         {2, "Q4_0", 32, 18},      {3, "Q4_1", 32, 20},
    {6, "Q5_0", 32, 22},      {7, "Q5_1", 32, 24},      {8, "Q8_0", 32, 34},      {9, "Q8_1", 32, 40},
    {10, "Q2_K", 256, 84},    {11, "Q3_K", 256, 110},   {12, "Q4_K", 256, 144},   {13, "Q5_K", 256, 176},
    {14, "Q6_K", 256, 210},   {15, "Q8_K", 256, 292},   {16, "IQ2_XXS", 256, 66}, {17, "IQ2_XS", 256, 74},
    {18, "IQ3_XXS", 256, 98}, {19, "IQ1_S", 256, 50},   {20, "IQ4_NL", 32, 18},   {21, "IQ3_S", 256, 110},
    {22, "IQ2_S", 256, 82},   {23, "IQ4_XS", 256, 136}, {24, "I8", 1, 1},         {25, "I16", 1, 2},
    {26, "I32", 1, 4},        {27, "I64", 1, 8},        {28, "F64", 1, 8},        {29, "IQ1_M", 256, 56},
    {30, "BF16", 1, 2},       {34, "TQ1_0", 256, 54},   {35, "TQ2_0", 256, 66},   {39, "MXFP4", 32, 17},
    {40, "NVFP4", 64, 36},    {41, "Q1_0", 128, 18},
};

struct FileType {
  std::uint64_t id;
  std::string_view name;
};
constexpr FileType file_types[] = {
    {0, "F32"},     {1, "F16"},     {2, "Q4_0"},     {3, "Q4_1"},    {7, "Q8_0"},    {8, "Q5_0"},    {9, "Q5_1"},
    {10, "Q2_K"},   {11, "Q3_K_S"}, {12, "Q3_K_M"},  {13, "Q3_K_L"}, {14, "Q4_K_S"}, {15, "Q4_K_M"}, {16, "Q5_K_S"},
    {17, "Q5_K_M"}, {18, "Q6_K"},   {19, "IQ2_XXS"}, {20, "IQ2_XS"}, {21, "Q2_K_S"}, {22, "IQ3_XS"}, {23, "IQ3_XXS"},
    {24, "IQ1_S"},  {25, "IQ4_NL"}, {26, "IQ3_S"},   {27, "IQ3_M"},  {28, "IQ2_S"},  {29, "IQ2_M"},  {30, "IQ4_XS"},
    {31, "IQ1_M"},  {32, "BF16"},   {36, "TQ1_0"},   {37, "TQ2_0"},  {38, "MXFP4"},  {39, "NVFP4"},  {40, "Q1_0"},
};

class Reader {
 public:
  Reader(const RandomAccess& source, std::string_view file_name) : in_(source, file_name) {}

  GgufModel read() {
    if (in_.size() < 24) in_.malformed("a GGUF file has at least 24 bytes");
    if (in_.bytes(4, 4) != "GGUF") in_.malformed_at(0, "it does not begin with 'GGUF'");
    model_.version = in_.u32();
    if (model_.version == 0x0200'0000 || model_.version == 0x0300'0000)
      in_.malformed_at(4, "a big-endian GGUF file is not supported, convert it to little-endian");
    if (model_.version != 2 && model_.version != 3)
      in_.malformed_at(4, fmt::format("GGUF version {} is not supported, only 2 and 3 are", model_.version));
    const std::uint64_t tensors = counted(tensors_max, 24, "tensors");
    model_.metadata_count = counted(metadata_max, 13, "metadata entries");
    for (std::uint64_t i = 0; i < model_.metadata_count; ++i) metadata();
    architecture_keys();
    for (std::uint64_t i = 0; i < tensors; ++i) tensor();
    check_data();
    return std::move(model_);
  }

 private:
  /// A count whose elements take at least `bytes_each`: a count that cannot fit into the file is refused here.
  std::uint64_t counted(std::uint64_t count_max, std::uint64_t bytes_each, std::string_view what) {
    const std::uint64_t at = in_.position();
    const std::uint64_t count = in_.u64();
    if (count > count_max || count > in_.remaining() / bytes_each)
      in_.malformed_at(
          at, fmt::format("{} {} are announced, more than the file can hold or than {}", count, what, count_max));
    return count;
  }

  std::string key() {
    const std::uint64_t at = in_.position();
    std::string name = in_.bytes(in_.u64(), key_bytes_max);
    if (name.empty() || !is_utf8(name)) in_.malformed_at(at, "a metadata key is empty or not UTF-8");
    if (!keys_.insert(name).second)
      in_.malformed_at(at, fmt::format("the key '{}' appears twice", display_text(name, 64)));
    return name;
  }

  ValueType value_type() {
    const std::uint64_t at = in_.position();
    const std::uint32_t type = in_.u32();
    if (type >= value_types) in_.malformed_at(at, fmt::format("{} is not a metadata type", type));
    return static_cast<ValueType>(type);
  }

  void metadata() {
    const std::string name = key();
    const std::uint64_t at = in_.position();
    const ValueType type = value_type();
    if (type == string) {
      string_value(name);
    } else if (type == array) {
      const std::uint64_t count = skip_array(1);
      if (name == "tokenizer.ggml.tokens") model_.vocabulary_size = count;
    } else if (type == f32 || type == f64) {
      in_.skip(value_bytes[type]);
    } else {
      const bool is_signed = type == i8 || type == i16 || type == i32 || type == i64;
      const unsigned bits = static_cast<unsigned>(value_bytes[type] * 8);
      std::uint64_t value = type == u8 || type == i8 || type == boolean ? in_.u8()
                            : bits == 16                                ? in_.u16()
                            : bits == 32                                ? in_.u32()
                                                                        : in_.u64();
      if (type == boolean && value > 1) in_.malformed_at(at, "a boolean is neither 0 nor 1");
      if (is_signed && (value >> (bits - 1)) != 0) return;  // negative: of no use for anything read here
      if (name == "general.alignment" && type != u32) in_.malformed_at(at, "general.alignment is not an u32");
      if (name == "general.alignment") {
        if (value < 8 || value > alignment_max || !std::has_single_bit(value))
          in_.malformed_at(at,
                           fmt::format("an alignment of {} is not a power of two from 8 to {}", value, alignment_max));
        model_.alignment = value;
      }
      numbers_.emplace_back(name, value);
    }
  }

  void string_value(const std::string& name) {
    const std::uint64_t length = in_.u64();
    if (length > string_bytes_max)
      in_.malformed(fmt::format("a text of {} bytes, at most {} are allowed", length, string_bytes_max));
    if (name == "tokenizer.chat_template") model_.has_chat_template = length > 0;
    std::optional<std::string>* wanted = name == "general.architecture"   ? &model_.architecture
                                         : name == "general.type"         ? &model_.type
                                         : name == "general.name"         ? &model_.name
                                         : name == "general.license"      ? &model_.license
                                         : name == "tokenizer.ggml.model" ? &model_.tokenizer_model
                                                                          : nullptr;
    if (wanted)
      *wanted = display_text(in_.bytes(length, string_bytes_max));
    else
      in_.skip(length);
  }

  std::uint64_t skip_array(int depth) {
    const std::uint64_t at = in_.position();
    if (depth > array_depth_max) in_.malformed_at(at, fmt::format("arrays are nested deeper than {}", array_depth_max));
    const ValueType type = value_type();
    const std::uint64_t element_bytes = type == string ? 8 : type == array ? 12 : value_bytes[type];
    const std::uint64_t count = counted(in_.size(), element_bytes, "array elements");
    if (type != string && type != array) {
      in_.skip(count * element_bytes);  // cannot overflow: count fits into what remains
      return count;
    }
    elements_ += count;
    if (elements_ > array_strings_max)
      in_.malformed_at(at, fmt::format("more than {} texts in arrays", array_strings_max));
    for (std::uint64_t i = 0; i < count; ++i)
      if (type == string)
        in_.skip(in_.u64());
      else
        skip_array(depth + 1);
    return count;
  }

  std::optional<std::uint64_t> number(std::string_view name) const {
    for (const auto& [key, value] : numbers_)
      if (key == name) return value;
    return std::nullopt;
  }

  void architecture_keys() {
    if (const auto id = number("general.file_type")) {
      model_.quantization = fmt::format("unknown ({})", *id);
      for (const auto& type : file_types)
        if (type.id == *id) model_.quantization = type.name;
    }
    model_.split_count = number("split.count");
    if (!model_.architecture) return;
    const std::string prefix = *model_.architecture + ".";
    model_.context_length = number(prefix + "context_length");
    model_.block_count = number(prefix + "block_count");
    model_.embedding_length = number(prefix + "embedding_length");
    model_.pooling_type = number(prefix + "pooling_type");
  }

  void tensor() {
    const std::uint64_t at = in_.position();
    GgufTensor tensor;
    tensor.name = in_.bytes(in_.u64(), tensor_name_bytes_max);
    if (!tensor_names_.insert(tensor.name).second)
      in_.malformed_at(at, fmt::format("the tensor '{}' appears twice", display_text(tensor.name)));
    const auto name = display_text(tensor.name);
    const std::uint32_t dimensions = in_.u32();
    if (dimensions > dimensions_max)
      in_.malformed_at(at, fmt::format("the tensor '{}' has {} dimensions, at most {} are allowed", name, dimensions,
                                       dimensions_max));
    std::uint64_t elements = 1;
    for (std::uint32_t i = 0; i < dimensions; ++i) {
      const std::uint64_t dimension = in_.u64();
      tensor.shape.push_back(dimension);
      if (!multiply(elements, dimension, elements) || dimension >> 62 != 0)
        in_.malformed_at(at, fmt::format("the shape of the tensor '{}' overflows", name));
    }
    const std::uint32_t type_id = in_.u32();
    const auto* type =
        std::find_if(std::begin(tensor_types), std::end(tensor_types), [&](const auto& t) { return t.id == type_id; });
    if (type == std::end(tensor_types))
      in_.malformed_at(at, fmt::format("the tensor '{}' has the unknown type {}", name, type_id));
    const std::uint64_t row = tensor.shape.empty() ? 1 : tensor.shape[0];
    if (row % type->block_elements != 0)
      in_.malformed_at(
          at, fmt::format("rows of {} elements of the tensor '{}' are not whole blocks of {}", row, name, type->name));
    tensor.type = type->name;
    tensor.offset = in_.u64();
    if (!multiply(elements / type->block_elements, type->block_bytes, tensor.size_bytes) ||
        !count_tensor(model_.dtypes, tensor.type, elements))
      in_.malformed_at(at, fmt::format("the size of the tensor '{}' overflows", name));
    positions_.push_back(at);
    model_.tensors.push_back(std::move(tensor));
  }

  /// llama.cpp loads only tensors that follow one another in file order, each padded to the alignment.
  void check_data() {
    const std::uint64_t alignment = model_.alignment;
    const auto padded = [&](std::uint64_t bytes) { return bytes + (alignment - bytes % alignment) % alignment; };
    model_.data_start = padded(in_.position());
    if (model_.tensors.empty()) return;
    if (model_.data_start > in_.size()) in_.malformed("the file ends before its tensor data");
    const std::uint64_t available = in_.size() - model_.data_start;
    std::uint64_t expected = 0;
    for (std::size_t i = 0; i < model_.tensors.size(); ++i) {
      const auto& tensor = model_.tensors[i];
      if (tensor.offset != expected)
        in_.malformed_at(positions_[i], fmt::format("the tensor '{}' lies at offset {} of the data, {} is expected",
                                                    display_text(tensor.name), tensor.offset, expected));
      if (tensor.offset > available || tensor.size_bytes > available - tensor.offset)
        in_.malformed_at(positions_[i],
                         fmt::format("the tensor '{}' needs {} bytes at offset {} of the data, the file has {}",
                                     display_text(tensor.name), tensor.size_bytes, tensor.offset, available));
      expected = padded(tensor.offset + tensor.size_bytes);
    }
  }

  Cursor in_;
  GgufModel model_;
  std::unordered_set<std::string> keys_;
  std::unordered_set<std::string> tensor_names_;
  std::vector<std::pair<std::string, std::uint64_t>> numbers_;
  std::vector<std::uint64_t> positions_;
  std::uint64_t elements_ = 0;
};

}  // namespace

GgufModel read_gguf(const RandomAccess& source, std::string_view file_name) { return Reader(source, file_name).read(); }

}  // namespace modelops::formats
