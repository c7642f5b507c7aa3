#pragma once
#include "platform/eventlog/event_log.hpp"

namespace modelops::eventlog {

struct RetentionOptions {
  std::chrono::hours events{7 * 24};
  std::chrono::hours idempotency_keys{24};
  std::chrono::hours operations{90 * 24};  ///< since they ended, with their logs
};

/// Forgets what is too old to be kept.
class Retention final : public jobs::Reconciler {
 public:
  Retention(db::Database& database, const Clock& clock, RetentionOptions options = {})
      : database_(database), clock_(clock), options_(options) {}

  std::string_view name() const override { return "retention"; }
  std::chrono::milliseconds interval() const override { return std::chrono::minutes(10); }
  void reconcile(const jobs::Fence& fence) override;

 private:
  db::Database& database_;
  const Clock& clock_;
  const RetentionOptions options_;
};

}  // namespace modelops::eventlog
