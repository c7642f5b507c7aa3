#pragma once
#include "gateway/wire.hpp"
#include "platform/context.hpp"
#include "reflect/schema.hpp"
#include "reflect/values.hpp"

namespace modelops::gateway {

/// Call the endpoints of one's organisation.
inline constexpr Permission inference_call{"inference:call"};

/// Notified when there is a new snapshot.
inline constexpr const char* snapshot_topic = "gateway/snapshot";

struct PollSnapshot {
  std::int64_t after = 0;
  reflect::Ranged<0, 55> wait_s = reflect::Ranged<0, 55>::of<55>();
  static constexpr reflect::Doc docs[] = {{"after", "The version that the gateway follows; 0: none"},
                                          {"wait_s", "How long the answer may take when nothing has changed"}};
};
MODELOPS_DESCRIBE(PollSnapshot, after, wait_s);

}  // namespace modelops::gateway
