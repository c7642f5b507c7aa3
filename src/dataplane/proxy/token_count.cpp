#include "dataplane/proxy/token_count.hpp"

#include <algorithm>
#include <charconv>

namespace modelops::proxy {
namespace {

constexpr std::string_view prompt_key = "\"prompt_tokens\":";
constexpr std::string_view completion_key = "\"completion_tokens\":";
constexpr std::size_t value_bytes_max = 24;  // blanks and digits behind a key

/// The number behind the last whole `key: number` in `text`.
void read_count(std::string_view text, std::string_view key, std::optional<std::int64_t>& out) {
  for (std::size_t at = text.find(key); at != text.npos; at = text.find(key, at + key.size())) {
    std::string_view value = text.substr(at + key.size(), value_bytes_max);
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    // One that ends with the text may go on in the next piece.
    if (error == std::errc() && end != value.data() + value.size() && number >= 0) out = number;
  }
}

}  // namespace

std::int64_t TokenCount::feed(std::string_view piece) {
  // Kept between pieces: less than a whole key with its value, and less than a whole "\ndata: [DONE]".
  constexpr std::size_t kept = completion_key.size() + value_bytes_max;
  const std::size_t before = text_.size();
  text_ += piece;
  read_count(text_, prompt_key, prompt_);
  read_count(text_, completion_key, completion_);

  std::int64_t events = 0;
  if (event_stream_) {
    constexpr std::string_view field = "data:";
    constexpr std::string_view done = " [DONE]";
    for (std::size_t at = text_.find(field); at != text_.npos; at = text_.find(field, at + 1)) {
      const bool begins_line = at == 0 ? line_start_ : text_[at - 1] == '\n' || text_[at - 1] == '\r';
      const std::size_t decided = at + field.size() + done.size();
      // Decided when the bytes that tell "[DONE]" from data are there, so once.
      if (!begins_line || decided > text_.size() || decided <= before) continue;
      const std::string_view data = std::string_view(text_).substr(at + field.size());
      const bool is_done = data.starts_with(done) || data.starts_with(done.substr(1));
      if (!is_done) ++events;
    }
  }
  if (text_.size() > kept) {
    const std::size_t dropped = text_.size() - kept;
    line_start_ = text_[dropped - 1] == '\n' || text_[dropped - 1] == '\r';
    text_.erase(0, dropped);
  }
  return events;
}

}  // namespace modelops::proxy
