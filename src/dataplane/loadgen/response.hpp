#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/proxy/token_count.hpp"
#include "platform/http/wire.hpp"

namespace modelops::loadgen {

/// Reads one answer from pieces cut anywhere, keeps no body. Does as little as framing needs: the generator shall not
/// be what is measured.
class ResponseReader {
 public:
  explicit ResponseReader(bool of_head = false) : of_head_(of_head) {}

  /// True when the answer is whole. Throws Error(bad_gateway) for what is no HTTP answer, or more than one.
  bool feed(std::string_view bytes);
  /// The connection ended: true when that is the answer's end.
  bool end() const { return head_done_ && until_close_; }

  int status() const { return status_; }
  bool keep_alive() const { return keep_alive_ && !until_close_; }
  std::uint64_t body_bytes() const { return body_bytes_; }
  /// Of the last `feed`: events of a stream (text/event-stream) that carry data, but for the closing [DONE].
  std::int64_t new_tokens() const { return new_tokens_; }
  /// As the stream's `usage` tells, when it does.
  std::optional<std::int64_t> completion_tokens() const;

 private:
  std::size_t read_head(std::string_view bytes);
  void parse_head(std::string_view head);
  void take_body(std::string_view bytes);

  bool of_head_;
  std::string head_;  // what has come of it, when it came in pieces
  bool head_done_ = false;
  int status_ = 0;
  bool keep_alive_ = true;
  bool until_close_ = false;
  std::uint64_t left_ = 0;
  std::optional<http::ChunkDecoder> chunks_;
  std::string decoded_;
  std::uint64_t body_bytes_ = 0;
  std::optional<proxy::TokenCount> stream_;
  std::int64_t new_tokens_ = 0;
};

}  // namespace modelops::loadgen
