#include "dataplane/runtime/protocol.hpp"

#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <random>

#include "base/error.hpp"
#include "dataplane/runtime/test_models.hpp"

namespace modelops::runtime {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

InferRequest decode(std::string_view body) { return decode_infer_request(body, std::nullopt); }

std::string refusal(std::string_view body, std::optional<std::size_t> json_size = {}) {
  try {
    decode_infer_request(body, json_size);
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::invalid);
    return error.message;
  }
  return "accepted";
}

/// The only input of a request with `fields`.
Tensor decode_input(const std::string& fields) {
  return decode(R"({"inputs":[{"name":"x",)" + fields + "}]}").inputs.at(0);
}
std::string refusal_of_input(const std::string& fields) {
  return refusal(R"({"inputs":[{"name":"x",)" + fields + "}]}");
}

TEST(DecodeInferRequest, takes_the_specifications_example) {
  const InferRequest request = decode(R"({
    "id" : "42",
    "inputs" : [
      {"name" : "input0", "shape" : [ 2, 2 ], "datatype" : "UINT32", "data" : [ 1, 2, 3, 4 ]},
      {"name" : "input1", "shape" : [ 3 ], "datatype" : "BOOL", "data" : [ true, false, true ]}
    ],
    "outputs" : [ {"name" : "output0"} ]
  })");
  EXPECT_EQ(request.id, "42");
  ASSERT_EQ(request.inputs.size(), 2u);
  EXPECT_EQ(request.inputs[0], tensor<std::uint32_t>("input0", Datatype::uint32, {2, 2}, {1, 2, 3, 4}));
  EXPECT_EQ(request.inputs[1], tensor<char>("input1", Datatype::bool_, {3}, {1, 0, 1}));
  ASSERT_EQ(request.outputs.size(), 1u);
  EXPECT_EQ(request.outputs[0].name, "output0");
}

TEST(DecodeInferRequest, takes_fields_in_any_order_and_passes_over_unknown_ones) {
  const InferRequest request = decode(R"({"outputs":[{"parameters":{"binary_data":true},"name":"y"}],
    "model_name":"m", "parameters":{"binary_data_output":true,"a":[{"inputs":[1]}]},
    "inputs":[{"data":[[1,2],[3,4]],"datatype":"FP32","extra":{"data":[[]]},"shape":[2,2],"name":"x"},
              {"name":"z","shape":[1],"datatype":"INT8","data":[-3]}]})");
  EXPECT_TRUE(request.binary_outputs);
  EXPECT_EQ(request.outputs[0].binary, true);
  EXPECT_EQ(request.inputs[0], floats("x", {2, 2}, {1, 2, 3, 4}));
  EXPECT_EQ(request.inputs[1], tensor<std::int8_t>("z", Datatype::int8, {1}, {-3}));
}

TEST(DecodeInferRequest, takes_flat_and_nested_data) {
  const Tensor expected = floats("x", {1, 2, 2}, {1, 2, 3, 4});
  const std::string head = R"("datatype":"FP32","shape":[1,2,2],"data":)";
  EXPECT_EQ(decode_input(head + "[1,2,3,4]"), expected);
  EXPECT_EQ(decode_input(head + "[[[1,2],[3,4]]]"), expected);
  for (const char* data : {"[[1,2],[3,4]]", "[[[1,2,3],[4]]]", "[[[1,2],[3,4]],[]]", "[1,[2],3,4]", "[1,2,3,4,[]]",
                           "[[],1,2,3,4]", "[[[[1]],2],[3,4]]", "[1,2,3]", "[1,2,3,4,5]", "[[[1,2]]]", "[]"}) {
    EXPECT_THAT(refusal_of_input(head + data), HasSubstr("inputs[0] \"x\"")) << data;
  }
  EXPECT_EQ(decode_input(R"("datatype":"FP32","shape":[0,3],"data":[])").data.size(), 0u);
  EXPECT_EQ(decode_input(R"("datatype":"FP32","shape":[2,0],"data":[[],[]])").data.size(), 0u);
  EXPECT_THAT(values(decode_input(R"("datatype":"FP32","shape":[],"data":[5])")), ElementsAre(5));
  EXPECT_THAT(refusal_of_input(R"("datatype":"FP32","shape":[],"data":[[[[[[[[[[[[[[[[[[5]]]]]]]]]]]]]]]]]])"),
              HasSubstr("deeper"));
}

