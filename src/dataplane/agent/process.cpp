#include "dataplane/agent/process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "base/descriptor.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace modelops::agent {
namespace {

namespace fs = std::filesystem;

/// A file of /proc: they have no size, and may vanish while they are read.
std::string read_proc(const std::string& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string out;
  char bytes[16 * 1024];
  for (ssize_t got = 0; fd.get() >= 0 && (got = ::read(fd.get(), bytes, sizeof bytes)) > 0;) {
    out.append(bytes, static_cast<std::size_t>(got));
  }
  return out;
}

struct Stat {
  char state = 0;
  pid_t group = 0;
  std::uint64_t cpu_ticks = 0;
  std::uint64_t start_ticks = 0;
  std::int64_t resident_pages = 0;
};

std::optional<Stat> read_stat(pid_t pid) {
  const std::string text = read_proc(fmt::format("/proc/{}/stat", pid));
  // The name in parentheses may hold anything; what follows the last one does not.
  const auto name_end = text.rfind(')');
  if (name_end == text.npos) return std::nullopt;
  const auto fields = split(trim(std::string_view(text).substr(name_end + 1)), ' ');
  if (fields.size() < 22) return std::nullopt;
  const auto number = [&](std::size_t field) { return parse_int(fields[field - 3]).value_or(0); };
  return Stat{fields[0].empty() ? '\0' : fields[0][0], static_cast<pid_t>(number(5)),
              static_cast<std::uint64_t>(number(14) + number(15)), static_cast<std::uint64_t>(number(22)), number(24)};
}

bool is_alive(const Stat& stat) { return stat.state != 'Z' && stat.state != 'X'; }

bool has_nonce(pid_t pid, std::string_view nonce) {
  const std::string wanted = fmt::format("{}={}", nonce_variable, nonce);
  const std::string environment = read_proc(fmt::format("/proc/{}/environ", pid));
  for (const std::string_view variable : split(environment, '\0')) {
    if (variable == wanted) return true;
  }
  return false;
}

template <class Found>
void each_process(Found found) {
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator("/proc", gone)) {
    if (const auto pid = parse_int(entry.path().filename().string())) found(static_cast<pid_t>(*pid));
  }
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// The calling thread's CPUs while this lives: a child inherits them before its first instruction.
class Pinned {
 public:
  explicit Pinned(const std::set<int>& cpus) : active_(!cpus.empty()) {
    if (!active_) return;
    cpu_set_t wanted;
    CPU_ZERO(&wanted);
    for (const int cpu : cpus) CPU_SET(static_cast<std::size_t>(cpu), &wanted);
    active_ =
        ::sched_getaffinity(0, sizeof before_, &before_) == 0 && ::sched_setaffinity(0, sizeof wanted, &wanted) == 0;
  }
  ~Pinned() {
    if (active_) ::sched_setaffinity(0, sizeof before_, &before_);
  }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

 private:
  bool active_;
  cpu_set_t before_{};
};

sockaddr_in address_of(const std::string& host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    fail(ErrorCode::invalid, "The address for engines must be an IPv4 address such as 127.0.0.1, not " + host + ".");
  }
  return address;
}

/// Binds and lets go again: the port, or nothing when it cannot be had.
std::optional<int> try_port(const std::string& host, int port) {
  const Descriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;  // as engines do: a port whose last connections are still closing is free
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address = address_of(host, port);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return std::nullopt;
  if (::listen(fd.get(), 1) != 0) return std::nullopt;
  socklen_t size = sizeof address;
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

}  // namespace

ProcessId spawn(const Launch& launch) {
  std::vector<std::string> arguments = launch.command;
  std::vector<std::string> variables;
  for (const auto& [name, value] : launch.environment) variables.push_back(fmt::format("{}={}", name, value));

  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_init(&actions);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  // Appended to, so that what the log reader frees at the front of a file stays freed.
  constexpr int flags = O_WRONLY | O_CREAT | O_APPEND;
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, launch.standard_output.c_str(), flags, 0600);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, launch.standard_error.c_str(), flags, 0600);
  ::posix_spawn_file_actions_addchdir_np(&actions, launch.folder.c_str());
  ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);

  pid_t pid = 0;
  int error = 0;
  {
    const Pinned pinned(launch.cpus);
    error = ::posix_spawn(&pid, arguments.front().c_str(), &actions, &attributes, pointers(arguments).data(),
                          pointers(variables).data());
  }
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    const bool missing = error == ENOENT || error == EACCES || error == ENOEXEC || error == ENOTDIR;
    fail(missing ? ErrorCode::not_found : ErrorCode::unavailable,
         fmt::format("{} cannot be started: {}", launch.command.front(), std::strerror(error)));
  }
  const auto stat = read_stat(pid);  // there until it is reaped, and only we reap it
  return {pid, stat ? stat->start_ticks : 0};
}

