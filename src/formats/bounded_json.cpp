#include "formats/bounded_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/memory_resource.hpp>
#include <boost/json/parser.hpp>
#include <boost/json/storage_ptr.hpp>
#include <new>

#include "base/error.hpp"
#include "formats/cursor.hpp"

namespace modelops::formats {
namespace {

/// Heap memory up to a limit, then Error(unprocessable).
class CappedMemory final : public boost::json::memory_resource {
 public:
  CappedMemory(std::size_t bytes_max, std::string file_name) : left_(bytes_max), name_(std::move(file_name)) {}

 private:
  // Boost.JSON frees some blocks with another alignment than it asked for; none needs more than the default.
  void* do_allocate(std::size_t bytes, std::size_t) override {
    if (bytes > left_) fail_malformed(name_, 0, "it holds too many JSON values");
    void* memory = ::operator new(bytes);
    left_ -= bytes;
    return memory;
  }
  void do_deallocate(void* memory, std::size_t bytes, std::size_t) override {
    left_ += bytes;
    ::operator delete(memory);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::size_t left_;
  std::string name_;
};

struct IgnoringHandler {
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = 64 * 1024;
  using Text = boost::json::string_view;
  using Code = boost::json::error_code;
  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_array_begin(Code&) { return true; }
  bool on_array_end(std::size_t, Code&) { return true; }
  bool on_object_begin(Code&) { return true; }
  bool on_object_end(std::size_t, Code&) { return true; }
  bool on_string_part(Text, std::size_t, Code&) { return true; }
  bool on_string(Text, std::size_t, Code&) { return true; }
  bool on_key_part(Text, std::size_t, Code&) { return true; }
  bool on_key(Text, std::size_t, Code&) { return true; }
  bool on_number_part(Text, Code&) { return true; }
  bool on_int64(std::int64_t, Text, Code&) { return true; }
  bool on_uint64(std::uint64_t, Text, Code&) { return true; }
  bool on_double(double, Text, Code&) { return true; }
  bool on_bool(bool, Code&) { return true; }
  bool on_null(Code&) { return true; }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }
};

}  // namespace

void check_json(const RandomAccess& source, std::string_view file_name, std::size_t depth_max) {
  Cursor in(source, file_name);
  boost::json::parse_options options;
  options.max_depth = depth_max;
  boost::json::basic_parser<IgnoringHandler> parser(options);
  boost::json::error_code error;
  do {
    const std::uint64_t at = in.position();
    const std::string chunk = in.bytes(std::min<std::uint64_t>(in.remaining(), 64 * 1024), 64 * 1024);
    const std::size_t consumed = parser.write_some(!in.at_end(), chunk.data(), chunk.size(), error);
    if (!error && consumed < chunk.size()) error = boost::json::error::extra_data;
    if (error) in.malformed_at(at + consumed, fmt::format("not valid JSON ({})", error.message()));
  } while (!in.at_end());
}

boost::json::value read_json(const RandomAccess& source, std::string_view file_name, std::uint64_t size_max) {
  if (source.size() > size_max)
    fail_malformed(file_name, size_max, fmt::format("a JSON file of this kind has at most {} bytes", size_max));
  Cursor cursor(source, file_name);
  const std::string text = cursor.bytes(source.size(), size_max);

  const auto memory = boost::json::make_shared_resource<CappedMemory>(
      static_cast<std::size_t>(std::max<std::uint64_t>(8 * size_max, 64 * 1024)), std::string(file_name));
  boost::json::parse_options options;
  options.max_depth = 64;
  boost::json::parser parser(memory, options);
  parser.reset(memory);
  boost::json::error_code error;
  const std::size_t consumed = parser.write(text.data(), text.size(), error);
  if (error) fail_malformed(file_name, consumed, fmt::format("not valid JSON ({})", error.message()));
  return parser.release();
}

const boost::json::value* find_member(const boost::json::value& object, std::string_view key) {
  const auto* members = object.if_object();
  return members ? members->if_contains({key.data(), key.size()}) : nullptr;
}

std::optional<std::string> text_member(const boost::json::value& object, std::string_view key) {
  const auto* value = find_member(object, key);
  if (!value || !value->is_string()) return std::nullopt;
  const auto& text = value->get_string();
  return std::string(text.data(), text.size());
}

std::optional<std::int64_t> count_member(const boost::json::value& object, std::string_view key) {
  const auto* value = find_member(object, key);
  if (!value) return std::nullopt;
  const auto* number = value->if_int64();
  if (!number || *number < 0 || *number > (std::int64_t{1} << 62)) return std::nullopt;
  return *number;
}

}  // namespace modelops::formats
