#pragma once
#include "identity/types.hpp"
#include "targets/wire.hpp"

namespace modelops::targets {

using identity::Nothing;
using identity::Reference;
using reflect::Bounded;
using reflect::Doc;
using reflect::Patch;
using reflect::Slug;

inline constexpr Permission targets_read{"targets:read"};
inline constexpr Permission targets_write{"targets:write"};

struct TargetTag {
  static constexpr std::string_view prefix = "tgt";
};
struct MachineTag {
  static constexpr std::string_view prefix = "mch";
};
using TargetId = Id<TargetTag>;
using MachineId = Id<MachineTag>;

enum class MachineState {
  pending,  ///< waits for enrolment
  online,
  offline,  ///< not heard from for a while; its engines run on
  revoked,  ///< its key is refused until it enrolls again
};
MODELOPS_DESCRIBE_ENUM(MachineState, pending, online, offline, revoked)

/// Where engines run: a host with an agent.
struct Target {
  TargetId id;
  std::string name;
  MachineState state = MachineState::pending;
  MachineId machine_id;
  std::string agent_version;
  reflect::Tags labels;
  Inventory inventory;
  std::optional<Time> last_seen_at;
  std::optional<Time> expires_at;
  std::int64_t generation = 0;
  std::int64_t row_version = 1;
  Time created_at;
  static constexpr Doc docs[] = {{"expires_at", "When the agent's key ends unless it is renewed; agents renew it"},
                                 {"generation", "Grows with each change of what should run here"}};
};
MODELOPS_DESCRIBE(Target, id, name, state, machine_id, agent_version, labels, inventory, last_seen_at, expires_at,
                  generation, row_version, created_at);

struct CreateTarget {
  Slug name;
  reflect::Tags labels;
};
MODELOPS_DESCRIBE(CreateTarget, name, labels);
/// `token` is shown once: the agent enrolls with it, within its time.
struct NewTarget {
  TargetId id;
  Target target;
  std::string token;
  Time token_expires_at;
};
MODELOPS_DESCRIBE(NewTarget, id, target, token, token_expires_at);
struct TargetReference {
  Reference target;
};
MODELOPS_DESCRIBE(TargetReference, target);
struct UpdateTarget {
  Reference target;
  Patch<reflect::Tags> labels;
};
MODELOPS_DESCRIBE(UpdateTarget, target, labels);
struct EnrollmentToken {
  std::string token;
  Time expires_at;
};
MODELOPS_DESCRIBE(EnrollmentToken, token, expires_at);

struct ListTargets {
  query::PageSize page_size = query::default_page_size();
  std::string page_token;
  std::string filter;
  std::string order_by;
  static constexpr Doc docs[] = {{"filter", "For example: state = 'online' AND name LIKE 'gpu-%'"},
                                 {"order_by", "name, state or created_at, with desc for descending"}};
};
MODELOPS_DESCRIBE(ListTargets, page_size, page_token, filter, order_by);
struct TargetPage {
  std::vector<Target> items;
  std::optional<std::string> next_page_token;
};
MODELOPS_DESCRIBE(TargetPage, items, next_page_token);

/// A process of the inference data plane.
struct Gateway {
  MachineId id;
  std::string name;
  MachineState state = MachineState::pending;
  std::string program_version;
  std::optional<Time> last_seen_at;
  std::optional<Time> expires_at;
  std::int64_t row_version = 1;
  Time created_at;
};
MODELOPS_DESCRIBE(Gateway, id, name, state, program_version, last_seen_at, expires_at, row_version, created_at);
struct GatewayList {
  std::vector<Gateway> items;
};
MODELOPS_DESCRIBE(GatewayList, items);
struct CreateGateway {
  Slug name;
};
MODELOPS_DESCRIBE(CreateGateway, name);
struct NewGateway {
  MachineId id;
  Gateway gateway;
  std::string token;
  Time token_expires_at;
};
MODELOPS_DESCRIBE(NewGateway, id, gateway, token, token_expires_at);
struct GatewayReference {
  Reference gateway;
};
MODELOPS_DESCRIBE(GatewayReference, gateway);

struct PollDesired {
  std::int64_t after = 0;
  reflect::Ranged<0, 55> wait_s = reflect::Ranged<0, 55>::of<55>();
  static constexpr Doc docs[] = {{"after", "The generation that the machine follows; 0: none"},
                                 {"wait_s", "How long the answer may take when nothing has changed"}};
};
MODELOPS_DESCRIBE(PollDesired, after, wait_s);
struct ArtifactReference {
  reflect::Sha256Text sha256;
};
MODELOPS_DESCRIBE(ArtifactReference, sha256);

}  // namespace modelops::targets
