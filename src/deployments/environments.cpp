// The environments of an organisation. Three are there from the beginning; they are made when first asked for.
#include "deployments/service.hpp"

namespace modelops::deployments {
namespace {

Environment to_environment(const EnvironmentRow& row) {
  return {row.id, row.name, row.description, row.production, row.row_version, row.created_at};
}

}  // namespace

void Service::seed_environments(db::Tx& tx, const std::string& org_id) {
  if (!store::environments(tx, org_id).empty()) return;
  struct Seed {
    const char* name;
    const char* description;
    bool production;
  };
  for (const Seed& seed :
       {Seed{"development", "For trying things out", false}, Seed{"staging", "As production, before it", false},
        Seed{"production", "What people depend on", true}})
    tx.insert("environments", EnvironmentRow{org_id, EnvironmentId::make(), seed.name, seed.description,
                                             seed.production, 1, clock_.now()});
}

std::vector<EnvironmentRow> Service::seeded_environments(const Context& ctx) {
  auto rows = database_.read([&](db::Tx& tx) { return store::environments(tx, ctx.org_id); });
  if (!rows.empty()) return rows;
  return database_.write([&](db::Tx& tx) {
    seed_environments(tx, ctx.org_id);
    return store::environments(tx, ctx.org_id);
  });
}

EnvironmentRow Service::environment(db::Tx& tx, const Context& ctx, const Reference& reference) {
  auto found = store::find_environment(tx, ctx.org_id, reference.str());
  if (!found) fail(ErrorCode::not_found, fmt::format("There is no environment {} here.", reference.str()));
  return std::move(*found);
}

EnvironmentList Service::list_environments(const Context& ctx, const Nothing&) {
  EnvironmentList out;
  for (const EnvironmentRow& row : seeded_environments(ctx)) out.items.push_back(to_environment(row));
  return out;
}

Environment Service::get_environment(const Context& ctx, const EnvironmentReference& request) {
  seeded_environments(ctx);
  return database_.read([&](db::Tx& tx) { return to_environment(environment(tx, ctx, request.environment)); });
}

Environment Service::create_environment(const Context& ctx, const CreateEnvironment& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    seed_environments(tx, ctx.org_id);
    if (store::find_environment(tx, ctx.org_id, request.name.str()))
      fail(ErrorCode::conflict, fmt::format("There is an environment {} already.", request.name.str()));
    const EnvironmentRow made{
        ctx.org_id, EnvironmentId::make(), request.name.str(), request.description.str(), request.production,
        1,          clock_.now()};
    tx.insert("environments", made);
    audit_.record(tx, ctx, {"environment.create", "environment", made.id.str(), {{"name", made.name}}});
    return to_environment(made);
  });
}

Environment Service::update_environment(const Context& ctx, const UpdateEnvironment& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    EnvironmentRow row = environment(tx, ctx, request.environment);
    if (request.description.present)
      row.description = request.description.value ? request.description.value->str() : "";
    request.production.apply(row.production);
    row.row_version = *ctx.if_match + 1;
    if (!store::update_environment(tx, row, *ctx.if_match))
      fail(ErrorCode::precondition_failed, "Somebody changed this meanwhile. Read it again and repeat your change.");
    audit_.record(tx, ctx, {"environment.update", "environment", row.id.str(), {{"production", row.production}}});
    return to_environment(row);
  });
}

void Service::remove_environment(const Context& ctx, const EnvironmentReference& request) {
  database_.write(ctx, [&](db::Tx& tx) {
    const EnvironmentRow row = environment(tx, ctx, request.environment);
    if (store::environment_is_used(tx, ctx.org_id, row.id.str()))
      fail(ErrorCode::conflict, fmt::format("Deployments run or ran in {}: their history refers to it.", row.name));
    if (store::environments(tx, ctx.org_id).size() == 1)
      fail(ErrorCode::conflict, "This is the last environment; make another one first.");
    store::remove_environment(tx, ctx.org_id, row.id.str());
    audit_.record(tx, ctx, {"environment.remove", "environment", row.id.str(), {{"name", row.name}}});
  });
}

}  // namespace modelops::deployments
