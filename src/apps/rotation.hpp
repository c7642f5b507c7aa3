#pragma once
#include "apps/control_plane.hpp"

namespace modelops::apps {

struct Rotation {
  std::string key_id;          ///< of the new master key
  std::int64_t rewrapped = 0;  ///< data keys that are sealed with it now
};

/// Adds a master key to the file of keys and seals every data key with it; servers may run meanwhile. The older keys
/// stay in the file: backups made before need them. Throws Error(not_found) before the first start.
Rotation rotate_master_key(const ServeConfig& config);

}  // namespace modelops::apps
