#include "tidy/tree.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

namespace modelops::tidy {
namespace {

constexpr std::array skipped_folders = {"build", ".git", ".modelops", "node_modules", "__pycache__", "dist"};
constexpr std::array text_suffixes = {".cpp",   ".hpp", ".md", ".txt", ".sh",  ".py",   ".yaml", ".yml", ".json",
                                      ".cmake", ".sql", ".ts", ".tsx", ".css", ".html", ".toml", ".js"};
constexpr std::size_t text_size_max = 2 << 20;

bool is_identifier(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Scripts and configuration often have no suffix; those that start with "#!" or are known by name count as text.
bool is_text(const std::string& name, const std::string& path) {
  if (std::ranges::any_of(text_suffixes, [&](std::string_view suffix) { return name.ends_with(suffix); })) return true;
  return name.find('.') == std::string::npos &&
         (path.starts_with("tools/") || path.starts_with(".ci/") || name == "Makefile");
}

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

const SourceFile* Tree::find(std::string_view path) const {
  auto at = std::ranges::lower_bound(files, path, {}, &SourceFile::path);
  return at != files.end() && at->path == path ? &*at : nullptr;
}

Tree read_tree(const std::filesystem::path& root) {
  Tree tree;
  auto walk = std::filesystem::recursive_directory_iterator(root);
  for (auto at = begin(walk); at != end(walk); ++at) {
    auto name = at->path().filename().string();
    auto path = at->path().lexically_relative(root).generic_string();
    if (at->is_directory() && !at->is_symlink()) {
      if (std::ranges::find(skipped_folders, std::string_view(name)) != skipped_folders.end()) {
        at.disable_recursion_pending();
        continue;
      }
      tree.folders.push_back(path);
    }
    tree.all_paths.insert(path);
    if (!at->is_regular_file() || !is_text(name, path) || at->file_size() > text_size_max) continue;
    SourceFile file{.path = path, .text = read(at->path()), .code = {}};
    if (file.is_cpp()) file.code = blank_literals(file.text);
    tree.files.push_back(std::move(file));
  }
  std::ranges::sort(tree.files, {}, &SourceFile::path);
  std::ranges::sort(tree.folders);
  return tree;
}

std::string blank_literals(std::string_view text) {
  std::string code(text);
  auto blank = [&](std::size_t from, std::size_t to) {
    for (auto i = from; i < std::min(to, code.size()); ++i) {
      if (code[i] != '\n') code[i] = ' ';
    }
  };
  // One past the end of a literal that starts at `from` and ends with `closing`, honouring backslashes.
  auto end_of_literal = [&](std::size_t from, char closing) {
    auto i = from + 1;
    while (i < text.size() && text[i] != closing && text[i] != '\n') i += text[i] == '\\' ? 2 : 1;
    return std::min(i + 1, text.size());
  };
  auto end_of = [&](std::string_view closing, std::size_t from) {
    auto at = text.find(closing, from);
    return at == std::string_view::npos ? text.size() : at + closing.size();
  };
  for (std::size_t i = 0; i < text.size();) {
    auto next = i + 1;
    if (text.substr(i, 2) == "//") {
      next = std::min(text.find('\n', i), text.size());
      blank(i, next);
    } else if (text.substr(i, 2) == "/*") {
      next = end_of("*/", i + 2);
      blank(i, next);
    } else if (text.substr(i, 2) == "R\"") {
      auto open = text.find('(', i);
      if (open == std::string_view::npos) break;
      next = end_of(")" + std::string(text.substr(i + 2, open - i - 2)) + "\"", open);
      blank(i, next);
    } else if (text[i] == '"') {
      next = end_of_literal(i, '"');
      blank(i + 1, next - 1);
    } else if (text[i] == '\'' && (i == 0 || !is_identifier(text[i - 1]))) {  // 1'000 is a number
      next = end_of_literal(i, '\'');
      blank(i + 1, next - 1);
    }
    i = next;
  }
  return code;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    auto stop = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, stop));
    text.remove_prefix(std::min(stop + 1, text.size()));
  }
  return lines;
}

std::size_t line_at(std::string_view text, std::size_t offset) {
  return 1 + static_cast<std::size_t>(std::ranges::count(text.substr(0, offset), '\n'));
}

}  // namespace modelops::tidy
