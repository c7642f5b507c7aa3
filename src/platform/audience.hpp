#pragma once
// Who may see a row. The platform keeps it and applies it; what it means is stated once, by `identity`.
#include <optional>
#include <string>
#include <string_view>

#include "platform/context.hpp"
#include "platform/query/fields.hpp"

namespace modelops {

/// Who sees a resource within its organisation, and beyond: `public_` is readable by any signed-in principal of
/// the installation, never writable, and says nothing about how an endpoint is exposed.
enum class Visibility { private_, team, organization, public_ };
MODELOPS_DESCRIBE_ENUM(Visibility, private_, team, organization, public_)

/// Columns of these names, beside org_id.
struct Audience {
  Visibility visibility = Visibility::private_;
  std::optional<std::string> team_id;
  std::string created_by;

  static Audience only(std::string actor_id) { return {Visibility::private_, std::nullopt, std::move(actor_id)}; }
  static Audience everybody() { return {Visibility::organization, std::nullopt, {}}; }
};
MODELOPS_DESCRIBE(Audience, visibility, team_id, created_by);

/// Answers with the condition under which a row of the table `alias` is seen in `ctx`; false beyond its organisation.
using VisibilityRule = query::SqlFragment (*)(const Context& ctx, std::string_view alias);

}  // namespace modelops
