#pragma once
#include "evidence/ports.hpp"
#include "evidence/types.hpp"
#include "identity/ports.hpp"
#include "platform/eventlog/event_log.hpp"

namespace modelops::evidence {

/// A question that a capability puts for its subject.
struct NewApproval {
  Subject subject;
  std::string subject_name;  ///< for people to read
  std::string author_id;     ///< who made the content
  Comment comment;
  Audience audience;  ///< of the resource, and so of what is said about it
};

class Service {
 public:
  /// All of it outlives the service.
  Service(db::Database& database, const Clock& clock, identity::AuditTrail& audit, eventlog::EventLog& events,
          std::vector<ApprovalOutcome*> outcomes)
      : database_(database), clock_(clock), audit_(audit), events_(events), outcomes_(std::move(outcomes)) {}

  ApprovalPage list(const Context& ctx, const ListApprovals& request);
  Approval get(const Context& ctx, const ApprovalReference& request);
  Approval decide(const Context& ctx, const DecideApproval& request);

  // For other capabilities, in the transaction of their own change.

  /// Throws Error(conflict) while an approval of the resource is pending, or when this content is approved.
  Approval request(db::Tx& tx, const Context& ctx, const NewApproval& wanted);
  /// The resource has other content now, or (`now_digest` empty) is gone: what was asked or approved holds no more.
  void content_changed(db::Tx& tx, const Context& ctx, const std::string& kind, const std::string& id,
                       std::string_view now_digest);
  void set_audience(db::Tx& tx, const Context& ctx, const std::string& kind, const std::string& id,
                    const Audience& audience);
  /// The newest approvals of these resources, 500 at most, by their ids. Who asks has made sure that the reader may see
  /// the resources.
  std::vector<std::string> approvals_of(db::Tx& tx, const std::string& org_id, const std::string& kind,
                                        const std::vector<std::string>& subject_ids);
  /// Nothing happens when the edge is there already.
  void add_edge(db::Tx& tx, const Context& ctx, const LineageEdge& edge);

 private:
  Approval decide_in(db::Tx& tx, const Context& ctx, const DecideApproval& request);
  void changed(db::Tx& tx, const Context& ctx, const Approval& approval, std::string_view action);

  db::Database& database_;
  const Clock& clock_;
  identity::AuditTrail& audit_;
  eventlog::EventLog& events_;
  std::vector<ApprovalOutcome*> outcomes_;
};

}  // namespace modelops::evidence
