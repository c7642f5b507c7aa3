#include "targets/service.hpp"

#include "platform/crypto/token.hpp"
#include "platform/jobs/waiting.hpp"
#include "targets/store.hpp"

namespace modelops::targets {
namespace {

constexpr std::int64_t silent_per_step = 200;

const query::FieldTable& target_fields() {
  static const query::FieldTable table = [] {
    query::Field state = query::enumeration<MachineState>("state", "t.state");
    state.sortable = true;
    return query::FieldTable{
        .alias = "t",
        .fields =
            {{.name = "name", .column = "t.name", .folded = "t.name", .sortable = true},
             state,
             {.name = "created_at", .column = "t.created_at", .type = query::FieldType::time, .sortable = true},
             {.name = "last_seen_at", .column = "t.last_seen_at", .type = query::FieldType::time, .nullable = true}},
        .default_order = "name"};
  }();
  return table;
}

[[noreturn]] void not_found(std::string_view what, std::string_view name) {
  fail(ErrorCode::not_found, fmt::format("There is no {} {} here.", what, name));
}

[[noreturn]] void outdated() {
  fail(ErrorCode::precondition_failed, "Somebody changed this meanwhile. Read it again and repeat your change.");
}

std::string_view noun(MachineKind kind) { return kind == MachineKind::agent ? "target" : "gateway"; }

/// What people know a machine by: the target of an agent, a gateway itself.
std::string subject_of(db::Tx& tx, const MachineRow& machine) {
  const auto target = store::find_target_of(tx, machine.org_id, machine.id.str());
  return target ? target->id.str() : machine.id.str();
}

Gateway to_gateway(const MachineRow& row) {
  return {row.id,           row.name,       row.state,       row.program_version,
          row.last_seen_at, row.expires_at, row.row_version, row.created_at};
}

}  // namespace

MachineRow Service::make_machine(db::Tx& tx, const Context& ctx, MachineKind kind, const Slug& name) {
  if (store::name_is_taken(tx, ctx.org_id, kind, name.str()))
    fail(ErrorCode::conflict, fmt::format("There is a {} {} already. Choose another name, or make it a new enrollment "
                                          "token.",
                                          noun(kind), name.str()));
  MachineRow made;
  made.org_id = ctx.org_id;
  made.id = MachineId::make();
  made.kind = kind;
  made.name = name.str();
  made.created_by = ctx.actor.id;
  made.created_at = clock_.now();
  tx.insert("machines", made);
  return made;
}

EnrollmentToken Service::make_token(db::Tx& tx, const Context& ctx, MachineRow machine) {
  const Secret token = crypto::make_token("enroll");
  const Time expires_at = clock_.now() + enrollment_age_max;
  store::put_token(tx, {crypto::token_digest(token.reveal()), machine.org_id, machine.id, expires_at});
  audit_.record(tx, ctx,
                {"enrollment_token.create", noun(machine.kind), subject_of(tx, machine), {{"name", machine.name}}});
  return {token.reveal(), expires_at};
}

void Service::tell(db::Tx& tx, const Context& ctx, const MachineRow& machine, std::string_view act,
                   std::string_view event) {
  const std::string_view kind = noun(machine.kind);
  const std::string subject = subject_of(tx, machine);
  audit_.record(tx, ctx, {fmt::format("{}.{}", kind, act), kind, subject, {{"name", machine.name}}});
  events_.publish(tx, machine.org_id, Audience::everybody(), fmt::format("{}.{}", kind, event), kind, subject,
                  {{"name", machine.name}});
}

void Service::shut_out(db::Tx& tx, MachineRow machine) {
  store::remove_tokens_of(tx, machine.org_id, machine.id.str());
  machine.state = MachineState::revoked;
  machine.row_version += 1;
  store::update_machine(tx, machine, machine.row_version - 1);
  jobs::announce(tx, topics_, machine_topic(machine.id.str()));
  jobs::announce(tx, topics_, machines_topic);
}

void Service::revoke(db::Tx& tx, const Context& ctx, MachineRow machine) {
  tell(tx, ctx, machine, "revoke", "revoked");
  shut_out(tx, std::move(machine));
}

void Service::remove(db::Tx& tx, const Context& ctx, const MachineRow& machine) {
  tell(tx, ctx, machine, "delete", "deleted");
  shut_out(tx, machine);
  store::delete_machine(tx, machine.org_id, machine.id.str(), clock_.now());
}

// ---------------------------------------------------------------------------------------------- targets

Target Service::target_row(db::Tx& tx, const Context& ctx, const Reference& reference) {
  auto found = store::find_target(tx, ctx.org_id, reference.str());
  if (!found) not_found("target", reference.str());
  return std::move(*found);
}

TargetPage Service::list(const Context& ctx, const ListTargets& request) {
  const query::Keyset keyset = query::plan(target_fields(), request);
  return query::page<TargetPage>(keyset,
                                 database_.read([&](db::Tx& tx) { return store::targets(tx, keyset, ctx.org_id); }));
}

Target Service::get(const Context& ctx, const TargetReference& request) {
  return database_.read([&](db::Tx& tx) { return target_row(tx, ctx, request.target); });
}

NewTarget Service::create(const Context& ctx, const CreateTarget& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    const MachineRow machine = make_machine(tx, ctx, MachineKind::agent, request.name);
    const TargetRow made{ctx.org_id, TargetId::make(), machine.id, request.labels, 1};
    tx.insert("targets", made);
    audit_.record(tx, ctx, {"target.create", "target", made.id.str(), {{"name", machine.name}}});
    events_.publish(tx, ctx.org_id, Audience::everybody(), "target.created", "target", made.id.str(),
                    {{"name", machine.name}});
    const EnrollmentToken token = make_token(tx, ctx, machine);
    return NewTarget{made.id, *store::find_target(tx, ctx.org_id, made.id.str()), token.token, token.expires_at};
  });
}

