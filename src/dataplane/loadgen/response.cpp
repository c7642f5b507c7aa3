#include "dataplane/loadgen/response.hpp"

#include "base/text.hpp"

namespace modelops::loadgen {
namespace {

constexpr std::size_t head_bytes_max = 64 << 10;

[[noreturn]] void refuse(std::string message) { fail(ErrorCode::bad_gateway, std::move(message)); }

}  // namespace

bool ResponseReader::feed(std::string_view bytes) {
  new_tokens_ = 0;
  while (!head_done_) {
    const std::size_t taken = read_head(bytes);
    bytes.remove_prefix(taken);
    if (!head_done_ && bytes.empty()) return false;
  }
  if (chunks_) {
    decoded_.clear();
    const std::size_t taken = chunks_->feed(bytes, decoded_);
    take_body(decoded_);
    if (!chunks_->done()) return false;
    if (taken < bytes.size()) refuse("The server sent more than one answer.");
    return true;
  }
  if (!until_close_ && bytes.size() > left_) refuse("The server sent more than it had announced.");
  take_body(bytes);
  if (until_close_) return false;
  left_ -= bytes.size();
  return left_ == 0;
}

std::size_t ResponseReader::read_head(std::string_view bytes) {
  constexpr std::string_view end = "\r\n\r\n";
  if (head_.empty()) {
    // As nearly always: in one piece, which needs no copy.
    const std::size_t at = bytes.find(end);
    if (at != bytes.npos) {
      parse_head(bytes.substr(0, at + 2));
      return at + end.size();
    }
  }
  const std::size_t before = head_.size();
  const std::size_t from = before < end.size() ? 0 : before - (end.size() - 1);
  head_ += bytes.substr(0, std::min(bytes.size(), head_bytes_max));
  const std::size_t at = head_.find(end, from);
  if (at == head_.npos) {
    if (head_.size() >= head_bytes_max) refuse("The answer's head is too large.");
    return bytes.size();
  }
  parse_head(std::string_view(head_).substr(0, at + 2));
  head_.clear();
  return at + end.size() - before;
}

void ResponseReader::parse_head(std::string_view head) {
  const auto status = head.size() > 12 ? parse_int(head.substr(9, 3)) : std::nullopt;
  if (!head.starts_with("HTTP/1.") || !status || *status < 100 || *status > 599)
    refuse("The server does not answer in HTTP/1.1.");
  if (*status < 200) {
    if (*status == 101) refuse("The server changes the protocol.");
    return;  // the answer proper follows
  }
  status_ = static_cast<int>(*status);
  keep_alive_ = head[7] != '0';
  until_close_ = true;
  for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
    const std::size_t line_end = head.find("\r\n", at);
    const std::string_view line = head.substr(at, line_end - at);
    at = line_end + 2;
    const std::size_t colon = line.find(':');
    if (colon == line.npos) refuse("The answer has a header without a colon.");
    const std::string_view name = line.substr(0, colon);
    const auto value = [&] { return trim(line.substr(colon + 1)); };
    // By length first: most fields are none of these.
    if (name.size() == 14 && http::equal_without_case(name, "Content-Length")) {
      const auto length = parse_int(value());
      if (!length || *length < 0) refuse("The answer's Content-Length is no number.");
      left_ = static_cast<std::uint64_t>(*length);
      until_close_ = false;
    } else if (name.size() == 17 && http::equal_without_case(name, "Transfer-Encoding")) {
      if (!http::equal_without_case(value(), "chunked")) refuse("The answer's Transfer-Encoding is not chunked.");
      chunks_.emplace();
      until_close_ = false;
    } else if (name.size() == 10 && http::equal_without_case(name, "Connection")) {
      if (http::has_token(value(), "close")) keep_alive_ = false;
    } else if (name.size() == 12 && http::equal_without_case(name, "Content-Type")) {
      if (value().starts_with("text/event-stream")) stream_.emplace(true);
    }
  }
  if (of_head_ || status_ == 204 || status_ == 304) {
    chunks_.reset();
    left_ = 0;
    until_close_ = false;
  }
  head_done_ = true;
}

void ResponseReader::take_body(std::string_view bytes) {
  body_bytes_ += bytes.size();
  if (stream_ && !bytes.empty()) new_tokens_ = stream_->feed(bytes);
}

std::optional<std::int64_t> ResponseReader::completion_tokens() const {
  return stream_ ? stream_->completion_tokens() : std::nullopt;
}

}  // namespace modelops::loadgen
