#pragma once
#include <optional>
#include <string>
#include <vector>

#include "identity/types.hpp"
#include "platform/context.hpp"
#include "platform/query/page.hpp"
#include "reflect/schema.hpp"
#include "reflect/values.hpp"

namespace modelops::evidence {

using reflect::Doc;
using reflect::Sha256Text;

inline constexpr Permission approvals_read{"approvals:read"};
inline constexpr Permission approvals_request{"approvals:request"};
inline constexpr Permission approvals_decide{"approvals:decide"};

struct ApprovalTag {
  static constexpr std::string_view prefix = "apr";
};
using ApprovalId = Id<ApprovalTag>;
using Comment = reflect::Paragraph<0, 4000>;

/// What evidence is about: one resource, at one content.
struct Subject {
  std::string kind;  ///< "model_version"
  std::string id;
  Sha256Text digest;
};

enum class ApprovalState { pending, approved, rejected, voided };
MODELOPS_DESCRIBE_ENUM(ApprovalState, pending, approved, rejected, voided)

/// What may be answered.
enum class Verdict { approve, reject };
MODELOPS_DESCRIBE_ENUM(Verdict, approve, reject)

struct Approval {
  ApprovalId id;
  std::string subject_kind;
  std::string subject_id;
  Sha256Text subject_digest;
  std::string subject_name;
  ApprovalState state = ApprovalState::pending;
  std::string author_id;
  std::string requested_by;
  std::string comment;
  std::optional<std::string> decided_by;
  std::optional<Time> decided_at;
  std::optional<std::string> decision_comment;
  bool self_approval = false;
  std::int64_t row_version = 1;
  Time created_at;
  static constexpr Doc docs[] = {
      {"subject_digest", "The content that was asked about: other content needs another approval"},
      {"subject_name", "For people to read: digits:v3"},
      {"author_id", "Who made the content; never decides on it, but for self_approval"},
      {"self_approval", "The author decided, since nobody else could. It never satisfies a production gate"}};
};
MODELOPS_DESCRIBE(Approval, id, subject_kind, subject_id, subject_digest, subject_name, state, author_id, requested_by,
                  comment, decided_by, decided_at, decision_comment, self_approval, row_version, created_at);

struct ListApprovals {
  query::PageSize page_size = query::default_page_size();
  std::string page_token;
  std::string filter;
  std::string order_by;
  static constexpr Doc docs[] = {{"filter", "For example: state = 'pending' AND subject_kind = 'model_version'"},
                                 {"order_by", "created_at, with desc for descending; the newest come first"}};
};
MODELOPS_DESCRIBE(ListApprovals, page_size, page_token, filter, order_by);
struct ApprovalPage {
  std::vector<Approval> items;
  std::optional<std::string> next_page_token;
};
MODELOPS_DESCRIBE(ApprovalPage, items, next_page_token);

struct ApprovalReference {
  ApprovalId approval;
};
MODELOPS_DESCRIBE(ApprovalReference, approval);
struct DecideApproval {
  ApprovalId approval;
  reflect::Required<Verdict> decision;
  Comment comment = *Comment::parse("");
};
MODELOPS_DESCRIBE(DecideApproval, approval, decision, comment);

/// "`to` was made of `from`", or whatever `relation` says.
struct LineageEdge {
  std::string from_kind;  ///< "upload", "artifact", "model_version"
  std::string from_id;
  std::string to_kind;
  std::string to_id;
  std::string relation;  ///< "contains", "built_from"
};

}  // namespace modelops::evidence
