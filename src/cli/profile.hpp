#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "reflect/describe.hpp"

namespace modelops::cli {

/// Where a control plane is and how to reach it.
struct Profile {
  std::string url = "http://localhost:18087";
  std::string gateway_url = "http://localhost:18088";
  std::string token;
};
MODELOPS_DESCRIBE(Profile, url, gateway_url, token);

/// The file of profiles, 0600. Without --profile the current one is used.
struct Profiles {
  std::string current = "default";
  std::map<std::string, Profile> profiles;
};
MODELOPS_DESCRIBE(Profiles, current, profiles);

/// $MODELOPS_PROFILES, else modelops/profiles.json under $XDG_CONFIG_HOME or ~/.config.
std::filesystem::path profiles_path();
/// An empty set when there is no file. Throws Error(invalid) for one that cannot be read, or that others may read.
Profiles load_profiles(const std::filesystem::path& path);
/// Replaces the file as a whole; its folder is made when missing.
void save_profiles(const std::filesystem::path& path, const Profiles& profiles);
/// The profile `name` (empty: the current one), with MODELOPS_URL, MODELOPS_GATEWAY_URL and MODELOPS_TOKEN on top.
Profile choose_profile(const Profiles& profiles, const std::string& name);

}  // namespace modelops::cli
