#include "platform/http/wire.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/status.hpp>
#include <charconv>
#include <ctime>

#include "base/text.hpp"

namespace modelops::http {
namespace {

namespace beast = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t fields_max = 128;
constexpr std::size_t chunk_overhead_max = 64 * 1024;
constexpr std::size_t compress_bytes_min = 1024;

std::string_view view(boost::core::string_view text) { return {text.data(), text.size()}; }

/// Beast's grammar, our containers.
class Parser final : public beast::basic_parser<true> {
 public:
  std::string_view method;
  std::string_view target;
  int version = 0;
  Headers headers;

 private:
  void on_request_impl(beast::verb, boost::beast::string_view name, boost::beast::string_view request_target, int v,
                       error_code&) override {
    method = view(name);
    target = view(request_target);
    version = v;
  }
  void on_field_impl(beast::field, boost::beast::string_view name, boost::beast::string_view value,
                     error_code&) override {
    headers.add(view(name), view(value));
  }
  void on_response_impl(int, boost::beast::string_view, int, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(boost::beast::string_view, error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view, error_code&) override { return 0; }
  void on_finish_impl(error_code&) override {}
};

[[noreturn]] void malformed(std::string_view what) {
  fail(ErrorCode::invalid, "The request is not valid HTTP/1.1: " + std::string(what) + ".");
}

/// The one value of a field that must not be repeated.
std::optional<std::string_view> single(const Headers& headers, std::string_view name) {
  if (headers.count(name) > 1) malformed("the field " + std::string(name) + " is repeated");
  return headers.find(name);
}

std::uint64_t parse_length(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    malformed("Content-Length is not a number");
  }
  return value;
}

void split_target(std::string_view target, Request& request) {
  if (target.starts_with("http://") || target.starts_with("https://")) {
    // The absolute form, which a server must accept (RFC 9112, 3.2.2).
    const auto path = target.find('/', target.find("//") + 2);
    target = path == target.npos ? "/" : target.substr(path);
  }
  if (!target.starts_with('/')) malformed("the target must be a path that starts with '/'");
  for (const char c : target) {
    if (static_cast<unsigned char>(c) >= 0x7f || c == '#') malformed("the target has a character that must be escaped");
  }
  const auto question = target.find('?');
  request.path = target.substr(0, question);
  if (question != target.npos) request.query = target.substr(question + 1);
}

bool is_set_by_server(std::string_view name) {
  for (const std::string_view own : {"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Date",
                                     "Server", "X-Request-Id", "X-Content-Type-Options"}) {
    if (equal_without_case(name, own)) return true;
  }
  return false;
}

bool is_compressible(std::string_view content_type) {
  const std::string type = to_lower_ascii(trim(content_type.substr(0, content_type.find(';'))));
  if (type.starts_with("text/") && type != "text/event-stream") return true;
  for (const std::string_view known :
       {"application/json", "application/yaml", "application/javascript", "application/xml", "image/svg+xml"}) {
    if (type == known) return true;
  }
  return type.ends_with("+json") || type.ends_with("+yaml");
}

/// Which characters a text must not have, as a table: a search for several letters takes a call for each character.
constexpr std::array<bool, 256> table_of(std::string_view letters) {
  std::array<bool, 256> table{};
  for (const char c : letters) table[static_cast<unsigned char>(c)] = true;
  return table;
}

bool has_any(std::string_view text, const std::array<bool, 256>& table) {
  return std::ranges::any_of(text, [&](char c) { return table[static_cast<unsigned char>(c)]; });
}

}  // namespace

bool is_field(std::string_view name, std::string_view value) {
  static constexpr auto not_in_names = table_of(": \t\r\n");
  static constexpr auto not_in_values = table_of(std::string_view("\r\n\0", 3));
  return !name.empty() && !has_any(name, not_in_names) && !has_any(value, not_in_values);
}

bool equal_letters_without_case(std::string_view a, std::string_view b) {
  if (a == b) return true;  // most names are written as everybody writes them
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) { return lower(x) == lower(y); });
}

bool has_token(std::string_view list, std::string_view token) {
  for (const std::string_view part : split(list, ',')) {
    if (equal_without_case(trim(part), token)) return true;
  }
  return false;
}

bool accepts_gzip(std::string_view accept_encoding) {
  if (accept_encoding.empty()) return false;
  bool any = false;
  for (const std::string_view part : split(accept_encoding, ',')) {
    const auto semicolon = part.find(';');
    const std::string_view coding = trim(part.substr(0, semicolon));
    std::string_view weight = semicolon == part.npos ? std::string_view() : trim(part.substr(semicolon + 1));
    if (weight.starts_with("q=") || weight.starts_with("Q=")) weight.remove_prefix(2);
    const bool refused = !weight.empty() && weight.find_first_not_of("0.") == weight.npos;
    if (equal_without_case(coding, "gzip")) return !refused;
    if (coding == "*") any = !refused;
  }
  return any;
}

