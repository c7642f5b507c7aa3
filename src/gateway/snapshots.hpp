#pragma once
#include "gateway/ports.hpp"
#include "platform/events/topics.hpp"
#include "platform/jobs/reconciler.hpp"

namespace modelops::gateway {

/// Keeps the snapshot true: builds it from routes and keys, and stores it with a new version when it has changed.
class Snapshots final : public jobs::Reconciler {
 public:
  /// `inputs_topic` is notified when a deployment or a key has changed (`AnnouncedTrail`); a timer finds keys that have
  /// expired.
  Snapshots(db::Database& database, const Clock& clock, RouteSource& source, events::Topics& topics,
            std::string inputs_topic, std::vector<std::string> cors_origins = {})
      : database_(database),
        clock_(clock),
        source_(source),
        topics_(topics),
        inputs_topic_(std::move(inputs_topic)),
        cors_origins_(std::move(cors_origins)) {}

  std::string_view name() const override { return "gateway.snapshots"; }
  std::chrono::milliseconds interval() const override { return std::chrono::seconds(2); }
  std::string topic() const override { return inputs_topic_; }
  void reconcile(const jobs::Fence& fence) override;

 private:
  db::Database& database_;
  const Clock& clock_;
  RouteSource& source_;
  events::Topics& topics_;
  std::string inputs_topic_;
  std::vector<std::string> cors_origins_;
};

}  // namespace modelops::gateway
