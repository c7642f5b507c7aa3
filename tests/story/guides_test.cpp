#include <fstream>

#include "base/text.hpp"
#include "tests/story/installation.hpp"

namespace modelops {
namespace {

/// What a reader copies, and what the guide says they then see.
struct Block {
  std::size_t line = 0;
  std::string commands;
  std::string shown;
};

/// Commands stand in ```sh blocks; a ```text block after one says what it prints, with … for what differs each time.
std::vector<Block> blocks_of(const std::filesystem::path& guide) {
  std::ifstream file(guide);
  std::vector<Block> blocks;
  std::string* open = nullptr;
  std::size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    const std::string place = guide.filename().string() + ":" + std::to_string(number);
    if (!line.starts_with("```")) {
      if (open != nullptr) *open += line + "\n";
      EXPECT_FALSE(open == nullptr && line.starts_with("    ")) << place << ": write commands as ```sh blocks";
    } else if (open != nullptr) {
      open = nullptr;
    } else if (line == "```sh") {
      open = &blocks.emplace_back(Block{number, "", ""}).commands;
    } else {
      EXPECT_TRUE(line == "```text" && !blocks.empty())
          << place << ": only ```sh, and ```text after it, are understood";
      if (blocks.empty()) blocks.emplace_back();
      open = &blocks.back().shown;
    }
  }
  return blocks;
}

/// With one space wherever there are several, or another blank.
std::string squeezed(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const char plain = c == '\t' || c == '\n' ? ' ' : c;
    if (plain != ' ' || !out.ends_with(' ')) out += plain;
  }
  return out;
}

/// The parts of `shown`, line by line and between the `…`, come in this order in `output`.
void expect_shown(const std::string& shown, const std::string& output, const std::string& place) {
  const std::string seen = squeezed(output);
  std::size_t at = 0;
  std::string rest = shown;
  for (std::size_t dots = rest.find("…"); dots != std::string::npos; dots = rest.find("…"))
    rest.replace(dots, std::string_view("…").size(), "\n");
  for (const std::string_view line : split(rest, '\n')) {
    const std::string part = squeezed(trim(line));
    if (part.empty()) continue;
    const std::size_t found = seen.find(part, at);
    ASSERT_NE(found, std::string::npos) << place << " says '" << part << "', but one sees:\n" << output;
    at = found + part.size();
  }
}

class GuidesTest : public InstallationTest {
 protected:
  /// A folder that looks like a clone after `make up`: what a guide writes does not land in the sources.
  std::filesystem::path clone() {
    const std::filesystem::path folder = home / "clone";
    std::filesystem::create_directories(folder / "build" / "release");
    std::filesystem::create_symlink(MODELOPS_PROGRAM, folder / "build" / "release" / "modelops");
    for (const char* name : {"Makefile", "examples", "tools"})
      std::filesystem::create_symlink(std::filesystem::path(MODELOPS_SOURCE_DIR) / name, folder / name);
    return folder;
  }
};

TEST_F(GuidesTest, EveryCommandWorksAsWritten) {
  const Ran first = up();
  ASSERT_EQ(first.status, 0) << first.output;
  const std::filesystem::path sources = MODELOPS_SOURCE_DIR;
  std::vector<std::filesystem::path> guides{sources / "README.md"};
  for (const auto& entry : std::filesystem::directory_iterator(sources / "docs" / "guides"))
    if (entry.path().extension() == ".md") guides.push_back(entry.path());
  std::sort(guides.begin() + 1, guides.end());
  const std::filesystem::path folder = clone();
  for (const std::filesystem::path& guide : guides) {
    const auto blocks = blocks_of(guide);
    const auto marker = [&](const Block& block) {
      return fmt::format("== {}:{} ==", guide.filename().string(), block.line);
    };
    // tools/test-fresh runs the targets of make; here they must be there.
    std::string script =
        "set -Eeuo pipefail\ntrap 'echo \"failed: $BASH_COMMAND\"' ERR\n"
        "make() { command make --dry-run \"$@\" >/dev/null; }\n";
    for (const Block& block : blocks) script += fmt::format("echo '{}'\n{}", marker(block), block.commands);
    const Ran ran = testing::run_program({"timeout", "--kill-after=5", "120", "bash", "-c", script}, folder);
    EXPECT_EQ(ran.status, 0) << ran.output;
    if (ran.status != 0) continue;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const std::size_t begin = ran.output.find(marker(blocks[i]));
      const std::size_t end = i + 1 < blocks.size() ? ran.output.find(marker(blocks[i + 1])) : ran.output.size();
      expect_shown(blocks[i].shown, ran.output.substr(begin, end - begin), marker(blocks[i]));
    }
  }
}

}  // namespace
}  // namespace modelops
