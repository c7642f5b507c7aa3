#pragma once
#include "deployments/store.hpp"
#include "identity/ports.hpp"
#include "platform/crypto/keyring.hpp"
#include "platform/eventlog/event_log.hpp"
#include "platform/events/topics.hpp"
#include "platform/jobs/reconciler.hpp"
#include "targets/service.hpp"

namespace modelops::deployments {

/// Notified when what answers for a deployment, and where, has changed: who routes to it should read again.
inline constexpr const char* endpoints_topic = "endpoints";
std::string logs_topic(std::string_view deployment_id);

inline constexpr std::int64_t log_lines_per_replica_max = 5000;
inline constexpr std::int64_t log_lines_per_deployment_max = 50'000;

/// Brings what runs together with what is wanted. Every step is one transaction on the database's own state, so that
/// it may be taken by whoever notices first (a request, an agent's report, the timer) and repeated by all of them.
class Controller final : public targets::DesiredStates, public targets::ObservedSink, public jobs::Reconciler {
 public:
  Controller(db::Database& database, const Clock& clock, identity::AuditTrail& audit, eventlog::EventLog& events,
             events::Topics& topics, const crypto::Keyring& keyring, targets::Service& targets)
      : database_(database),
        clock_(clock),
        audit_(audit),
        events_(events),
        topics_(topics),
        keyring_(keyring),
        targets_(targets) {}

  /// Takes the next steps of one deployment and writes down its state.
  void converge(db::Tx& tx, const std::string& org_id, const std::string& deployment_id);
  /// A line in the deployment's history, the event stream and the audit log.
  void note(db::Tx& tx, const Context& ctx, const DeploymentRow& row, std::string_view kind, const std::string& message,
            boost::json::object data = {});
  /// Keeps the value of a secret variable. Returns its id.
  SecretId keep_secret(db::Tx& tx, const std::string& org_id, const DeploymentId& deployment, const std::string& value);

  std::vector<targets::DesiredReplica> desired(db::Tx& tx, const targets::Machine& agent) override;
  std::optional<std::string> artifact_owner(db::Tx& tx, const targets::Machine& agent,
                                            const std::string& sha256) override;
  void observed(db::Tx& tx, const targets::Machine& agent, const targets::ReportObserved& report) override;
  void logged(db::Tx& tx, const targets::Machine& agent, const std::vector<targets::ReplicaLogLine>& lines) override;

  /// Goes on with every deployment that has a drained replica. Returns how many.
  std::size_t stop_drained();
  /// Every deployment that is not at rest, in case a step was missed. Returns how many had one to take.
  std::size_t reconcile_all();
  std::string_view name() const override { return "deployments"; }
  std::chrono::milliseconds interval() const override { return std::chrono::seconds(10); }
  std::string topic() const override { return targets::machines_topic; }
  /// Its steps need no fence: each decides in its own transaction from what it reads there.
  void reconcile(const jobs::Fence&) override { reconcile_all(); }

 private:
  struct Look {
    Time time;
    DeploymentRow row;
    targets::Target target;
    std::vector<ReplicaRow> replicas;
    Situation situation;
    bool at_rest() const;
  };
  std::optional<Look> look(db::Tx& tx, const std::string& org_id, const std::string& deployment_id);
  std::vector<DeploymentKey> not_at_rest(db::Tx& tx, const std::vector<DeploymentRow>& rows,
                                         std::vector<ReplicaRow> replicas);
  void converge_all(const std::vector<DeploymentKey>& keys);
  void carry_out(db::Tx& tx, Look& now, const Steps& steps);
  void finish_deletion(db::Tx& tx, DeploymentRow row);

  db::Database& database_;
  const Clock& clock_;
  identity::AuditTrail& audit_;
  eventlog::EventLog& events_;
  events::Topics& topics_;
  const crypto::Keyring& keyring_;
  targets::Service& targets_;
};

}  // namespace modelops::deployments
