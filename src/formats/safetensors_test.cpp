#include "formats/safetensors.hpp"

#include <fmt/format.h>

#include "formats/test_support.hpp"

namespace modelops::formats {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

SafetensorsModel read(const std::string& bytes) { return read_safetensors(MemorySource(bytes), "m.safetensors"); }
std::string refused(const std::string& bytes) {
  return refusal([&] { read(bytes); });
}
std::string refused(std::string_view header, std::size_t data) { return refused(safetensors(header, data)); }

TEST(SafetensorsTest, ReadsTheInventoryInDataOrder) {
  const auto model = read(small_safetensors());
  EXPECT_EQ(model.framework, "pt");
  ASSERT_EQ(model.tensors.size(), 2u);
  EXPECT_EQ(model.tensors[0].name, "a");
  EXPECT_EQ(model.tensors[0].shape, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(model.tensors[1].end, 20u);
  EXPECT_EQ(total_elements(model.dtypes), 8u);
}

TEST(SafetensorsTest, ReadsEmptyTensorsScalarsSubBytesAndNoTensors) {
  EXPECT_EQ(read(safetensors(R"({"e":{"dtype":"F32","shape":[0,5],"data_offsets":[0,0]},)"
                             R"("s":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
                             R"("f":{"dtype":"F4","shape":[3,2],"data_offsets":[8,11]}})",
                             11))
                .tensors.size(),
            3u);
  EXPECT_EQ(read(safetensors("{}", 0)).tensors.size(), 0u);
}

TEST(SafetensorsTest, AHeaderLargerThanOneChunkIsReadWhole) {
  std::string header = "{";
  for (int i = 0; i < 3000; ++i)
    header += fmt::format(R"({}"layer.{}.weight":{{"dtype":"U8","shape":[2],"data_offsets":[{},{}]}})", i ? "," : "", i,
                          2 * i, 2 * i + 2);
  EXPECT_GT(header.size(), 3 * 64 * 1024u / 2);
  const auto model = read(safetensors(header + "}", 6000));
  EXPECT_EQ(model.tensors.size(), 3000u);
  EXPECT_EQ(model.tensors[2999].name, "layer.2999.weight");
}

TEST(SafetensorsTest, EveryTruncationIsRefusedWithItsByte) {
  const std::string whole = small_safetensors();
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_THAT(refused(whole.substr(0, length)), HasSubstr("'m.safetensors' is malformed at byte ")) << length;
}

TEST(SafetensorsTest, RefusesHeadersThatAreTooLarge) {
  EXPECT_THAT(refused(u64(25'000'001) + "{}"), HasSubstr("byte 0: a header of 25000001 bytes, at most 25000000"));
  EXPECT_THAT(refused(u64(~0ull) + "{}"), HasSubstr("at most 25000000"));
  EXPECT_THAT(refused(u64(1000) + "{}"), HasSubstr("the file has 2 after its length"));
  EXPECT_THAT(refused(" {}", 0), HasSubstr("does not begin with '{'"));
}

TEST(SafetensorsTest, RefusesKeysGivenTwice) {
  EXPECT_THAT(refused(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                      R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                      2),
              HasSubstr("the key 'a' appears twice"));
  EXPECT_THAT(refused(R"({"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", 1),
              HasSubstr("the key 'dtype' appears twice"));
  EXPECT_THAT(refused(R"({"__metadata__":{},"__metadata__":{}})", 0), HasSubstr("twice"));
  EXPECT_THAT(refused(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                      R"("\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                      2),
              HasSubstr("twice"));
}

TEST(SafetensorsTest, RefusesOverlapsAndHoles) {
  EXPECT_THAT(refused(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                      R"("b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
                      6),
              HasSubstr("'b' overlaps"));
  EXPECT_THAT(refused(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                      R"("b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
                      4),
              HasSubstr("overlaps"));
  EXPECT_THAT(refused(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                      R"("b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
                      3),
              HasSubstr("'b' leaves a hole"));
  EXPECT_THAT(refused(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2), HasSubstr("leaves a hole"));
  EXPECT_THAT(refused(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 9),
              HasSubstr("8 bytes follow the last tensor"));
  EXPECT_THAT(refused(R"({"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}})", 1),
              HasSubstr("ends at byte 9 of the data, the file has 1"));
  EXPECT_THAT(refused(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1),
              HasSubstr("ends before it begins"));
}

TEST(SafetensorsTest, RefusesSizesThatDoNotFollowFromTheShape) {
  EXPECT_THAT(refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4),
              HasSubstr("has 4 bytes, its shape and dtype need 64 bits"));
  EXPECT_THAT(refused(R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}})", 1), HasSubstr("need 12 bits"));
  EXPECT_THAT(refused(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0),
              HasSubstr("overflows"));
  EXPECT_THAT(refused(R"({"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}})", 0),
              HasSubstr("overflows"));
}

TEST(SafetensorsTest, RefusesHeadersOfAnotherShape) {
  const std::vector<std::string> headers = {
      R"({"a":1})",
      R"({"a":"x"})",
      R"({"a":[]})",
      R"({"a":null})",
      R"({"a":true})",
      R"({"a":{"dtype":"U8"}})",
      R"({"a":{"dtype":"U9","shape":[],"data_offsets":[0,1]}})",
      R"({"a":{"dtype":["U8"],"shape":[],"data_offsets":[0,1]}})",
      R"({"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}})",
      R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})",
      R"({"a":{"dtype":"U8","shape":[[1]],"data_offsets":[0,1]}})",
      R"({"a":{"dtype":"U8","shape":{},"data_offsets":[0,1]}})",
      R"({"a":{"dtype":"U8","shape":[],"data_offsets":[0]}})",
      R"({"a":{"dtype":"U8","shape":[],"data_offsets":[0,1,1]}})",
      R"({"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}})",
      R"({"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"x":1}})",
      R"({"__metadata__":{"a":1}})",
      R"({"__metadata__":{"a":{}}})",
      R"({"__metadata__":"x"})",
      R"({} {})",
      R"({)",
      R"({"a")",
      R"({"a":{"dtype":"U8","shape":[1e400],"data_offsets":[0,1]}})",
      R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})",
      R"({"__metadata__":[]})",
      "{\"\xff\":{}}"};
  for (const auto& header : headers) EXPECT_THAT(refused(header, 1), HasSubstr("malformed at byte ")) << header;
}

TEST(SafetensorsIndexTest, ListsItsFilesOnce) {
  const auto index = read_safetensors_index(
      MemorySource(R"({"metadata":{"total_size":42},"weight_map":{"a":"x-1.safetensors","b":"x-2.safetensors",)"
                   R"("c":"x-1.safetensors"}})"),
      "i");
  EXPECT_EQ(index.total_size_bytes, 42);
  EXPECT_EQ(index.tensors, 3u);
  EXPECT_THAT(index.files, ElementsAre("x-1.safetensors", "x-2.safetensors"));
}

TEST(SafetensorsIndexTest, RefusesPathsThatLeaveTheFolder) {
  for (const auto* json : {R"({"weight_map":{"a":"../../etc/passwd"}})", R"({"weight_map":{"a":"/etc/passwd"}})",
                           R"({"weight_map":{"a":1}})"})
    EXPECT_THAT(refusal([&] { read_safetensors_index(MemorySource(json), "i"); }),
                HasSubstr("not a file inside the model's folder"));
  EXPECT_THAT(refusal([] { read_safetensors_index(MemorySource("{}"), "i"); }), HasSubstr("weight_map"));
}

}  // namespace
}  // namespace modelops::formats
