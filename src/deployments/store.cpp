#include "deployments/store.hpp"

namespace modelops::deployments::store {
namespace {

using db::Tx;
using reflect::columns;

const std::string deployment_select = "SELECT " + columns<DeploymentRow>("d") + " FROM deployments d ";

const std::string unsettled_where =
    "WHERE d.deleted_at IS NULL AND d.id > ? AND (d.intent <> ? OR d.reason IS NOT NULL) ORDER BY d.id LIMIT ?";

/// The columns of Deployment, and those that visibility depends on.
const std::string view_rows =
    "(SELECT d.org_id, d.id, d.name, d.description, d.state, d.reason, e.name AS environment, d.target_name AS target, "
    "d.target_id, d.model_name AS model, d.model_id, d.version_id, d.version_number, d.version_digest, d.engine, "
    "d.interface, d.replicas_desired, d.replicas_ready, d.revision, d.visibility, d.team_id, d.created_by, "
    "d.row_version, d.created_at, d.updated_at FROM deployments d JOIN environments e ON e.org_id = d.org_id AND e.id "
    "= d.environment_id WHERE d.deleted_at IS NULL) d";

std::vector<db::SqlValue> joined(std::vector<db::SqlValue> first, const std::vector<db::SqlValue>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace

std::vector<EnvironmentRow> environments(Tx& tx, const std::string& org_id) {
  return tx.all<EnvironmentRow>(
      "SELECT " + columns<EnvironmentRow>() + " FROM environments WHERE org_id = ? ORDER BY created_at, id", org_id);
}

std::optional<EnvironmentRow> find_environment(Tx& tx, const std::string& org_id, const std::string& id_or_name) {
  return tx.find<EnvironmentRow>(
      "SELECT " + columns<EnvironmentRow>() + " FROM environments WHERE org_id = ? AND (id = ? OR name = ?)", org_id,
      id_or_name, id_or_name);
}

bool update_environment(Tx& tx, const EnvironmentRow& row, std::int64_t seen_version) {
  return tx.run(
             "UPDATE environments SET description = ?, production = ?, row_version = ? WHERE org_id = ? AND id = ? AND "
             "row_version = ?",
             row.description, row.production, row.row_version, row.org_id, row.id, seen_version) == 1;
}

bool environment_is_used(Tx& tx, const std::string& org_id, const std::string& id) {
  return tx.value<std::string>("SELECT id FROM deployments WHERE org_id = ? AND environment_id = ? LIMIT 1", org_id, id)
      .has_value();
}

void remove_environment(Tx& tx, const std::string& org_id, const std::string& id) {
  tx.run("DELETE FROM environments WHERE org_id = ? AND id = ?", org_id, id);
}

std::optional<DeploymentRow> find_deployment(Tx& tx, const std::string& org_id, const std::string& id) {
  return tx.find<DeploymentRow>(deployment_select + "WHERE d.org_id = ? AND d.id = ? AND d.deleted_at IS NULL", org_id,
                                id);
}

std::optional<DeploymentRow> find_deployment(Tx& tx, const identity::Predicate& seen, const std::string& org_id,
                                             const std::string& id_or_name) {
  auto rows = tx.all_with<DeploymentRow>(
      deployment_select + "WHERE d.deleted_at IS NULL AND (d.id = ? OR (d.org_id = ? AND d.name = ?)) AND " + seen.sql,
      joined({id_or_name, org_id, id_or_name}, seen.args));
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

std::optional<std::string> organization_of(Tx& tx, const std::string& id) {
  return tx.value<std::string>("SELECT org_id FROM deployments WHERE id = ? AND deleted_at IS NULL", id);
}

bool name_is_taken(Tx& tx, const std::string& org_id, const std::string& name) {
  return tx
      .value<std::string>("SELECT id FROM deployments WHERE org_id = ? AND name = ? AND deleted_at IS NULL", org_id,
                          name)
      .has_value();
}

std::optional<Deployment> find_view(Tx& tx, const std::string& org_id, const std::string& id) {
  return tx.find<Deployment>(
      "SELECT " + columns<Deployment>("d") + " FROM " + view_rows + " WHERE d.org_id = ? AND d.id = ?", org_id, id);
}

query::SqlFragment matching(const identity::Predicate& seen, const std::string& org_id,
                            const query::SqlFragment& condition) {
  return {view_rows + " WHERE d.org_id = ? AND " + seen.sql + " AND " + condition.sql,
          joined(joined({org_id}, seen.args), condition.args)};
}

std::vector<Deployment> views(Tx& tx, const query::Keyset& keyset, const identity::Predicate& seen,
                              const std::string& org_id) {
  const query::SqlFragment found = matching(seen, org_id, {keyset.sql(), keyset.args()});
  return tx.all_with<Deployment>("SELECT " + columns<Deployment>("d") + " FROM " + found.sql, found.args);
}

bool update_deployment(Tx& tx, const DeploymentRow& row, std::int64_t seen_version) {
  return tx.run(
             "UPDATE deployments SET description = ?, model_id = ?, model_name = ?, version_id = ?, version_number = "
             "?, "
             "version_digest = ?, engine = ?, interface = ?, intent = ?, state = ?, reason = ?, replicas_desired = ?, "
             "replicas_ready = ?, revision = ?, epoch = ?, row_version = ?, updated_at = ?, deleted_at = ? WHERE "
             "org_id = ? AND id = ? AND row_version = ?",
             row.description, row.model_id, row.model_name, row.version_id, row.version_number, row.version_digest,
             row.engine, row.interface, row.intent, row.state, row.reason, row.replicas_desired, row.replicas_ready,
             row.revision, row.epoch, row.row_version, row.updated_at, row.deleted_at, row.org_id, row.id,
             seen_version) == 1;
}

std::vector<DeploymentRow> unsettled(Tx& tx, const std::string& after, std::int64_t limit) {
  return tx.all<DeploymentRow>(deployment_select + unsettled_where, after, Intent::stop, limit);
}

std::vector<ReplicaRow> replicas_of_unsettled(Tx& tx, const std::string& after, std::int64_t limit) {
  return tx.all<ReplicaRow>("SELECT " + columns<ReplicaRow>("r") + " FROM (SELECT d.org_id, d.id FROM deployments d " +
                                unsettled_where +
                                ") d JOIN deployment_replicas r ON r.org_id = d.org_id AND r.deployment_id = d.id "
                                "ORDER BY r.id",
                            after, Intent::stop, limit);
}

std::vector<DeploymentRow> serving(Tx& tx) {
  return tx.all<DeploymentRow>(deployment_select + "WHERE d.deleted_at IS NULL AND d.intent = ? ORDER BY d.id",
                               Intent::run);
}

std::vector<CurrentDocument> serving_documents(Tx& tx) {
  return tx.all<CurrentDocument>(
      "SELECT r.deployment_id, r.document FROM deployments d JOIN deployment_revisions r ON r.org_id = d.org_id AND "
      "r.deployment_id = d.id AND r.number = d.revision WHERE d.deleted_at IS NULL AND d.intent = ?",
      Intent::run);
}

std::vector<ServingReplica> serving_replicas(Tx& tx) {
  return tx.all<ServingReplica>(
      "SELECT r.org_id, o.name, d.id, d.name, e.name, d.target_id, d.target_name, d.engine, r.id, r.address FROM "
      "deployment_replicas r JOIN deployments d ON d.org_id = r.org_id AND d.id = r.deployment_id JOIN environments e "
      "ON "
      "e.org_id = d.org_id AND e.id = d.environment_id JOIN organizations o ON o.id = r.org_id WHERE r.state = ? AND "
      "r.retired_generation IS NULL AND r.drain_until IS NULL AND r.address <> '' AND d.deleted_at IS NULL ORDER BY "
      "r.id",
      targets::ReplicaState::ready);
}

std::vector<DeploymentUse> uses(Tx& tx, const std::string& org_id, const std::string& model_id) {
  return tx.all<DeploymentUse>(
      "SELECT d.id, d.name, d.state, r.version_id, r.number, d.revision FROM deployments d JOIN deployment_revisions r "
      "ON r.org_id = d.org_id AND r.deployment_id = d.id WHERE d.org_id = ? AND d.model_id = ? AND d.deleted_at IS "
      "NULL ORDER BY d.name, r.number",
      org_id, model_id);
}

std::vector<std::string> names_on_target(Tx& tx, const std::string& org_id, const std::string& target_id) {
  return tx.values<std::string>(
      "SELECT name FROM deployments WHERE org_id = ? AND target_id = ? AND deleted_at IS NULL ORDER BY name", org_id,
      target_id);
}

std::vector<std::string> seen_of_model(Tx& tx, const identity::Predicate& seen, const std::string& model_id,
                                       std::int64_t limit) {
  std::vector<db::SqlValue> args = joined({model_id}, seen.args);
  args.emplace_back(limit);
  std::vector<std::string> out;
  tx.query("SELECT d.id FROM deployments d WHERE d.model_id = ? AND " + seen.sql + " ORDER BY d.id DESC LIMIT ?", args,
           1, [&](const std::vector<db::SqlCell>& cells) { out.emplace_back(cells[0].value()); });
  return out;
}

std::optional<RevisionRow> find_revision(Tx& tx, const std::string& org_id, const std::string& deployment_id,
                                         std::int64_t number) {
  return tx.find<RevisionRow>("SELECT " + columns<RevisionRow>() +
                                  " FROM deployment_revisions WHERE org_id = ? AND deployment_id = ? AND number = ?",
                              org_id, deployment_id, number);
}

std::vector<RevisionRow> revisions(Tx& tx, const std::string& org_id, const std::string& deployment_id) {
  return tx.all<RevisionRow>("SELECT " + columns<RevisionRow>() +
                                 " FROM deployment_revisions WHERE org_id = ? AND deployment_id = ? ORDER BY number "
                                 "DESC LIMIT 1000",
                             org_id, deployment_id);
}

std::int64_t last_revision(Tx& tx, const std::string& org_id, const std::string& deployment_id) {
  return tx
      .value<std::int64_t>("SELECT max(number) FROM deployment_revisions WHERE org_id = ? AND deployment_id = ?",
                           org_id, deployment_id)
      .value_or(0);
}

std::optional<SecretRow> find_secret(Tx& tx, const std::string& org_id, const std::string& id) {
  return tx.find<SecretRow>("SELECT " + columns<SecretRow>() + " FROM deployment_secrets WHERE org_id = ? AND id = ?",
                            org_id, id);
}

std::vector<ReplicaRow> replicas(Tx& tx, const std::string& org_id, const std::string& deployment_id) {
  return tx.all<ReplicaRow>("SELECT " + columns<ReplicaRow>() +
                                " FROM deployment_replicas WHERE org_id = ? AND deployment_id = ? ORDER BY id",
                            org_id, deployment_id);
}

std::vector<ReplicaRow> replicas_on(Tx& tx, const std::string& org_id, const std::string& target_id) {
  return tx.all<ReplicaRow>(
      "SELECT " + columns<ReplicaRow>() + " FROM deployment_replicas WHERE org_id = ? AND target_id = ? ORDER BY id",
      org_id, target_id);
}

void drain_replica(Tx& tx, const std::string& org_id, const std::string& id, Time until) {
  tx.run("UPDATE deployment_replicas SET drain_until = ? WHERE org_id = ? AND id = ?", until, org_id, id);
}

std::vector<DeploymentKey> with_drained_replicas(Tx& tx, Time now, std::int64_t limit) {
  return tx.all<DeploymentKey>(
      "SELECT DISTINCT org_id, deployment_id AS id FROM deployment_replicas WHERE drain_until <= ? AND "
      "retired_generation IS NULL LIMIT ?",
      now, limit);
}

void retire_replica(Tx& tx, const std::string& org_id, const std::string& id, std::int64_t generation) {
  tx.run("UPDATE deployment_replicas SET retired_generation = ? WHERE org_id = ? AND id = ?", generation, org_id, id);
}

void update_replica(Tx& tx, const ReplicaRow& row) {
  tx.run(
      "UPDATE deployment_replicas SET state = ?, reason = ?, message = ?, address = ?, pid = ?, restarts = ?, "
      "exit_code "
      "= ?, started_at = ?, ready_at = ?, progress = ?, memory_bytes = ?, cpu_seconds = ?, was_ready = ?, observed_at "
      "= "
      "? WHERE org_id = ? AND id = ?",
      row.state, row.reason, row.message, row.address, row.pid, row.restarts, row.exit_code, row.started_at,
      row.ready_at, row.progress, row.memory_bytes, row.cpu_seconds, row.was_ready, row.observed_at, row.org_id,
      row.id);
}

void remove_replica(Tx& tx, const std::string& org_id, const std::string& id) {
  tx.run("DELETE FROM deployment_replicas WHERE org_id = ? AND id = ?", org_id, id);
}

std::vector<DeploymentEvent> events(Tx& tx, const query::Keyset& keyset, const std::string& org_id,
                                    const std::string& deployment_id) {
  return tx.all_with<DeploymentEvent>("SELECT " + columns<DeploymentEvent>("e") +
                                          " FROM deployment_events e WHERE e.org_id = ? AND e.deployment_id = ? AND " +
                                          keyset.sql(),
                                      keyset.args(org_id, deployment_id));
}

std::vector<DeploymentKey> with_events_over(Tx& tx, std::int64_t keep, std::int64_t limit) {
  return tx.all<DeploymentKey>(
      "SELECT org_id, deployment_id AS id FROM deployment_events GROUP BY org_id, deployment_id HAVING count(*) > ? "
      "LIMIT ?",
      keep, limit);
}

std::vector<DeploymentKey> deleted_with_events(Tx& tx, Time deleted_before, std::int64_t limit) {
  return tx.all<DeploymentKey>(
      "SELECT d.org_id, d.id FROM deployments d WHERE d.deleted_at < ? AND EXISTS (SELECT 1 FROM deployment_events e "
      "WHERE e.org_id = d.org_id AND e.deployment_id = d.id) LIMIT ?",
      deleted_before, limit);
}

std::int64_t prune_events(Tx& tx, const DeploymentKey& key, std::int64_t keep, std::int64_t rows_max) {
  const std::string of_it = "FROM deployment_events WHERE org_id = ? AND deployment_id = ? ";
  return tx.run("DELETE FROM deployment_events WHERE org_id = ? AND id IN (SELECT id " + of_it +
                    "AND id <= (SELECT id " + of_it + "ORDER BY id DESC LIMIT 1 OFFSET ?) ORDER BY id LIMIT ?)",
                key.org_id, key.org_id, key.id, key.org_id, key.id, keep, rows_max);
}

std::int64_t last_log_seq(Tx& tx, const std::string& org_id, const std::string& deployment_id) {
  return tx
      .value<std::int64_t>("SELECT last_seq FROM deployment_log_heads WHERE org_id = ? AND deployment_id = ?", org_id,
                           deployment_id)
      .value_or(0);
}

void set_last_log_seq(Tx& tx, const std::string& org_id, const std::string& deployment_id, std::int64_t seq) {
  tx.run(
      "INSERT INTO deployment_log_heads (org_id, deployment_id, last_seq) VALUES (?, ?, ?) ON CONFLICT (org_id, "
      "deployment_id) DO UPDATE SET last_seq = excluded.last_seq",
      org_id, deployment_id, seq);
}

std::vector<DeploymentLogLine> log_after(Tx& tx, const std::string& org_id, const std::string& deployment_id,
                                         const std::string& replica_id, std::int64_t after, std::int64_t limit) {
  return tx.all<DeploymentLogLine>("SELECT " + columns<DeploymentLogLine>() +
                                       " FROM deployment_logs WHERE org_id = ? AND deployment_id = ? AND (? = '' OR "
                                       "replica_id = ?) AND seq > ? ORDER BY seq LIMIT ?",
                                   org_id, deployment_id, replica_id, replica_id, after, limit);
}

std::vector<DeploymentLogLine> log_tail(Tx& tx, const std::string& org_id, const std::string& deployment_id,
                                        const std::string& replica_id, std::int64_t limit) {
  auto lines = tx.all<DeploymentLogLine>("SELECT " + columns<DeploymentLogLine>() +
                                             " FROM deployment_logs WHERE org_id = ? AND deployment_id = ? AND (? = '' "
                                             "OR replica_id = ?) ORDER BY seq DESC LIMIT ?",
                                         org_id, deployment_id, replica_id, replica_id, limit);
  std::ranges::reverse(lines);
  return lines;
}

void trim_log(Tx& tx, const std::string& org_id, const std::string& deployment_id, const std::string& replica_id,
              std::int64_t keep, std::int64_t seq_max) {
  tx.run(
      "DELETE FROM deployment_logs WHERE org_id = ? AND replica_id = ? AND seq <= (SELECT seq FROM deployment_logs "
      "WHERE "
      "org_id = ? AND replica_id = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)",
      org_id, replica_id, org_id, replica_id, keep);
  tx.run("DELETE FROM deployment_logs WHERE org_id = ? AND deployment_id = ? AND seq <= ?", org_id, deployment_id,
         seq_max);
}

void remove_remains(Tx& tx, const std::string& org_id, const std::string& deployment_id) {
  for (const char* table : {"deployment_logs", "deployment_log_heads", "deployment_secrets"})
    tx.run(fmt::format("DELETE FROM {} WHERE org_id = ? AND deployment_id = ?", table), org_id, deployment_id);
}

}  // namespace modelops::deployments::store
