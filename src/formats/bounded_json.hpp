#pragma once
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "formats/source.hpp"

namespace modelops::formats {

/// The JSON document in `source`: at most `size_max` bytes of text, 64 levels, and 8 times `size_max` bytes of memory
/// (a short text such as "[[],[],…" is large in memory). Anything else is Error(unprocessable) with the byte.
boost::json::value read_json(const RandomAccess& source, std::string_view file_name, std::uint64_t size_max);

/// Reads the document without keeping it: for large ones that are only recognised. At most `depth_max` levels.
void check_json(const RandomAccess& source, std::string_view file_name, std::size_t depth_max);

// Members of an object, or nothing when absent or of another type; a model's author decides what stands there.
const boost::json::value* find_member(const boost::json::value& object, std::string_view key);
std::optional<std::string> text_member(const boost::json::value& object, std::string_view key);
/// A whole number from 0 to 2^62.
std::optional<std::int64_t> count_member(const boost::json::value& object, std::string_view key);

}  // namespace modelops::formats
