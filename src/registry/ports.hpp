#pragma once
#include "platform/db/database.hpp"
#include "registry/types.hpp"

namespace modelops::registry {

/// Who uses a model: answered by builds and deployments.
class UsageReport {
 public:
  virtual ~UsageReport() = default;
  virtual std::vector<ModelUse> uses_of(db::Tx& tx, const Context& ctx, const ModelId& model) = 0;
  /// The ids of those that the caller may see, also of ones that are gone: the newest `limit`.
  virtual std::vector<std::string> seen_uses_of(db::Tx& tx, const Context& ctx, const ModelId& model,
                                                std::int64_t limit) = 0;
};

}  // namespace modelops::registry
