#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace modelops::proxy {

/// Tokens of an answer that passes through, in pieces cut anywhere: the `usage` that engines tell, and the events of a
/// stream. Nothing is parsed: within a JSON text the bytes `"prompt_tokens":` cannot stand inside a string, whose
/// quotes are escaped.
class TokenCount {
 public:
  /// `event_stream`: also counts events with data, but for the closing "[DONE]".
  explicit TokenCount(bool event_stream) : event_stream_(event_stream) {}

  /// The events that began in `piece`.
  std::int64_t feed(std::string_view piece);
  /// The last that was told; nothing when none was.
  std::optional<std::int64_t> prompt_tokens() const { return prompt_; }
  std::optional<std::int64_t> completion_tokens() const { return completion_; }

 private:
  bool event_stream_;
  bool line_start_ = true;  // of a stream, before anything has come
  std::string text_;        // what may be the beginning of something, then the piece
  std::optional<std::int64_t> prompt_;
  std::optional<std::int64_t> completion_;
};

}  // namespace modelops::proxy
