#include "dataplane/proxy/heads.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <charconv>

#include "base/text.hpp"

namespace modelops::proxy {
namespace {

namespace beast = boost::beast::http;
using boost::system::error_code;
using http::equal_without_case;

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view other) { return equal_without_case(name, other); });
}

bool starts_without_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && equal_without_case(text.substr(0, prefix.size()), prefix);
}

bool concerns_connection(std::string_view name) {
  return is_one_of(name, {"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
                          "TE", "Trailer", "Transfer-Encoding", "Upgrade"});
}

/// Said by the gateway itself, or none of a replica's business. Cookies do not know ports: a browser would send those
/// of the web app on the same host too.
bool stays_behind(std::string_view name) {
  return is_one_of(name, {"Host", "Content-Length", "Expect", "Authorization", "X-Api-Key", "Cookie", "X-Request-Id",
                          "traceparent", "X-Forwarded-For", "Forwarded", "X-Real-IP"}) ||
         starts_without_case(name, "X-ModelOps-");
}

/// An engine must not set cookies for our host, nor speak in the gateway's name, nor decide whose pages may read.
bool is_ours(std::string_view name) {
  return is_one_of(name, {"Content-Length", "Set-Cookie", "Set-Cookie2", "X-Request-Id", "Date", "Server"}) ||
         starts_without_case(name, "X-ModelOps-") || starts_without_case(name, "Access-Control-");
}

/// Beast's grammar, our containers.
class ResponseParser final : public beast::basic_parser<false> {
 public:
  int status = 0;
  int version = 0;
  http::Headers headers;

 private:
  using View = boost::beast::string_view;
  void on_request_impl(beast::verb, View, View, int, error_code&) override {}
  void on_response_impl(int code, View, int http_version, error_code&) override {
    status = code;
    version = http_version;
  }
  void on_field_impl(beast::field, View name, View value, error_code&) override {
    headers.add({name.data(), name.size()}, {value.data(), value.size()});
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(View, error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, View, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View, error_code&) override { return 0; }
  void on_finish_impl(error_code&) override {}
};

[[noreturn]] void malformed(std::string_view what) {
  fail(ErrorCode::bad_gateway, "The model server gave an answer that is not valid HTTP/1.1.", std::string(what));
}

std::optional<std::string_view> single(const http::Headers& headers, std::string_view name) {
  if (headers.count(name) > 1) malformed(name);
  return headers.find(name);
}

}  // namespace

bool is_hop_by_hop(const http::Headers& headers, std::string_view name) {
  if (concerns_connection(name)) return true;
  for (const auto& [field, value] : headers) {
    if (equal_without_case(field, "Connection") && http::has_token(value, name)) return true;
  }
  return false;
}

void append_upstream_head(std::string& out, const http::Headers& received, const Passing& passing) {
  const auto field = [&](std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
  };
  out += passing.method;
  out += ' ';
  out += passing.path;
  if (!passing.query.empty()) {
    out += '?';
    out += passing.query;
  }
  out += " HTTP/1.1\r\n";
  field("Host", passing.address);
  field("X-Request-Id", passing.request_id);
  out += "traceparent: ";
  passing.span.append_trace_parent(out);
  out += "\r\nX-Forwarded-For: ";
  for (const auto& [name, value] : received) {
    if (!equal_without_case(name, "X-Forwarded-For")) continue;
    out += value;
    out += ", ";
  }
  out += passing.remote_address;
  out += "\r\n";
  const bool lists_fields = received.find("Connection").has_value();
  for (const auto& [name, value] : received) {
    if (stays_behind(name) || (lists_fields ? is_hop_by_hop(received, name) : concerns_connection(name))) continue;
    if (!passing.continues_trace && equal_without_case(name, "tracestate")) continue;
    field(name, value);
  }
  if (passing.chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  } else if (passing.content_length) {
    field("Content-Length", std::to_string(*passing.content_length));
  }
  out += "\r\n";
}

UpstreamHead parse_upstream_head(std::string_view bytes, http::Method method) {
  ResponseParser parser;
  parser.header_limit(static_cast<std::uint32_t>(bytes.size() + 1));
  parser.body_limit(boost::none);
  error_code error;
  parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  if (error && error != beast::error::need_more) malformed(error.message());
  if (!parser.is_header_done() || (parser.version != 10 && parser.version != 11)) malformed("head");

  UpstreamHead head;
  const http::Headers& headers = parser.headers;
  head.response.status = parser.status;
  if (parser.status == 101 || parser.status < 100 || parser.status > 599) malformed("status");
  const auto length = single(headers, "Content-Length");
  const auto coding = single(headers, "Transfer-Encoding");
  if (length && coding) malformed("both Content-Length and Transfer-Encoding");
  if (coding && !equal_without_case(*coding, "chunked")) malformed("transfer coding");
  head.chunked = coding.has_value();
  if (length) {
    std::uint64_t value = 0;
    const auto [end, failed] = std::from_chars(length->data(), length->data() + length->size(), value);
    if (failed != std::errc() || end != length->data() + length->size()) malformed("Content-Length");
    head.length = value;
  }
  head.has_body = method != http::Method::head && parser.status >= 200 && parser.status != 204 && parser.status != 304;
  head.keep_alive = parser.version == 11;
  const bool lists_fields = headers.find("Connection").has_value();
  for (const auto& [name, value] : headers) {
    if (lists_fields && equal_without_case(name, "Connection") && http::has_token(value, "close"))
      head.keep_alive = false;
    if (equal_without_case(name, "Content-Type") && starts_without_case(value, "text/event-stream"))
      head.is_event_stream = true;
  }
  parser.headers.remove_if([&](const http::Headers::Field& field) {
    return is_ours(field.first) ||
           (lists_fields ? is_hop_by_hop(headers, field.first) : concerns_connection(field.first));
  });
  head.response.headers = std::move(parser.headers);
  return head;
}

}  // namespace modelops::proxy
