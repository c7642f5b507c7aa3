#pragma once
// A tree of texts, each of which knows where it came from. Types are the reader's business.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modelops::config {

/// Overwrites the memory of a text that may be a secret.
void wipe(std::string& text) noexcept;

struct Value {
  ~Value() { wipe(text); }  // and no move: what is left behind by one would stay

  enum class Kind { null, text, list, map };
  Kind kind = Kind::null;
  std::string text = {};
  std::vector<Value> items = {};                            ///< of a list
  std::vector<std::pair<std::string, Value>> members = {};  ///< of a map, in order
  std::string origin = {};                                  ///< "line 3 of modelops.yaml"
  bool names_file = false;                                  ///< `text` is the path of a file with the value

  Value* find(std::string_view key);
  Value& member(std::string_view key);  ///< made when it is absent
};

inline constexpr std::size_t document_bytes_max = 1 << 20;
inline constexpr std::size_t document_depth_max = 16;

/// One YAML 1.2 document. Throws Error(invalid) with the line for what is not YAML, a second document, anchors,
/// aliases, tags, keys given twice or that are no text; never with a part of the text itself, which may be secret. An
/// empty document is an empty map.
Value parse_document(std::string_view yaml, std::string_view file_name);

}  // namespace modelops::config
