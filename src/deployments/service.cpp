#include "deployments/service.hpp"

#include "platform/jobs/cursor.hpp"

namespace modelops::deployments {
namespace {

constexpr std::size_t environment_variables_max = 200;
constexpr std::int64_t log_lines_per_batch = 500;
constexpr std::int64_t log_lines_at_first = 100;

const query::FieldTable& deployment_fields() {
  static const query::FieldTable table = [] {
    using query::FieldType;
    query::Field state = query::enumeration<DeploymentState>("state", "d.state");
    state.sortable = true;
    return query::FieldTable{
        .alias = "d",
        .fields = {{.name = "name", .column = "d.name", .folded = "d.name", .sortable = true},
                   state,
                   {.name = "environment", .column = "d.environment", .folded = "d.environment", .sortable = true},
                   {.name = "target", .column = "d.target", .folded = "d.target"},
                   {.name = "model", .column = "d.model", .folded = "d.model"},
                   {.name = "model_id", .column = "d.model_id"},
                   {.name = "version_id", .column = "d.version_id"},
                   {.name = "engine", .column = "d.engine"},
                   {.name = "interface", .column = "d.interface"},
                   {.name = "created_by", .column = "d.created_by"},
                   {.name = "created_at", .column = "d.created_at", .type = FieldType::time, .sortable = true},
                   {.name = "updated_at", .column = "d.updated_at", .type = FieldType::time, .sortable = true}},
        .default_order = "created_at desc"};
  }();
  return table;
}

const query::FieldTable& event_fields() {
  static const query::FieldTable table{
      .alias = "e",
      .fields = {{.name = "kind", .column = "e.kind", .folded = "e.kind"},
                 {.name = "revision", .column = "e.revision", .type = query::FieldType::integer},
                 {.name = "created_at", .column = "e.created_at", .type = query::FieldType::time, .sortable = true}},
      .default_order = "created_at desc"};
  return table;
}

[[noreturn]] void not_found(std::string_view what, std::string_view name) {
  fail(ErrorCode::not_found, fmt::format("There is no {} {} here.", what, name));
}

[[noreturn]] void outdated() {
  fail(ErrorCode::precondition_failed, "Somebody changed this meanwhile. Read it again and repeat your change.");
}

DeploymentRevision to_revision(const RevisionRow& row, std::int64_t current) {
  return {row.number, row.number == current, row.digest, row.document, row.created_by, row.created_at};
}

template <class F>
std::string joined(const auto& items, F&& text_of) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "" : ", ") + std::string(text_of(item));
  return out;
}

std::string_view past_tense(Plan::Kind kind) {
  switch (kind) {
    case Plan::Kind::create: return "created";
    case Plan::Kind::update: return "updated";
    case Plan::Kind::scale: return "scaled";
    case Plan::Kind::restart: return "restarted";
    case Plan::Kind::roll_back: return "rolled_back";
    case Plan::Kind::start: return "started";
    case Plan::Kind::stop: return "stop_requested";
    case Plan::Kind::delete_: return "delete_requested";
  }
  return "changed";
}

}  // namespace

EngineList Service::engines(const Context&, const Nothing&) { return {catalogue_.engines()}; }

// ---------------------------------------------------------------------------------------------- reading

DeploymentRow Service::visible(db::Tx& tx, const Context& ctx, const Reference& reference) {
  auto row = store::find_deployment(tx, identity::visible_to(ctx, "d"), ctx.org_id, reference.str());
  if (!row) not_found("deployment", reference.str());
  return std::move(*row);
}

DeploymentRow Service::changeable(db::Tx& tx, const Context& ctx, const Reference& reference) {
  auto row = store::find_deployment(tx, identity::changeable_by(ctx, "d"), ctx.org_id, reference.str());
  if (!row) {
    visible(tx, ctx, reference);
    fail(ErrorCode::forbidden, "This deployment belongs to another organization: you may only read it.");
  }
  if (row->intent == Intent::delete_) fail(ErrorCode::conflict, "This deployment is being deleted.");
  return std::move(*row);
}

RevisionRow Service::revision(db::Tx& tx, const DeploymentRow& row, std::int64_t number) {
  auto found = store::find_revision(tx, row.org_id, row.id.str(), number);
  if (!found) not_found("revision", std::to_string(number));
  return std::move(*found);
}

