#include "formats/sniff.hpp"

#include <algorithm>
#include <boost/describe/enum_to_string.hpp>

#include "base/text.hpp"
#include "formats/pickle.hpp"

namespace modelops::formats {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::size_t offset;
  std::string_view bytes;
  FileFormat format;
};
constexpr Magic magics[] = {
    {0, "GGUF"sv, FileFormat::gguf},       {0, "PK\3\4"sv, FileFormat::zip},
    {0, "PK\5\6"sv, FileFormat::zip},      {0, "\x89HDF\r\n\x1a\n"sv, FileFormat::hdf5},
    {0, "\x93NUMPY"sv, FileFormat::numpy}, {4, "TFL3"sv, FileFormat::tflite},
};
// Only believed where the name says pickle or joblib: much else is compressed too.
constexpr std::string_view compressions[] = {"\x78\x01"sv,
                                             "\x78\x5e"sv,
                                             "\x78\x9c"sv,
                                             "\x78\xda"sv,
                                             "\x1f\x8b"sv,
                                             "BZh"sv,
                                             "\xfd"
                                             "7zXZ"sv,
                                             "\x5d\0\0"sv,
                                             "\x04\x22\x4d\x18"sv,
                                             "ZF"sv};

struct Extension {
  std::string_view ending;
  FileFormat format;
};
constexpr Extension extensions[] = {
    {".onnx", FileFormat::onnx},
    {".gguf", FileFormat::gguf},
    {".safetensors", FileFormat::safetensors},
    {".pkl", FileFormat::pickle},
    {".pickle", FileFormat::pickle},
    {".joblib", FileFormat::pickle},
    {".pt", FileFormat::pytorch_zip},
    {".pth", FileFormat::pytorch_zip},
    {".ckpt", FileFormat::pytorch_zip},
    {".keras", FileFormat::keras_zip},
    {".h5", FileFormat::hdf5},
    {".hdf5", FileFormat::hdf5},
    {".tflite", FileFormat::tflite},
    {".npy", FileFormat::numpy},
    {".npz", FileFormat::numpy_zip},
    {".ubj", FileFormat::xgboost_ubjson},
    {".json", FileFormat::json},
    {"saved_model.pb", FileFormat::saved_model},
};

bool is_ubjson_of_xgboost(std::string_view head) {
  return head.size() > 2 && head[0] == '{' && "iUIlL"sv.find(head[1]) != std::string_view::npos &&
         head.substr(0, 64).find("learner") != std::string_view::npos;
}

/// {"learner": ... or {"version": [1, 7, 0], "learner": ...
bool is_json_of_xgboost(std::string_view text) {
  const auto key = text.find_first_not_of(" \t\r\n", 1);
  if (key == std::string_view::npos) return false;
  const auto rest = text.substr(key, 256);
  return rest.starts_with("\"learner\"") ||
         (rest.starts_with("\"version\"") && rest.find("\"learner\"") != std::string_view::npos);
}

/// ONNX and SavedModel are bare protobuf and both begin with a version as field 1. SavedModel's is 1 and its next
/// field is always 2; ONNX writes 3 and more since 2017.
FileFormat sniff_protobuf(std::string_view head) {
  if (head.size() < 4 || head[0] != 0x08) return FileFormat::unknown;
  const auto version = static_cast<unsigned char>(head[1]);
  if (version == 1 && head[2] == 0x12) return FileFormat::saved_model;
  static constexpr std::string_view next_fields = "\x12\x1a\x22\x28\x32\x3a\x42\x72"sv;  // fields 2 to 8, and 14
  return version >= 3 && version < 64 && next_fields.find(head[2]) != std::string_view::npos ? FileFormat::onnx
                                                                                             : FileFormat::unknown;
}

}  // namespace

std::string_view format_name(FileFormat format) { return boost::describe::enum_to_string(format, "unknown"); }

FileFormat claimed_format(std::string_view path) {
  const std::string name = to_lower_ascii(path);
  for (const auto& extension : extensions)
    if (name.ends_with(extension.ending)) return extension.format;
  return FileFormat::unknown;
}

FileFormat sniff(const RandomAccess& source, std::string_view path) {
  std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(source.size(), 4096)), '\0');
  source.read_at(0, bytes);
  const std::string_view head = bytes;
  const FileFormat claimed = claimed_format(path);

  for (const auto& magic : magics)
    if (head.size() > magic.offset && head.substr(magic.offset).starts_with(magic.bytes)) return magic.format;
  // A header length below 2^40 and then '{': no text begins with such zeros.
  if (head.size() > 8 && head[8] == '{' && head.substr(5, 3) == "\0\0\0"sv) return FileFormat::safetensors;
  if (is_ubjson_of_xgboost(head)) return FileFormat::xgboost_ubjson;
  if (const FileFormat format = sniff_protobuf(head); format != FileFormat::unknown) return format;
  if (const auto start = head.find_first_not_of(" \t\r\n");
      start != std::string_view::npos && (head[start] == '{' || head[start] == '[')) {
    if (is_json_of_xgboost(head.substr(start))) return FileFormat::xgboost_json;
    if (claimed == FileFormat::json) return FileFormat::json;
  }
  if (claimed == FileFormat::pickle && std::any_of(std::begin(compressions), std::end(compressions),
                                                   [&](auto magic) { return head.starts_with(magic); }))
    return FileFormat::joblib;
  if (looks_like_pickle(source)) return FileFormat::pickle;
  return claimed;
}

}  // namespace modelops::formats
