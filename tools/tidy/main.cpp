#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "tidy/rules.hpp"

int main(int argc, char** argv) {
  try {
    auto tree = modelops::tidy::read_tree(argc > 1 ? argv[1] : ".");
    auto findings = modelops::tidy::check(tree);
    for (const auto& [path, line, message] : findings) {
      if (line > 0) {
        fmt::print("{}:{}: {}\n", path, line, message);
      } else {
        fmt::print("{}: {}\n", path, message);
      }
    }
    fmt::print("house rules: {} files, {} findings\n", tree.files.size(), findings.size());
    return findings.empty() ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "tidy: {}\n", error.what());
    return 2;
  }
}
