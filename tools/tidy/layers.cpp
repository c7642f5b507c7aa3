#include "tidy/layers.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>

namespace modelops::tidy {
namespace {

constexpr std::array foundations = {"base", "reflect", "platform"};
constexpr std::array capabilities = {"identity",    "audit",   "connections", "evidence",   "registry",
                                     "builds",      "targets", "deployments", "gateway",    "monitoring",
                                     "evaluations", "scans",   "governance",  "inferenceiq"};
constexpr std::array edges = {"adapters", "formats", "dataplane", "cli", "apps"};
/// Of web/src, beside the capabilities: what knows no feature, in its order, and what knows them all.
constexpr std::array web_foundations = {"lib", "kit", "api"};
constexpr std::array web_edges = {"shell", "home", "routes"};

template <class List>
std::ptrdiff_t position(const List& list, std::string_view name) {
  auto at = std::ranges::find(list, name);
  return at == list.end() ? -1 : at - list.begin();
}

std::string_view first_folder(std::string_view path) { return path.substr(0, path.find('/')); }
std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

bool is_known_folder(std::string_view folder) {
  return position(foundations, folder) >= 0 || position(capabilities, folder) >= 0 || position(edges, folder) >= 0;
}

std::string include_advice(std::string_view from, std::string_view to) {
  auto source = first_folder(from);
  auto target = first_folder(to);
  auto file = file_name(to);
  if (source == target || source == "apps") return {};

  if (auto own = position(foundations, source); own >= 0) {
    auto other = position(foundations, target);
    if (other >= 0 && other < own) return {};
    return std::string(source) + " may not know " + std::string(target) +
           ": the order is base <- reflect <- platform <- capabilities <- apps; move what is shared to the left";
  }
  if (position(foundations, target) >= 0) return {};

  if (auto own = position(capabilities, source); own >= 0) {
    auto other = position(capabilities, target);
    if (other < 0) {
      return "a capability does not name " + std::string(target) + "; own a port in " + std::string(source) +
             "/ports.hpp and let apps/ connect it";
    }
    if (other > own) {
      return std::string(target) + " stands to the right of " + std::string(source) + "; own a port in " +
             std::string(source) + "/ports.hpp that " + std::string(target) + " answers";
    }
    if (from.ends_with("_test.cpp") || from.ends_with("_test.hpp") ||
        is_one_of(file, {"types.hpp", "wire.hpp", "service.hpp", "ports.hpp", "visibility.hpp"}))
      return {};
    return "of another capability include only types.hpp, wire.hpp, service.hpp or ports.hpp (of identity also "
           "visibility.hpp)";
  }
  if (is_one_of(source, {"adapters", "formats"})) {
    if (position(capabilities, target) >= 0 && is_one_of(file, {"types.hpp", "ports.hpp"})) return {};
    return std::string(source) + " includes base, reflect, platform and the types.hpp or ports.hpp of what it serves";
  }
  if (is_one_of(target, {"targets", "gateway", "monitoring"}) && is_one_of(file, {"types.hpp", "wire.hpp"})) return {};
  return std::string(source) +
         " includes base, reflect, platform and the types.hpp or wire.hpp of targets, gateway and monitoring; it never "
         "sees a store";
}

bool is_known_web_folder(std::string_view folder) {
  return position(web_foundations, folder) >= 0 || position(capabilities, folder) >= 0 ||
         position(web_edges, folder) >= 0;
}

std::string web_import_advice(std::string_view from, std::string_view to) {
  auto source = first_folder(from);
  auto target = first_folder(to);
  if (source == target || position(web_foundations, source) < 0) return {};
  if (target == "lib" || to.find('/') == std::string_view::npos) return {};
  return std::string(source) + " may not know " + std::string(target) +
         ": lib, kit and api know lib and themselves; give it what it needs as an argument or a property";
}

}  // namespace modelops::tidy
