#pragma once
#include <vector>

#include "gateway/wire.hpp"
#include "platform/db/database.hpp"

namespace modelops::gateway {

/// What runs, as endpoints: answered by `deployments`.
class RouteSource {
 public:
  virtual ~RouteSource() = default;
  /// Every deployment of the installation that people want to run, ready or not, in any order.
  virtual std::vector<Route> routes(db::Tx& tx) = 0;
};

}  // namespace modelops::gateway
