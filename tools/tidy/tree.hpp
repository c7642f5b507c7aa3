#pragma once
// The files of a working tree as the rules see them.
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace modelops::tidy {

struct SourceFile {
  std::string path;  ///< from the root, with '/'
  std::string text;
  std::string code;  ///< `text` of the same length with comments and literals blanked; only for C++

  bool is_cpp() const { return path.ends_with(".cpp") || path.ends_with(".hpp"); }
  bool is_header() const { return path.ends_with(".hpp"); }
  bool is_test() const {
    return path.ends_with("_test.cpp") || path.ends_with("_test.hpp") || path.starts_with("tests/");
  }
};

struct Tree {
  std::vector<SourceFile> files;    ///< text files, sorted by path
  std::set<std::string> all_paths;  ///< every file and folder, also those whose text is not read
  std::vector<std::string> folders;

  const SourceFile* find(std::string_view path) const;
};

struct Finding {
  std::string path;
  std::size_t line = 0;  ///< from 1; 0 when the finding is about the whole file or folder
  std::string message;
  bool operator==(const Finding&) const = default;
};

/// Reads everything below `root` except build output, dependencies and version control.
Tree read_tree(const std::filesystem::path& root);
/// C++ with comments, string and character literals replaced by blanks; line breaks stay.
std::string blank_literals(std::string_view text);
std::vector<std::string_view> lines_of(std::string_view text);
std::size_t line_at(std::string_view text, std::size_t offset);

}  // namespace modelops::tidy
