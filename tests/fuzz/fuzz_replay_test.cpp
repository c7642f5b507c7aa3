// Replays every file of the corpus, truncations of it included, through every reader: the attacks stay fixed without
// a fuzzer being run.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <vector>

#include "readers.hpp"

namespace modelops::fuzz {
namespace {

std::vector<std::filesystem::path> corpus() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(MODELOPS_FUZZ_CORPUS))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(FuzzReplayTest, EveryReaderHasSeeds) {
  std::set<std::string> folders;
  for (const auto& path : corpus()) folders.insert(path.parent_path().filename());
  for (const auto& target : targets())
    if (target.name != "analysis") EXPECT_TRUE(folders.contains(std::string(target.name))) << target.name;
}

TEST(FuzzReplayTest, EveryFileThroughEveryReader) {
  for (const auto& path : corpus()) {
    SCOPED_TRACE(path);
    const std::string bytes = content(path);
    for (const auto& target : targets()) target.run(bytes);
  }
}

TEST(FuzzReplayTest, EveryFileCutAtHalfAndWithoutItsLastByte) {
  for (const auto& path : corpus()) {
    SCOPED_TRACE(path);
    const std::string bytes = content(path);
    for (const auto& target : targets()) {
      target.run(std::string_view(bytes).substr(0, bytes.size() / 2));
      target.run(std::string_view(bytes).substr(0, bytes.size() - std::min<std::size_t>(bytes.size(), 1)));
    }
  }
}

}  // namespace
}  // namespace modelops::fuzz
