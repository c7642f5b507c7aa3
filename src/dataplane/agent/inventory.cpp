#include "dataplane/agent/inventory.hpp"

#include <sched.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <fstream>

#include "base/text.hpp"

namespace modelops::agent {
namespace {

namespace fs = std::filesystem;

/// The value of the first line of `file` that begins with `key`.
std::string value_in(const fs::path& file, std::string_view key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(key)) return std::string(trim(std::string_view(line).substr(key.size())));
  }
  return {};
}

std::string os_name() {
  std::string name = value_in("/etc/os-release", "PRETTY_NAME=");
  std::erase(name, '"');
  return name;
}

std::vector<targets::InstalledEngine> installed(const fs::path& engines) {
  std::vector<targets::InstalledEngine> out;
  std::error_code absent;
  for (const auto& engine : fs::directory_iterator(engines, absent)) {
    std::string id = engine.path().filename().string();
    std::ranges::replace(id, '.', '_');  // the folder "llama.cpp" is the catalogue's "llama_cpp"
    for (const auto& version : fs::directory_iterator(engine.path(), absent)) {
      const std::string name = version.path().filename().string();
      // Links such as "current" name a version that is listed anyway.
      if (version.is_directory(absent) && !version.is_symlink(absent) && !name.starts_with('.'))
        out.push_back({id, name});
    }
  }
  std::ranges::sort(out, {}, [](const auto& e) { return std::tie(e.id, e.version); });
  return out;
}

std::vector<targets::Gpu> nvidia_gpus() {
  std::vector<targets::Gpu> out;
  std::error_code absent;
  for (const auto& gpu : fs::directory_iterator("/proc/driver/nvidia/gpus", absent)) {
    out.push_back({value_in(gpu.path() / "information", "Model:"), 0});  // the driver says nothing of memory here
  }
  return out;
}

}  // namespace

targets::Inventory take_inventory(const fs::path& state, const fs::path& engines, std::int64_t memory_reserve_bytes,
                                  const std::string& name) {
  targets::Inventory out;
  utsname system{};
  if (::uname(&system) == 0) {
    out.hostname = name.empty() ? system.nodename : name;
    out.architecture = system.machine;
  }
  out.os = os_name();
  cpu_set_t cpus;
  if (::sched_getaffinity(0, sizeof cpus, &cpus) == 0) out.cpus = CPU_COUNT(&cpus);
  struct sysinfo info{};
  if (::sysinfo(&info) == 0) {
    const auto total = static_cast<std::int64_t>(info.totalram) * info.mem_unit;
    out.memory_bytes = std::max<std::int64_t>(0, total - memory_reserve_bytes);
  }
  struct statvfs disk{};
  if (::statvfs(state.c_str(), &disk) == 0) {
    out.disk_free_bytes = static_cast<std::int64_t>(disk.f_bavail * disk.f_frsize);
  }
  out.gpus = nvidia_gpus();
  out.drivers = {"process"};
  out.engines = installed(engines);
  return out;
}

}  // namespace modelops::agent
