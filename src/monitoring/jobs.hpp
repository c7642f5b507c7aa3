#pragma once
#include "platform/db/database.hpp"
#include "platform/jobs/reconciler.hpp"

namespace modelops::monitoring {

/// Forgets what is older than any chart reaches back.
class Retention final : public jobs::Reconciler {
 public:
  Retention(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}
  std::string_view name() const override { return "monitoring.retention"; }
  std::chrono::milliseconds interval() const override { return std::chrono::minutes(1); }
  void reconcile(const jobs::Fence& fence) override;

 private:
  db::Database& database_;
  const Clock& clock_;
};

}  // namespace modelops::monitoring
