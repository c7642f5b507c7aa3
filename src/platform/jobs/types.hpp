#pragma once
#include <optional>
#include <string>
#include <vector>

#include "platform/context.hpp"
#include "platform/query/page.hpp"
#include "reflect/schema.hpp"
#include "reflect/values.hpp"

namespace modelops::jobs {

inline constexpr Permission operations_read{"operations:read"};
inline constexpr Permission operations_cancel{"operations:cancel"};

struct OperationTag {
  static constexpr std::string_view prefix = "opr";
};
using OperationId = Id<OperationTag>;

enum class OperationState { pending, running, succeeded, failed, cancelled };
MODELOPS_DESCRIBE_ENUM(OperationState, pending, running, succeeded, failed, cancelled)

inline bool has_ended(OperationState state) {
  return state != OperationState::pending && state != OperationState::running;
}

struct OperationViolation {
  std::string pointer;
  std::string message;
};
MODELOPS_DESCRIBE(OperationViolation, pointer, message);

/// Why it failed, as RFC 9457 says it.
struct OperationProblem {
  std::string type;
  std::string title;
  int status = 0;
  std::string detail;
  std::vector<OperationViolation> violations;
};
MODELOPS_DESCRIBE(OperationProblem, type, title, status, detail, violations);

/// Work that takes longer than a request.
struct Operation {
  OperationId id;
  std::string kind;
  std::string subject_kind;
  std::string subject_id;
  std::string actor_id;
  OperationState state = OperationState::pending;
  std::optional<double> progress;
  std::string step;
  Time created_at;
  std::optional<Time> started_at;
  std::optional<Time> ended_at;
  bool cancel_requested = false;
  std::optional<OperationProblem> problem;
  std::optional<boost::json::value> result;
  std::int64_t row_version = 1;
  static constexpr reflect::Doc docs[] = {{"kind", "What is done: model.analyze"},
                                          {"subject_kind", "What it is done to: model"},
                                          {"progress", "From 0 to 1, where it is known"},
                                          {"step", "What it does just now, or why it is tried again"},
                                          {"problem", "Why it failed"},
                                          {"result", "What it made; its form depends on the kind"}};
};
MODELOPS_DESCRIBE(Operation, id, kind, subject_kind, subject_id, actor_id, state, progress, step, created_at,
                  started_at, ended_at, cancel_requested, problem, result, row_version);

struct ListOperations {
  query::PageSize page_size = query::default_page_size();
  std::string page_token;
  std::string filter;
  std::string order_by;
};
MODELOPS_DESCRIBE(ListOperations, page_size, page_token, filter, order_by);

struct OperationPage {
  std::vector<Operation> items;
  std::optional<std::string> next_page_token;
};
MODELOPS_DESCRIBE(OperationPage, items, next_page_token);

struct OperationReference {
  OperationId operation;
};
MODELOPS_DESCRIBE(OperationReference, operation);

enum class LineLevel { debug, info, warning, error };
MODELOPS_DESCRIBE_ENUM(LineLevel, debug, info, warning, error)

struct OperationLogLine {
  std::int64_t seq = 0;
  Time time;
  LineLevel level = LineLevel::info;
  std::string line;
};
MODELOPS_DESCRIBE(OperationLogLine, seq, time, level, line);

/// Where to go on reading: what an answer or a stream gave out. None: from the beginning, or for events from now.
using Cursor = reflect::Bounded<1, 32>;

struct ReadOperationLog {
  OperationId operation;
  std::optional<Cursor> after;
  query::PageSize page_size = query::PageSize::of<1000>();
};
MODELOPS_DESCRIBE(ReadOperationLog, operation, after, page_size);

struct OperationLogPage {
  std::vector<OperationLogLine> items;
  std::string after;
  bool ended = false;
  static constexpr reflect::Doc docs[] = {{"after", "Send this to read on"},
                                          {"ended", "The operation has ended and this is the end of its log"}};
};
MODELOPS_DESCRIBE(OperationLogPage, items, after, ended);

struct FollowOperationLog {
  OperationId operation;
  std::optional<Cursor> after;
};
MODELOPS_DESCRIBE(FollowOperationLog, operation, after);

}  // namespace modelops::jobs
