#include "cli/profile.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "reflect/json.hpp"

namespace modelops::cli {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  return value == nullptr ? "" : value;
}

}  // namespace

std::filesystem::path profiles_path() {
  if (const std::string path = variable("MODELOPS_PROFILES"); !path.empty()) return path;
  if (const std::string folder = variable("XDG_CONFIG_HOME"); !folder.empty())
    return std::filesystem::path(folder) / "modelops" / "profiles.json";
  return std::filesystem::path(variable("HOME")) / ".config" / "modelops" / "profiles.json";
}

Profiles load_profiles(const std::filesystem::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {};
  if ((status.st_mode & 077) != 0)
    fail(ErrorCode::invalid, fmt::format("{0} holds tokens but others may read it. Run: chmod 600 {0}", path.string()));
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  try {
    return reflect::from_stored_json<Profiles>(text.str());
  } catch (const Error& error) {
    fail(ErrorCode::invalid, fmt::format("{} cannot be read: {}", path.string(), error.message));
  }
}

void save_profiles(const std::filesystem::path& path, const Profiles& profiles) {
  std::filesystem::create_directories(path.parent_path());
  const std::string text = reflect::to_json(profiles) + "\n";
  const std::filesystem::path fresh = path.string() + ".new";
  const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool written = file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  written = file >= 0 && ::fsync(file) == 0 && written;
  if (file >= 0) ::close(file);
  if (!written || ::rename(fresh.c_str(), path.c_str()) != 0)
    fail(ErrorCode::internal, fmt::format("{} cannot be written.", path.string()));
}

Profile choose_profile(const Profiles& profiles, const std::string& name) {
  const std::string& wanted = name.empty() ? profiles.current : name;
  Profile chosen;
  if (const auto found = profiles.profiles.find(wanted); found != profiles.profiles.end())
    chosen = found->second;
  else if (!name.empty())
    fail(ErrorCode::not_found, fmt::format("There is no profile {} in {}.", name, profiles_path().string()));
  if (const std::string url = variable("MODELOPS_URL"); !url.empty()) chosen.url = url;
  if (const std::string url = variable("MODELOPS_GATEWAY_URL"); !url.empty()) chosen.gateway_url = url;
  if (const std::string token = variable("MODELOPS_TOKEN"); !token.empty()) chosen.token = token;
  return chosen;
}

}  // namespace modelops::cli