TEST(DecodeInferRequest, keeps_numbers_exactly_and_refuses_those_that_do_not_fit) {
  const auto refused = [](std::string_view datatype, std::string_view number) {
    return refusal_of_input(fmt::format(R"("datatype":"{}","shape":[1],"data":[{}])", datatype, number)) != "accepted";
  };
  const std::tuple<std::string_view, std::vector<std::string_view>, std::vector<std::string_view>> cases[] = {
      {"BOOL", {"0", "1", "true"}, {"2", "-1", "0.5", "\"true\"", "null"}},
      {"UINT8", {"0", "255", "7.0", "1e2"}, {"256", "-1", "0.5", "true", "\"1\"", "1e300", "[]", "{}"}},
      {"UINT16", {"65535"}, {"65536"}},
      {"UINT32", {"4294967295"}, {"4294967296"}},
      {"UINT64", {"18446744073709551615"}, {"18446744073709551616", "-1"}},
      {"INT8", {"-128", "127"}, {"-129", "128"}},
      {"INT16", {"-32768"}, {"32768"}},
      {"INT32", {"-2147483648"}, {"2147483648"}},
      {"INT64", {"-9223372036854775808", "9223372036854775807"}, {"9223372036854775808", "1e19", "-1e19"}},
      {"FP16", {"65504", "-0.5"}, {"70000"}},
      {"FP32", {"3.4e38", "1e-50", "12345678901234567890"}, {"3.5e38", "1e400"}},
      {"FP64", {"1.7976931348623157e308"}, {"1e309", "NaN"}},
      {"BYTES", {"\"\"", "\"a\\u00e9\""}, {"1", "true", "\"\\u0000\""}},
  };
  for (const auto& [datatype, good, bad] : cases) {
    for (const auto number : good) EXPECT_FALSE(refused(datatype, number)) << datatype << " " << number;
    for (const auto number : bad) EXPECT_TRUE(refused(datatype, number)) << datatype << " " << number;
  }
  std::mt19937_64 random(7);
  for (int i = 0; i < 5'000; ++i) {
    const double number = std::bit_cast<double>(random());
    if (!std::isfinite(number)) continue;
    const auto input = decode_input(fmt::format(R"("datatype":"FP64","shape":[1],"data":[{}])", number));
    ASSERT_THAT(values<double>(input), ElementsAre(number));
  }
}

TEST(DecodeInferRequest, names_the_field_that_is_wrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "not JSON"},
      {"{\"inputs\":[]} x", "not JSON"},
      {"[]", "must be a JSON object"},
      {"{}", "\"inputs\" is required"},
      {R"({"inputs":{}})", "\"inputs\" cannot be or hold an object"},
      {R"({"inputs":[1]})", "inputs[0] cannot be or hold a number"},
      {R"({"inputs":[{}]})", "inputs[0]: \"name\" is required"},
      {R"({"inputs":[{"name":"x","shape":[1],"data":[1]}]})", "inputs[0] \"x\": \"datatype\" is required"},
      {R"({"inputs":[{"name":"x","datatype":"FP32","data":[1]}]})", "inputs[0] \"x\": \"shape\" is required"},
      {R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1]}]})", "give either \"data\" or"},
      {R"({"inputs":[{"name":"x","datatype":"FLOAT","shape":[1],"data":[1]}]})", "datatype \"FLOAT\" is not known"},
      {R"({"inputs":[{"name":"x","datatype":"FP32","shape":[-1],"data":[1]}]})", "shape cannot be or hold -1"},
      {R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1.5],"data":[1]}]})", "shape cannot be or hold 1.5"},
      {R"({"inputs":[{"name":"x","datatype":"FP32","shape":[4000000000,4000000000],"data":[1]}]})", "too large"},
      {R"({"inputs":[{"name":"x","datatype":"FP32","shape":[4000000000],"data":[1]}]})",
       "fewer elements than its shape"},
      {R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":["a"]}]})",
       "data of datatype FP32 cannot be or hold a string"},
      {R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":1}]})", "data cannot be or hold a number"},
      {R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1],"datatype":"FP64"}]})", "given twice"},
      {R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1],"shape":[9]}]})", "given twice"},
      {R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1],"data":[1]}]})", "given twice"},
      {R"({"inputs":[],"outputs":[{}]})", "outputs[0]: \"name\" is required"},
      {R"({"inputs":[],"id":7})", "\"id\" cannot be or hold a number"},
  };
  for (const auto& [body, expected] : cases) EXPECT_THAT(refusal(body), HasSubstr(expected)) << body;
  EXPECT_THAT(refusal(std::string(100'000, '[')), HasSubstr(""));
}

TEST(DecodeInferRequest, survives_every_truncation_and_many_changed_bytes) {
  const std::string body = R"({"id":"a","parameters":{"binary_data_output":true},"inputs":[{"data":[[1,2.5],[-3e2,4]],)"
                           R"("datatype":"FP32","shape":[2,2],"name":"x"},{"name":"s","shape":[1],"datatype":"BYTES",)"
                           R"("data":["\u00e9"]}],"outputs":[{"name":"y","parameters":{"binary_data":false}}]})";
  EXPECT_EQ(refusal(body), "accepted");
  for (std::size_t size = 0; size < body.size(); ++size) EXPECT_NE(refusal(body.substr(0, size)), "accepted") << size;
  std::mt19937 random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string changed = body;
    for (int k = 0; k < 3; ++k) changed[random() % changed.size()] = body[random() % body.size()];
    refusal(changed);
  }
}

TEST(DecodeInferRequest, takes_binary_tensors_after_the_json) {
  const std::string json = R"({"inputs":[
    {"name":"x","shape":[2],"datatype":"FP16","parameters":{"binary_data_size":4}},
    {"name":"n","shape":[1],"datatype":"INT8","data":[5]},
    {"name":"s","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":11}}]})";
  const std::string raw(
      "\x00\x3c\x00\x40"
      "\x03\x00\x00\x00"
      "abc"
      "\x00\x00\x00\x00",
      15);
  const InferRequest request = decode_infer_request(json + raw, json.size());
  EXPECT_EQ(request.inputs[0], tensor<_Float16>("x", Datatype::fp16, {2}, {1, 2}));
  EXPECT_THAT(request.inputs[2].strings, ElementsAre("abc", ""));
  EXPECT_THAT(refusal(json + raw.substr(0, 14), json.size()),
              HasSubstr("inputs[2] \"s\": binary_data_size is 11, but only 10"));
  EXPECT_THAT(refusal(json + raw + "!", json.size()), HasSubstr("1 bytes follow"));
  EXPECT_THAT(refusal(json, json.size() + 1), HasSubstr("larger than the body"));
  const auto one = [](std::string_view datatype, std::string_view bytes) {
    const std::string head = fmt::format(
        R"({{"inputs":[{{"name":"x","shape":[1],"datatype":"{}","parameters":{{"binary_data_size":{}}}}}]}})", datatype,
        bytes.size());
    return refusal(head + std::string(bytes), head.size());
  };
  EXPECT_THAT(one("FP32", "12345"), HasSubstr("binary_data_size is 5, its shape [1] of FP32 needs 4"));
  EXPECT_THAT(one("BOOL", "2"), HasSubstr("byte 0 or 1"));
  EXPECT_THAT(one("BYTES", std::string_view("\xff\xff\xff\xff"
                                            "ab",
                                            6)),
              HasSubstr("ends inside"));
  EXPECT_THAT(one("BYTES", std::string_view("\x01\x00\x00\x00\x00", 5)), HasSubstr("NUL"));
  EXPECT_THAT(one("BYTES", std::string_view("\x00\x00\x00\x00\x00\x00\x00\x00", 8)), HasSubstr("has 2 elements"));
}

