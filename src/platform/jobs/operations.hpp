#pragma once
#include "platform/audience.hpp"
#include "platform/db/database.hpp"
#include "platform/events/topics.hpp"
#include "platform/http/types.hpp"
#include "platform/jobs/types.hpp"

namespace modelops::jobs {

/// Notified when there may be a job to take.
inline constexpr const char* jobs_topic = "jobs";
/// Notified with every change of an operation and every line of its log.
std::string operation_topic(const OperationId& id);

struct NewOperation {
  std::string kind;  ///< names the JobHandler
  std::string subject_kind;
  std::string subject_id;
  boost::json::value payload;             ///< what the handler needs to know; no secrets
  std::optional<Audience> audience = {};  ///< none: who starts it
};

/// Work that takes longer than a request: a capability stores the intent, a JobRunner does it.
class Operations {
 public:
  /// Told in the transaction of a cancellation: for the audit log.
  using OnCancel = std::function<void(db::Tx&, const Context&, const Operation&)>;

  Operations(db::Database& database, events::Topics& topics, const Clock& clock, VisibilityRule visible_to,
             OnCancel on_cancel = {})
      : database_(database),
        topics_(topics),
        clock_(clock),
        visible_to_(visible_to),
        on_cancel_(std::move(on_cancel)) {}

  /// In the transaction of the change that wants it done.
  Operation create(db::Tx& tx, const Context& ctx, NewOperation wanted);
  /// Throws Error(not_found) for one that the caller may not see.
  Operation get(db::Tx& tx, const Context& ctx, const OperationId& id);
  /// It belongs to a resource now, and is seen by whoever sees that.
  void set_audience(db::Tx& tx, const Context& ctx, const OperationId& id, const Audience& audience);

  OperationPage list(const Context& ctx, const ListOperations& request);
  Operation get(const Context& ctx, const OperationReference& request);
  /// What nobody works on ends at once; else the handler is asked to stop.
  Operation cancel(const Context& ctx, const OperationReference& request);
  OperationLogPage log(const Context& ctx, const ReadOperationLog& request);
  http::Answer follow_log(const Context& ctx, const FollowOperationLog& request);

 private:
  db::Database& database_;
  events::Topics& topics_;
  const Clock& clock_;
  VisibilityRule visible_to_;
  OnCancel on_cancel_;
};

}  // namespace modelops::jobs
