#pragma once
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace modelops::testing {

/// A port of the loopback interface that was free a moment ago.
int free_port();

struct Ran {
  int status = 0;      ///< of its exit; 128 and the signal's number when a signal ended it
  std::string output;  ///< what it printed, on both streams
};
/// Runs a program to its end, in `folder` when one is given.
Ran run_program(std::vector<std::string> words, const std::filesystem::path& folder = {});

/// A program that runs beside the test: killed with the object, and with the test.
class Process {
 public:
  /// What it prints on standard error is kept in the file `log`.
  Process(std::vector<std::string> words, const std::filesystem::path& log);
  ~Process();
  Process(const Process&) = delete;

  /// Reads standard output up to a line that starts with `start`; returns what follows. Throws when it ends before.
  std::string wait_for_line(const std::string& start);
  void signal(int number) const;
  pid_t pid() const { return pid_; }
  bool has_ended() const;
  /// Returns its status, as in Ran, once it has ended.
  int wait();

 private:
  pid_t pid_ = 0;
  int output_ = -1;
  std::filesystem::path log_;
};

}  // namespace modelops::testing
