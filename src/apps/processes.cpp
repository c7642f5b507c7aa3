#include "apps/processes.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <thread>

#include "base/error.hpp"
#include "base/text.hpp"

namespace modelops::apps {
namespace {

/// Field 22 of /proc/<pid>/stat (proc(5)): when it started; empty when there is no such process, or a dead one.
std::string start_time_of(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return {};
  const auto fields = split(std::string_view(text).substr(name_end + 2), ' ');
  if (fields.size() < 20 || fields[0] == "Z" || fields[0] == "X") return {};
  return std::string(fields[19]);
}

}  // namespace

Processes::Processes(std::filesystem::path folder) : folder_(std::move(folder)) {
  std::filesystem::create_directories(folder_);
}

Processes::Mark Processes::read_mark(const std::string& name) const {
  Mark mark;
  std::ifstream file(folder_ / (name + ".pid"));
  file >> mark.pid >> mark.start_time;
  return mark;
}

void Processes::write_mark(const std::string& name, const Mark& mark) const {
  std::ofstream(folder_ / (name + ".pid")) << mark.pid << ' ' << mark.start_time << '\n';
}

bool Processes::is_running(const std::string& name) const { return is_alive(read_mark(name)); }

bool Processes::is_another_program(const std::string& name) const {
  struct stat its{};
  struct stat ours{};
  return ::stat(fmt::format("/proc/{}/exe", read_mark(name).pid).c_str(), &its) == 0 &&
         ::stat("/proc/self/exe", &ours) == 0 && (its.st_dev != ours.st_dev || its.st_ino != ours.st_ino);
}

void Processes::start(const std::string& name, const std::vector<std::string>& arguments,
                      std::vector<std::string> variables, const std::filesystem::path& program) {
  write_mark(name, spawn(name, arguments, std::move(variables), program));
}

void Processes::replace(const std::string& name, const std::vector<std::string>& arguments,
                        const std::function<bool(int pid)>& ready) {
  const Mark next = spawn(name, arguments, {}, "/proc/self/exe");
  while (!ready(next.pid)) {
    ::waitpid(next.pid, nullptr, WNOHANG);
    if (!is_alive(next))
      fail(ErrorCode::unavailable, fmt::format("The new {} ended; the one before runs on. Its last words ({}):\n{}",
                                               name, log_path(name).string(), last_words(name)));
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
  }
  write_mark(name, next);
}

Processes::Mark Processes::spawn(const std::string& name, const std::vector<std::string>& arguments,
                                 std::vector<std::string> variables, const std::filesystem::path& program) {
  std::vector<std::string> words{program == "/proc/self/exe" ? "modelops" : program.filename().string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  for (char** inherited = environ; *inherited != nullptr; ++inherited) environment.push_back(*inherited);
  environment.push_back(nullptr);
  const int log = ::open(log_path(name).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (log < 0 || nothing < 0) fail(ErrorCode::internal, "The log " + log_path(name).string() + " cannot be written.");
  const pid_t pid = ::fork();
  if (pid < 0) fail(ErrorCode::internal, "No process can be started.");
  if (pid == 0) {
    // A session of its own: Ctrl-C in this terminal is for `up`, which then stops its children in order.
    ::setsid();
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    ::execve(program.c_str(), argv.data(), environment.data());
    ::_exit(127);
  }
  ::close(log);
  ::close(nothing);
  return {pid, start_time_of(pid)};
}

bool Processes::is_alive(const Mark& mark) {
  return mark.pid > 0 && !mark.start_time.empty() && start_time_of(mark.pid) == mark.start_time;
}

bool Processes::stop(const std::string& name, std::chrono::seconds grace) {
  const Mark mark = read_mark(name);
  const bool running = is_running(name);
  if (running) {
    ::kill(mark.pid, SIGTERM);
    const auto deadline = std::chrono::steady_clock::now() + grace;
    while (is_running(name)) {
      ::waitpid(mark.pid, nullptr, WNOHANG);  // when it is our own child
      if (std::chrono::steady_clock::now() > deadline) ::kill(mark.pid, SIGKILL);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  std::filesystem::remove(folder_ / (name + ".pid"));
  return running;
}

std::string Processes::last_words(const std::string& name) const {
  std::ifstream file(log_path(name));
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(line);
    if (lines.size() > 12) lines.erase(lines.begin());
  }
  std::string out;
  for (const std::string& line : lines) out += "    " + line + "\n";
  return out;
}

}  // namespace modelops::apps
