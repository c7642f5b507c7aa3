#pragma once
// The audit trail of a test of whatever writes to one.
#include <mutex>
#include <string>
#include <vector>

#include "identity/ports.hpp"
#include "reflect/json.hpp"

namespace modelops::identity::fixture {

/// What was committed, denied and tried. Written on the threads of whoever acts: read it after they ended.
struct RecordingTrail final : AuditTrail {
  void record(db::Tx& tx, const Context&, const Act& act) override {
    tx.after_commit([this, action = std::string(act.action), data = reflect::to_json(boost::json::value(act.data))] {
      std::lock_guard lock(mutex);
      actions.push_back(action);
      lines.push_back(action + " " + data);
    });
  }
  void denied(const Context&, std::string_view permission, std::string_view) override {
    std::lock_guard lock(mutex);
    denials.emplace_back(permission);
  }
  void unknown_failure(std::string_view kind, std::string_view) override {
    std::lock_guard lock(mutex);
    failures.emplace_back(kind);
  }
  std::mutex mutex;
  std::vector<std::string> actions, lines, denials, failures;
};

}  // namespace modelops::identity::fixture