Target Service::update(const Context& ctx, const UpdateTarget& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    const Target target = target_row(tx, ctx, request.target);
    MachineRow machine = *store::find_machine(tx, target.machine_id.str());
    machine.row_version = *ctx.if_match + 1;
    if (!store::update_machine(tx, machine, *ctx.if_match)) outdated();
    if (request.labels.present)
      store::set_labels(tx, ctx.org_id, target.id.str(), request.labels.value.value_or(reflect::Tags()));
    audit_.record(tx, ctx, {"target.update", "target", target.id.str()});
    return *store::find_target(tx, ctx.org_id, target.id.str());
  });
}

EnrollmentToken Service::renew_token(const Context& ctx, const TargetReference& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    const Target target = target_row(tx, ctx, request.target);
    return make_token(tx, ctx, *store::find_machine(tx, target.machine_id.str()));
  });
}

Target Service::revoke(const Context& ctx, const TargetReference& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    const Target target = target_row(tx, ctx, request.target);
    revoke(tx, ctx, *store::find_machine(tx, target.machine_id.str()));
    return *store::find_target(tx, ctx.org_id, target.id.str());
  });
}

void Service::remove(const Context& ctx, const TargetReference& request) {
  database_.write(ctx, [&](db::Tx& tx) {
    const Target target = target_row(tx, ctx, request.target);
    if (const auto names = usage_.deployments_on(tx, ctx.org_id, target.id.str()); !names.empty())
      fail(ErrorCode::conflict, fmt::format("{} is the target of the deployments {}. Delete them first.", target.name,
                                            fmt::join(names, ", ")));
    remove(tx, ctx, *store::find_machine(tx, target.machine_id.str()));
  });
}

std::optional<Target> Service::find(db::Tx& tx, const std::string& org_id, const std::string& id_or_name) {
  return store::find_target(tx, org_id, id_or_name);
}

