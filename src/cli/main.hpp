#pragma once
#include <string>
#include <vector>

namespace modelops::cli {

/// `modelops <noun> <verb> …`. Returns the exit status: 0, 1 (refused or failed), 2 (wrong usage).
int run_command_line(const std::vector<std::string>& arguments);

}  // namespace modelops::cli
