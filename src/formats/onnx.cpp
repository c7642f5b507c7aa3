#include "formats/onnx.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_set>

#include "base/text.hpp"

namespace modelops::formats {
namespace {

constexpr int depth_max = 64;
constexpr std::uint64_t fields_max = 20'000'000;
constexpr std::uint64_t text_bytes_max = 64 * 1024;
constexpr std::size_t dimensions_max = 64;
constexpr std::size_t ports_max = 4096;
constexpr std::size_t metadata_max = 1024;
constexpr std::size_t external_max = 100'000;
constexpr std::size_t tensors_max = 100'000;
constexpr std::size_t domains_max = 100;

// TensorProto.DataType.
constexpr std::string_view type_names[] = {
    "undefined", "float32",    "uint8",      "int8",         "uint16",         "int16",      "int32",
    "int64",     "string",     "bool",       "float16",      "float64",        "uint32",     "uint64",
    "complex64", "complex128", "bfloat16",   "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz",
    "uint4",     "int4",       "float4e2m1", "float8e8m0",   "uint2",          "int2"};

std::string type_name(std::uint64_t type) {
  return type < std::size(type_names) ? std::string(type_names[type]) : fmt::format("type {}", type);
}

enum WireType : unsigned { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

/// One message: a range of the file, read field by field.
class Message {
 public:
  struct Field {
    std::uint64_t number = 0;
    unsigned type = 0;
    std::uint64_t value = 0;  ///< of a varint
    std::uint64_t at = 0;     ///< where the field's tag is
    std::uint64_t begin = 0;  ///< of its bytes
    std::uint64_t end = 0;
  };

  Message(Cursor& in, std::uint64_t& fields_left, std::uint64_t begin, std::uint64_t end)
      : in_(in), fields_left_(fields_left), next_(begin), end_(end) {}

  bool next(Field& field) {
    if (next_ == end_) return false;
    in_.seek(next_);
    field = {};
    field.at = next_;
    if (fields_left_-- == 0) in_.malformed_at(field.at, fmt::format("more than {} fields", fields_max));
    const std::uint64_t tag = read_varint();
    field.number = tag >> 3;
    field.type = static_cast<unsigned>(tag & 7);
    if (field.number == 0 || field.number >= (1u << 29)) in_.malformed_at(field.at, "a field has an impossible number");
    std::uint64_t length = 0;
    switch (field.type) {
      case varint: field.value = read_varint(); break;
      case fixed64: length = 8; break;
      case bytes: length = read_varint(); break;
      case fixed32: length = 4; break;
      default: in_.malformed_at(field.at, fmt::format("a field has the unsupported wire type {}", field.type));
    }
    field.begin = in_.position();
    if (field.begin > end_ || length > end_ - field.begin)
      in_.malformed_at(
          field.at,
          fmt::format("a field of {} bytes does not fit into what is left, the file is truncated or damaged", length));
    field.end = field.begin + length;
    next_ = field.end;
    return true;
  }

 private:
  std::uint64_t read_varint() {
    const std::uint64_t at = in_.position();
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (in_.position() >= end_) in_.malformed_at(at, "a number ends early, the file is truncated or damaged");
      const std::uint64_t byte = in_.u8();
      if (shift == 63 && byte > 1) break;
      value |= (byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    in_.malformed_at(at, "a number has more than 64 bits");
  }

  Cursor& in_;
  std::uint64_t& fields_left_;
  std::uint64_t next_;
  std::uint64_t end_;
};

class Reader {
 public:
  Reader(const RandomAccess& source, std::string_view file_name) : in_(source, file_name) {}

