#pragma once
#include "gateway/ports.hpp"
#include "identity/service.hpp"
#include "platform/events/topics.hpp"

namespace modelops::gateway {

/// Lets a signed-in person call a deployment from a page, for ten minutes.
class Trials {
 public:
  /// `inputs_topic` wakes who builds the snapshot, so that gateways hear of the new key at once.
  Trials(db::Database& database, identity::Service& identity, CallableSource& source, events::Topics& topics,
         std::string inputs_topic, std::string gateway_url)
      : database_(database),
        identity_(identity),
        source_(source),
        topics_(topics),
        inputs_topic_(std::move(inputs_topic)),
        gateway_url_(std::move(gateway_url)) {}

  Trial begin(const Context& ctx, const TryDeployment& request);

 private:
  db::Database& database_;
  identity::Service& identity_;
  CallableSource& source_;
  events::Topics& topics_;
  const std::string inputs_topic_;
  const std::string gateway_url_;
};

}  // namespace modelops::gateway
