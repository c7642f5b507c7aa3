#pragma once
#include <string_view>

#include "identity/types.hpp"

namespace modelops::identity {

/// SQL over a table with the columns org_id, team_id, visibility and created_by, and its arguments.
using Predicate = query::SqlFragment;

/// The one rule of who sees a resource: within the organisation by its visibility (private: its maker; team: the
/// team's members; organization: all), beyond it only what is public. `organization:see_all` sees all of its own.
Predicate visible_to(const Context& ctx, std::string_view alias);
/// The same within the organisation only: for changing a resource, and for what is said about it.
Predicate changeable_by(const Context& ctx, std::string_view alias);

/// Of a resource with the members visibility, team_id and created_by.
template <class Resource>
Audience audience_of(const Resource& resource) {
  Audience out{resource.visibility, std::nullopt, resource.created_by};
  if (resource.team_id) out.team_id = resource.team_id->str();
  return out;
}

}  // namespace modelops::identity
