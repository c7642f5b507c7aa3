#include "tidy/rules.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <tuple>

#include "tidy/layers.hpp"

namespace modelops::tidy {
namespace {

using Findings = std::vector<Finding>;

constexpr std::size_t columns_max = 120;
constexpr std::size_t source_lines_max = 700;
constexpr std::size_t test_lines_max = 900;
constexpr std::size_t readme_lines_max = 25;

bool is_identifier(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Calls `found(offset)` for each `word` in `text` that is not a part of a longer identifier.
template <class Found>
void each_word(std::string_view text, std::string_view word, Found found) {
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + word.size())) {
    auto end = at + word.size();
    bool starts = at == 0 || !is_identifier(word.front()) || !is_identifier(text[at - 1]);
    bool ends = end == text.size() || !is_identifier(word.back()) || !is_identifier(text[end]);
    if (starts && ends) found(at);
  }
}

bool mentions_word(std::string_view text, std::string_view word) {
  bool found = false;
  each_word(text, word, [&](std::size_t) { found = true; });
  return found;
}

std::string parent_of(std::string_view path) {
  auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash));
}

void check_includes(const Tree& tree, const SourceFile& file, Findings& findings) {
  if (!file.is_cpp() || !file.path.starts_with("src/")) return;
  auto from = std::string_view(file.path).substr(4);
  std::size_t number = 0;
  for (auto line : lines_of(file.text)) {
    ++number;
    constexpr std::string_view directive = "#include \"";
    if (!line.starts_with(directive)) continue;
    auto rest = line.substr(directive.size());
    auto to = rest.substr(0, rest.find('"'));
    if (tree.all_paths.contains("src/" + std::string(to))) {
      if (auto advice = include_advice(from, to); !advice.empty()) findings.push_back({file.path, number, advice});
    } else if (!(file.is_test() || to.starts_with("migrations/")) || !tree.all_paths.contains(std::string(to))) {
      findings.push_back({file.path, number, "no file src/" + std::string(to) + "; write includes from src/"});
    }
  }
}

/// `import … from "@/kit/button"` of the web app.
void check_imports(const SourceFile& file, Findings& findings) {
  if (!file.path.starts_with("web/src/")) return;
  auto from = std::string_view(file.path).substr(8);
  if (from.find('/') == std::string_view::npos) return;
  constexpr std::string_view opening = "\"@/";
  for (auto at = file.text.find(opening); at != std::string::npos; at = file.text.find(opening, at + 1)) {
    auto to = std::string_view(file.text).substr(at + opening.size());
    to = to.substr(0, to.find('"'));
    if (auto advice = web_import_advice(from, to); !advice.empty()) {
      findings.push_back({file.path, line_at(file.text, at), advice});
    }
  }
}

void check_names(const SourceFile& file, Findings& findings) {
  if (!file.is_cpp()) return;
  constexpr std::string_view advice = " says nothing about what it does; name the job (a noun of the domain)";
  auto slash = file.path.rfind('/');
  auto name = std::string_view(file.path).substr(slash == std::string::npos ? 0 : slash + 1);
  for (std::string_view word : {"manager", "helper", "helpers", "util", "utils", "common"}) {
    for (auto at = name.find(word); at != std::string_view::npos; at = name.find(word, at + 1)) {
      auto end = at + word.size();
      if ((at == 0 || name[at - 1] == '_') && (name[end] == '_' || name[end] == '.')) {
        findings.push_back({file.path, 0, "the file name '" + std::string(word) + "'" + std::string(advice)});
      }
    }
  }
  for (std::string_view keyword : {"class", "struct", "concept", "using"}) {
    each_word(file.code, keyword, [&](std::size_t at) {
      auto start = file.code.find_first_not_of(' ', at + keyword.size());
      if (start == std::string::npos) return;
      auto end = start;
      while (end < file.code.size() && is_identifier(file.code[end])) ++end;
      auto type = std::string_view(file.code).substr(start, end - start);
      for (std::string_view word : {"Manager", "Helper", "Util", "Common"}) {
        auto found = type.find(word);
        if (found == std::string_view::npos) continue;
        auto after = type.substr(found + word.size());
        if (!after.empty() && after.front() >= 'a' && after.front() <= 'z' && after != "s") continue;  // Utilisation
        findings.push_back(
            {file.path, line_at(file.code, at), "the type name '" + std::string(type) + "'" + std::string(advice)});
      }
    });
  }
}

enum class Where { everywhere, headers, tests, database };

struct BannedWord {
  std::string_view word;
  Where where;
  std::string_view advice;
};

