#include "dataplane/runtime/protocol.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>

#include <charconv>
#include <cmath>

#include "base/error.hpp"
#include "base/text.hpp"

namespace modelops::runtime {
namespace {

using boost::json::error_code;
using Piece = boost::json::string_view;

constexpr std::size_t tensors_max = 1024;
constexpr std::size_t name_length_max = 1024;
constexpr std::size_t rank_max = 16;

template <class T>
constexpr bool is_float = std::is_floating_point_v<T> || std::is_same_v<T, _Float16>;

/// `value` as a T, if a T can hold it: whole numbers exactly, others rounded but not to infinity.
template <class T, class V>
bool convert(V value, T& result) {
  if constexpr (is_float<T>) {
    result = static_cast<T>(value);
    return std::isfinite(static_cast<double>(result));
  } else if constexpr (std::is_same_v<T, bool>) {
    result = value == V{1};
    return value == V{0} || value == V{1};
  } else if constexpr (std::is_floating_point_v<V>) {
    const V limit = std::ldexp(V{1}, std::numeric_limits<T>::digits);
    if (!(value < limit) || value < (std::is_signed_v<T> ? -limit : V{0}) || value != std::trunc(value)) return false;
    result = static_cast<T>(value);
    return true;
  } else {
    result = static_cast<T>(value);
    return std::in_range<T>(value);
  }
}

struct Input {
  Tensor tensor;
  std::optional<Datatype> datatype;
  bool has_shape = false;
  std::size_t elements = 0;
  bool has_data = false;    ///< taken
  bool has_unread = false;  ///< came before datatype and shape: taken by a second pass
  std::optional<std::size_t> binary_size_bytes;
};

/// Where the parser is. `ignored` stands for a value of no interest and all below it.
enum class At {
  document,
  request,
  parameters,
  inputs,
  input,
  shape,
  data,
  input_parameters,
  outputs,
  output,
  output_parameters,
  ignored
};

/// The events of the parser, turned into a request.
class Reader {
 public:
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = name_length_max;
  static constexpr std::size_t max_string_size = std::size_t(-1);

  explicit Reader(std::size_t body_bytes) : body_bytes_(body_bytes) {}

  std::vector<Input> inputs;
  std::vector<RequestedOutput> outputs;
  std::optional<std::string> id;
  bool binary_outputs = false;
  bool has_inputs = false;

  /// Before the second pass over the same text.
  void rewind() {
    second_ = true;
    count_ = 0;
    outputs.clear();
  }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }

  bool on_object_begin(error_code&) {
    switch (at()) {
      case At::document: enter(At::request); break;
      case At::request:
        enter(key_ == "parameters" ? At::parameters : other("an object", {"id", "inputs", "outputs"}));
        break;
      case At::inputs:
        if (!second_) {
          if (inputs.size() == tensors_max)
            fail(ErrorCode::invalid, fmt::format("\"inputs\" has more than {} tensors.", tensors_max));
          inputs.emplace_back();
        }
        ++count_;
        enter(At::input);
        break;
      case At::outputs:
        if (outputs.size() == tensors_max)
          fail(ErrorCode::invalid, fmt::format("\"outputs\" has more than {} tensors.", tensors_max));
        outputs.emplace_back();
        enter(At::output);
        break;
      case At::input:
        enter(key_ == "parameters" ? At::input_parameters : other("an object", {"name", "shape", "datatype", "data"}));
        break;
      case At::output: enter(key_ == "parameters" ? At::output_parameters : other("an object", {"name"})); break;
      case At::parameters: enter(other("an object", {"binary_data_output"})); break;
      case At::input_parameters: enter(other("an object", {"binary_data_size"})); break;
      case At::output_parameters: enter(other("an object", {"binary_data"})); break;
      case At::shape:
      case At::data: wrong("an object");
      case At::ignored: enter(At::ignored); break;
    }
    return true;
  }
  bool on_object_end(std::size_t, error_code&) {
    path_.pop_back();
    return true;
  }

