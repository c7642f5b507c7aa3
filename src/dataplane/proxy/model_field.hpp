#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace modelops::proxy {

/// Where the member "model" stands in the text of a JSON object.
struct ModelField {
  std::string name;       ///< its value, decoded
  std::size_t begin = 0;  ///< of the value's text, with its quotes
  std::size_t end = 0;
};

/// Checks that `json` is one JSON object with exactly one "model", a string, and finds it without building a tree.
/// Throws Error: invalid for what is no JSON object, unprocessable about /model.
ModelField find_model(std::string_view json);

/// `text` as a JSON string, with its quotes.
std::string json_string(std::string_view text);

}  // namespace modelops::proxy
