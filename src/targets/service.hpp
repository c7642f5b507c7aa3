#pragma once
#include "identity/ports.hpp"
#include "platform/eventlog/event_log.hpp"
#include "platform/events/topics.hpp"
#include "targets/machine_access.hpp"
#include "targets/ports.hpp"
#include "targets/types.hpp"

namespace modelops::targets {

struct MachineRow;

inline constexpr std::chrono::minutes enrollment_age_max{15};
/// An agent reports every 10 seconds; a gateway only asks again when its long poll of up to 55 seconds ends.
inline constexpr std::chrono::seconds agent_silence_max{45};
inline constexpr std::chrono::seconds gateway_silence_max{100};

/// Targets and gateways as people see them, and what `deployments` asks of them.
class Service {
 public:
  Service(db::Database& database, const Clock& clock, identity::AuditTrail& audit, eventlog::EventLog& events,
          events::Topics& topics, TargetUsage& usage)
      : database_(database), clock_(clock), audit_(audit), events_(events), topics_(topics), usage_(usage) {}

  TargetPage list(const Context& ctx, const ListTargets& request);
  Target get(const Context& ctx, const TargetReference& request);
  NewTarget create(const Context& ctx, const CreateTarget& request);
  Target update(const Context& ctx, const UpdateTarget& request);
  EnrollmentToken renew_token(const Context& ctx, const TargetReference& request);
  Target revoke(const Context& ctx, const TargetReference& request);
  void remove(const Context& ctx, const TargetReference& request);

  GatewayList list_gateways(const Context& ctx, const Nothing&);
  Gateway get_gateway(const Context& ctx, const GatewayReference& request);
  NewGateway create_gateway(const Context& ctx, const CreateGateway& request);
  EnrollmentToken renew_gateway_token(const Context& ctx, const GatewayReference& request);
  Gateway revoke_gateway(const Context& ctx, const GatewayReference& request);
  void remove_gateway(const Context& ctx, const GatewayReference& request);

  /// By id or name, within the caller's transaction.
  std::optional<Target> find(db::Tx& tx, const std::string& org_id, const std::string& id_or_name);
  /// The name of a gateway that is not gone, by id; nothing for any other machine.
  std::optional<std::string> gateway_name(db::Tx& tx, const std::string& org_id, const std::string& id);
  /// What should run there changes in this transaction: returns the generation of the change, and wakes the agent
  /// after the commit.
  std::int64_t bump(db::Tx& tx, const std::string& org_id, const std::string& target_id);

  /// Marks machines offline that were not heard for too long. Returns how many.
  std::size_t notice_silence();
  /// Forgets nonces that are too old to be accepted anyway.
  void forget_nonces();

 private:
  MachineRow make_machine(db::Tx& tx, const Context& ctx, MachineKind kind, const Slug& name);
  EnrollmentToken make_token(db::Tx& tx, const Context& ctx, MachineRow machine);
  void revoke(db::Tx& tx, const Context& ctx, MachineRow machine);
  void remove(db::Tx& tx, const Context& ctx, const MachineRow& machine);
  void shut_out(db::Tx& tx, MachineRow machine);
  void tell(db::Tx& tx, const Context& ctx, const MachineRow& machine, std::string_view act, std::string_view event);
  MachineRow gateway_row(db::Tx& tx, const Context& ctx, const Reference& reference);
  Target target_row(db::Tx& tx, const Context& ctx, const Reference& reference);

  db::Database& database_;
  const Clock& clock_;
  identity::AuditTrail& audit_;
  eventlog::EventLog& events_;
  events::Topics& topics_;
  TargetUsage& usage_;
};

}  // namespace modelops::targets