DeploymentPage Service::list(const Context& ctx, const ListDeployments& request) {
  const query::Keyset keyset = query::plan(deployment_fields(), request);
  return query::page<DeploymentPage>(keyset, database_.read([&](db::Tx& tx) {
    return store::views(tx, keyset, identity::visible_to(ctx, "d"), ctx.org_id);
  }));
}

query::Facets Service::facets(const Context& ctx, const FacetDeployments& request) {
  static constexpr std::string_view fields[] = {"state", "environment", "target", "engine", "interface"};
  const query::FieldTable& table = deployment_fields();
  const query::SqlFragment filter = query::filter_sql(table, query::parse_filter(table, request.filter), ctx.org_id);
  const query::SqlFragment matching = store::matching(identity::visible_to(ctx, "d"), ctx.org_id, filter);
  return database_.read([&](db::Tx& tx) {
    return query::facets_of(fields,
                            tx.all_with<query::FacetRow>(query::facet_sql(table, fields, matching.sql), matching.args));
  });
}

Deployment Service::get(const Context& ctx, const DeploymentReference& request) {
  return database_.read([&](db::Tx& tx) {
    const DeploymentRow row = visible(tx, ctx, request.deployment);
    return store::find_view(tx, row.org_id, row.id.str()).value();
  });
}

DeploymentRevisionList Service::list_revisions(const Context& ctx, const DeploymentReference& request) {
  return database_.read([&](db::Tx& tx) {
    const DeploymentRow row = visible(tx, ctx, request.deployment);
    DeploymentRevisionList out;
    for (const RevisionRow& found : store::revisions(tx, row.org_id, row.id.str()))
      out.items.push_back(to_revision(found, row.revision));
    return out;
  });
}

DeploymentRevision Service::get_revision(const Context& ctx, const RevisionReference& request) {
  return database_.read([&](db::Tx& tx) {
    const DeploymentRow row = visible(tx, ctx, request.deployment);
    return to_revision(revision(tx, row, request.revision.number()), row.revision);
  });
}

RevisionDiff Service::diff_revisions(const Context& ctx, const DiffRevisions& request) {
  return database_.read([&](db::Tx& tx) {
    const DeploymentRow row = visible(tx, ctx, request.deployment);
    const RevisionRow after = revision(tx, row, request.revision.number());
    const RevisionRow before = revision(tx, row, request.against.number());
    return RevisionDiff{after.number, before.number, diff(before.document, after.document)};
  });
}

DeploymentReplicaList Service::list_replicas(const Context& ctx, const DeploymentReference& request) {
  return database_.read([&](db::Tx& tx) {
    const DeploymentRow row = visible(tx, ctx, request.deployment);
    DeploymentReplicaList out;
    for (const ReplicaRow& r : store::replicas(tx, row.org_id, row.id.str()))
      out.items.push_back({r.id, r.state, r.reason, r.message, r.revision, r.is_retired(), r.drain_until, r.address,
                           r.pid, r.restarts, r.exit_code, r.progress, r.memory_bytes, r.cpu_seconds, r.started_at,
                           r.ready_at, r.observed_at, r.created_at});
    return out;
  });
}

DeploymentEventPage Service::list_events(const Context& ctx, const ListDeploymentEvents& request) {
  const query::Keyset keyset = query::plan(event_fields(), request);
  return query::page<DeploymentEventPage>(keyset, database_.read([&](db::Tx& tx) {
    const DeploymentRow row = visible(tx, ctx, request.deployment);
    return store::events(tx, keyset, row.org_id, row.id.str());
  }));
}

DeploymentLogPage Service::read_logs(const Context& ctx, const ReadDeploymentLogs& request) {
  const auto after = jobs::cursor_number(request.after);
  const std::string replica = request.replica ? request.replica->str() : "";
  return database_.read([&](db::Tx& tx) {
    const DeploymentRow row = visible(tx, ctx, request.deployment);
    const std::string& id = row.id.str();
    DeploymentLogPage out;
    out.items = after ? store::log_after(tx, row.org_id, id, replica, *after, request.page_size.number())
                      : store::log_tail(tx, row.org_id, id, replica, request.page_size.number());
    out.next_after = std::to_string(out.items.empty() ? after.value_or(0) : out.items.back().seq);
    return out;
  });
}

