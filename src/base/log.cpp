#include "base/log.hpp"

#include <unistd.h>

#include <atomic>

#include "base/text.hpp"
#include "base/time.hpp"

namespace modelops {
namespace {

std::atomic<LogLevel> threshold{LogLevel::info};

constexpr std::string_view names[] = {"debug", "info", "warning", "error"};

void append_json(std::string& out, std::string_view text) {
  out += '"';
  if (!is_utf8(text)) {
    out += "base64:" + to_base64(text) + '"';
    return;
  }
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace

Log Log::with(std::string_view key, std::string value) const& { return Log(*this).with(key, std::move(value)); }

Log Log::with(std::string_view key, std::string value) && {
  fields_.emplace_back(key, std::move(value));
  return std::move(*this);
}

void Log::debug(std::string_view m, std::initializer_list<Field> f) const { write(LogLevel::debug, m, f); }
void Log::info(std::string_view m, std::initializer_list<Field> f) const { write(LogLevel::info, m, f); }
void Log::warning(std::string_view m, std::initializer_list<Field> f) const { write(LogLevel::warning, m, f); }
void Log::error(std::string_view m, std::initializer_list<Field> f) const { write(LogLevel::error, m, f); }

void Log::set_level(LogLevel level) { threshold = level; }

void Log::write(LogLevel level, std::string_view message, std::initializer_list<Field> fields) const {
  if (level < threshold.load(std::memory_order_relaxed)) return;
  std::string line = "{\"time\":\"" + format_rfc3339(SystemClock().now()) + "\",\"level\":\"";
  line += names[static_cast<int>(level)];
  line += "\",\"message\":";
  append_json(line, message);
  const auto add = [&](std::string_view key, std::string_view value) {
    line += ',';
    append_json(line, key);
    line += ':';
    append_json(line, value);
  };
  for (const auto& [key, value] : fields_) add(key, value);
  for (const auto& [key, value] : fields) add(key, value);
  line += "}\n";
  // One write per line, so that lines of several threads do not mix. A full pipe is not our problem.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace modelops
