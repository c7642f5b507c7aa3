#include "dataplane/runtime/ort.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include "base/error.hpp"
#include "dataplane/runtime/test_models.hpp"

namespace modelops::runtime {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string message_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return std::string(error_name(error.code)) + ": " + error.message;
  }
  return "no error";
}

std::size_t threads_of_this_process() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

class OrtTest : public ::testing::Test {
 protected:
  const Ort ort{library()};
};

TEST_F(OrtTest, says_its_version) { EXPECT_THAT(ort.version(), ::testing::MatchesRegex("1\\.[0-9]+\\.[0-9]+.*")); }

TEST_F(OrtTest, describes_inputs_and_outputs_with_the_names_of_free_dimensions) {
  const Session session(
      ort,
      ModelBytes{model({node("MatMul", {"x", "w"}, {"y"})}, {port("x", 11, {"N", 3}), port("w", 11, {3, "width"})},
                       {port("y", 11, {"N", "width"})})},
      {});
  ASSERT_EQ(session.inputs().size(), 2u);
  ASSERT_EQ(session.outputs().size(), 1u);
  EXPECT_EQ(session.inputs()[0].name, "x");
  EXPECT_EQ(session.inputs()[0].datatype, Datatype::fp64);
  EXPECT_THAT(session.inputs()[0].shape, ElementsAre(-1, 3));
  EXPECT_THAT(session.inputs()[0].dim_names, ElementsAre("N", ""));
  EXPECT_EQ(shape_text(session.inputs()[1]), "[3,width]");
  EXPECT_EQ(shape_text(session.outputs()[0]), "[N,width]");
}

TEST_F(OrtTest, runs_named_inputs_in_any_order_and_gives_the_outputs_asked_for) {
  const Session session(ort, ModelBytes{add_model()}, {});
  const Tensor inputs[] = {floats("b", {2, 2}, {1, 2, 3, 4}), floats("a", {2, 2}, {10, 20, 30, 40})};
  const std::size_t both[] = {1, 0};
  const auto results = session.run(inputs, both);
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].name, "difference");
  EXPECT_THAT(values(results[0]), ElementsAre(9, 18, 27, 36));
  EXPECT_EQ(results[1].name, "sum");
  EXPECT_EQ(results[1].shape, (Shape{2, 2}));
  EXPECT_THAT(values(results[1]), ElementsAre(11, 22, 33, 44));
}

TEST_F(OrtTest, carries_every_datatype_unchanged) {
  const std::pair<int, Datatype> types[] = {{1, Datatype::fp32},   {2, Datatype::uint8},   {3, Datatype::int8},
                                            {4, Datatype::uint16}, {5, Datatype::int16},   {6, Datatype::int32},
                                            {7, Datatype::int64},  {9, Datatype::bool_},   {10, Datatype::fp16},
                                            {11, Datatype::fp64},  {12, Datatype::uint32}, {13, Datatype::uint64}};
  const std::size_t first[] = {0};
  for (const auto& [element_type, datatype] : types) {
    const Session session(ort, ModelBytes{identity_model(element_type)}, {});
    EXPECT_EQ(session.inputs()[0].datatype, datatype);
    Tensor given{.name = "x", .datatype = datatype, .shape = {1, 2}, .data = {}, .strings = {}};
    for (std::size_t i = 0; i < 2 * element_size_bytes(datatype); ++i) given.data.push_back(static_cast<char>(i % 2));
    Tensor expected = given;
    expected.name = "y";
    EXPECT_EQ(session.run(std::span(&given, 1), first)[0], expected) << datatype_name(datatype);
  }
}

TEST_F(OrtTest, carries_strings_and_tensors_without_elements) {
  const std::size_t first[] = {0};
  const Session strings(ort, ModelBytes{identity_model(8)}, {});
  Tensor given{
      .name = "x", .datatype = Datatype::bytes, .shape = {2, 2}, .data = {}, .strings = {"", "zwölf", "b", "\xff"}};
  const auto result = strings.run(std::span(&given, 1), first);
  EXPECT_EQ(result[0].strings, given.strings);
  EXPECT_EQ(result[0].shape, given.shape);
  given.shape = {0, 2};
  given.strings.clear();
  EXPECT_EQ(strings.run(std::span(&given, 1), first)[0].shape, (Shape{0, 2}));

  const Session numbers(ort, ModelBytes{identity_model()}, {});
  const Tensor none = floats("x", {0, 2}, {});
  const auto empty = numbers.run(std::span(&none, 1), first);
  EXPECT_EQ(empty[0].shape, (Shape{0, 2}));
  EXPECT_TRUE(empty[0].data.empty());
}

