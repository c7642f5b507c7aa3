#pragma once
#include "platform/api/guesses.hpp"
#include "platform/events/topics.hpp"
#include "targets/machine_access.hpp"
#include "targets/types.hpp"

namespace modelops::targets {

inline constexpr std::chrono::hours machine_key_age_max{24 * 30};
inline constexpr std::size_t replicas_per_report_max = 1000;
inline constexpr std::size_t log_lines_per_batch_max = 1000;
inline constexpr std::size_t log_line_bytes_max = 8 * 1024;

/// What machines ask and tell (wire.hpp). Every answer but that to enrolment is signed.
class Machines {
 public:
  Machines(db::Database& database, const Clock& clock, identity::AuditTrail& audit, ServerKeys& keys,
           MachineAccess& access, events::Topics& topics, DesiredStates& desired, ObservedSink& sink,
           Artifacts& artifacts)
      : database_(database),
        clock_(clock),
        audit_(audit),
        keys_(keys),
        access_(access),
        topics_(topics),
        desired_(desired),
        sink_(sink),
        artifacts_(artifacts) {}

  Enrolled enroll(const Context& ctx, const EnrollMachine& request);
  http::Answer renew(const Context& ctx, const RenewMachine& request, const http::Request& raw);
  http::Answer desired(const Context& ctx, const PollDesired& request, const http::Request& raw);
  http::Answer observed(const Context& ctx, const ReportObserved& request, const http::Request& raw);
  http::Answer logs(const Context& ctx, const ReportLogs& request, const http::Request& raw);
  http::Answer artifact(const Context& ctx, const ArtifactReference& request, const http::Request& raw);

 private:
  Enrolled enrolled(db::Tx& tx, const std::string& org_id, const std::string& machine_id,
                    const ServerKeys::Key& key) const;

  db::Database& database_;
  const Clock& clock_;
  identity::AuditTrail& audit_;
  ServerKeys& keys_;
  MachineAccess& access_;
  api::Guesses guesses_{clock_};  // of enrolment tokens
  events::Topics& topics_;
  DesiredStates& desired_;
  ObservedSink& sink_;
  Artifacts& artifacts_;
};

/// `text` without control characters (line breaks and tabs stay), at most `bytes_max` of it: fit for logs, terminals
/// and both databases.
std::string printable(std::string_view text, std::size_t bytes_max);

}  // namespace modelops::targets
