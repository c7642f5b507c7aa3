#pragma once
#include <vector>

#include "gateway/types.hpp"
#include "platform/db/database.hpp"

namespace modelops::gateway {

/// What runs, as endpoints: answered by `deployments`.
class RouteSource {
 public:
  virtual ~RouteSource() = default;
  /// Every deployment of the installation that people want to run, ready or not, in any order.
  virtual std::vector<Route> routes(db::Tx& tx) = 0;
};

/// A deployment as a caller names and feeds it.
struct Callable {
  std::string org_id;
  std::string organization;
  std::string name;
  std::string engine;
  std::string engine_model;
  std::string interface;
  std::vector<registry::TensorPort> inputs;
  std::vector<registry::TensorPort> outputs;
};

/// What may be called: answered by `deployments` and `registry`.
class CallableSource {
 public:
  virtual ~CallableSource() = default;
  /// Throws Error(not_found) for one that the caller may not see.
  virtual Callable find(db::Tx& tx, const Context& ctx, const identity::Reference& deployment) = 0;
};

}  // namespace modelops::gateway
