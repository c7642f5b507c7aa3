#pragma once
#include "identity/ports.hpp"
#include "platform/events/topics.hpp"

namespace modelops::gateway {

/// The audit trail, which every change passes. What changes a key, who may call, or which version an alias names wakes
/// the snapshot's reconciler: a revoked key does not wait for its timer.
class AnnouncedTrail final : public identity::AuditTrail {
 public:
  AnnouncedTrail(identity::AuditTrail& trail, events::Topics& topics, std::string inputs_topic)
      : trail_(trail), topics_(topics), inputs_topic_(std::move(inputs_topic)) {}

  void record(db::Tx& tx, const Context& ctx, const identity::Act& act) override;
  void denied(const Context& ctx, std::string_view permission, std::string_view reason) override {
    trail_.denied(ctx, permission, reason);
  }
  void unknown_failure(std::string_view kind, std::string_view remote_address) override {
    trail_.unknown_failure(kind, remote_address);
  }

 private:
  identity::AuditTrail& trail_;
  events::Topics& topics_;
  const std::string inputs_topic_;
};

}  // namespace modelops::gateway
