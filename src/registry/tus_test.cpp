#include "registry/tus.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/text.hpp"

namespace modelops::registry::tus {
namespace {

template <class F>
void expect_refused(F call, std::string_view header, std::string_view given) {
  try {
    call();
    ADD_FAILURE() << given << " was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::invalid) << given;
    EXPECT_TRUE(error.message.starts_with(header)) << error.message;
  }
}

TEST(TusTest, MetadataIsPairsOfKeysAndBase64) {
  const Metadata read = parse_metadata("filename d29ybGQub25ueA==,is_confidential, path YS9i ,empty ");
  ASSERT_EQ(read.size(), 4U);
  EXPECT_EQ(find(read, "filename"), "world.onnx");
  EXPECT_EQ(find(read, "path"), "a/b");
  EXPECT_EQ(find(read, "is_confidential"), "");
  EXPECT_EQ(find(read, "empty"), "");
  EXPECT_FALSE(find(read, "other"));
  EXPECT_TRUE(parse_metadata("").empty());
  EXPECT_TRUE(parse_metadata("  ").empty());
}

TEST(TusTest, MetadataThatIsNotIsRefused) {
  std::string many = "k0";
  for (std::size_t i = 1; i <= metadata_pairs_max; ++i) many += ",k" + std::to_string(i);
  const std::vector<std::string> hostile = {",",
                                            "a,,b",
                                            "a YQ==,a YQ==",
                                            "a YQ",
                                            "a Y Q==",
                                            "a !",
                                            "a wID/",  // not UTF-8
                                            "a " + to_base64(std::string("x\0y", 3)),
                                            std::string(65, 'k'),
                                            "sch\xc3\xbcssel YQ==",
                                            "a\tb YQ==",
                                            "a YR==",  // not what an encoder writes
                                            "a " + to_base64(std::string(metadata_bytes_max, 'x')),
                                            many};
  for (const std::string& header : hostile) expect_refused([&] { parse_metadata(header); }, "Upload-Metadata", header);
}

TEST(TusTest, BytesAreDecimalDigits) {
  EXPECT_EQ(parse_bytes("Upload-Offset", "0"), 0);
  EXPECT_EQ(parse_bytes("Upload-Length", "4611686018427387904"), std::int64_t{1} << 62);
  for (const char* header : {"", "-1", "+1", "1.0", "0x10", " 1", "1 ", "9223372036854775808", "4611686018427387905",
                             "18446744073709551617", "one"})
    expect_refused([&] { parse_bytes("Upload-Offset", header); }, "Upload-Offset", header);
}

TEST(TusTest, ChecksumsNameTheirAlgorithm) {
  const Checksum sha1 = parse_checksum("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=");
  EXPECT_TRUE(sha1.sha1);
  EXPECT_EQ(to_hex(sha1.digest), "2aae6c35c94fcfb415dbe95f408b9ce91ee846ed");
  EXPECT_FALSE(parse_checksum("sha256 " + to_base64(std::string(32, 'd'))).sha1);
  const std::string sha1_as_sha256 = "sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0=";
  for (const std::string& header :
       {std::string(), std::string("sha1"), std::string("sha1 "), sha1_as_sha256, std::string("md5 AAAA"),
        std::string("SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="), std::string("sha1  Kq5sNclPz7QV2+lfQIuc6R7oRu0=")})
    expect_refused([&] { parse_checksum(header); }, "Upload-Checksum", header);
}

TEST(TusTest, ConcatenationsNameTheirParts) {
  EXPECT_TRUE(parse_concatenation("partial").parts.empty());
  const Concatenation final = parse_concatenation("final;/api/v1/uploads/tus/trf_a https://h/b/trf_b trf_c");
  EXPECT_EQ(final.parts, (std::vector<std::string>{"trf_a", "trf_b", "trf_c"}));
  std::string many = "final;";
  for (std::size_t i = 0; i <= parts_max; ++i) many += "/a ";
  for (const std::string& header :
       {std::string(), std::string("final"), std::string("final;"), std::string("final;  "), std::string("Partial"),
        std::string("final;/a/"), std::string("partial;/a"), "final;" + std::string(65, 'a'), many})
    expect_refused([&] { parse_concatenation(header); }, "Upload-Concat", header);
}

}  // namespace
}  // namespace modelops::registry::tus
