#include "identity/visibility.hpp"

#include <fmt/format.h>

namespace modelops::identity {

Predicate changeable_by(const Context& ctx, std::string_view alias) {
  Predicate out;
  out.sql = fmt::format("({0}.org_id = ?", alias);
  out.args.emplace_back(ctx.org_id);
  if (ctx.actor.kind != ActorKind::system && !ctx.may(organization_see_all)) {
    out.sql +=
        fmt::format(" AND ({0}.visibility = 'organization' OR {0}.visibility = 'public' OR {0}.created_by = ?", alias);
    out.args.emplace_back(ctx.actor.id);
    if (!ctx.actor.team_ids.empty()) {
      out.sql += fmt::format(" OR ({0}.visibility = 'team' AND {0}.team_id IN (", alias);
      for (std::size_t i = 0; i < ctx.actor.team_ids.size(); ++i) {
        out.sql += i == 0 ? "?" : ", ?";
        out.args.emplace_back(ctx.actor.team_ids[i]);
      }
      out.sql += "))";
    }
    out.sql += ")";
  }
  out.sql += ")";
  return out;
}

Predicate visible_to(const Context& ctx, std::string_view alias) {
  Predicate out = changeable_by(ctx, alias);
  if (ctx.actor.kind != ActorKind::anonymous) out.sql = fmt::format("({} OR {}.visibility = 'public')", out.sql, alias);
  return out;
}

}  // namespace modelops::identity
