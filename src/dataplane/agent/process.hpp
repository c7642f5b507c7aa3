#pragma once
// Engine processes as Linux shows them. An engine is known by its pid, the time at which that process started, and a
// nonce in its environment, so that a pid that was used again is never taken for it.
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace modelops::agent {

inline constexpr std::string_view nonce_variable = "MODELOPS_NONCE";

struct ProcessId {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  ///< since boot: /proc/<pid>/stat, field 22
};

struct Launch {
  std::vector<std::string> command;  ///< the first is a full path; no shell
  std::map<std::string, std::string> environment;
  std::filesystem::path folder;  ///< where it starts
  std::filesystem::path standard_output;
  std::filesystem::path standard_error;
  std::set<int> cpus = {};  ///< where it may run; empty: anywhere
};

/// Starts a process in a session of its own, with nothing of ours but what `launch` names: it lives on when we end.
/// Throws Error(not_found) when the program is missing or cannot be executed, Error(unavailable) for other reasons.
ProcessId spawn(const Launch& launch);

/// How a child of ours ended: its exit code, or 128 and the signal's number.
struct Exit {
  int code = 0;
  int signal = 0;
};
/// Nothing while it runs. Nothing either for what is not our child.
std::optional<Exit> reap(pid_t child);

/// False for a zombie and for another process that has the pid now.
bool is_running(const ProcessId& process);
/// The process `pid` with its start time, when its environment has this nonce.
std::optional<ProcessId> identify(pid_t pid, std::string_view nonce);
/// Looks for it among all processes.
std::optional<ProcessId> find_by_nonce(std::string_view nonce);

/// Sends `signal` to the session's processes: to the group of `leader`, which must be running.
void signal_group(pid_t leader, int signal);
/// Kills what an ended engine left behind: processes of its group with its nonce.
void kill_rest(pid_t leader, std::string_view nonce);

struct Usage {
  std::int64_t resident_bytes = 0;
  /// Without pages of files (such as mapped weights), which the kernel can take back at any time.
  std::int64_t own_bytes = 0;
  double cpu_seconds = 0;
};
/// Of all processes in the group of `leader`.
Usage usage_of(pid_t leader);

/// A port that nobody listens on now.
int free_port(const std::string& host);
bool is_free(const std::string& host, int port);
/// "python3 (pid 123)", or empty when it cannot be seen.
std::string owner_of_port(int port);

/// The CPUs that we may use, the least used by other engines first.
std::set<int> choose_cpus(double count, const std::vector<pid_t>& others);

}  // namespace modelops::agent