std::optional<Exit> reap(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, WNOHANG) != child) return std::nullopt;
  if (WIFSIGNALED(status)) return Exit{128 + WTERMSIG(status), WTERMSIG(status)};
  return Exit{WEXITSTATUS(status), 0};
}

bool is_running(const ProcessId& process) {
  const auto stat = read_stat(process.pid);
  return stat && is_alive(*stat) && stat->start_ticks == process.start_ticks;
}

std::optional<ProcessId> identify(pid_t pid, std::string_view nonce) {
  if (pid <= 0 || nonce.empty()) return std::nullopt;
  const auto stat = read_stat(pid);
  if (!stat || !is_alive(*stat) || !has_nonce(pid, nonce)) return std::nullopt;
  return ProcessId{pid, stat->start_ticks};
}

std::optional<ProcessId> find_by_nonce(std::string_view nonce) {
  std::optional<ProcessId> out;
  each_process([&](pid_t pid) {
    if (out) return;
    const auto found = identify(pid, nonce);
    const auto stat = found ? read_stat(pid) : std::nullopt;
    if (stat && stat->group == pid) out = found;  // the leader, not one of its children
  });
  return out;
}

void signal_group(pid_t leader, int signal) {
  if (leader > 1) ::kill(-leader, signal);
}

void kill_rest(pid_t leader, std::string_view nonce) {
  each_process([&](pid_t pid) {
    const auto stat = read_stat(pid);
    if (stat && stat->group == leader && has_nonce(pid, nonce)) ::kill(pid, SIGKILL);
  });
}

Usage usage_of(pid_t leader) {
  static const long page_bytes = ::sysconf(_SC_PAGESIZE);
  static const long ticks_per_second = ::sysconf(_SC_CLK_TCK);
  Usage out;
  each_process([&](pid_t pid) {
    const auto stat = read_stat(pid);
    if (!stat || stat->group != leader || !is_alive(*stat)) return;
    out.resident_bytes += stat->resident_pages * page_bytes;
    // statm: size, resident, shared (with files or other processes).
    const std::string statm = read_proc(fmt::format("/proc/{}/statm", pid));
    const auto fields = split(statm, ' ');
    const auto shared = fields.size() > 2 ? parse_int(fields[2]).value_or(0) : 0;
    out.own_bytes += std::max<std::int64_t>(0, stat->resident_pages - shared) * page_bytes;
    out.cpu_seconds += static_cast<double>(stat->cpu_ticks) / static_cast<double>(ticks_per_second);
  });
  return out;
}

int free_port(const std::string& host) {
  const auto port = try_port(host, 0);
  if (!port) fail(ErrorCode::unavailable, "There is no free port on " + host + ".");
  return *port;
}

bool is_free(const std::string& host, int port) { return try_port(host, port).has_value(); }

std::string owner_of_port(int port) {
  // /proc/net/tcp: sl, local address:port in hexadecimal, remote, state (0A: listening), …, the tenth field: inode.
  std::string inode;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    const std::string text = read_proc(table);
    for (const std::string_view line : split(text, '\n')) {
      std::vector<std::string_view> fields;
      for (const std::string_view field : split(line, ' ')) {
        if (!field.empty()) fields.push_back(field);
      }
      if (fields.size() > 9 && fields[1].ends_with(fmt::format(":{:04X}", port)) && fields[3] == "0A")
        inode = fields[9];
    }
  }
  if (inode.empty()) return {};
  const std::string wanted = "socket:[" + inode + "]";
  std::string owner;
  each_process([&](pid_t pid) {
    if (!owner.empty()) return;
    std::error_code refused;
    for (const auto& entry : fs::directory_iterator(fmt::format("/proc/{}/fd", pid), refused)) {
      std::error_code gone;
      if (fs::read_symlink(entry.path(), gone) != wanted) continue;
      owner = fmt::format("{} (pid {})", trim(read_proc(fmt::format("/proc/{}/comm", pid))), pid);
      return;
    }
  });
  return owner;
}

std::set<int> choose_cpus(double count, const std::vector<pid_t>& others) {
  cpu_set_t ours;
  if (::sched_getaffinity(0, sizeof ours, &ours) != 0) return {};
  std::vector<std::pair<int, int>> by_use;  // how many engines use it, the CPU
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &ours)) by_use.emplace_back(0, cpu);
  }
  for (const pid_t other : others) {
    cpu_set_t theirs;
    if (::sched_getaffinity(other, sizeof theirs, &theirs) != 0) continue;
    for (auto& [uses, cpu] : by_use) uses += CPU_ISSET(static_cast<std::size_t>(cpu), &theirs) ? 1 : 0;
  }
  std::ranges::sort(by_use);
  const auto wanted = static_cast<std::size_t>(std::ceil(std::max(count, 1.0)));
  std::set<int> out;
  for (std::size_t i = 0; i < std::min(wanted, by_use.size()); ++i) out.insert(by_use[i].second);
  return out;
}

}  // namespace modelops::agent