  bool on_array_begin(error_code&) {
    switch (at()) {
      case At::document: fail(ErrorCode::invalid, "The request must be a JSON object with \"inputs\".");
      case At::request:
        if (key_ == "inputs") {
          has_inputs = true;
          enter(At::inputs);
        } else {
          enter(key_ == "outputs" ? At::outputs : other("an array", {"id", "parameters"}));
        }
        break;
      case At::input:
        if (key_ == "shape") {
          // A second shape or datatype would make what was read before it wrong.
          if (!second_ && std::exchange(input().has_shape, true))
            fail(ErrorCode::invalid, where() + " is given twice.");
          enter(second_ ? At::ignored : At::shape);
        } else if (key_ == "data") {
          begin_data();
        } else {
          enter(other("an array", {"name", "datatype", "parameters"}));
        }
        break;
      case At::data:
        ++children_[depth_ - 1];
        if (depth_ >= input().tensor.shape.size()) wrong("an array nested deeper than its shape");
        children_[depth_++] = 0;
        enter(At::data);
        break;
      case At::shape:
      case At::inputs:
      case At::outputs: wrong("an array");
      default: enter(At::ignored);
    }
    return true;
  }
  bool on_array_end(std::size_t, error_code&) {
    const At was = at();
    path_.pop_back();
    if (was == At::data) end_data_level();
    if (was == At::shape) end_shape();
    return true;
  }

  bool on_key_part(Piece part, std::size_t, error_code&) {
    partial_key_.append(part.data(), part.size());
    return true;
  }
  bool on_key(Piece part, std::size_t, error_code&) {
    partial_key_.append(part.data(), part.size());
    key_.swap(partial_key_);
    partial_key_.clear();
    return true;
  }

