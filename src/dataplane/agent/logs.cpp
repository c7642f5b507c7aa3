#include "dataplane/agent/logs.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "dataplane/machine/files.hpp"
#include "reflect/json.hpp"

namespace modelops::agent {
namespace {

namespace fs = std::filesystem;
constexpr std::array<const char*, 2> stream_names = {"stdout", "stderr"};
constexpr std::size_t line_bytes_max = 8 * 1024;
constexpr std::size_t batch_lines_max = 1000;
constexpr std::size_t batch_bytes_max = 256 * 1024;
constexpr std::size_t notes_max = 1000;

struct LogPositions {
  std::int64_t standard_output = 0;
  std::int64_t standard_error = 0;
};
MODELOPS_DESCRIBE(LogPositions, standard_output, standard_error);

/// Fit for the wire: no control characters but tabs, and well-formed UTF-8.
std::string printable(std::string_view bytes) {
  if (bytes.ends_with('\r')) bytes.remove_suffix(1);
  std::string out;
  for (std::size_t i = 0; i < bytes.size();) {
    const auto lead = static_cast<unsigned char>(bytes[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    const std::string_view character = bytes.substr(i, length);
    if (character.size() == length && is_utf8(character)) {
      out += lead < 0x20 && lead != '\t' ? std::string_view(" ") : lead == 0x7f ? std::string_view(" ") : character;
      i += length;
    } else {
      out += "?";
      ++i;
    }
  }
  return out;
}

ssize_t read_some(int fd, std::string& into, std::int64_t at) {
  const ssize_t got = ::pread(fd, into.data(), into.size(), static_cast<off_t>(at));
  return got < 0 ? 0 : got;
}

}  // namespace

std::string last_lines(const fs::path& file, std::int64_t from, std::size_t lines_max, std::size_t bytes_max) {
  const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (fd.get() < 0 || ::fstat(fd.get(), &status) != 0 || status.st_size <= from) return {};
  const std::int64_t begin = std::max<std::int64_t>(from, status.st_size - static_cast<std::int64_t>(bytes_max));
  std::string bytes(static_cast<std::size_t>(status.st_size - begin), '\0');
  bytes.resize(static_cast<std::size_t>(read_some(fd.get(), bytes, begin)));
  std::string_view text = bytes;
  if (begin > from && text.find('\n') != text.npos) text.remove_prefix(text.find('\n') + 1);  // a cut line
  const std::vector<std::string_view> lines = split(trim(text), '\n');
  std::string out;
  for (std::size_t i = lines.size() - std::min(lines.size(), lines_max); i < lines.size(); ++i) {
    out += (out.empty() ? "" : "\n") + printable(lines[i]);
  }
  return out;
}

LogQueue::LogQueue(fs::path replicas, const Clock& clock, Limits limits)
    : replicas_folder_(std::move(replicas)), clock_(clock), limits_(limits) {}

std::size_t LogQueue::size() const {
  std::lock_guard lock(mutex_);
  return lines_.size();
}

void LogQueue::note(const std::string& replica_id, std::string line) {
  std::lock_guard lock(mutex_);
  if (lines_.size() >= limits_.lines_max + notes_max) return;
  lines_.push_back({{replica_id, clock_.now(), "agent", printable(line.substr(0, line_bytes_max))}});
}

void LogQueue::push(const std::string& id, int which, std::string text, std::int64_t end) {
  std::lock_guard lock(mutex_);
  lines_.push_back({{id, clock_.now(), stream_names[static_cast<std::size_t>(which)], std::move(text)}, which, end});
}

void LogQueue::collect(Instant now) {
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(replicas_folder_, absent)) {
    const std::string id = entry.path().filename().string();
    const auto [at, is_new] = replicas_.try_emplace(id);
    Replica& replica = at->second;
    if (is_new) {
      try {
        const auto text = machine::read_file(entry.path() / "sent.json", 4096);
        const auto positions = text ? reflect::from_stored_json<LogPositions>(*text) : LogPositions{};
        replica.files[0].read = replica.files[0].sent = replica.files[0].freed = positions.standard_output;
        replica.files[1].read = replica.files[1].sent = replica.files[1].freed = positions.standard_error;
      } catch (const Error& error) {
        Log().warning("log positions lost", {{"replica", id}, {"reason", error.message}});
      }
    }
    for (int which = 0; which < 2; ++which) read(id, replica, which, now);
  }
}

void LogQueue::read(const std::string& id, Replica& replica, int which, Instant now) {
  File& file = replica.files[static_cast<std::size_t>(which)];
  const fs::path path = replicas_folder_ / id / (std::string(stream_names[static_cast<std::size_t>(which)]) + ".log");
  const Descriptor fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  struct stat status{};
  if (fd.get() < 0 || ::fstat(fd.get(), &status) != 0) return;
  if (status.st_size < file.read) file = {};  // somebody emptied it
  if (const std::int64_t unread = status.st_size - file.read; unread > limits_.file_bytes_max) {
    const std::int64_t dropped = unread - limits_.file_bytes_max / 2;
    file.read += dropped;
    file.partial.clear();
    note(id, fmt::format("{} bytes of {} were dropped: the server did not take them in time", dropped,
                         stream_names[static_cast<std::size_t>(which)]));
  }
  std::string bytes(64 * 1024, '\0');
  while (size() < limits_.lines_max) {
    const auto got = static_cast<std::size_t>(read_some(fd.get(), bytes, file.read));
    if (got == 0) break;
    file.read += static_cast<std::int64_t>(got);
    std::string_view rest = std::string_view(bytes).substr(0, got);
    while (!rest.empty()) {
      const std::size_t room = line_bytes_max - file.partial.size();
      const std::size_t newline = rest.substr(0, room).find('\n');
      const std::size_t taken = std::min({newline == rest.npos ? rest.size() : newline, room, rest.size()});
      file.partial += rest.substr(0, taken);
      rest.remove_prefix(newline == rest.npos ? taken : taken + 1);
      if (newline != rest.npos || file.partial.size() == line_bytes_max) {
        push(id, which, printable(std::exchange(file.partial, {})), file.read - static_cast<std::int64_t>(rest.size()));
      }
    }
    file.partial_since = now;
  }
  if (!file.partial.empty() && now - file.partial_since >= limits_.partial_line_age) {
    push(id, which, printable(std::exchange(file.partial, {})), file.read);
  }
  const std::int64_t useless = std::max<std::int64_t>(file.sent - limits_.file_bytes_kept, 0) / 65536 * 65536;
  if (useless > file.freed) {
    // Where the file system knows no holes, the disk use is bounded by the engine's life instead.
    ::fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(useless));
    file.freed = useless;
  }
}

std::vector<targets::ReplicaLogLine> LogQueue::batch() const {
  std::lock_guard lock(mutex_);
  std::vector<targets::ReplicaLogLine> out;
  std::size_t bytes = 0;
  for (const Line& line : lines_) {
    bytes += line.line.line.size() + 128;
    if (out.size() == batch_lines_max || bytes > batch_bytes_max) break;
    out.push_back(line.line);
  }
  return out;
}

void LogQueue::sent(std::size_t count, Instant now) {
  {
    std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < count && !lines_.empty(); ++i) {
      const Line& line = lines_.front();
      if (const auto found = replicas_.find(line.line.replica_id); line.file >= 0 && found != replicas_.end()) {
        found->second.files[static_cast<std::size_t>(line.file)].sent = line.end;
        found->second.changed = true;
      }
      lines_.pop_front();
    }
  }
  if (now - saved_at_ < std::chrono::seconds(1)) return;
  saved_at_ = now;
  save_positions();
}

void LogQueue::save_positions() {
  for (auto& [id, replica] : replicas_) {
    if (!std::exchange(replica.changed, false)) continue;
    std::error_code absent;
    if (!fs::is_directory(replicas_folder_ / id, absent)) continue;
    machine::write_file(replicas_folder_ / id / "sent.json",
                        reflect::to_json(LogPositions{replica.files[0].sent, replica.files[1].sent}));
  }
}

void LogQueue::remove_finished(const std::set<std::string>& living) {
  for (auto at = replicas_.begin(); at != replicas_.end();) {
    const auto& [id, replica] = *at;
    const bool finished = !living.contains(id) && std::ranges::all_of(replica.files, [](const File& file) {
      return file.partial.empty() && file.sent == file.read;
    });
    if (finished) {
      std::error_code ignored;
      fs::remove_all(replicas_folder_ / id, ignored);
    }
    at = finished ? replicas_.erase(at) : std::next(at);
  }
}

}  // namespace modelops::agent
