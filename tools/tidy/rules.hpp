#pragma once
// The house rules. Each finding says what to do about it.
#include <vector>

#include "tidy/tree.hpp"

namespace modelops::tidy {

/// Every finding in `tree`, sorted by path and line.
std::vector<Finding> check(const Tree& tree);

}  // namespace modelops::tidy
