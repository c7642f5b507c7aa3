#include "formats/source.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <array>
#include <fstream>

#include "formats/cursor.hpp"
#include "formats/test_support.hpp"

namespace modelops::formats {
namespace {

using ::testing::HasSubstr;
using testing::refusal;

TEST(FileSourceTest, ReadsRangesAndRefusesWhatIsNotAFile) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("formats-source-{}", ::getpid());
  std::ofstream(path) << "hello world";
  const FileSource source(path);
  EXPECT_EQ(source.size(), 11u);
  std::array<char, 5> bytes{};
  source.read_at(6, bytes);
  EXPECT_EQ(std::string(bytes.data(), 5), "world");
  EXPECT_THROW(source.read_at(7, bytes), Error);
  const auto file = disk_file("a.txt", path);
  EXPECT_EQ(file.size_bytes, 11u);
  EXPECT_EQ(file.open()->size(), 11u);
  std::filesystem::remove(path);
  EXPECT_THROW(FileSource{path}, Error);
  EXPECT_THROW(FileSource{std::filesystem::temp_directory_path()}, Error);
}

TEST(PartSourceTest, StaysInsideItsPart) {
  const MemorySource whole("0123456789");
  const PartSource part(whole, 2, 4);
  std::array<char, 2> bytes{};
  part.read_at(2, bytes);
  EXPECT_EQ(std::string(bytes.data(), 2), "45");
  EXPECT_THROW(part.read_at(3, bytes), Error);
  EXPECT_THROW(PartSource(whole, 8, 3), Error);
  EXPECT_THROW(PartSource(whole, ~0ull, 2), Error);
}

TEST(PathTest, OnlyPathsInsideTheFolderAreSafe) {
  for (const auto* path : {"a", "a/b.onnx", "ä/模型.gguf", "..a", "a..b/c"})
    EXPECT_TRUE(is_safe_relative_path(path)) << path;
  for (const auto* path :
       {"", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.", "a\\b", "C:x", "a\nb", "a\u202eb", "\xff"})
    EXPECT_FALSE(is_safe_relative_path(path)) << path;
  EXPECT_FALSE(is_safe_relative_path(std::string("a\0b", 3)));
  EXPECT_FALSE(is_safe_relative_path(std::string(1025, 'a')));
}

TEST(CursorTest, CrossesItsWindowAndNamesTheByte) {
  std::string bytes(200'000, 'x');
  bytes[65'534] = 1;
  bytes[65'535] = 2;
  bytes[65'536] = 3;
  bytes[65'537] = 4;
  const MemorySource source(bytes);
  Cursor cursor(source, "big.bin");
  EXPECT_EQ(cursor.u8(), 'x');
  cursor.seek(65'534);
  EXPECT_EQ(cursor.u32(), 0x04030201u);
  EXPECT_EQ(cursor.bytes(100'000, 100'000).size(), 100'000u);
  cursor.seek(1);
  EXPECT_EQ(cursor.u8(), 'x');
  cursor.seek(199'998);
  EXPECT_THAT(
      refusal([&] { cursor.u32(); }),
      HasSubstr(
          "'big.bin' is malformed at byte 199998: the file ends early, 4 more bytes are announced and 2 are left"));
  EXPECT_THAT(refusal([&] { cursor.skip(~0ull); }), HasSubstr("ends early"));
  EXPECT_THAT(refusal([&] { cursor.seek(200'001); }), HasSubstr("refers to byte 200001"));
  EXPECT_THAT(refusal([&] { cursor.bytes(1'000'000, 10); }), HasSubstr("at most 10"));
}

}  // namespace
}  // namespace modelops::formats
