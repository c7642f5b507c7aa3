#include "platform/http/wire.hpp"

#include <gmock/gmock.h>
#include <zlib.h>

#include <boost/json.hpp>

namespace modelops::http {
namespace {

using testing::HasSubstr;

ErrorCode refusal(std::string_view bytes) {
  try {
    HeadScanner scanner(16 * 1024, 8 * 1024);
    const std::size_t size = scanner.scan(bytes);
    EXPECT_NE(size, 0u) << "the head is incomplete: " << bytes;
    parse_head(bytes.substr(0, size));
  } catch (const Error& error) {
    return error.code;
  }
  ADD_FAILURE() << "accepted: " << bytes;
  return ErrorCode::internal;
}

std::string decode_chunks(std::string_view bytes, std::size_t step = 1) {
  ChunkDecoder decoder;
  std::string out;
  while (!bytes.empty() && !decoder.done()) {
    bytes.remove_prefix(decoder.feed(bytes.substr(0, step), out));
  }
  EXPECT_TRUE(decoder.done());
  return out;
}

TEST(Head, is_parsed) {
  const Head head = parse_head(
      "POST /a%20b?x=1&y HTTP/1.1\r\nhOsT: h\r\nContent-Length: 12\r\nX-A: 1\r\nx-a: 2\r\n"
      "Accept-Encoding: br, gzip;q=0.5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(head.request.method, Method::post);
  EXPECT_EQ(head.request.path, "/a%20b");
  EXPECT_EQ(head.request.query, "x=1&y");
  EXPECT_EQ(head.request.headers.get("Host"), "h");
  EXPECT_EQ(head.request.headers.count("X-A"), 2u);
  EXPECT_EQ(head.request.content_length, 12u);
  EXPECT_TRUE(head.keep_alive && head.expects_continue && head.accepts_gzip);
  EXPECT_FALSE(head.chunked);
}

TEST(Head, the_absolute_form_and_http_1_0_are_understood) {
  EXPECT_EQ(parse_head("GET http://h:1/p?q HTTP/1.1\r\nHost: h\r\n\r\n").request.path, "/p");
  EXPECT_EQ(parse_head("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n").request.path, "/");
  const Head old = parse_head("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(old.http_1_0);
  EXPECT_FALSE(old.keep_alive);
}

TEST(Head, what_two_programs_could_read_differently_is_refused) {
  const std::string_view heads[] = {
      "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -3\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x3\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551616\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n",
      "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n folded\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nX: a\nContent-Length: 3\r\n\r\n",
      "GET / HTTP/1.1\nHost: h\n\n",
      "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nX\x01: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nX: a\x01\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\n: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
      "GET / HTTP/1.2\r\nHost: h\r\n\r\n",
      "GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /#f HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET a HTTP/1.1\r\nHost: h\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nExpect: a miracle\r\n\r\n",
  };
  for (const auto head : heads) EXPECT_EQ(refusal(head), ErrorCode::invalid) << head;
  EXPECT_EQ(refusal(std::string_view("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", 38)), ErrorCode::invalid);
}

TEST(Head, other_refusals_have_their_own_status) {
  EXPECT_EQ(refusal("BREW / HTTP/1.1\r\nHost: h\r\n\r\n"), ErrorCode::method_not_allowed);
  EXPECT_EQ(refusal("TRACE / HTTP/1.1\r\nHost: h\r\n\r\n"), ErrorCode::method_not_allowed);
  EXPECT_EQ(refusal("get / HTTP/1.1\r\nHost: h\r\n\r\n"), ErrorCode::method_not_allowed);
  EXPECT_EQ(refusal("POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\n\r\n"), ErrorCode::unsupported_media);
  EXPECT_EQ(refusal("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n"), ErrorCode::header_too_large);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(17'000, 'a') + "\r\n\r\n"),
            ErrorCode::header_too_large);
  std::string many = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 200; ++i) many += "X: a\r\n";
  EXPECT_EQ(refusal(many + "\r\n"), ErrorCode::header_too_large);
}

TEST(Head, its_end_is_found_wherever_the_packets_are_cut) {
  const std::string bytes = "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET";
  HeadScanner scanner(1000, 1000);
  for (std::size_t size = 0; size < bytes.size() - 3; ++size) EXPECT_EQ(scanner.scan(bytes.substr(0, size)), 0u);
  EXPECT_EQ(scanner.scan(bytes), bytes.size() - 3);
}

TEST(Head, a_field_cannot_split_the_response) {
  for (const std::string_view value : {"a\r\nSet-Cookie: b", "a\nb", "a\rb"}) {
    Response response;
    response.headers.add("Location", value);
    std::string out;
    EXPECT_THROW(append_head(out, response, {}), Error);
    EXPECT_EQ(out, "");
  }
}

TEST(Head, the_date_is_an_imf_fixdate) { EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT"); }

TEST(Chunks, are_decoded_wherever_the_packets_are_cut) {
  std::string encoded;
  append_chunk(encoded, "Hello");
  append_chunk(encoded, "");
  append_chunk(encoded, std::string(300, 'x'));
  encoded += last_chunk;
  for (const std::size_t step : {1, 2, 3, 7, 1000}) {
    EXPECT_EQ(decode_chunks(encoded, step), "Hello" + std::string(300, 'x'));
  }
  EXPECT_EQ(decode_chunks("A;name=value\r\n0123456789\r\n000\r\nTrailer: x\r\n\r\n"), "0123456789");
}

TEST(Chunks, what_follows_the_last_is_left) {
  ChunkDecoder decoder;
  std::string out;
  const std::string_view bytes = "1\r\na\r\n0\r\n\r\nGET /";
  EXPECT_EQ(decoder.feed(bytes, out), bytes.size() - 5);
  EXPECT_TRUE(decoder.done());
}

TEST(Chunks, bad_framing_is_refused) {
  for (const std::string_view bytes :
       {"\r\n", "g\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", " 1\r\n", "1 \r\n", "1\n", "1\ra\r\n", "1\r\nab\r\n",
        "1\r\na\n", "1\r\na0\r\n", "fffffffffffffffff\r\n", "ffffffffffffffff\r\n", "0\r\nX: y\n\r\n"}) {
    ChunkDecoder decoder;
    std::string out;
    EXPECT_THROW(decoder.feed(bytes, out), Error) << bytes;
  }
}

TEST(Chunks, extensions_and_trailers_are_bounded) {
  for (const std::string start : {"1;", "0\r\n"}) {
    ChunkDecoder decoder;
    std::string out;
    EXPECT_THROW(decoder.feed(start + std::string(100'000, 'x'), out), Error);
  }
}

TEST(Compression, is_used_where_it_pays) {
  const auto sent = [](std::string type, std::size_t size, bool accepts) {
    Response response;
    response.headers.add("Content-Type", type);
    response.body = std::string(size, 'a');
    compress(response, accepts);
    return std::pair(response.headers.get("Content-Encoding") == "gzip", response.headers.get("Vary") != "");
  };
  for (const std::string type : {"text/html; charset=utf-8", "application/json", "application/problem+json",
                                 "application/yaml", "application/javascript", "text/css", "image/svg+xml"}) {
    EXPECT_EQ(sent(type, 5000, true), std::pair(true, true)) << type;
    EXPECT_EQ(sent(type, 5000, false), std::pair(false, true)) << type;
    EXPECT_EQ(sent(type, 1000, true), std::pair(false, false)) << type;
  }
  EXPECT_EQ(sent("image/png", 5000, true), std::pair(false, false));
  EXPECT_EQ(sent("text/event-stream", 5000, true), std::pair(false, false));
}

TEST(Compression, gives_the_same_bytes_back) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i * 7919);
  const std::string packed = gzip(text);
  EXPECT_LT(packed.size(), text.size());
  std::string out(text.size() + 1, '\0');
  z_stream stream{};
  ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  EXPECT_EQ(out, text);
}

TEST(Compression, is_refused_by_a_weight_of_zero) {
  const auto accepts = [](std::string_view value) {
    return parse_head("GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: " + std::string(value) + "\r\n\r\n").accepts_gzip;
  };
  EXPECT_TRUE(accepts("gzip"));
  EXPECT_TRUE(accepts("*"));
  EXPECT_TRUE(accepts("GZIP;q=0.001"));
  EXPECT_FALSE(accepts("gzip;q=0"));
  EXPECT_FALSE(accepts("*, gzip;q=0.000"));
  EXPECT_FALSE(accepts("br"));
  EXPECT_FALSE(accepts(""));
}

TEST(Query, is_decoded) {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(parse_query("a=1&b=x%20y+z&&c&d=%3D="), (Pairs{{"a", "1"}, {"b", "x y z"}, {"c", ""}, {"d", "=="}}));
  EXPECT_EQ(parse_query(""), Pairs{});
  for (const std::string_view bad : {"a=%", "a=%2", "a=%zz", "%1g=1"}) EXPECT_THROW(parse_query(bad), Error) << bad;
}

TEST(Query, percent_coding_is_its_own_inverse) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_encode("a b/ü~"), "a%20b%2F%C3%BC~");
  EXPECT_EQ(percent_decode("a+b"), "a+b");
}

TEST(Problem, tells_code_message_violations_and_request_id) {
  Response response;
  try {
    Error error(ErrorCode::unprocessable, "Two fields are wrong.", "never shown", {{"/name", "too long"}});
    error.retry_after_seconds = 7;
    throw error;
  } catch (...) {
    response = problem_of_current_exception("r1");
  }
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(response.headers.get("Content-Type"), "application/problem+json");
  EXPECT_EQ(response.headers.get("Retry-After"), "7");
  EXPECT_EQ(boost::json::parse(response.body), boost::json::parse(R"({"type":"urn:modelops:problem:unprocessable",
      "title":"Unprocessable Entity","status":422,"detail":"Two fields are wrong.","request_id":"r1",
      "violations":[{"pointer":"/name","message":"too long"}]})"));
}

TEST(Problem, an_unknown_exception_says_nothing_but_the_request_id) {
  const auto problem_of = [](auto thrown) {
    try {
      throw thrown;
    } catch (...) {
      return problem_of_current_exception("r2");
    }
  };
  for (const Response& response :
       {problem_of(std::runtime_error("password=x")), problem_of(std::bad_alloc()), problem_of(42)}) {
    EXPECT_EQ(response.status, 500);
    EXPECT_THAT(response.body, HasSubstr("r2"));
    EXPECT_THAT(response.body, Not(HasSubstr("password")));
  }
}

TEST(Problem, is_json_even_when_the_message_is_not_utf8) {
  const Response response = problem_response(Error(ErrorCode::invalid, "bad \xff byte"), "r");
  EXPECT_THAT(response.body, HasSubstr("bad ? byte"));
}

TEST(Headers, compare_names_without_case) {
  Headers headers;
  headers.add("A", "1");
  headers.add("a", "2");
  EXPECT_EQ(headers.get("a"), "1");
  headers.set("a", "3");
  EXPECT_EQ(headers.size(), 1u);
  headers.remove("A");
  EXPECT_FALSE(headers.find("a"));
}

TEST(Headers, keep_their_order_and_may_be_added_from_themselves) {
  Headers headers;
  std::vector<std::pair<std::string, std::string>> added;
  for (int i = 0; i < 100; ++i) {
    added.emplace_back(fmt::format("X-{}", i), std::string(static_cast<std::size_t>(i), 'v'));
    headers.add(added.back().first, added.back().second);
  }
  added.emplace_back("X-99", added.back().second);
  headers.add(headers.find("X-99") ? "X-99" : "", headers.get("X-99"));
  headers.set("X-0", headers.get("X-1"));
  added.erase(added.begin());
  added.emplace_back("X-0", "v");
  const Headers copy = headers;
  headers.add("X-100", "later");
  ASSERT_EQ(copy.size(), added.size());
  EXPECT_TRUE(std::ranges::equal(copy, added, [](const Headers::Field& field, const auto& expected) {
    return field.first == expected.first && field.second == expected.second;
  }));
}

}  // namespace
}  // namespace modelops::http