constexpr std::array banned_words = {
    BannedWord{"std::system", Where::everywhere, "a shell reads its argument; start a process with an argument vector"},
    BannedWord{"popen", Where::everywhere, "a shell reads its argument; start a process with an argument vector"},
    BannedWord{"strcpy", Where::everywhere, "it does not know the size of its target; use std::string"},
    BannedWord{"strcat", Where::everywhere, "it does not know the size of its target; use std::string"},
    BannedWord{"sprintf", Where::everywhere, "it does not know the size of its target; use fmt::format"},
    BannedWord{"vsprintf", Where::everywhere, "it does not know the size of its target; use fmt::format"},
    BannedWord{"std::rand", Where::everywhere, "it is predictable; use platform/crypto, or <random> with a seed"},
    BannedWord{"soci::blob", Where::everywhere, "PostgreSQL makes a large object of it; store text or a blob key"},
    BannedWord{"std::atomic<std::shared_ptr", Where::everywhere,
               "libstdc++ 12's is reported as a race; publish under a mutex with a version"},
    BannedWord{"GTEST_SKIP", Where::everywhere, "a skipped test proves nothing; let it fail when a part is missing"},
    BannedWord{"using namespace", Where::headers, "it leaks into every file that includes this one; write the names"},
    BannedWord{"sleep_for", Where::tests, "sleeping is not synchronising; wait for the condition or move the clock"},
    BannedWord{"sleep_until", Where::tests, "sleeping is not synchronising; wait for the condition or move the clock"},
    BannedWord{"usleep", Where::tests, "sleeping is not synchronising; wait for the condition or move the clock"},
    BannedWord{"nanosleep", Where::tests, "sleeping is not synchronising; wait for the condition or move the clock"},
    BannedWord{"std::tm", Where::database, "it has no fractions of a second; store 64-bit microseconds"},
};

bool applies(Where where, const SourceFile& file) {
  switch (where) {
    case Where::everywhere: return true;
    case Where::headers: return file.is_header();
    case Where::tests: return file.is_test();
    case Where::database: return file.path.starts_with("src/platform/db/");
  }
  return false;
}

void check_words(const SourceFile& file, Findings& findings) {
  if (!file.is_cpp()) return;
  for (const auto& banned : banned_words) {
    if (!applies(banned.where, file)) continue;
    each_word(file.code, banned.word, [&](std::size_t at) {
      findings.push_back(
          {file.path, line_at(file.code, at), std::string(banned.word) + ": " + std::string(banned.advice)});
    });
  }
  // A disabled test is a prefix of a name, so it is not a word of its own.
  if (auto at = file.code.find("DISABLED_"); at != std::string::npos) {
    findings.push_back({file.path, line_at(file.code, at), "a disabled test proves nothing; mend it or remove it"});
  }
}

void check_layout(const Tree& tree, const SourceFile& file, Findings& findings) {
  if (!file.text.empty() && file.text.back() != '\n') findings.push_back({file.path, 0, "end the file with a newline"});
  if (file.text.find('\r') != std::string::npos) {
    findings.push_back({file.path, 0, "end lines with a line feed only; `make format` does it"});
  }
  if (!file.is_cpp()) return;
  auto lines = lines_of(file.text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].find('\t') != std::string_view::npos) {
      findings.push_back({file.path, i + 1, "indent with blanks; `make format` does it"});
    }
    // Bytes that continue a UTF-8 character take no column.
    auto columns =
        std::ranges::count_if(lines[i], [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
    if (static_cast<std::size_t>(columns) > columns_max) {
      findings.push_back({file.path, i + 1, "keep lines within 120 columns; `make format` breaks most of them"});
    }
  }
  auto most = file.is_test() ? test_lines_max : source_lines_max;
  if (lines.size() > most) {
    const auto* allowed = tree.find("tools/tidy/long_files.txt");
    if (allowed == nullptr || !mentions_word(allowed->text, file.path)) {
      findings.push_back({file.path, 0,
                          "has " + std::to_string(lines.size()) + " lines, more than " + std::to_string(most) +
                              "; split it by what it knows, or list it in tools/tidy/long_files.txt with the reason"});
    }
  }
  if (file.is_header()) {
    auto first = file.code.find_first_not_of(" \n");
    if (first == std::string::npos || !std::string_view(file.code).substr(first).starts_with("#pragma once")) {
      findings.push_back({file.path, 1, "start the header with #pragma once"});
    }
  }
}

