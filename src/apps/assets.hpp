#pragma once
#include <span>
#include <string_view>

namespace modelops::apps {

/// A file that is embedded in the program (tools/embed.mjs).
struct Asset {
  std::string_view path;  ///< as it is asked for: "/modelops/assets/index-DkT2x1aB.js"
  std::string_view content_type;
  std::string_view etag;
  std::string_view bytes;
  std::string_view gzip;   ///< empty where compression gains nothing
  bool immutable = false;  ///< its name changes with its content
};

/// In the order of their paths.
std::span<const Asset> assets();

}  // namespace modelops::apps