http::Answer Service::follow_logs(const Context& ctx, const FollowDeploymentLogs& request) {
  auto after = jobs::cursor_number(request.after);
  const std::string replica = request.replica ? request.replica->str() : "";
  const DeploymentRow row = database_.read([&](db::Tx& tx) { return visible(tx, ctx, request.deployment); });
  http::Stream stream;
  stream.head = jobs::sse_head();
  stream.topic = logs_topic(row.id.str());
  stream.interval = std::chrono::seconds(10);
  const auto until = std::chrono::steady_clock::now() + jobs::stream_age_max;
  stream.poll = [this, ctx, reference = *Reference::parse(row.id.str()), replica, after, until]() mutable {
    http::Stream::Batch batch;
    std::vector<DeploymentLogLine> lines;
    try {
      lines = database_.read([&](db::Tx& tx) {
        const DeploymentRow now = visible(tx, ctx, reference);
        return after ? store::log_after(tx, now.org_id, now.id.str(), replica, *after, log_lines_per_batch)
                     : store::log_tail(tx, now.org_id, now.id.str(), replica, log_lines_at_first);
      });
    } catch (const Error& error) {
      if (error.code != ErrorCode::not_found) throw;
      batch.end = true;  // deleted meanwhile
      return batch;
    }
    for (const DeploymentLogLine& line : lines) jobs::append_sse(batch.bytes, line.seq, {}, reflect::to_json(line));
    batch.more = after && lines.size() == static_cast<std::size_t>(log_lines_per_batch);
    after = lines.empty() ? after.value_or(0) : lines.back().seq;
    batch.end = std::chrono::steady_clock::now() >= until;
    return batch;
  };
  return stream;
}

std::vector<DeploymentUse> Service::uses(db::Tx& tx, const std::string& org_id, const std::string& model_id) {
  return store::uses(tx, org_id, model_id);
}

std::vector<std::string> Service::names_on_target(db::Tx& tx, const std::string& org_id, const std::string& target_id) {
  return store::names_on_target(tx, org_id, target_id);
}

std::vector<std::string> Service::seen_of_model(db::Tx& tx, const Context& ctx, const std::string& model_id,
                                                std::int64_t limit) {
  return store::seen_of_model(tx, identity::changeable_by(ctx, "d"), model_id, limit);
}

DeploymentKey Service::key_of(db::Tx& tx, const Context& ctx, const Reference& reference) {
  const DeploymentRow row = visible(tx, ctx, reference);
  return {row.org_id, row.id};
}

std::optional<std::string> Service::organization_of(db::Tx& tx, const std::string& deployment_id) {
  return store::organization_of(tx, deployment_id);
}

std::map<std::string, std::string> Service::replicas_on(db::Tx& tx, const std::string& org_id,
                                                        const std::string& target_id) {
  std::map<std::string, std::string> out;
  for (const ReplicaRow& row : store::replicas_on(tx, org_id, target_id))
    out.emplace(row.id.str(), row.deployment_id.str());
  return out;
}

Endpoint Service::endpoint_of(const DeploymentRow& row, const RevisionDocument& current,
                              std::vector<Endpoint::Replica> ready) {
  Endpoint made{row.org_id,      row.id.str(),         row.name,       row.environment_id.str(), row.engine,
                current.version, current.engine_model, current.limits, std::move(ready),         {}};
  if (made.ready.empty()) made.unavailable_reason = row.reason ? row.reason->message : "No replica is ready.";
  return made;
}

std::vector<ServingReplica> Service::serving_replicas(db::Tx& tx) { return store::serving_replicas(tx); }

std::optional<MetricsEndpoint> Service::metrics_of(const std::string& engine) const {
  const Engine* found = catalogue_.find(engine);
  if (found == nullptr || !found->metrics_path) return std::nullopt;
  return MetricsEndpoint{*found->metrics_path, found->metrics_port ? found->metrics_port->number() : 0};
}

std::vector<Endpoint> Service::endpoints(db::Tx& tx) {
  // In three statements, since there may be thousands.
  std::map<std::string, std::vector<Endpoint::Replica>> ready;
  for (ServingReplica& replica : store::serving_replicas(tx))
    ready[replica.deployment_id].push_back({std::move(replica.replica_id), std::move(replica.address)});
  std::map<std::string, RevisionDocument> documents;
  for (CurrentDocument& current : store::serving_documents(tx))
    documents.emplace(std::move(current.deployment_id), std::move(current.document));
  std::vector<Endpoint> out;
  for (const DeploymentRow& row : store::serving(tx))
    out.push_back(endpoint_of(row, documents.at(row.id.str()), std::move(ready[row.id.str()])));
  return out;
}

