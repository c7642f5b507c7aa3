#pragma once
#include "platform/jobs/reconciler.hpp"
#include "targets/service.hpp"

namespace modelops::targets {

/// Notices who has fallen silent.
class Liveness final : public jobs::Reconciler {
 public:
  explicit Liveness(Service& service) : service_(service) {}
  std::string_view name() const override { return "targets.liveness"; }
  std::chrono::milliseconds interval() const override { return std::chrono::seconds(5); }
  /// Both steps may be repeated by anyone at any time, so that no write needs the fence.
  void reconcile(const jobs::Fence&) override {
    service_.notice_silence();
    service_.forget_nonces();
  }

 private:
  Service& service_;
};

}  // namespace modelops::targets
