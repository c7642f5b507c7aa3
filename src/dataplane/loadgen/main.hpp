#pragma once
#include <functional>
#include <string>

namespace modelops::loadgen {

/// What a profile of the command line knows.
struct Profile {
  std::string url;
  std::string gateway_url;
  std::string token;
};

/// `modelops bench`. `profile_of` knows the profiles by name; the current one is "". Returns 0 when every request was
/// answered with a success, 1 when not, 2 when it was asked wrongly. Throws Error.
int run_bench(int argc, char** argv, const std::function<Profile(const std::string& name)>& profile_of);

}  // namespace modelops::loadgen
