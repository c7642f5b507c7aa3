#include "formats/gguf.hpp"

#include "formats/test_support.hpp"

namespace modelops::formats {
namespace {

using namespace testing;
using ::testing::HasSubstr;

GgufModel read(const std::string& bytes) { return read_gguf(MemorySource(bytes), "m.gguf"); }
std::string refused(const std::string& bytes) {
  return refusal([&] { read(bytes); });
}
std::string with_tensor(const std::string& tensor, std::size_t data = 64) { return gguf({}, {tensor}, data); }

TEST(GgufTest, ReadsMetadataAndTensors) {
  const auto model = read(small_gguf());
  EXPECT_EQ(model.version, 3u);
  EXPECT_EQ(model.architecture, "llama");
  EXPECT_EQ(model.name, "Small");
  EXPECT_EQ(model.license, "apache-2.0");
  EXPECT_EQ(model.quantization, "Q4_K_M");
  EXPECT_EQ(model.tokenizer_model, "gpt2");
  EXPECT_EQ(model.context_length, 2048u);
  EXPECT_EQ(model.block_count, 2u);
  EXPECT_EQ(model.embedding_length, 64u);
  EXPECT_EQ(model.vocabulary_size, 3u);
  EXPECT_TRUE(model.has_chat_template);
  ASSERT_EQ(model.tensors.size(), 2u);
  EXPECT_EQ(model.tensors[1].type, "Q4_K");
  EXPECT_EQ(model.tensors[1].size_bytes, 288u);
  EXPECT_EQ(total_elements(model.dtypes), 64u * 4 + 256 * 2);
}

TEST(GgufTest, ReadsVersion2AndEveryMetadataType) {
  std::string numbers;
  const auto model = read(
      gguf({gguf_string("a") + u32(0) + "\1", gguf_string("b") + u32(1) + "\xff", gguf_string("c") + u32(2) + u16(1),
            gguf_string("d") + u32(3) + u16(0xFFFF), gguf_string("e") + u32(5) + u32(0xFFFF'FFFF),
            gguf_string("f") + u32(6) + u32(0), gguf_string("g") + u32(7) + "\1", gguf_string("h") + u32(10) + u64(1),
            gguf_string("i") + u32(11) + u64(~0ull), gguf_string("j") + u32(12) + u64(0),
            gguf_string("k") + u32(9) + u32(4) + u64(2) + u64(0),
            gguf_string("l") + u32(9) + u32(9) + u64(1) + u32(8) + u64(1) + gguf_string("x"),
            gguf_u32("general.alignment", 64), gguf_u32("general.file_type", 999)},
           {gguf_tensor("t", {2}, 0, 0)}, 8, 2, 64));
  EXPECT_EQ(model.version, 2u);
  EXPECT_EQ(model.alignment, 64u);
  EXPECT_EQ(model.data_start % 64, 0u);
  EXPECT_EQ(model.quantization, "unknown (999)");
}

TEST(GgufTest, EveryTruncationIsRefusedWithItsByte) {
  const std::string whole = small_gguf();
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_THAT(refused(whole.substr(0, length)), HasSubstr("'m.gguf' is malformed at byte ")) << length;
}

TEST(GgufTest, RefusesOtherVersions) {
  EXPECT_THAT(refused(gguf({}, {}, 0, 1)), HasSubstr("byte 4: GGUF version 1 is not supported"));
  EXPECT_THAT(refused(gguf({}, {}, 0, 0x0300'0000)), HasSubstr("big-endian"));
  EXPECT_THAT(refused(std::string(32, 'x')), HasSubstr("does not begin with 'GGUF'"));
}

TEST(GgufTest, RefusesCountsThatTheFileCannotHold) {
  EXPECT_THAT(refused("GGUF" + u32(3) + u64(~0ull) + u64(0)), HasSubstr("byte 8: 18446744073709551615 tensors"));
  EXPECT_THAT(refused("GGUF" + u32(3) + u64(0) + u64(1ull << 62)), HasSubstr("byte 16: 4611686018427387904 metadata"));
  EXPECT_THAT(refused("GGUF" + u32(3) + u64(0) + u64(60'000) + std::string(100, '\0')), HasSubstr("60000 metadata"));
}

TEST(GgufTest, RefusesHugeTextsAndArrays) {
  const auto head = "GGUF" + u32(3) + u64(0) + u64(1);
  const std::string rest(64, '\0');
  EXPECT_THAT(refused(head + u64(~0ull) + rest), HasSubstr("at most 65535"));
  EXPECT_THAT(refused(head + gguf_string("k") + u32(8) + u64(1ull << 30) + rest),
              HasSubstr("a text of 1073741824 bytes"));
  EXPECT_THAT(refused(head + gguf_string("k") + u32(9) + u32(4) + u64(1ull << 62) + rest), HasSubstr("array elements"));
  EXPECT_THAT(refused(head + gguf_string("k") + u32(9) + u32(8) + u64(1ull << 30) + rest), HasSubstr("array elements"));
  EXPECT_THAT(refused(head + gguf_string("k") + u32(99) + rest), HasSubstr("99 is not a metadata type"));
}

TEST(GgufTest, NestedArraysDoNotHang) {
  std::string nested = gguf_string("k") + u32(9);
  for (int i = 0; i < 1000; ++i) nested += u32(9) + u64(1);
  EXPECT_THAT(refused(gguf({nested + u32(4) + u64(0)}, {}, 0)), HasSubstr("nested deeper"));
}

TEST(GgufTest, RefusesKeysAndTensorsGivenTwice) {
  EXPECT_THAT(refused(gguf({gguf_u32("a", 1), gguf_u32("a", 2)}, {}, 0)), HasSubstr("the key 'a' appears twice"));
  EXPECT_THAT(refused(gguf({}, {gguf_tensor("t", {8}, 0, 0), gguf_tensor("t", {8}, 0, 32)}, 64)),
              HasSubstr("the tensor 't' appears twice"));
}

TEST(GgufTest, RefusesUnsoundAlignment) {
  for (const std::uint64_t alignment : {0ull, 1ull, 3ull, 48ull, 0x8000'0000ull})
    EXPECT_THAT(refused(gguf({gguf_u32("general.alignment", alignment)}, {}, 0)), HasSubstr("an alignment of"))
        << alignment;
  EXPECT_THAT(refused(gguf({gguf_text("general.alignment", "x"), gguf_string("general.alignmen") + u32(9)}, {}, 0)),
              HasSubstr("malformed"));
}

TEST(GgufTest, RefusesUnsoundTensors) {
  EXPECT_THAT(refused(with_tensor(gguf_tensor("t", {1ull << 40, 1ull << 40}, 0, 0))),
              HasSubstr("shape of the tensor 't' overflows"));
  EXPECT_THAT(refused(with_tensor(gguf_tensor("t", {~0ull}, 0, 0))), HasSubstr("overflows"));
  EXPECT_THAT(refused(with_tensor(gguf_tensor("t", {1ull << 61}, 28, 0))), HasSubstr("overflows"));
  EXPECT_THAT(refused(with_tensor(gguf_tensor("t", {1, 1, 1, 1, 1}, 0, 0))), HasSubstr("5 dimensions"));
  EXPECT_THAT(refused(with_tensor(gguf_tensor("t", {8}, 77, 0))), HasSubstr("unknown type 77"));
  EXPECT_THAT(refused(with_tensor(gguf_tensor("t", {100}, 12, 0))), HasSubstr("not whole blocks of Q4_K"));
  EXPECT_THAT(refused(with_tensor(gguf_tensor(std::string(64, 't'), {8}, 0, 0))), HasSubstr("at most 63"));
  EXPECT_THAT(refused(with_tensor(gguf_tensor("t", {8}, 0, 1ull << 63))), HasSubstr("0 is expected"));
  EXPECT_THAT(refused(with_tensor(gguf_tensor("t", {17}, 0, 0))),
              HasSubstr("needs 68 bytes at offset 0 of the data, the file has 64"));
}

TEST(GgufTest, RefusesHolesAndOverlaps) {
  const auto first = gguf_tensor("a", {8}, 0, 0);
  EXPECT_NO_THROW(read(gguf({}, {first, gguf_tensor("b", {8}, 0, 32)}, 64)));
  EXPECT_THAT(refused(gguf({}, {first, gguf_tensor("b", {8}, 0, 0)}, 64)),
              HasSubstr("offset 0 of the data, 32 is expected"));
  EXPECT_THAT(refused(gguf({}, {first, gguf_tensor("b", {8}, 0, 64)}, 128)), HasSubstr("32 is expected"));
}

}  // namespace
}  // namespace modelops::formats