  OnnxModel read() {
    if (in_.size() == 0) in_.malformed("the file is empty");
    bool has_graph = false;
    each(0, in_.size(), 0, [&](const Field& field) {
      switch (field.number) {
        case 1: model_.ir_version = static_cast<std::int64_t>(number(field)); break;
        case 2: model_.producer = display_text(text(field)); break;
        case 7:
          if (has_graph) in_.malformed_at(field.at, "a second graph");
          has_graph = true;
          graph(field, 1);
          break;
        case 8: opset(field); break;
        case 14: metadata(field); break;
        case 20:
          sub(field, 1, [&](const Field& part) {
            if (part.number == 1 || part.number == 2) graph(part, 2);
          });
          break;
        case 25: function(field); break;
        default: break;
      }
    });
    if (!has_graph) in_.malformed_at(in_.size(), "there is no graph, so it is not an ONNX model");
    if (model_.ir_version <= 0 || model_.ir_version > 10'000)
      in_.malformed_at(0, "there is no sound ir_version, so it is not an ONNX model");
    finish();
    return std::move(model_);
  }

 private:
  using Field = Message::Field;

  template <class Visit>
  void each(std::uint64_t begin, std::uint64_t end, int depth, Visit visit) {
    if (depth > depth_max) in_.malformed_at(begin, fmt::format("messages are nested deeper than {}", depth_max));
    Message message(in_, fields_left_, begin, end);
    for (Field field; message.next(field);) visit(field);
  }
  template <class Visit>
  void sub(const Field& field, int depth, Visit visit) {
    expect(field, bytes);
    each(field.begin, field.end, depth, visit);
  }

  void expect(const Field& field, WireType type) {
    if (field.type != type)
      in_.malformed_at(field.at, fmt::format("field {} has wire type {}, {} is expected", field.number, field.type,
                                             static_cast<unsigned>(type)));
  }
  std::uint64_t number(const Field& field) {
    expect(field, varint);
    return field.value;
  }
  std::string text(const Field& field) {
    expect(field, bytes);
    in_.seek(field.begin);
    return in_.bytes(field.end - field.begin, text_bytes_max);
  }

  void opset(const Field& field) {
    std::string domain;
    std::uint64_t version = 0;
    sub(field, 1, [&](const Field& part) {
      if (part.number == 1) domain = display_text(text(part));
      if (part.number == 2) version = number(part);
    });
    if (model_.opsets.size() < domains_max) model_.opsets.emplace_back(domain, static_cast<std::int64_t>(version));
  }

  void metadata(const Field& field) {
    const auto [key, value] = pair(field, 1);
    if (model_.metadata.size() < metadata_max)
      model_.metadata.emplace_back(display_text(key), display_text(value, 4096));
  }

  std::pair<std::string, std::string> pair(const Field& field, int depth) {
    std::pair<std::string, std::string> entry;
    sub(field, depth, [&](const Field& part) {
      if (part.number == 1) entry.first = text(part);
      if (part.number == 2 && part.end - part.begin <= text_bytes_max) entry.second = text(part);
    });
    return entry;
  }

  void graph(const Field& field, int depth) {
    const bool is_main = depth == 1;
    sub(field, depth, [&](const Field& part) {
      switch (part.number) {
        case 1: node(part, depth + 1); break;
        case 2:
          if (is_main) model_.graph_name = display_text(text(part));
          break;
        case 5: tensor(part, depth + 1, true); break;
        case 11:
          if (is_main) port(part, model_.inputs);
          break;
        case 12:
          if (is_main) port(part, model_.outputs);
          break;
        case 15: sparse_tensor(part, depth + 1, true); break;
        default: break;
      }
    });
  }

  void function(const Field& field) {
    std::string domain;
    sub(field, 1, [&](const Field& part) {
      if (part.number == 7) node(part, 2);
      if (part.number == 10) domain = text(part);
    });
    if (function_domains_.size() < domains_max) function_domains_.insert(display_text(domain));
  }

  void node(const Field& field, int depth) {
    ++model_.node_count;
    std::string type;
    std::string domain;
    sub(field, depth, [&](const Field& part) {
      if (part.number == 4) type = text(part);
      if (part.number == 5) attribute(part, depth + 1);
      if (part.number == 7) domain = text(part);
    });
    if (domain.empty() || domain == "ai.onnx" || operators_.size() >= 10'000) return;
    operators_.insert({display_text(domain), display_text(type)});
  }

  void attribute(const Field& field, int depth) {
    sub(field, depth, [&](const Field& part) {
      switch (part.number) {
        case 5:
        case 10: tensor(part, depth + 1, false); break;
        case 6:
        case 11: graph(part, depth + 1); break;
        case 22:
        case 23: sparse_tensor(part, depth + 1, false); break;
        default: break;
      }
    });
  }

  void sparse_tensor(const Field& field, int depth, bool is_initializer) {
    sub(field, depth, [&](const Field& part) {
      if (part.number == 1) tensor(part, depth + 1, is_initializer);
      if (part.number == 2) tensor(part, depth + 1, false);
    });
  }

  void dimension(const Field& field, std::uint64_t value, std::uint64_t& elements, std::vector<std::uint64_t>& shape) {
    if (static_cast<std::int64_t>(value) < 0 || !multiply(elements, value, elements))
      in_.malformed_at(field.at, "the dimensions of a tensor are negative or overflow");
    if (shape.size() >= dimensions_max)
      in_.malformed_at(field.at, fmt::format("more than {} dimensions", dimensions_max));
    shape.push_back(value);
  }

  void tensor(const Field& field, int depth, bool is_initializer) {
    std::uint64_t elements = 1;
    std::uint64_t type = 0;
    std::string name;
    std::vector<std::uint64_t> shape;
    std::optional<std::uint64_t> raw_bytes;
    bool is_external = false;
    OnnxExternalData external;
    bool has_location = false;
    sub(field, depth, [&](const Field& part) {
      switch (part.number) {
        case 1:
          if (part.type == bytes)  // packed
            packed_dimensions(part, elements, shape);
          else
            dimension(part, number(part), elements, shape);
          break;
        case 2: type = number(part); break;
        case 8: name = text(part); break;
        case 9: raw_bytes = part.end - part.begin; break;
        case 13: {
          const auto [key, value] = pair(part, depth + 1);
          if (key == "location") {
            if (!is_safe_relative_path(value))
              in_.malformed_at(
                  part.at, fmt::format("external data at '{}' is not inside the model's folder", display_text(value)));
            external.location = value;
            has_location = true;
          } else if (key == "offset" || key == "length") {
            const auto parsed = parse_count(value);
            if (!parsed)
              in_.malformed_at(part.at,
                               fmt::format("the {} '{}' of external data is not a number", key, display_text(value)));
            if (key == "offset") external.offset = static_cast<std::uint64_t>(*parsed);
            if (key == "length") external.length = static_cast<std::uint64_t>(*parsed);
          }
          break;
        }
        case 14: is_external = number(part) == 1; break;
        default: break;
      }
    });
    if (is_external != has_location)
      in_.malformed_at(field.at, "a tensor has external data without a location, or a location without external data");
    if (is_external) {
      if (model_.external_data.size() >= external_max)
        in_.malformed_at(field.at, "too many tensors have external data");
      external.tensor = display_text(name);
      raw_bytes = external.length;
      model_.external_data.push_back(std::move(external));
    }
    if (!is_initializer) return;
    ++model_.tensor_count;
    std::string dtype = type_name(std::min<std::uint64_t>(type, std::size(type_names)));
    if (!count_tensor(model_.dtypes, dtype, elements)) in_.malformed_at(field.at, "the number of parameters overflows");
    if (model_.tensors.size() < tensors_max)
      model_.tensors.push_back({display_text(name), std::move(dtype), std::move(shape), raw_bytes});
    if (model_.ir_version < 4 && name.size() <= 256 && initializers_.size() < 100'000)
      initializers_.insert(std::move(name));
  }

  void packed_dimensions(const Field& field, std::uint64_t& elements, std::vector<std::uint64_t>& shape) {
    in_.seek(field.begin);
    while (in_.position() < field.end) {
      std::uint64_t value = 0;
      for (unsigned shift = 0;; shift += 7) {
        if (shift > 63 || in_.position() >= field.end) in_.malformed_at(field.at, "a dimension is not a number");
        const std::uint64_t byte = in_.u8();
        value |= (byte & 0x7F) << shift;
        if (byte < 0x80) break;
      }
      dimension(field, value, elements, shape);
    }
  }

  void port(const Field& field, std::vector<OnnxPort>& ports) {
    if (ports.size() >= ports_max) in_.malformed_at(field.at, fmt::format("more than {} inputs or outputs", ports_max));
    OnnxPort port;
    sub(field, 2, [&](const Field& part) {
      if (part.number == 1) port.name = display_text(text(part));
      if (part.number == 2) value_type(part, port);
    });
    ports.push_back(std::move(port));
  }

  void value_type(const Field& field, OnnxPort& port) {
    sub(field, 3, [&](const Field& part) {
      switch (part.number) {
        case 1: tensor_type(part, port); break;
        case 4: port.dtype = "sequence"; break;
        case 5: port.dtype = "map"; break;
        case 7: port.dtype = "opaque"; break;
        case 8:
          tensor_type(part, port);
          port.dtype = "sparse " + port.dtype;
          break;
        case 9: port.dtype = "optional"; break;
        default: break;
      }
    });
  }

  void tensor_type(const Field& field, OnnxPort& port) {
    sub(field, 4, [&](const Field& part) {
      if (part.number == 1) port.dtype = type_name(number(part));
      if (part.number != 2) return;
      port.has_shape = true;
      sub(part, 5, [&](const Field& dim) {
        if (dim.number != 1) return;
        if (port.shape.size() >= dimensions_max)
          in_.malformed_at(dim.at, fmt::format("more than {} dimensions", dimensions_max));
        std::int64_t size = -1;
        std::string name;
        sub(dim, 6, [&](const Field& what) {
          if (what.number == 1) size = std::max<std::int64_t>(-1, static_cast<std::int64_t>(number(what)));
          if (what.number == 2) name = display_text(text(what), 64);
        });
        port.shape.push_back(size);
        port.dim_names.push_back(std::move(name));
      });
    });
  }

  void finish() {
    // Before IR version 4 every initializer had to be listed as an input too.
    std::erase_if(model_.inputs, [&](const auto& input) { return initializers_.contains(input.name); });
    std::set<std::string> domains;
    for (const auto& [domain, type] : operators_) {
      domains.insert(domain);
      const bool known =
          domain.starts_with("ai.onnx.") || domain.starts_with("com.microsoft") || function_domains_.contains(domain);
      if (!known && model_.custom_operators.size() < 100) model_.custom_operators.push_back(domain + "::" + type);
    }
    model_.operator_domains.assign(domains.begin(), domains.end());
  }

  Cursor in_;
  std::uint64_t fields_left_ = fields_max;
  OnnxModel model_;
  std::set<std::pair<std::string, std::string>> operators_;
  std::set<std::string> function_domains_;
  std::unordered_set<std::string> initializers_;
};

}  // namespace

OnnxModel read_onnx(const RandomAccess& source, std::string_view file_name) { return Reader(source, file_name).read(); }

}  // namespace modelops::formats
