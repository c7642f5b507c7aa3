#pragma once
// HTTP/1.1 as bytes: heads in, heads out, chunked bodies, gzip. Pure functions and small machines without I/O,
// so that every limit and every refusal is tested without a socket.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "platform/http/types.hpp"

namespace modelops::http {

bool equal_letters_without_case(std::string_view a, std::string_view b);  ///< of one size
/// Most texts differ in size or in the first letter.
inline bool equal_without_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && (a.empty() || ((a[0] ^ b[0]) & ~0x20) == 0) && equal_letters_without_case(a, b);
}
/// Whether a header field may be sent so: neither name nor value ends its line.
bool is_field(std::string_view name, std::string_view value);
/// True when the comma-separated `list` holds `token`, compared without case.
bool has_token(std::string_view list, std::string_view token);
/// What Accept-Encoding says of gzip: "gzip" or "*" with a weight above zero (RFC 9110, 12.5.3).
bool accepts_gzip(std::string_view accept_encoding);
std::string_view reason_phrase(int status);
/// `error` as application/problem+json.
Response problem_response(const Error& error, std::string_view request_id);

/// Finds the end of a request head in a buffer that grows. Refuses what no sane client sends and what proxies
/// disagree about: a line end without CR, a folded field, NUL, a head or target beyond its limit.
class HeadScanner {
 public:
  HeadScanner(std::size_t head_bytes_max, std::size_t target_bytes_max)
      : head_bytes_max_(head_bytes_max), target_bytes_max_(target_bytes_max) {}
  /// The length of the head with its empty line, or 0 while it is incomplete. `buffer` is the same bytes as last
  /// time and more. Throws Error(invalid or header_too_large).
  std::size_t scan(std::string_view buffer);

 private:
  void check_line(std::string_view line, bool whole) const;

  std::size_t head_bytes_max_;
  std::size_t target_bytes_max_;
  std::size_t seen_ = 0;  // no line feed of the present line before it
  std::size_t line_ = 0;  // where that begins
};

/// What a head says about its connection and body.
struct Head {
  Request request;  ///< method, path, query, headers, content_length (0 when there is no body)
  bool http_1_0 = false;
  bool keep_alive = true;
  bool chunked = false;
  bool expects_continue = false;
  bool accepts_gzip = false;
};

/// Parses one whole head as found by HeadScanner. Throws Error: invalid (400) for anything ambiguous, among it both
/// Content-Length and Transfer-Encoding; method_not_allowed (405); unsupported_media (415) for a coded body.
Head parse_head(std::string_view bytes);

/// How a response is framed.
struct Framing {
  bool close = false;    ///< Connection: close
  bool chunked = false;  ///< else content_length, else until the connection ends
  std::optional<std::uint64_t> content_length;
  std::string_view request_id;
  std::string_view date;  ///< IMF-fixdate
};

/// Appends status line and fields. What the server sets itself (Content-Length, Connection, Date …) is left out of
/// `response.headers`. Throws Error(internal) for a field that would split the response.
void append_head(std::string& out, const Response& response, const Framing& framing);
/// The current second as IMF-fixdate (RFC 9110, 5.6.7).
std::string http_date(std::int64_t unix_seconds);

/// Appends `bytes` as one chunk; nothing for no bytes, since an empty chunk would end the body.
void append_chunk(std::string& out, std::string_view bytes);
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

/// Decodes a chunked body (RFC 9112, 7.1). Chunk extensions and trailers are bounded and dropped.
class ChunkDecoder {
 public:
  /// Consumes from the front of `in`, appends the content to `out` and returns how many bytes it took. Stops after
  /// the last chunk's trailer. Throws Error(invalid).
  std::size_t feed(std::string_view in, std::string& out);
  bool done() const { return state_ == State::done; }

 private:
  enum class State { size, data, data_end, trailer, done };
  State state_ = State::size;
  std::string line_;
  std::uint64_t remaining_ = 0;
  std::size_t overhead_ = 0;
};

/// Compresses the body when the type and size make it worth it, and says so in the headers. `accepts_gzip` is what
/// the client said; with or without it the response varies by it.
void compress(Response& response, bool accepts_gzip);
std::string gzip(std::string_view bytes);

}  // namespace modelops::http
