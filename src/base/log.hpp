#pragma once
#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modelops {

enum class LogLevel { debug, info, warning, error };

/// One line of structured log: `{"time":…,"level":…,"message":…, fields…}` on standard error.
/// A value is escaped, so nothing that a caller sends can forge a line. Thread-safe; cheap to copy.
class Log {
 public:
  using Field = std::pair<std::string_view, std::string>;

  Log() = default;
  /// A log whose every line carries `key` too.
  Log with(std::string_view key, std::string value) const&;
  Log with(std::string_view key, std::string value) &&;

  void debug(std::string_view message, std::initializer_list<Field> fields = {}) const;
  void info(std::string_view message, std::initializer_list<Field> fields = {}) const;
  void warning(std::string_view message, std::initializer_list<Field> fields = {}) const;
  void error(std::string_view message, std::initializer_list<Field> fields = {}) const;

  /// Lines below `level` are dropped, in the whole process. Default: info.
  static void set_level(LogLevel level);

 private:
  void write(LogLevel level, std::string_view message, std::initializer_list<Field> fields) const;
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace modelops
