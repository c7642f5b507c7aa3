#include "formats/onnx.hpp"

#include "formats/test_support.hpp"

namespace modelops::formats {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

OnnxModel read(const std::string& bytes) { return read_onnx(MemorySource(bytes), "m.onnx"); }
std::string refused(const std::string& bytes) {
  return refusal([&] { read(bytes); });
}

TEST(OnnxTest, ReadsInputsOutputsAndParameters) {
  const auto model =
      read(onnx(onnx_tensor("w", {3, 2}, pb(9, std::string(24, '\0'))), "", pb(14, pb(1, "license") + pb(2, "MIT"))));
  EXPECT_EQ(model.ir_version, 8);
  EXPECT_EQ(model.producer, "writer");
  EXPECT_EQ(model.graph_name, "tiny");
  ASSERT_EQ(model.inputs.size(), 1u);
  EXPECT_EQ(model.inputs[0].name, "x");
  EXPECT_EQ(model.inputs[0].dtype, "float32");
  EXPECT_THAT(model.inputs[0].shape, ElementsAre(-1, 3));
  EXPECT_THAT(model.inputs[0].dim_names, ElementsAre("batch", ""));
  EXPECT_THAT(model.outputs[0].shape, ElementsAre(-1, 2));
  EXPECT_EQ(model.opsets, (std::vector<std::pair<std::string, std::int64_t>>{{"", 13}}));
  EXPECT_EQ(model.metadata, (std::vector<std::pair<std::string, std::string>>{{"license", "MIT"}}));
  EXPECT_EQ(total_elements(model.dtypes), 6u);
  EXPECT_EQ(model.node_count, 1u);
  EXPECT_TRUE(model.custom_operators.empty());
}

TEST(OnnxTest, PackedDimensionsCountTheSame) {
  EXPECT_EQ(total_elements(read(onnx(pb(1, varint(300) + varint(2)) + pb(2, 10) + pb(8, "w"))).dtypes), 600u);
}

TEST(OnnxTest, EveryTruncationIsRefusedWithItsByte) {
  const std::string whole = onnx();
  const std::size_t graph_end = whole.size() - pb(8, pb(1, "") + pb(2, 13)).size();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    if (length == graph_end) continue;  // a whole message that lacks its opset: still a graph
    EXPECT_THAT(refused(whole.substr(0, length)), HasSubstr("'m.onnx' is malformed at byte ")) << length;
  }
}

TEST(OnnxTest, OldModelsListInitializersAsInputs) {
  const std::string graph = pb(5, onnx_tensor("w", {3}, "")) + pb(11, onnx_port("w", "")) + pb(11, onnx_port("x", ""));
  const auto model = read(pb(1, 3) + pb(7, graph));
  ASSERT_EQ(model.inputs.size(), 1u);
  EXPECT_EQ(model.inputs[0].name, "x");
}

TEST(OnnxTest, NamesCustomOperators) {
  const auto model = read(onnx(onnx_tensor("w", {1}, ""),
                               pb(1, onnx_node("Evil", "my.ops")) + pb(1, onnx_node("Gelu", "com.microsoft")) +
                                   pb(1, onnx_node("Own", "local")) + pb(1, onnx_node("Scaler", "ai.onnx.ml")),
                               pb(25, pb(1, "Own") + pb(10, "local"))));
  EXPECT_THAT(model.custom_operators, ElementsAre("my.ops::Evil"));
  EXPECT_THAT(model.operator_domains, ElementsAre("ai.onnx.ml", "com.microsoft", "local", "my.ops"));
}

TEST(OnnxTest, ReadsExternalDataInsideTheFolder) {
  const auto model = read(onnx(onnx_tensor("w", {3, 2}, onnx_external("weights/w.bin", "4096"))));
  ASSERT_EQ(model.external_data.size(), 1u);
  EXPECT_EQ(model.external_data[0].location, "weights/w.bin");
  EXPECT_EQ(model.external_data[0].offset, 4096u);
  EXPECT_EQ(model.external_data[0].length, 24u);
}