Endpoint Service::endpoint(db::Tx& tx, const Context& ctx, const Reference& reference) {
  const DeploymentRow row = visible(tx, ctx, reference);
  std::vector<Endpoint::Replica> ready;
  for (const ReplicaRow& replica : store::replicas(tx, row.org_id, row.id.str()))
    if (!replica.is_retired() && replica.state == targets::ReplicaState::ready && !replica.address.empty())
      ready.push_back({replica.id.str(), replica.address});
  return endpoint_of(row, revision(tx, row, row.revision).document, std::move(ready));
}

// --------------------------------------------------------------------------------------------- changing

ResolvedVersion Service::resolve(db::Tx& tx, const Context& ctx, const std::string& reference) {
  auto found = versions_.find(tx, ctx, reference);
  if (!found)
    fail_field("/model",
               fmt::format("must name a version: model@alias, model:v3 or a version's id; there is no {}", reference));
  return std::move(*found);
}

/// Values of secrets are kept apart, and the spec names them by id from here on.
void Service::seal_secrets(db::Tx& tx, const DeploymentRow& row, DeploymentSpec& spec) {
  if (spec.environment_variables.size() > environment_variables_max)
    fail_field("/environment_variables", fmt::format("must not have more than {} entries", environment_variables_max));
  std::set<std::string> names;
  for (std::size_t i = 0; i < spec.environment_variables.size(); ++i) {
    const std::string pointer = fmt::format("/environment_variables/{}", i);
    EnvironmentVariable& variable = spec.environment_variables[i];
    const std::string name = std::visit([](const auto& v) { return v.name.str(); }, variable);
    if (!names.insert(name).second) fail_field(pointer + "/name", "is given twice");
    auto* secret = std::get_if<SecretReference>(&variable);
    if (secret == nullptr) continue;
    if (secret->value.has_value() == secret->secret_id.has_value())
      fail_field(pointer, "must have either a value or the secret_id of one given before");
    if (secret->value) {
      secret->secret_id = controller_.keep_secret(tx, row.org_id, row.id, secret->value->str());
      secret->value.reset();
      continue;
    }
    const auto known = store::find_secret(tx, row.org_id, secret->secret_id->str());
    if (!known || known->deployment_id != row.id)
      fail_field(pointer + "/secret_id", "must be a secret of this deployment");
  }
}

/// Refuses what the target has said that it cannot do; one that has said nothing yet may be able to.
void Service::check_target(const targets::Target& target, const RevisionDocument& document) {
  const auto& drivers = target.inventory.drivers;
  if (!drivers.empty() && std::ranges::find(drivers, "process") == drivers.end())
    fail_field("/target", fmt::format("{} does not run processes", target.name));
  const auto& installed = target.inventory.engines;
  if (installed.empty()) return;
  const auto has = std::ranges::any_of(installed, [&](const auto& engine) { return engine.id == document.engine; });
  if (!has)
    fail_field("/engine",
               fmt::format("{} is not installed on the target {}, which has {}. Install it there, or choose another",
                           document.engine, target.name, joined(installed, [](const auto& e) { return e.id; })));
}

RevisionRow Service::make_revision(db::Tx& tx, const Context& ctx, const DeploymentRow& row, const DeploymentSpec& spec,
                                   const ResolvedVersion& version, std::int64_t number) {
  const auto target = targets_.find(tx, row.org_id, row.target_id).value();
  RevisionDocument document = make_document(spec, version, catalogue_, row.replicas_desired);
  check_target(target, document);
  std::string digest = digest_of(document);
  return {row.org_id, row.id,        number,         version.version_id, std::move(digest), std::move(document),
          spec,       version.files, version.org_id, ctx.actor.id,       clock_.now()};
}

void Service::adopt(DeploymentRow& row, const RevisionRow& revision) {
  const PinnedVersion& version = revision.document.version;
  row.revision = revision.number;
  row.model_id = version.model_id;
  row.model_name = version.model_name;
  row.version_id = version.version_id;
  row.version_number = version.number;
  row.version_digest = version.digest;
  row.engine = revision.document.engine;
  row.interface = version.interface;
}

void Service::admit(db::Tx& tx, const Context& ctx, Plan::Kind kind, const DeploymentRow& row,
                    const RevisionRow& revision) {
  admission_.admit(tx, ctx,
                   {kind, row.id.str(), row.name, row.environment_id.str(), row.target_id, revision.number,
                    revision.digest, row.version_id, row.version_digest, row.replicas_desired});
}

