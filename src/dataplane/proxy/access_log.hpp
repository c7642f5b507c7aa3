#pragma once
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace modelops::proxy {

/// One answered (or abandoned) request.
struct AccessEntry {
  std::string_view request_id;
  std::string_view remote_address;
  std::string_view method;
  std::string_view path;
  std::string_view organization;
  std::string_view deployment;
  std::string_view replica;
  std::string_view key_id;
  int status = 0;  ///< 499: the client went away first
  int attempts = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::chrono::microseconds duration{};
  std::chrono::microseconds first_byte{};
};

/// Writes one JSON object per line, from a thread of its own: a full disk or a slow terminal costs lines, never time.
class AccessLog {
 public:
  /// `fd` stays the caller's. `buffered_bytes_max`: more waiting text is dropped, and the number of lost lines written.
  explicit AccessLog(int fd, std::size_t buffered_bytes_max = 4 << 20);
  ~AccessLog();  ///< writes what waits, unless that blocks
  AccessLog(const AccessLog&) = delete;

  void write(const AccessEntry& entry);

 private:
  void run();

  const int fd_;
  const std::size_t write_bytes_max_;
  const std::size_t buffered_bytes_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string waiting_;
  std::uint64_t dropped_ = 0;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace modelops::proxy
