#pragma once
#include <optional>
#include <string_view>

namespace modelops::apps {

/// A file that is embedded in the program ("docs.html"); nothing when there is none of this name.
std::optional<std::string_view> find_asset(std::string_view name);

}  // namespace modelops::apps
