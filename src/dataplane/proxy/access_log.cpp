#include "dataplane/proxy/access_log.hpp"

#include <fmt/compile.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.hpp"
#include "reflect/json.hpp"

namespace modelops::proxy {
namespace {

/// Lines gather for so long, or until they are so many bytes: to wake a thread for each costs a tenth of a request.
constexpr std::chrono::milliseconds gather_time{100};
constexpr std::size_t gather_bytes = 64 << 10;

/// How much may be written at once without blocking for long, once the descriptor is writable: a pipe takes PIPE_BUF.
std::size_t write_bytes_max(int fd) {
  struct stat of{};
  return ::fstat(fd, &of) == 0 && S_ISREG(of.st_mode) ? gather_bytes : PIPE_BUF;
}

/// As format_rfc3339, of which all but the microseconds is the same for a second.
void append_time(std::string& out, Time now) {
  constexpr std::int64_t second_us = 1'000'000;
  thread_local std::int64_t second = -1;
  thread_local std::string text;
  if (now.us / second_us != second) {
    second = now.us / second_us;
    text = format_rfc3339(Time{second * second_us});
    text.resize(text.find('.') + 1);
  }
  out += text;
  fmt::format_to(std::back_inserter(out), FMT_COMPILE("{:06}Z"), now.us % second_us);
}

void append_line(std::string& out, const AccessEntry& entry) {
  const auto text = [&](std::string_view name, std::string_view value) {
    out += ",\"";
    out += name;
    out += "\":";
    reflect::append_json_string(out, value);
  };
  out += "{\"time\":\"";
  append_time(out, SystemClock().now());
  out += '"';
  text("request_id", entry.request_id);
  text("remote", entry.remote_address);
  text("method", entry.method);
  text("path", entry.path);
  text("organization", entry.organization);
  text("deployment", entry.deployment);
  text("replica", entry.replica);
  text("key", entry.key_id);
  fmt::format_to(std::back_inserter(out),
                 FMT_COMPILE(",\"status\":{},\"attempts\":{},\"bytes_received\":{},\"bytes_sent\":{},"
                             "\"duration_us\":{},\"first_byte_us\":{}}}\n"),
                 entry.status, entry.attempts, entry.bytes_received, entry.bytes_sent, entry.duration.count(),
                 entry.first_byte.count());
}

}  // namespace

AccessLog::AccessLog(int fd, std::size_t buffered_bytes_max)
    : fd_(fd),
      write_bytes_max_(write_bytes_max(fd)),
      buffered_bytes_max_(buffered_bytes_max),
      thread_([this] { run(); }) {}

AccessLog::~AccessLog() {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void AccessLog::write(const AccessEntry& entry) {
  thread_local std::string line;
  line.clear();
  append_line(line, entry);
  bool is_awaited = false;
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() + line.size() > buffered_bytes_max_) {
      ++dropped_;
      return;
    }
    const std::size_t before = waiting_.size();
    waiting_ += line;
    is_awaited = before == 0 || (before < gather_bytes && waiting_.size() >= gather_bytes);
  }
  if (is_awaited) wake_.notify_one();
}

void AccessLog::run() {
  std::string batch;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return ended_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    wake_.wait_for(lock, gather_time, [&] { return ended_ || waiting_.size() >= gather_bytes; });
    batch.clear();
    std::swap(batch, waiting_);
    if (dropped_ > 0) fmt::format_to(std::back_inserter(batch), "{{\"dropped\":{}}}\n", std::exchange(dropped_, 0));
    for (std::string_view rest = batch; !rest.empty();) {
      // At the end nobody waits for a reader that does not read.
      const bool ended = ended_;
      lock.unlock();
      pollfd ready{fd_, POLLOUT, 0};
      const bool writable = ::poll(&ready, 1, ended ? 0 : 200) > 0;
      const ssize_t written = writable ? ::write(fd_, rest.data(), std::min(rest.size(), write_bytes_max_)) : 0;
      const bool failed = written < 0 && errno != EINTR && errno != EAGAIN;
      lock.lock();
      if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
      if (failed || (ended && !writable)) break;
    }
  }
}

}  // namespace modelops::proxy