TEST_F(OrtTest, loads_from_a_file) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("modelops-ort-{}.onnx", ::getpid());
  std::ofstream(path) << add_model();
  EXPECT_EQ(Session(ort, path, {}).inputs().size(), 2u);
  std::filesystem::remove(path);
  EXPECT_THAT(message_of([&] { Session(ort, path, {}); }), HasSubstr("unprocessable: ONNX Runtime cannot load"));
}

TEST_F(OrtTest, fails_with_the_engines_own_words) {
  EXPECT_THAT(message_of([&] { Session(ort, ModelBytes{"no model at all"}, {}); }), HasSubstr("unprocessable"));
  EXPECT_THAT(message_of([&] { Session(ort, ModelBytes{unknown_operator_model()}, {}); }), HasSubstr("NoSuchOperator"));
  const Session lookup(ort, ModelBytes{lookup_model()}, {});
  const Tensor beyond = tensor<std::int64_t>("x", Datatype::int64, {1}, {7});
  const std::size_t first[] = {0};
  EXPECT_THAT(message_of([&] { lookup.run(std::span(&beyond, 1), first); }), HasSubstr("out of data bounds"));
  const Tensor wrong_type = floats("x", {1}, {1});
  EXPECT_THAT(message_of([&] { lookup.run(std::span(&wrong_type, 1), first); }), HasSubstr("invalid: "));
}

TEST_F(OrtTest, leaves_out_outputs_that_are_no_tensors_and_refuses_such_inputs) {
  const std::string sequence = field(2, field(4, field(1, field(1, field(1, std::uint64_t{1})))));
  const std::string split = node("SplitToSequence", {"x"}, {"parts"});
  const Session session(ort,
                        ModelBytes{model({split, node("Identity", {"x"}, {"y"})}, {port("x", 1, {"N", 2})},
                                         {field(1, std::string_view("parts")) + sequence, port("y", 1, {"N", 2})})},
                        {});
  ASSERT_EQ(session.outputs().size(), 1u);
  EXPECT_EQ(session.outputs()[0].name, "y");
  const Tensor given = floats("x", {1, 2}, {1, 2});
  const std::size_t first[] = {0};
  EXPECT_THAT(values(session.run(std::span(&given, 1), first)[0]), ElementsAre(1, 2));
  EXPECT_THAT(message_of([&] {
                Session(ort,
                        ModelBytes{model({node("SequenceLength", {"s"}, {"y"})},
                                         {field(1, std::string_view("s")) + sequence}, {port("y", 7, {})})},
                        {});
              }),
              HasSubstr("Input \"s\" is not a tensor"));
}

TEST_F(OrtTest, takes_its_options) {
  const std::size_t before = threads_of_this_process();
  const Session one(ort, ModelBytes{add_model()}, {.intra_threads = 1});
  EXPECT_EQ(threads_of_this_process(), before);
  const Session four(ort, ModelBytes{add_model()}, {.intra_threads = 4});
  EXPECT_EQ(threads_of_this_process(), before + 3) << "the calling thread is the fourth";
  const Session parallel(ort, ModelBytes{add_model()}, {.intra_threads = 1, .inter_threads = 3});
  EXPECT_GT(threads_of_this_process(), before + 3);
  EXPECT_THAT(message_of([&] { Session(ort, ModelBytes{add_model()}, {.graph_level = static_cast<GraphLevel>(42)}); }),
              HasSubstr("graph"));

  const Session plain(ort, ModelBytes{add_model()}, {.graph_level = GraphLevel::none, .memory_arena = false});
  const Tensor inputs[] = {floats("a", {1, 2}, {1, 2}), floats("b", {1, 2}, {3, 4})};
  const std::size_t first[] = {0};
  EXPECT_THAT(values(plain.run(inputs, first)[0]), ElementsAre(4, 6));
}

TEST(OrtLibrary, that_is_none_is_refused_with_what_to_do) {
  EXPECT_THAT(message_of([] { Ort("/nowhere/libonnxruntime.so"); }), HasSubstr("--library"));
  EXPECT_THAT(message_of([] { Ort("libc.so.6"); }), HasSubstr("not a usable ONNX Runtime"));
}

}  // namespace
}  // namespace modelops::runtime