std::optional<std::string> Service::gateway_name(db::Tx& tx, const std::string& org_id, const std::string& id) {
  const auto found = store::find_gateway(tx, org_id, id);
  if (!found || found->state == MachineState::revoked) return std::nullopt;
  return found->name;
}

std::int64_t Service::bump(db::Tx& tx, const std::string& org_id, const std::string& target_id) {
  const auto target = store::find_target(tx, org_id, target_id);
  if (!target) not_found("target", target_id);
  store::set_generation(tx, org_id, target_id, target->generation + 1);
  jobs::announce(tx, topics_, machine_topic(target->machine_id.str()));
  return target->generation + 1;
}

// --------------------------------------------------------------------------------------------- gateways

MachineRow Service::gateway_row(db::Tx& tx, const Context& ctx, const Reference& reference) {
  auto found = store::find_gateway(tx, ctx.org_id, reference.str());
  if (!found) not_found("gateway", reference.str());
  return std::move(*found);
}

GatewayList Service::list_gateways(const Context& ctx, const Nothing&) {
  return database_.read([&](db::Tx& tx) {
    GatewayList out;
    for (const MachineRow& row : store::gateways(tx, ctx.org_id)) out.items.push_back(to_gateway(row));
    return out;
  });
}

Gateway Service::get_gateway(const Context& ctx, const GatewayReference& request) {
  return database_.read([&](db::Tx& tx) { return to_gateway(gateway_row(tx, ctx, request.gateway)); });
}

NewGateway Service::create_gateway(const Context& ctx, const CreateGateway& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    const MachineRow made = make_machine(tx, ctx, MachineKind::gateway, request.name);
    audit_.record(tx, ctx, {"gateway.create", "gateway", made.id.str(), {{"name", made.name}}});
    const EnrollmentToken token = make_token(tx, ctx, made);
    return NewGateway{made.id, to_gateway(made), token.token, token.expires_at};
  });
}

EnrollmentToken Service::renew_gateway_token(const Context& ctx, const GatewayReference& request) {
  return database_.write(ctx, [&](db::Tx& tx) { return make_token(tx, ctx, gateway_row(tx, ctx, request.gateway)); });
}

Gateway Service::revoke_gateway(const Context& ctx, const GatewayReference& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    revoke(tx, ctx, gateway_row(tx, ctx, request.gateway));
    return to_gateway(gateway_row(tx, ctx, request.gateway));
  });
}

void Service::remove_gateway(const Context& ctx, const GatewayReference& request) {
  database_.write(ctx, [&](db::Tx& tx) { remove(tx, ctx, gateway_row(tx, ctx, request.gateway)); });
}

// ---------------------------------------------------------------------------------------------- silence

std::size_t Service::notice_silence() {
  const Time now = clock_.now();
  return database_.write([&](db::Tx& tx) {
    std::size_t count = 0;
    for (const auto& [kind, silence_max] :
         {std::pair(MachineKind::agent, agent_silence_max), std::pair(MachineKind::gateway, gateway_silence_max)}) {
      for (MachineRow machine : store::silent_machines(tx, kind, now - silence_max, silent_per_step)) {
        machine.state = MachineState::offline;
        machine.row_version += 1;
        store::update_machine(tx, machine, machine.row_version - 1);
        Context system;
        system.actor.kind = ActorKind::system;
        system.org_id = machine.org_id;
        const std::string action = fmt::format("{}.offline", noun(kind));
        const std::string subject = subject_of(tx, machine);
        audit_.record(tx, system, {action, noun(kind), subject, {{"name", machine.name}}});
        events_.publish(tx, machine.org_id, Audience::everybody(), action, noun(kind), subject,
                        {{"name", machine.name}});
        ++count;
      }
    }
    if (count > 0) jobs::announce(tx, topics_, machines_topic);
    return count;
  });
}

void Service::forget_nonces() {
  database_.write([&](db::Tx& tx) { store::forget_nonces(tx, clock_.now() - 2 * clock_skew_max); });
}

}  // namespace modelops::targets
