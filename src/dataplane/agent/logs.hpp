#pragma once
#include <array>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "dataplane/agent/probe.hpp"
#include "targets/wire.hpp"

namespace modelops::agent {

/// The last complete or incomplete lines of `file`, from byte `from` on; at most `lines_max` and `bytes_max`.
std::string last_lines(const std::filesystem::path& file, std::int64_t from, std::size_t lines_max,
                       std::size_t bytes_max);

/// Engine logs on their way to the server. Engines write into files of their own, so that they outlive the agent; the
/// files are the queue: they are read no faster than the server takes the lines, and their read part is given back to
/// the file system (a hole), so that they stay small on disk although the engine never opens them anew. A line may be
/// sent twice when the agent dies, none is lost unless a file grows beyond its limit.
class LogQueue {
 public:
  struct Limits {
    std::size_t lines_max = 10'000;                    ///< in memory
    std::int64_t file_bytes_max = 64 << 20;            ///< unread; older ones are dropped, with a line that says so
    std::int64_t file_bytes_kept = 1 << 20;            ///< read, for people who look at the file
    std::chrono::milliseconds partial_line_age{1000};  ///< an unfinished line is sent after this
  };
  /// `replicas` is the folder with one folder per replica.
  LogQueue(std::filesystem::path replicas, const Clock& clock, Limits limits);
  LogQueue(std::filesystem::path replicas, const Clock& clock) : LogQueue(std::move(replicas), clock, Limits()) {}

  /// The agent's own words about a replica. Any thread.
  void note(const std::string& replica_id, std::string line);

  // The rest is for one thread.

  /// Reads what is new in all files.
  void collect(Instant now);
  /// The next lines, at most a batch; empty when there are none. The same again until `sent`.
  std::vector<targets::ReplicaLogLine> batch() const;
  /// The first `count` lines have arrived: remembers it, at least once a second.
  void sent(std::size_t count, Instant now);
  void save_positions();
  /// Removes the folders of replicas that are not `living` once everything in them has been sent.
  void remove_finished(const std::set<std::string>& living);

 private:
  struct File {
    std::int64_t read = 0;  ///< up to here
    std::int64_t sent = 0;
    std::int64_t freed = 0;
    std::string partial;  ///< a line without its end
    Instant partial_since;
  };
  struct Replica {
    std::array<File, 2> files;  ///< as stream_names
    bool changed = false;       ///< positions not saved
  };
  struct Line {
    targets::ReplicaLogLine line;
    int file = -1;  ///< -1: the agent's
    std::int64_t end = 0;
  };

  void read(const std::string& id, Replica& replica, int which, Instant now);
  void push(const std::string& id, int which, std::string text, std::int64_t end);
  std::size_t size() const;

  const std::filesystem::path replicas_folder_;
  const Clock& clock_;
  const Limits limits_;
  std::map<std::string, Replica> replicas_;
  Instant saved_at_;
  mutable std::mutex mutex_;
  std::deque<Line> lines_;
};

}  // namespace modelops::agent
