#pragma once
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace modelops::apps {

/// The processes that `up` starts and `down` stops: detached, each with a log file, remembered by pid and start time
/// so that a pid that somebody else has by now is never touched.
class Processes {
 public:
  explicit Processes(std::filesystem::path folder);

  bool is_running(const std::string& name) const;
  /// Starts `program`, which is this very one unless another is named, with `arguments`, and `variables` (NAME=value)
  /// beside this environment: secrets go there, as every user can see arguments. Its output goes to `log_path(name)`.
  void start(const std::string& name, const std::vector<std::string>& arguments,
             std::vector<std::string> variables = {}, const std::filesystem::path& program = "/proc/self/exe");
  /// Starts it while it runs, as `start` does, to take its place: the old one is forgotten once `ready(pid)`. When the
  /// new one ends before, the old one stays, and this throws Error(unavailable) with its last words.
  void replace(const std::string& name, const std::vector<std::string>& arguments,
               const std::function<bool(int pid)>& ready);
  /// True when what runs is another file than this program: a version before.
  bool is_another_program(const std::string& name) const;
  /// SIGTERM, then SIGKILL when `grace` has passed. False when it was not running.
  bool stop(const std::string& name, std::chrono::seconds grace);
  std::filesystem::path log_path(const std::string& name) const { return folder_ / (name + ".log"); }
  /// The last lines of its log, for an error message.
  std::string last_words(const std::string& name) const;

 private:
  struct Mark {
    int pid = 0;
    std::string start_time;
  };
  Mark spawn(const std::string& name, const std::vector<std::string>& arguments, std::vector<std::string> variables,
             const std::filesystem::path& program);
  static bool is_alive(const Mark& mark);
  Mark read_mark(const std::string& name) const;
  void write_mark(const std::string& name, const Mark& mark) const;
  std::filesystem::path folder_;
};

}  // namespace modelops::apps