Deployment Service::accept(db::Tx& tx, const Context& ctx, Plan::Kind kind, DeploymentRow row,
                           const RevisionRow& revision, const std::string& message) {
  admit(tx, ctx, kind, row, revision);
  row.updated_at = clock_.now();
  row.row_version += 1;
  if (!store::update_deployment(tx, row, row.row_version - 1)) outdated();
  controller_.note(tx, ctx, row, past_tense(kind), message,
                   {{"revision_digest", revision.digest},
                    {"version_digest", row.version_digest},
                    {"replicas", row.replicas_desired}});
  controller_.converge(tx, row.org_id, row.id.str());
  return store::find_view(tx, row.org_id, row.id.str()).value();
}

Deployment Service::create(const Context& ctx, const CreateDeployment& request) {
  seeded_environments(ctx);
  return database_.write(ctx, [&](db::Tx& tx) {
    if (request.name.str() == "facets") fail_field("/name", "is reserved");
    if (store::name_is_taken(tx, ctx.org_id, request.name.str()))
      fail(ErrorCode::conflict,
           fmt::format("There is a deployment {} already. Choose another name, or update it.", request.name.str()));
    const auto target = targets_.find(tx, ctx.org_id, request.target.str());
    if (!target) fail_field("/target", fmt::format("must be a target of yours; there is no {}", request.target.str()));
    if (target->state == targets::MachineState::revoked)
      fail_field("/target", fmt::format("{} was revoked; enroll it again first", target->name));
    const auto where = store::find_environment(tx, ctx.org_id, request.environment.str());
    if (!where)
      fail_field("/environment", fmt::format("must be one of {}", joined(store::environments(tx, ctx.org_id),
                                                                         [](const auto& e) { return e.name; })));
    if ((request.visibility == Visibility::team) != request.team_id.has_value())
      fail_field("/team_id", "is required with the visibility team, and only with it");
    if (request.team_id && std::ranges::find(ctx.actor.team_ids, request.team_id->str()) == ctx.actor.team_ids.end())
      fail_field("/team_id", "must be a team that you are in");

    const ResolvedVersion version = resolve(tx, ctx, request.model.str());
    DeploymentRow row;
    row.org_id = ctx.org_id;
    row.id = DeploymentId::make();
    row.name = request.name.str();
    row.description = request.description.str();
    row.environment_id = where->id;
    row.target_id = target->id.str();
    row.target_name = target->name;
    row.replicas_desired = request.replicas.number();
    row.visibility = request.visibility;
    row.team_id = request.team_id;
    row.created_by = ctx.actor.id;
    row.created_at = row.updated_at = clock_.now();
    DeploymentSpec spec{version.version_id, request.engine,    request.flags,
                        request.model_file, request.resources, request.environment_variables,
                        request.probes,     request.limits,    request.runtime};
    // The row comes first: what belongs to it refers to it. Its model columns follow with the revision.
    tx.insert("deployments", row);
    seal_secrets(tx, row, spec);
    const RevisionRow made = make_revision(tx, ctx, row, spec, version, 1);
    tx.insert("deployment_revisions", made);
    adopt(row, made);
    return accept(tx, ctx, Plan::Kind::create, row, made,
                  fmt::format("{} version {} on {}.", row.model_name, row.version_number, row.target_name));
  });
}

Deployment Service::update(const Context& ctx, const UpdateDeployment& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    DeploymentRow row = changeable(tx, ctx, request.deployment);
    if (row.row_version != *ctx.if_match) outdated();
    const RevisionRow before = revision(tx, row, row.revision);
    DeploymentSpec spec = before.spec;
    const ResolvedVersion version =
        resolve(tx, ctx, request.model.value ? request.model.value->str() : spec.version_id);
    spec.version_id = version.version_id;
    request.engine.apply(spec.engine);
    // Flags belong to an engine: with another one only what comes along counts.
    if (request.engine.present && !request.flags.present) spec.flags.clear();
    if (request.flags.present) spec.flags = request.flags.value.value_or(EngineFlags());
    request.model_file.apply(spec.model_file);
    if (request.resources.present) spec.resources = request.resources.value.value_or(Resources());
    if (request.environment_variables.present)
      spec.environment_variables = request.environment_variables.value.value_or(std::vector<EnvironmentVariable>());
    if (request.probes.present) spec.probes = request.probes.value.value_or(Probes());
    if (request.limits.present) spec.limits = request.limits.value.value_or(Limits());
    if (request.runtime.present) spec.runtime = request.runtime.value.value_or(Runtime(ProcessRuntime{}));
    if (request.description.present)
      row.description = request.description.value ? request.description.value->str() : "";
    seal_secrets(tx, row, spec);
    RevisionRow made =
        make_revision(tx, ctx, row, spec, version, store::last_revision(tx, row.org_id, row.id.str()) + 1);
    // The count belongs to scaling; it alone makes no revision.
    RevisionDocument same_count = made.document;
    same_count.replicas = before.document.replicas;
    if (digest_of(same_count) == before.digest)
      return accept(tx, ctx, Plan::Kind::update, row, before, "Its revision stays the same.");
    tx.insert("deployment_revisions", made);
    adopt(row, made);
    return accept(tx, ctx, Plan::Kind::update, row, made,
                  fmt::format("Revision {}: {} version {}.", made.number, row.model_name, row.version_number));
  });
}

