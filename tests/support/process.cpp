#include "tests/support/process.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>

#include "base/error.hpp"
#include "base/listener_test.hpp"

namespace modelops::testing {
namespace {

/// Starts `words` with the given standard output and error, and nothing on standard input.
pid_t start(std::vector<std::string> words, const std::filesystem::path& folder, int output, int error) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(error, STDERR_FILENO);
  if (!folder.empty() && ::chdir(folder.c_str()) != 0) ::_exit(126);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// What comes next, or nothing at the end.
std::string read_some(int fd) {
  std::array<char, 4096> buffer{};
  ssize_t got = 0;
  while ((got = ::read(fd, buffer.data(), buffer.size())) < 0 && errno == EINTR) {}
  return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

}  // namespace

int free_port() { return Listener().port(); }

Ran run_program(std::vector<std::string> words, const std::filesystem::path& folder) {
  // A file, not a pipe: what the program leaves running would keep a pipe open.
  const int file = ::open(std::filesystem::temp_directory_path().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0) fail(ErrorCode::internal, "No temporary file can be made.");
  Ran ran;
  ran.status = wait_for(start(std::move(words), folder, file, file));
  ::lseek(file, 0, SEEK_SET);
  for (std::string part = read_some(file); !part.empty(); part = read_some(file)) ran.output += part;
  ::close(file);
  return ran;
}

Process::Process(std::vector<std::string> words, const std::filesystem::path& log) : log_(log) {
  std::array<int, 2> ends{};
  const int error = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (::pipe2(ends.data(), O_CLOEXEC) != 0 || error < 0) fail(ErrorCode::internal, "No process can be started.");
  pid_ = start(std::move(words), {}, ends[1], error);
  ::close(ends[1]);
  ::close(error);
  output_ = ends[0];
}

Process::~Process() {
  signal(SIGKILL);
  wait();
  ::close(output_);
}

std::string Process::wait_for_line(const std::string& start) {
  std::string text;
  for (;;) {
    const std::string part = read_some(output_);
    if (part.empty()) {
      std::ifstream file(log_);
      fail(ErrorCode::internal, "It ended: " + std::string(std::istreambuf_iterator<char>(file), {}));
    }
    text += part;
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      const std::string line = text.substr(0, end);
      text.erase(0, end + 1);
      if (line.starts_with(start)) return line.substr(start.size());
    }
  }
}

void Process::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

bool Process::has_ended() const {
  siginfo_t info{};
  return pid_ <= 0 ||
         (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_);
}

int Process::wait() {
  if (pid_ <= 0) return 0;
  const int status = wait_for(pid_);
  pid_ = 0;
  return status;
}

}  // namespace modelops::testing