  bool on_string_part(Piece part, std::size_t, error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_string(Piece part, std::size_t, error_code&) {
    text_.append(part.data(), part.size());
    take_string();
    text_.clear();
    return true;
  }

  bool on_number_part(Piece, error_code&) { return true; }
  bool on_int64(std::int64_t value, Piece, error_code&) { return take_number(value); }
  bool on_uint64(std::uint64_t value, Piece, error_code&) { return take_number(value); }
  bool on_double(double value, Piece text, error_code&) {
    // The parser's own value may be off in its last bit, which only FP64 can show.
    if (at() == At::data && input().tensor.datatype == Datatype::fp64) {
      std::from_chars(text.data(), text.data() + text.size(), value);
    }
    return take_number(value);
  }
  bool on_bool(bool value, error_code&) {
    if (at() == At::data) {
      if (input().tensor.datatype != Datatype::bool_) wrong(value ? "true" : "false");
      store(value);
    } else if (at() == At::parameters && key_ == "binary_data_output") {
      binary_outputs = value;
    } else if (at() == At::output_parameters && key_ == "binary_data") {
      outputs.back().binary = value;
    } else {
      scalar("a boolean", {"id", "name", "shape", "datatype", "data", "binary_data_size", "inputs", "outputs"});
    }
    return true;
  }
  bool on_null(error_code&) {
    scalar("null", {"inputs", "name", "shape", "datatype", "data"});
    return true;
  }
  bool on_comment_part(Piece, error_code&) { return true; }
  bool on_comment(Piece, error_code&) { return true; }

 private:
  At at() const { return path_.empty() ? At::document : path_.back(); }
  void enter(At where) { path_.push_back(where); }
  Input& input() { return inputs[count_ - 1]; }

  /// "inputs[0] \"pixels\"".
  std::string where() {
    switch (at()) {
      case At::inputs: return fmt::format("inputs[{}]", count_);
      case At::outputs: return fmt::format("outputs[{}]", outputs.size());
      case At::input:
      case At::shape:
      case At::data:
      case At::input_parameters: {
        const std::string& name = input().tensor.name;
        const std::string field = at() == At::data ? "data" : at() == At::shape ? "shape" : key_;
        return fmt::format("inputs[{}]{}: {}", count_ - 1, name.empty() ? "" : " \"" + name + "\"", field);
      }
      case At::output:
      case At::output_parameters: return fmt::format("outputs[{}]: {}", outputs.size() - 1, key_);
      default: return "\"" + key_ + "\"";
    }
  }
  [[noreturn]] void wrong(std::string_view what) {
    const std::string datatype =
        at() == At::data ? fmt::format(" of datatype {}", datatype_name(input().tensor.datatype)) : "";
    fail(ErrorCode::invalid, fmt::format("{}{} cannot be or hold {}.", where(), datatype, what));
  }
  /// A value of a field that is not ours, which may be anything, unless it is one of `ours`.
  At other(std::string_view what, std::initializer_list<std::string_view> ours) {
    if (std::find(ours.begin(), ours.end(), key_) != ours.end()) wrong(what);
    return At::ignored;
  }
  void scalar(std::string_view what, std::initializer_list<std::string_view> ours) {
    switch (at()) {
      case At::document: fail(ErrorCode::invalid, "The request must be a JSON object with \"inputs\".");
      case At::inputs:
      case At::outputs:
      case At::shape:
      case At::data: wrong(what);
      case At::ignored: return;
      default: other(what, ours);
    }
  }

  void take_string() {
    if (at() == At::data) {
      if (input().tensor.datatype != Datatype::bytes) wrong("a string");
      // The engine takes strings that end at their first zero.
      if (text_.find('\0') != std::string::npos) wrong("a string with a NUL character");
      count_element();
      input().tensor.strings.push_back(text_);
      return;
    }
    if (at() == At::ignored) return;
    if (text_.size() > name_length_max)
      fail(ErrorCode::invalid, where() + " is longer than " + std::to_string(name_length_max) + " bytes.");
    if (at() == At::request && key_ == "id") {
      id = text_;
    } else if (at() == At::input && key_ == "name") {
      input().tensor.name = text_;
    } else if (at() == At::input && key_ == "datatype") {
      if (second_) return;
      if (input().datatype) fail(ErrorCode::invalid, where() + " is given twice.");
      input().datatype = parse_datatype(text_);
      if (!input().datatype) {
        fail(ErrorCode::invalid, fmt::format("{} \"{}\" is not known: use BOOL, UINT8 to UINT64, INT8 to INT64, FP16, "
                                             "FP32, FP64 or BYTES.",
                                             where(), text_));
      }
      input().tensor.datatype = *input().datatype;
    } else if (at() == At::output && key_ == "name") {
      outputs.back().name = text_;
    } else {
      scalar("a string", {"inputs", "outputs", "shape", "data", "parameters", "binary_data", "binary_data_output",
                          "binary_data_size"});
    }
  }

  template <class V>
  bool take_number(V value) {
    if (at() == At::data) [[likely]] {
      const Datatype datatype = input().tensor.datatype;
      if (datatype == Datatype::bytes) wrong("a number");
      with_element_type(datatype, [&]<class T>(T element) {
        if (!convert(value, element)) wrong(fmt::format("{}", value));
        store(element);
      });
      return true;
    }
    std::int64_t whole = 0;
    const bool is_size = convert(value, whole) && whole >= 0;
    if (at() == At::shape) {
      if (!is_size) wrong(fmt::format("{}", value));
      if (input().tensor.shape.size() == rank_max) wrong(fmt::format("more than {} dimensions", rank_max));
      input().tensor.shape.push_back(whole);
    } else if (at() == At::input_parameters && key_ == "binary_data_size") {
      if (!is_size) wrong(fmt::format("{}", value));
      input().binary_size_bytes = static_cast<std::size_t>(whole);
    } else {
      scalar("a number", {"id", "name", "datatype", "data", "shape", "inputs", "outputs", "parameters", "binary_data",
                          "binary_data_output"});
    }
    return true;
  }

  void end_shape() {
    const auto count = count_elements(input().tensor.shape);
    if (!count) fail(ErrorCode::invalid, fmt::format("{} {} is too large.", where(), to_text(input().tensor.shape)));
    input().elements = *count;
  }

  void begin_data() {
    Input& in = input();
    if (in.has_data && !in.has_unread) {
      if (!second_) fail(ErrorCode::invalid, where() + " is given twice.");
      enter(At::ignored);
      return;
    }
    if (!second_ && (!in.datatype || !in.has_shape)) {
      in.has_data = in.has_unread = true;
      enter(At::ignored);
      return;
    }
    in.has_data = true;
    in.has_unread = false;
    // Each element takes two characters of the body, a comma and a digit, so memory stays in proportion.
    if (in.elements > body_bytes_) wrong_count("fewer");
    if (in.tensor.datatype == Datatype::bytes) {
      in.tensor.strings.reserve(in.elements);
    } else {
      in.tensor.data.resize(in.elements * element_size_bytes(in.tensor.datatype));
    }
    stored_ = 0;
    leaf_depth_ = 0;
    depth_ = 1;
    children_[0] = 0;
    enter(At::data);
  }

  [[noreturn]] void wrong_count(std::string_view what) {
    const Input& in = input();
    fail(ErrorCode::invalid, fmt::format("inputs[{}]{}: data has {} elements than its shape {} says, {}.", count_ - 1,
                                         in.tensor.name.empty() ? "" : " \"" + in.tensor.name + "\"", what,
                                         to_text(in.tensor.shape), in.elements));
  }

  /// Data is flat, or nested exactly as the shape says: all elements at one depth, every row full.
  void count_element() {
    if (stored_ == input().elements) wrong_count("more");
    if (depth_ != leaf_depth_) {
      if (leaf_depth_ != 0 || (depth_ != 1 && depth_ != input().tensor.shape.size())) {
        wrong("elements at different depths: nest arrays as the shape says, or give one flat array");
      }
      leaf_depth_ = depth_;
    }
    ++stored_;
    ++children_[depth_ - 1];
  }

  template <class T>
  void store(T element) {
    count_element();
    std::memcpy(input().tensor.data.data() + (stored_ - 1) * sizeof(T), &element, sizeof(T));
  }

  void end_data_level() {
    --depth_;
    const Shape& shape = input().tensor.shape;
    const bool nested = depth_ > 0 || leaf_depth_ > 1;
    if (nested && children_[depth_] != shape[depth_]) {
      fail(ErrorCode::invalid, fmt::format("inputs[{}]{}: data has a row of {} where its shape {} says {}.", count_ - 1,
                                           input().tensor.name.empty() ? "" : " \"" + input().tensor.name + "\"",
                                           children_[depth_], to_text(shape), shape[depth_]));
    }
    if (depth_ == 0 && stored_ < input().elements) wrong_count("fewer");
  }

  const std::size_t body_bytes_;
  bool second_ = false;
  std::vector<At> path_;
  std::size_t count_ = 0;  ///< of inputs begun in this pass
  std::string key_, partial_key_, text_;

  std::size_t stored_ = 0;      ///< elements of the current data
  std::size_t depth_ = 0;       ///< of arrays open in it
  std::size_t leaf_depth_ = 0;  ///< where its elements stand; 0: none seen
  std::array<std::int64_t, rank_max + 1> children_{};
};

using Parser = boost::json::basic_parser<Reader>;

void parse(std::string_view json, Parser& parser) {
  error_code error;
  const std::size_t used = parser.write_some(false, json.data(), json.size(), error);
  if (!error && used < json.size()) error = boost::json::error::extra_data;
  if (error) {
    fail(ErrorCode::invalid, fmt::format("The request is not JSON: {} at byte {}.", error.message(), used));
  }
}

/// Cuts the raw elements of `in` from the front of `bytes`.
void take_binary(Input& in, std::string_view& bytes, const std::string& where) {
  const std::size_t size = *in.binary_size_bytes;
  if (size > bytes.size()) {
    fail(ErrorCode::invalid,
         fmt::format("{}: binary_data_size is {}, but only {} bytes follow.", where, size, bytes.size()));
  }
  std::string_view raw = bytes.substr(0, size);
  bytes.remove_prefix(size);
  Tensor& tensor = in.tensor;
  if (tensor.datatype == Datatype::bytes) {
    while (!raw.empty()) {
      std::uint32_t length = 0;
      if (raw.size() >= sizeof length) std::memcpy(&length, raw.data(), sizeof length);
      if (raw.size() < sizeof length || length > raw.size() - sizeof length) {
        fail(ErrorCode::invalid, where + ": the binary data ends inside an element.");
      }
      const std::string_view text = raw.substr(sizeof length, length);
      if (text.find('\0') != text.npos) fail(ErrorCode::invalid, where + ": a string may not hold a NUL character.");
      tensor.strings.emplace_back(text);
      raw.remove_prefix(sizeof length + length);
    }
    if (tensor.strings.size() != in.elements) {
      fail(ErrorCode::invalid, fmt::format("{}: the binary data has {} elements, its shape {} says {}.", where,
                                           tensor.strings.size(), to_text(tensor.shape), in.elements));
    }
    return;
  }
  const std::size_t expected = in.elements * element_size_bytes(tensor.datatype);
  if (size != expected) {
    fail(ErrorCode::invalid, fmt::format("{}: binary_data_size is {}, its shape {} of {} needs {}.", where, size,
                                         to_text(tensor.shape), datatype_name(tensor.datatype), expected));
  }
  if (tensor.datatype == Datatype::bool_ && raw.find_first_not_of(std::string_view("\0\1", 2)) != raw.npos) {
    fail(ErrorCode::invalid, where + ": a BOOL is the byte 0 or 1.");
  }
  tensor.data.assign(raw.begin(), raw.end());
}

template <class T>
void append_number(std::string& out, T value) {
  char digits[32];
  std::to_chars_result end{};
  if constexpr (is_float<T>) {
    const auto wide = static_cast<std::conditional_t<std::is_same_v<T, double>, double, float>>(value);
    if (!std::isfinite(wide)) {
      out += "null";
      return;
    }
    end = std::to_chars(digits, std::end(digits), wide);
  } else {
    end = std::to_chars(digits, std::end(digits), value);
  }
  out.append(digits, end.ptr);
}

void append_string(std::string& out, std::string_view text) {
  out += boost::json::serialize(Piece(text.data(), text.size()));
}

void append_data(std::string& out, const Tensor& tensor) {
  out += '[';
  if (tensor.datatype == Datatype::bytes) {
    for (const std::string& text : tensor.strings) {
      if (!is_utf8(text)) {
        fail(ErrorCode::invalid,
             fmt::format("Output \"{}\" holds bytes that are no text: ask for it with the parameter "
                         "\"binary_data\": true.",
                         tensor.name));
      }
      append_string(out, text);
      out += ',';
    }
  }
  with_element_type(tensor.datatype, [&]<class T>(T element) {
    out.reserve(out.size() + tensor.data.size() / sizeof(T) * (is_float<T> ? 12 : 4));
    for (std::size_t i = 0; i < tensor.data.size(); i += sizeof(T)) {
      std::memcpy(&element, tensor.data.data() + i, sizeof(T));
      if constexpr (std::is_same_v<T, bool>) {
        out += element ? "true" : "false";
      } else {
        append_number(out, element);
      }
      out += ',';
    }
  });
  if (out.back() == ',') out.pop_back();
  out += ']';
}

std::string raw_bytes(const Tensor& tensor) {
  if (tensor.datatype != Datatype::bytes) return std::string(tensor.data.begin(), tensor.data.end());
  std::string raw;
  for (const std::string& text : tensor.strings) {
    const auto length = static_cast<std::uint32_t>(text.size());
    raw.append(reinterpret_cast<const char*>(&length), sizeof length);
    raw += text;
  }
  return raw;
}

}  // namespace

InferRequest decode_infer_request(std::string_view body, std::optional<std::size_t> json_size_bytes) {
  if (json_size_bytes && *json_size_bytes > body.size()) {
    fail(ErrorCode::invalid, "Inference-Header-Content-Length is larger than the body.");
  }
  const std::string_view json = body.substr(0, json_size_bytes.value_or(body.size()));
  std::string_view binary = body.substr(json.size());
  Parser parser({}, json.size());
  Reader& reader = parser.handler();
  parse(json, parser);
  if (!reader.has_inputs) fail(ErrorCode::invalid, "\"inputs\" is required: an array of tensors.");

  InferRequest request;
  request.id = std::move(reader.id);
  request.binary_outputs = reader.binary_outputs;
  bool again = false;
  for (std::size_t i = 0; i < reader.inputs.size(); ++i) {
    Input& in = reader.inputs[i];
    const std::string where =
        fmt::format("inputs[{}]{}", i, in.tensor.name.empty() ? "" : " \"" + in.tensor.name + "\"");
    if (in.tensor.name.empty()) fail(ErrorCode::invalid, where + ": \"name\" is required.");
    if (!in.datatype) fail(ErrorCode::invalid, where + ": \"datatype\" is required.");
    if (!in.has_shape) fail(ErrorCode::invalid, where + ": \"shape\" is required.");
    if (in.has_data == in.binary_size_bytes.has_value()) {
      fail(ErrorCode::invalid, where + ": give either \"data\" or the parameter \"binary_data_size\".");
    }
    if (in.binary_size_bytes) take_binary(in, binary, where);
    again |= in.has_unread;
  }
  if (!binary.empty()) fail(ErrorCode::invalid, fmt::format("{} bytes follow that no input claims.", binary.size()));
  if (again) {
    reader.rewind();
    parser.reset();
    parse(json, parser);
  }
  for (Input& in : reader.inputs) request.inputs.push_back(std::move(in.tensor));
  for (std::size_t i = 0; i < reader.outputs.size(); ++i) {
    if (reader.outputs[i].name.empty()) fail(ErrorCode::invalid, fmt::format("outputs[{}]: \"name\" is required.", i));
  }
  request.outputs = std::move(reader.outputs);
  return request;
}

InferResponse encode_infer_response(std::string_view model, std::string_view version,
                                    const std::optional<std::string>& id, std::span<const OutputTensor> outputs) {
  InferResponse response;
  std::string& out = response.body;
  std::string binary;
  bool any_binary = false;
  out += "{\"model_name\":";
  append_string(out, model);
  out += ",\"model_version\":";
  append_string(out, version);
  if (id) {
    out += ",\"id\":";
    append_string(out, *id);
  }
  out += ",\"outputs\":[";
  for (const OutputTensor& output : outputs) {
    out += "{\"name\":";
    append_string(out, output.tensor.name);
    fmt::format_to(std::back_inserter(out), ",\"datatype\":\"{}\",\"shape\":{}", datatype_name(output.tensor.datatype),
                   to_text(output.tensor.shape));
    if (output.binary) {
      const std::string raw = raw_bytes(output.tensor);
      fmt::format_to(std::back_inserter(out), ",\"parameters\":{{\"binary_data_size\":{}}}", raw.size());
      binary += raw;
      any_binary = true;
    } else {
      out += ",\"data\":";
      append_data(out, output.tensor);
    }
    out += "},";
  }
  if (out.back() == ',') out.pop_back();
  out += "]}";
  if (any_binary) {
    response.json_size_bytes = out.size();
    out += binary;
  }
  return response;
}

}  // namespace modelops::runtime
