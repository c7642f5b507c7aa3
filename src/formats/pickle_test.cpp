#include "formats/pickle.hpp"

#include <fmt/format.h>

#include "formats/test_support.hpp"
#include "formats/zip.hpp"

namespace modelops::formats {
namespace {

using namespace testing;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

PickleScan scan(const std::string& bytes) { return scan_pickle(MemorySource(bytes)); }
bool is_pickle(const std::string& bytes) { return looks_like_pickle(MemorySource(bytes)); }

TEST(PickleTest, FindsImportsHoweverTheyAreWritten) {
  EXPECT_THAT(scan(global_pickle()).imports, ElementsAre("posix system"));
  EXPECT_THAT(scan(stack_global_pickle()).imports, ElementsAre("posix system"));
  EXPECT_THAT(scan(text_pickle()).imports, ElementsAre("os system"));
  EXPECT_THAT(scan(inst_pickle()).imports, ElementsAre("os system"));
  EXPECT_THAT(scan(std::string("\x80\x02\x82\x07.")).imports, ElementsAre("copyreg.extension 7"));
  for (const auto& bytes : {global_pickle(), stack_global_pickle(), text_pickle(), inst_pickle()}) {
    EXPECT_TRUE(scan(bytes).complete);
    EXPECT_GT(scan(bytes).calls, 0u);
    EXPECT_TRUE(is_pickle(bytes));
  }
}

TEST(PickleTest, NamesOutOfTheMemoAreFollowed) {
  EXPECT_THAT(scan("\x80\x04\x8c\x02os\x94\x8c\x06system\x94"
                   "00h\x02h\x01\x93.")
                  .imports,
              ElementsAre("?"));
  EXPECT_THAT(scan(std::string("\x80\x04\x8c\x02os\x94\x8c\x06system\x94"
                               "00h\0h\x01\x93.",
                               24))
                  .imports,
              ElementsAre("os system"));
}

TEST(PickleTest, AComputedNameIsUnknownAndNotHarmless) {
  EXPECT_THAT(scan(computed_pickle()).imports, Contains("?"));
  EXPECT_FALSE(is_ordinary_import("?"));
}

TEST(PickleTest, DamageAfterAnImportDoesNotHideIt) {
  const auto broken = scan(global_pickle().substr(0, 16) + "R\xff\xff");
  EXPECT_THAT(broken.imports, ElementsAre("posix system"));
  EXPECT_FALSE(broken.complete);
  EXPECT_TRUE(is_pickle("cos\nsystem\n(S'id'\ntR\xff"));
}

TEST(PickleTest, LaterStreamsAreScannedToo) {
  EXPECT_THAT(scan(torch_pickle() + global_pickle()).imports, Contains("posix system"));
  const auto trailing = scan(torch_pickle() + "raw bytes");
  EXPECT_EQ(trailing.streams, 1u);
  EXPECT_FALSE(trailing.complete);
}

TEST(PickleTest, TextIsNoPickle) {
  for (const auto* text :
       {"copyright holders\nand more\nof this", "I am a text\n", "# Read me\n", "N.", "", ".", "(lp0\n."})
    EXPECT_FALSE(is_pickle(text)) << text;
}

TEST(PickleTest, WorkIsBounded) {
  std::string many = "\x80\x02";
  for (int i = 0; i < 1100; ++i) many += fmt::format("cm{}\nf\n", i);
  EXPECT_EQ(scan(many + ".").imports.size(), 1000u);
  EXPECT_FALSE(scan(many + ".").complete);
  EXPECT_FALSE(scan("\x80\x02" + std::string(2'000'001, 'N') + ".").complete);
  EXPECT_FALSE(scan("\x80\x04\x8d" + u64(~0ull)).complete);
  EXPECT_FALSE(scan("\x80\x02X" + u32(0xFFFF'FFFF)).complete);
}

TEST(PickleTest, OrdinaryImportsAreExactNames) {
  EXPECT_TRUE(is_ordinary_import("torch._utils _rebuild_tensor_v2"));
  EXPECT_FALSE(is_ordinary_import("torch._utils _rebuild_tensor_v2.__globals__"));
  EXPECT_FALSE(is_ordinary_import("torch.hub load"));
  EXPECT_FALSE(is_ordinary_import("numpy f2py"));
}

std::vector<ZipEntry> list(const std::string& bytes) { return read_zip(MemorySource(bytes), "m.pt"); }

TEST(ZipTest, ListsAndOpensStoredEntries) {
  const MemorySource source(zip({{"archive/data.pkl", torch_pickle(), "", 0}, {"archive/data/0", "weights", "", 0}}));
  const auto entries = read_zip(source, "m.pt");
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[1].name, "archive/data/0");
  EXPECT_EQ(open_stored(source, "m.pt", entries[1])->size(), 7u);
  EXPECT_THAT(scan_pickle(*open_stored(source, "m.pt", entries[0])).imports, Contains("collections OrderedDict"));
}

TEST(ZipTest, Zip64AndAPrefixedCommentAreRead) {
  const std::string plain = zip({{"a", "xyz", "", 0}});
  const std::string end = plain.substr(plain.size() - 22);
  const std::string body = plain.substr(0, plain.size() - 22);
  const std::uint64_t directory_start = 30 + 1 + 3;
  const std::string end64 = "PK\6\6" + u64(44) + u16(45) + u16(45) + u32(0) + u32(0) + u64(1) + u64(1) +
                            u64(body.size() - directory_start) + u64(directory_start);
  const std::string locator = "PK\6\7" + u32(0) + u64(body.size()) + u32(1);
  EXPECT_EQ(list(body + end64 + locator + end).size(), 1u);
  EXPECT_EQ(list(plain.substr(0, plain.size() - 2) + u16(5) + "hello").size(), 1u);
}

TEST(ZipTest, EveryTruncationIsRefused) {
  const std::string whole = zip({{"a", "x", "", 0}, {"b/c.pkl", "yy", "", 0}});
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_THAT(refusal([&] { list(whole.substr(0, length)); }), HasSubstr("'m.pt' is malformed at byte ")) << length;
}

TEST(ZipTest, RefusesNamesThatLeaveTheFolderOrAppearTwice) {
  for (const auto* name : {"../x", "/x", "a/../x", "a\\b", "C:x", ""})
    EXPECT_THAT(refusal([&] { list(zip({{name, "", "", 0}})); }), HasSubstr("leaves the archive's folder")) << name;
  EXPECT_THAT(refusal([&] { list(zip({{"a", "", "", 0}, {"a", "", "", 0}})); }), HasSubstr("twice"));
}

TEST(ZipTest, RefusesEntriesThatCallThemselvesDifferently) {
  const MemorySource source(zip({{"data.pkl", "x", "evil.pkl", 0}}));
  const auto entries = read_zip(source, "m.pt");
  EXPECT_THAT(refusal([&] { open_stored(source, "m.pt", entries[0]); }),
              HasSubstr("'data.pkl' calls itself 'evil.pkl'"));
}

TEST(ZipTest, RefusesDirectoriesThatTheFileCannotHold) {
  const auto end = [](std::uint64_t entries, std::uint64_t bytes, std::uint64_t start) {
    return "PK\5\6" + u16(0) + u16(0) + u16(entries) + u16(entries) + u32(bytes) + u32(start) + u16(0);
  };
  EXPECT_THAT(refusal([&] { list(end(65'535, 0, 0)); }), HasSubstr("a directory of 65535 entries in 0 bytes"));
  EXPECT_THAT(refusal([&] { list(end(1, 46, 0)); }), HasSubstr("lies outside"));
  EXPECT_THAT(refusal([&] { list(end(1, 46, 0xFFFF'FFFE)); }), HasSubstr("lies outside"));
  EXPECT_THAT(
      refusal([&] { list("PK\6\6" + std::string(4, '\0') + "PK\6\7" + u32(0) + u64(~0ull) + u32(1) + end(0, 0, 0)); }),
      HasSubstr("malformed"));
}

}  // namespace
}  // namespace modelops::formats