TEST(OnnxTest, RefusesExternalDataThatLeavesTheFolder) {
  for (const auto& location :
       {std::string("../../etc/passwd"), std::string("/etc/passwd"), std::string("a/../../b"), std::string("..\\x"),
        std::string("C:\\x"), std::string(""), std::string("a\0b", 3), std::string("./x")})
    EXPECT_THAT(refused(onnx(onnx_tensor("w", {3, 2}, onnx_external(location)))),
                HasSubstr("not inside the model's folder"))
        << location;
  EXPECT_THAT(refused(onnx(onnx_tensor("w", {3, 2}, onnx_external("w.bin", "-1")))), HasSubstr("is not a number"));
  EXPECT_THAT(refused(onnx(onnx_tensor("w", {3, 2}, onnx_external("w.bin", "0", "9999999999999999999999")))),
              HasSubstr("is not a number"));
  EXPECT_THAT(refused(onnx(onnx_tensor("w", {1}, pb(14, 1)))), HasSubstr("external data without a location"));
}

TEST(OnnxTest, ExternalDataOfConstantsInsideSubgraphsIsSeen) {
  const auto constant = onnx_node("Constant", "", pb(5, pb(5, onnx_tensor("c", {1}, onnx_external("../x")))));
  EXPECT_THAT(refused(onnx(onnx_tensor("w", {1}, ""), pb(1, onnx_node("If", "", pb(5, pb(6, pb(1, constant))))))),
              HasSubstr("not inside the model's folder"));
}

TEST(OnnxTest, RecursionIsBounded) {
  EXPECT_EQ(read(nested_onnx(10)).node_count, 11u);
  EXPECT_THAT(refused(nested_onnx(30)), HasSubstr("nested deeper than 64"));
  EXPECT_THAT(refused(nested_onnx(5000)), HasSubstr("nested deeper than 64"));
}

TEST(OnnxTest, RefusesUnsoundWireData) {
  const std::string long_varint = std::string(10, '\xff') + "\x01";
  EXPECT_THAT(refused(varint(1 << 3) + long_varint), HasSubstr("more than 64 bits"));
  EXPECT_THAT(refused(long_varint), HasSubstr("more than 64 bits"));
  EXPECT_THAT(refused(varint(7 << 3 | 2) + varint(~0ull)), HasSubstr("does not fit"));
  EXPECT_THAT(refused(varint(7 << 3 | 3)), HasSubstr("wire type 3"));
  EXPECT_THAT(refused(varint(2) + varint(0)), HasSubstr("impossible number"));
  EXPECT_THAT(refused(pb(1, "text") + pb(7, "")), HasSubstr("wire type 2, 0 is expected"));
  EXPECT_THAT(refused(pb(1, 8) + pb(7, 5)), HasSubstr("wire type 0, 2 is expected"));
  EXPECT_THAT(refused(pb(1, 8) + pb(7, "") + pb(7, "")), HasSubstr("a second graph"));
  EXPECT_THAT(refused(pb(1, 8)), HasSubstr("no graph"));
  EXPECT_THAT(refused(pb(7, "")), HasSubstr("no sound ir_version"));
  EXPECT_THAT(refused(pb(1, 8) + pb(2, std::string(70'000, 'x')) + pb(7, "")), HasSubstr("at most 65536"));
}

TEST(OnnxTest, RefusesDimensionsThatOverflow) {
  EXPECT_THAT(refused(onnx(onnx_tensor("w", {1ull << 40, 1ull << 40}, ""))), HasSubstr("negative or overflow"));
  EXPECT_THAT(refused(onnx(onnx_tensor("w", {~0ull}, ""))), HasSubstr("negative or overflow"));
  EXPECT_THAT(refused(onnx(pb(1, std::string(11, '\xff')) + pb(2, 1))), HasSubstr("not a number"));
}

}  // namespace
}  // namespace modelops::formats
