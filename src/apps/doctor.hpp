#pragma once
#include "apps/control_plane.hpp"

namespace modelops::apps {

enum class CheckState { ok, warning, failed };
MODELOPS_DESCRIBE_ENUM(CheckState, ok, warning, failed)

/// One thing that `modelops doctor` looked at.
struct Check {
  std::string name;
  CheckState state = CheckState::ok;
  std::string finding;
  std::string remedy;  ///< what to do; empty when all is well
};
MODELOPS_DESCRIBE(Check, name, state, finding, remedy);

struct Diagnosis {
  CheckState state = CheckState::ok;  ///< the worst of its checks
  std::vector<Check> checks;
};
MODELOPS_DESCRIBE(Diagnosis, state, checks);

/// Looks at an installation from outside, whether it runs or not, and changes nothing: folders and their permissions,
/// disk, keys, database, artifacts, server, machines, deployments, what waits. With `read_artifacts` every artifact is
/// read and compared with its digest.
Diagnosis diagnose(const ServeConfig& config, bool read_artifacts);

}  // namespace modelops::apps
