#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "identity/types.hpp"
#include "platform/context.hpp"
#include "platform/db/database.hpp"

namespace modelops::identity {

/// SQL over a table with the columns org_id, team_id, visibility and created_by, and its arguments.
struct Predicate {
  std::string sql;
  std::vector<db::SqlValue> args;
};

/// The one rule of who sees a resource: within the organisation by its visibility (private: its maker; team: the
/// team's members; organization: all), beyond it only what is public. `organization:see_all` sees all of its own.
Predicate visible_to(const Context& ctx, std::string_view alias);
/// The same for changing it: never beyond the organisation.
Predicate changeable_by(const Context& ctx, std::string_view alias);

}  // namespace modelops::identity