std::string_view reason_phrase(int status) {
  const auto text = beast::obsolete_reason(static_cast<beast::status>(status));
  return {text.data(), text.size()};
}

std::size_t HeadScanner::scan(std::string_view buffer) {
  for (;;) {
    const std::size_t line_end = buffer.find('\n', seen_);
    const std::size_t reached = std::min(line_end, buffer.size());
    if (line_ == 0 && reached > target_bytes_max_ + 32)
      fail(ErrorCode::header_too_large, fmt::format("The URL is longer than {} bytes.", target_bytes_max_));
    if (reached >= head_bytes_max_)
      fail(ErrorCode::header_too_large, fmt::format("The request's head is larger than {} bytes.", head_bytes_max_));
    check_line(buffer.substr(line_, reached - line_), line_end != buffer.npos);
    if (line_end == buffer.npos) {
      seen_ = buffer.size();
      return 0;
    }
    const bool is_empty = line_end == line_ + 1;
    if (is_empty && line_ > 0) return line_end + 1;
    line_ = seen_ = line_end + 1;
  }
}

/// `line` is without its line feed; when it has not come yet, what is there of it.
void HeadScanner::check_line(std::string_view line, bool whole) const {
  if (line.find('\0') != line.npos) malformed("the head has a NUL byte");
  if (line_ > 0 && (line.starts_with(' ') || line.starts_with('\t'))) malformed("a field is folded over two lines");
  const std::size_t carriage_return = line.find('\r');
  if (whole && carriage_return == line.npos) malformed("a line does not end with CR LF");
  if (carriage_return != line.npos && carriage_return + 1 < line.size())
    malformed("a carriage return without a line feed");
}

Head parse_head(std::string_view bytes) {
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size() + 1, UINT32_MAX)));
  parser.body_limit(boost::none);
  error_code error;
  parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  if (error && error != beast::error::need_more) malformed(error.message());
  if (!parser.is_header_done()) malformed("the head is incomplete");

  Head head;
  Request& request = head.request;
  request.headers = std::move(parser.headers);
  const Headers& headers = request.headers;
  if (headers.size() > fields_max) {
    fail(ErrorCode::header_too_large, fmt::format("The request has more than {} header fields.", fields_max));
  }
  if (parser.version != 10 && parser.version != 11) malformed("only HTTP/1.0 and HTTP/1.1 are spoken here");
  head.http_1_0 = parser.version == 10;
  split_target(parser.target, request);
  if (!single(headers, "Host") && !head.http_1_0) malformed("the field Host is missing");

  // Framing: whatever two programs could read differently is refused.
  const auto length = single(headers, "Content-Length");
  const auto coding = single(headers, "Transfer-Encoding");
  if (length && coding) malformed("it has both Content-Length and Transfer-Encoding");
  if (coding && (head.http_1_0 || !equal_without_case(*coding, "chunked"))) {
    malformed("the only transfer coding accepted is chunked");
  }
  head.chunked = coding.has_value();
  if (!head.chunked) request.content_length = length ? parse_length(*length) : 0;

  // HTTP/1.0 connections are not kept: who still speaks it seldom asks, and proxies forward the wish by mistake.
  head.keep_alive = !head.http_1_0;
  for (const auto& [name, value] : headers) {
    if (equal_without_case(name, "Connection") && has_token(value, "close")) head.keep_alive = false;
  }
  head.accepts_gzip = accepts_gzip(headers.get("Accept-Encoding"));

  const auto method = parse_method(parser.method);
  if (!method) fail(ErrorCode::method_not_allowed, "The method is not one that this server knows.");
  request.method = *method;
  if (const auto expect = single(headers, "Expect"); expect && !head.http_1_0) {
    if (!equal_without_case(*expect, "100-continue")) malformed("the only expectation known is 100-continue");
    head.expects_continue = true;
  }
  const auto content_coding = headers.get("Content-Encoding");
  if (!content_coding.empty() && !equal_without_case(content_coding, "identity")) {
    fail(ErrorCode::unsupported_media, "Send the body without Content-Encoding.");
  }
  return head;
}