Deployment Service::scale(const Context& ctx, const ScaleDeployment& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    DeploymentRow row = changeable(tx, ctx, request.deployment);
    const RevisionRow current = revision(tx, row, row.revision);
    if (has_fixed_port(current.document) && request.replicas.number() > 1)
      fail_field("/replicas", "must be 1 while the deployment has a fixed port (runtime.port)");
    const std::string message = fmt::format("From {} to {} replicas.", row.replicas_desired, request.replicas.number());
    row.replicas_desired = request.replicas.number();
    return accept(tx, ctx, Plan::Kind::scale, row, current, message);
  });
}

Deployment Service::restart(const Context& ctx, const DeploymentReference& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    DeploymentRow row = changeable(tx, ctx, request.deployment);
    if (row.intent != Intent::run) fail(ErrorCode::conflict, "This deployment is stopped. Start it instead.");
    row.epoch += 1;
    return accept(tx, ctx, Plan::Kind::restart, row, revision(tx, row, row.revision),
                  "Every replica is replaced, one after the other.");
  });
}

Deployment Service::roll_back(const Context& ctx, const RollBackDeployment& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    DeploymentRow row = changeable(tx, ctx, request.deployment);
    const RevisionRow wanted = revision(tx, row, request.revision.number());
    if (wanted.number == row.revision)
      fail(ErrorCode::conflict, fmt::format("Revision {} is the current one. Restart it to begin anew.", row.revision));
    if (has_fixed_port(wanted.document) && row.replicas_desired > 1)
      fail(ErrorCode::conflict, "That revision has a fixed port. Scale to 1 replica first.");
    const std::string message = fmt::format("From revision {} to {}.", row.revision, wanted.number);
    adopt(row, wanted);
    return accept(tx, ctx, Plan::Kind::roll_back, row, wanted, message);
  });
}

Deployment Service::start(const Context& ctx, const DeploymentReference& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    DeploymentRow row = changeable(tx, ctx, request.deployment);
    if (row.intent == Intent::run) fail(ErrorCode::conflict, "This deployment is not stopped.");
    row.intent = Intent::run;
    row.epoch += 1;
    return accept(tx, ctx, Plan::Kind::start, row, revision(tx, row, row.revision), "It starts again.");
  });
}

Deployment Service::stop(const Context& ctx, const DeploymentReference& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    DeploymentRow row = changeable(tx, ctx, request.deployment);
    if (row.intent == Intent::stop) fail(ErrorCode::conflict, "This deployment is stopped already.");
    row.intent = Intent::stop;
    return accept(tx, ctx, Plan::Kind::stop, row, revision(tx, row, row.revision), "Every replica is stopped.");
  });
}

Deployment Service::remove(const Context& ctx, const DeploymentReference& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    DeploymentRow row = changeable(tx, ctx, request.deployment);
    const Deployment last_seen = store::find_view(tx, row.org_id, row.id.str()).value();
    row.intent = Intent::delete_;
    row.state = DeploymentState::deleting;
    const RevisionRow current = revision(tx, row, row.revision);
    admit(tx, ctx, Plan::Kind::delete_, row, current);
    row.updated_at = clock_.now();
    row.row_version += 1;
    if (!store::update_deployment(tx, row, row.row_version - 1)) outdated();
    controller_.note(tx, ctx, row, past_tense(Plan::Kind::delete_), "Every replica is stopped, then it is gone.");
    controller_.converge(tx, row.org_id, row.id.str());
    // Without replicas it is gone at once; then what it was is the answer.
    auto view = store::find_view(tx, row.org_id, row.id.str());
    if (view) return *view;
    Deployment gone = last_seen;
    gone.state = DeploymentState::deleting;
    gone.replicas_ready = 0;
    return gone;
  });
}

}  // namespace modelops::deployments
