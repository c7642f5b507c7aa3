#include "dataplane/proxy/model_field.hpp"

#include <boost/json/basic_parser_impl.hpp>

#include "base/error.hpp"
#include "reflect/json.hpp"

namespace modelops::proxy {
namespace {

constexpr std::size_t depth_max = 128;
constexpr std::size_t name_bytes_max = 512;

/// Watches the members of the outermost object. Boost.JSON checks the rest.
struct Finder {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  using error_code = boost::json::error_code;
  using string_view = boost::json::string_view;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return open(true); }
  bool on_object_end(std::size_t, error_code&) { return close(); }
  bool on_array_begin(error_code&) { return open(false); }
  bool on_array_end(std::size_t, error_code&) { return close(); }
  bool on_key_part(string_view part, std::size_t, error_code&) { return add_key(part); }
  bool on_key(string_view part, std::size_t, error_code&) {
    add_key(part);
    if (depth == 1 && text == "model") {
      ++count;
      // Text that had escapes was put together elsewhere, and its place is not known.
      key_end = part.data() + part.size();
      expected = true;
    }
    text.clear();
    return true;
  }
  bool on_string_part(string_view part, std::size_t, error_code&) { return add_value(part); }
  bool on_string(string_view part, std::size_t, error_code&) {
    add_value(part);
    if (expected) is_string = true;
    expected = false;
    return true;
  }
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(std::int64_t, string_view, error_code&) { return other(); }
  bool on_uint64(std::uint64_t, string_view, error_code&) { return other(); }
  bool on_double(double, string_view, error_code&) { return other(); }
  bool on_bool(bool, error_code&) { return other(); }
  bool on_null(error_code&) { return other(); }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }

  bool open(bool object) {
    if (depth == 0) is_object = object;
    other();
    ++depth;
    return true;
  }
  bool close() {
    --depth;
    return true;
  }
  bool other() {
    expected = false;
    return true;
  }
  bool add_key(string_view part) {
    if (depth == 1 && text.size() <= name_bytes_max) text.append(part.data(), part.size());
    return true;
  }
  bool add_value(string_view part) {
    if (expected && name.size() <= name_bytes_max) name.append(part.data(), part.size());
    return true;
  }

  std::size_t depth = 0;
  bool is_object = false;
  std::string text;
  bool expected = false;  ///< the next value is that of "model"
  int count = 0;
  bool is_string = false;
  const char* key_end = nullptr;
  std::string name;
};

}  // namespace

ModelField find_model(std::string_view json) {
  boost::json::parse_options options;
  options.max_depth = depth_max;
  boost::json::basic_parser<Finder> parser(options);
  boost::json::error_code error;
  const std::size_t parsed = parser.write_some(false, json.data(), json.size(), error);
  if (!error && parsed < json.size()) error = boost::json::error::extra_data;
  if (error) {
    fail(ErrorCode::invalid, fmt::format("The body is not valid JSON: {} at byte {}.", error.message(), parsed));
  }
  const Finder& found = parser.handler();
  if (!found.is_object) fail(ErrorCode::invalid, "The body must be a JSON object.");
  if (found.count == 0) fail_field("/model", "is required: the name of a model, or name@alias");
  // Two programs could each believe another one of them.
  if (found.count > 1) fail_field("/model", "must be given once");
  if (!found.is_string) fail_field("/model", "must be a string");
  if (found.name.empty() || found.name.size() > name_bytes_max) fail_field("/model", "is not a name of a model");
  const bool in_place =
      std::less_equal()(json.data(), found.key_end) && std::less()(found.key_end, json.data() + json.size());
  if (!in_place) fail_field("/model", "must be written without escapes in its name");
  // From here on the text is known to be well-formed: a quote, a colon, the value.
  ModelField field{.name = found.name};
  field.begin = json.find('"', static_cast<std::size_t>(found.key_end - json.data()) + 1);
  field.end = field.begin + 1;
  while (json[field.end] != '"') field.end += json[field.end] == '\\' ? 2 : 1;
  ++field.end;
  return field;
}

std::string json_string(std::string_view text) {
  std::string out;
  reflect::append_json_string(out, text);
  return out;
}

}  // namespace modelops::proxy
