#include "reflect/schema.hpp"

namespace modelops::reflect {

bool Components::claim(std::string_view name, std::type_index type) {
  const auto [at, inserted] = types_.emplace(std::string(name), type);
  if (!inserted && at->second != type)
    fail(ErrorCode::internal, fmt::format("two types are called {} in the API; rename one", name));
  return inserted;
}

}  // namespace modelops::reflect
