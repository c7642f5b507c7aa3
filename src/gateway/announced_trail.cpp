#include "gateway/announced_trail.hpp"

#include "platform/jobs/waiting.hpp"

namespace modelops::gateway {
namespace {

/// Of what a snapshot is made, beside the routes. An approval may move the alias of the latest approved version.
constexpr std::string_view kinds[] = {"api_key", "member", "role", "service_account", "organization", "approval"};

/// Models change all the time; of them gateways know the aliases.
bool concerns_snapshot(const identity::Act& act) {
  return std::ranges::find(kinds, act.subject_kind) != std::end(kinds) || act.action.starts_with("model_alias.");
}

}  // namespace

void AnnouncedTrail::record(db::Tx& tx, const Context& ctx, const identity::Act& act) {
  trail_.record(tx, ctx, act);
  if (concerns_snapshot(act)) jobs::announce(tx, topics_, inputs_topic_);
}

}  // namespace modelops::gateway