TEST(EncodeInferResponse, writes_what_the_specification_shows) {
  const OutputTensor outputs[] = {
      {floats("output0", {3, 2}, {1.0F, 1.1F, 2, 2.1F, -3e20F, NAN}), false},
      {tensor<char>("flags", Datatype::bool_, {2}, {1, 0}), false},
      {{.name = "text", .datatype = Datatype::bytes, .shape = {1}, .data = {}, .strings = {"a\"\n"}}, false},
      {floats("none", {0}, {}), false}};
  const InferResponse response = encode_infer_response("m", "1", "42", outputs);
  EXPECT_EQ(response.body, R"({"model_name":"m","model_version":"1","id":"42","outputs":[)"
                           R"({"name":"output0","datatype":"FP32","shape":[3,2],"data":[1,1.1,2,2.1,-3e+20,null]},)"
                           R"({"name":"flags","datatype":"BOOL","shape":[2],"data":[true,false]},)"
                           R"({"name":"text","datatype":"BYTES","shape":[1],"data":["a\"\n"]},)"
                           R"({"name":"none","datatype":"FP32","shape":[0],"data":[]}]})");
  EXPECT_FALSE(response.json_size_bytes);
}

TEST(EncodeInferResponse, puts_binary_tensors_after_the_json) {
  const OutputTensor outputs[] = {
      {tensor<std::int16_t>("n", Datatype::int16, {2}, {1, 2}), true},
      {{.name = "s", .datatype = Datatype::bytes, .shape = {1}, .data = {}, .strings = {"\xff"}}, true}};
  const InferResponse response = encode_infer_response("m", "1", std::nullopt, outputs);
  const std::string json =
      R"({"model_name":"m","model_version":"1","outputs":[{"name":"n","datatype":"INT16","shape":[2],)"
      R"("parameters":{"binary_data_size":4}},{"name":"s","datatype":"BYTES","shape":[1],)"
      R"("parameters":{"binary_data_size":5}}]})";
  EXPECT_EQ(response.json_size_bytes, json.size());
  EXPECT_EQ(response.body, json + std::string("\x01\x00\x02\x00"
                                              "\x01\x00\x00\x00\xff",
                                              9));
  const OutputTensor as_json = {outputs[1].tensor, false};
  EXPECT_THROW(encode_infer_response("m", "1", std::nullopt, std::span(&as_json, 1)), Error);
}

}  // namespace
}  // namespace modelops::runtime
