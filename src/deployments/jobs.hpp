#pragma once
#include "deployments/controller.hpp"

namespace modelops::deployments {

inline constexpr std::int64_t events_per_deployment_max = 1'000;
inline constexpr std::chrono::hours events_age_max_of_deleted{30 * 24};

/// Has agents stop what has drained.
class Drains final : public jobs::Reconciler {
 public:
  explicit Drains(Controller& controller) : controller_(controller) {}
  std::string_view name() const override { return "deployments.drains"; }
  std::chrono::milliseconds interval() const override { return std::chrono::seconds(1); }
  /// Its steps need no fence, as those of the controller.
  void reconcile(const jobs::Fence&) override { controller_.stop_drained(); }

 private:
  Controller& controller_;
};

/// Forgets events beyond what a deployment may keep, and all of those deleted long ago.
class EventRetention final : public jobs::Reconciler {
 public:
  EventRetention(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}
  std::string_view name() const override { return "deployments.retention"; }
  std::chrono::milliseconds interval() const override { return std::chrono::minutes(10); }
  void reconcile(const jobs::Fence& fence) override;

 private:
  db::Database& database_;
  const Clock& clock_;
};

}  // namespace modelops::deployments
