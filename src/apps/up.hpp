#pragma once
#include <string>
#include <vector>

namespace modelops::apps {

/// `modelops up [--detach]`: starts control plane, gateway and a local agent, each its own process, shows two models
/// answering, and keeps running until Ctrl-C. May be repeated: what is there already is kept.
int up(const std::vector<std::string>& arguments);
/// `modelops down`: stops what `up` started, engines included.
int down(const std::vector<std::string>& arguments);

}  // namespace modelops::apps