void append_head(std::string& out, const Response& response, const Framing& framing) {
  const std::size_t start = out.size();
  out += "HTTP/1.1 ";
  out += std::to_string(response.status);
  out += ' ';
  out += reason_phrase(response.status);
  out += "\r\nServer: ModelOps\r\nDate: ";
  out += framing.date;
  out += "\r\nX-Request-Id: ";
  out += framing.request_id;
  out += "\r\nX-Content-Type-Options: nosniff\r\n";
  for (const auto& [name, value] : response.headers) {
    if (is_set_by_server(name)) continue;
    if (!is_field(name, value)) {
      out.resize(start);
      fail(ErrorCode::internal, "The server made an answer that it may not send.",
           fmt::format("response header field {}", name));
    }
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
  }
  if (framing.chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  } else if (framing.content_length) {
    out += "Content-Length: ";
    out += std::to_string(*framing.content_length);
    out += "\r\n";
  }
  out += framing.close ? "Connection: close\r\n\r\n" : "\r\n";
}

std::string http_date(std::int64_t unix_seconds) {
  static constexpr std::string_view days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::string_view months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = unix_seconds;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[utc.tm_wday], utc.tm_mday, months[utc.tm_mon],
                     utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

void append_chunk(std::string& out, std::string_view bytes) {
  if (bytes.empty()) return;
  fmt::format_to(std::back_inserter(out), "{:x}\r\n", bytes.size());
  out += bytes;
  out += "\r\n";
}

std::size_t ChunkDecoder::feed(std::string_view in, std::string& out) {
  std::size_t at = 0;
  const auto overhead = [&] {
    if (++overhead_ > chunk_overhead_max) malformed("the chunks carry more framing than content");
  };
  while (at < in.size() && state_ != State::done) {
    if (state_ == State::data) {
      const std::size_t take = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, in.size() - at));
      out.append(in.substr(at, take));
      at += take;
      remaining_ -= take;
      // Framing is bounded in proportion to what it carries.
      overhead_ -= std::min(overhead_, 16 * take);
      if (remaining_ == 0) state_ = State::data_end;
      continue;
    }
    const char c = in[at++];
    overhead();
    if (c == '\0') malformed("the chunked framing has a NUL byte");
    line_ += c;
    if (c != '\n') {
      if (line_.size() >= 2 && line_[line_.size() - 2] == '\r') malformed("a chunk has a stray carriage return");
      if (state_ == State::data_end && line_ != "\r") malformed("a chunk is longer than its size");
      continue;
    }
    if (line_.size() < 2 || line_[line_.size() - 2] != '\r') malformed("a chunk line does not end with CR LF");
    const std::string_view line = std::string_view(line_).substr(0, line_.size() - 2);
    if (state_ == State::data_end) {
      state_ = State::size;
    } else if (state_ == State::trailer) {
      if (line.empty()) state_ = State::done;
    } else {
      const std::string_view digits = line.substr(0, line.find(';'));
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), remaining_, 16);
      // from_chars takes no sign and no "0x"; 16 digits cannot overflow unseen.
      if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || remaining_ > INT64_MAX) {
        malformed("a chunk size is not a hexadecimal number");
      }
      state_ = remaining_ == 0 ? State::trailer : State::data;
    }
    line_.clear();
  }
  return at;
}

void compress(Response& response, bool client_accepts_gzip) {
  if (response.body.size() <= compress_bytes_min || response.headers.find("Content-Encoding") ||
      response.status == 206 || !is_compressible(response.headers.get("Content-Type"))) {
    return;
  }
  response.headers.add("Vary", "Accept-Encoding");
  if (!client_accepts_gzip) return;
  response.body = gzip(response.body);
  response.headers.add("Content-Encoding", "gzip");
}

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  // 15 + 16: a 32 KB window in gzip framing. Level 4: most of the gain for a third of the time of the default.
  if (deflateInit2(&stream, 4, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  struct End {
    z_stream& stream;
    ~End() { deflateEnd(&stream); }
  } end{stream};
  std::string out;
  std::array<char, 16 * 1024> block;
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    if (stream.avail_in == 0 && !bytes.empty()) {
      const std::string_view part = bytes.substr(0, 1u << 30);  // avail_in is 32 bits wide
      bytes.remove_prefix(part.size());
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
      stream.avail_in = static_cast<uInt>(part.size());
    }
    stream.next_out = reinterpret_cast<Bytef*>(block.data());
    stream.avail_out = static_cast<uInt>(block.size());
    status = deflate(&stream, bytes.empty() ? Z_FINISH : Z_NO_FLUSH);
    if (status == Z_STREAM_ERROR) throw std::logic_error("deflate");
    out.append(block.data(), block.size() - stream.avail_out);
  }
  return out;
}

}  // namespace modelops::http
