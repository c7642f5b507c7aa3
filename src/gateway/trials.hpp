#pragma once
#include "gateway/ports.hpp"
#include "identity/service.hpp"

namespace modelops::gateway {

/// Lets a signed-in person call a deployment from a page, for ten minutes.
class Trials {
 public:
  Trials(db::Database& database, identity::Service& identity, CallableSource& source, std::string gateway_url)
      : database_(database), identity_(identity), source_(source), gateway_url_(std::move(gateway_url)) {}

  Trial begin(const Context& ctx, const TryDeployment& request);

 private:
  db::Database& database_;
  identity::Service& identity_;
  CallableSource& source_;
  const std::string gateway_url_;
};

}  // namespace modelops::gateway