void check_mentions(const SourceFile& file, Findings& findings) {
  // Written in two parts, so that this file does not break its own rule.
  constexpr std::array<std::string_view, 3> unfinished = {
      "TO"
      "DO",
      "FIX"
      "ME",
      "XX"
      "X"};
  constexpr std::array<std::string_view, 4> machine_paths = {
      "/wo"
      "rk/",
      "/fa"
      "rm/",
      "/ro"
      "ot/",
      "/ho"
      "me/"};
  constexpr std::array<std::string_view, 9> registries = {
      "pypi"
      ".org",
      "python"
      "hosted.org",
      "registry.npm"
      "js.org",
      "repo1.maven"
      ".org",
      "repo.maven."
      "apache.org",
      "deb.deb"
      "ian.org",
      "proxy.go"
      "lang.org",
      "static.crates"
      ".io",
      "index.crates"
      ".io"};
  for (auto word : unfinished) {
    each_word(file.text, word, [&](std::size_t at) {
      findings.push_back({file.path, line_at(file.text, at), "finish it, or open an issue and remove the note"});
    });
  }
  for (auto path : machine_paths) {
    for (auto at = file.text.find(path); at != std::string::npos; at = file.text.find(path, at + 1)) {
      // "a/<word>/b" is the middle of some other path, "@/" starts at web/src, and "$HOME/" or a URL is not of one
      // machine.
      if (at > 0 && (is_identifier(file.text[at - 1]) ||
                     std::string_view(".}*>@").find(file.text[at - 1]) != std::string_view::npos))
        continue;
      findings.push_back({file.path, line_at(file.text, at),
                          "a path of one machine; use a path from the root of the tree, or an option"});
    }
  }
  for (auto host : registries) {
    if (auto at = file.text.find(host); at != std::string::npos) {
      findings.push_back({file.path, line_at(file.text, at),
                          "do not name a package registry; the clients (apt, pip, npm) know theirs"});
    }
  }
}

void check_links(const Tree& tree, const SourceFile& file, Findings& findings) {
  if (!file.path.ends_with(".md")) return;
  bool in_fence = false;
  std::size_t number = 0;
  for (auto line : lines_of(file.text)) {
    ++number;
    if (line.starts_with("```")) in_fence = !in_fence;
    if (in_fence) continue;
    for (auto at = line.find("]("); at != std::string_view::npos; at = line.find("](", at + 2)) {
      auto target = line.substr(at + 2);
      target = target.substr(0, target.find_first_of(") #"));
      if (target.empty() || target.find(':') != std::string_view::npos) continue;
      auto path = target.front() == '/' ? std::filesystem::path(target.substr(1)).lexically_normal()
                                        : (std::filesystem::path(parent_of(file.path)) / target).lexically_normal();
      auto name = path.generic_string();
      if (name.ends_with('/')) name.pop_back();
      if (name != "." && !tree.all_paths.contains(name)) {
        findings.push_back({file.path, number, "the link to " + std::string(target) + " leads nowhere"});
      }
    }
  }
}

void check_folders(const Tree& tree, Findings& findings) {
  const auto* architecture = tree.find("ARCHITECTURE.md");
  for (const auto& folder : tree.folders) {
    if (folder == "web" && architecture != nullptr && !mentions_word(architecture->text, "web/")) {
      findings.push_back({"ARCHITECTURE.md", 0, "the folder map does not name web/"});
    }
    if (folder.starts_with("web/src/") && folder.find('/', 8) == std::string::npos &&
        !is_known_web_folder(std::string_view(folder).substr(8))) {
      findings.push_back({folder, 0, "name it as the capability it shows, or place it in tools/tidy/layers.cpp"});
    }
    if (!folder.starts_with("src/")) continue;
    auto name = folder.substr(4);
    const auto* readme = tree.find(folder + "/README.md");
    if (readme == nullptr) {
      findings.push_back(
          {folder, 0, "write a README.md of about ten lines: what the folder is for and where to start"});
    } else if (lines_of(readme->text).size() > readme_lines_max) {
      findings.push_back({readme->path, 0, "keep a folder's README.md within 25 lines; guides live in docs/guides/"});
    }
    if (name.find('/') != std::string::npos) continue;
    if (!is_known_folder(name)) {
      findings.push_back({folder, 0, "place this folder in the order in tools/tidy/layers.cpp"});
    }
    if (architecture != nullptr && !mentions_word(architecture->text, name + "/")) {
      findings.push_back({"ARCHITECTURE.md", 0, "the folder map does not name src/" + name + "/"});
    }
  }
}

}  // namespace

std::vector<Finding> check(const Tree& tree) {
  Findings findings;
  for (const auto& file : tree.files) {
    check_includes(tree, file, findings);
    check_imports(file, findings);
    check_names(file, findings);
    check_words(file, findings);
    check_layout(tree, file, findings);
    check_mentions(file, findings);
    check_links(tree, file, findings);
  }
  check_folders(tree, findings);
  std::ranges::sort(findings, {}, [](const Finding& f) { return std::tie(f.path, f.line, f.message); });
  return findings;
}

}  // namespace modelops::tidy
