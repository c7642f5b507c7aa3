#pragma once
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace modelops::cli {

enum class Format { table, json, yaml, id };

/// A column of a table: its heading, and the field as a path ("source.kind").
struct Column {
  std::string_view heading;
  std::string_view field;
};

/// Prints an answer: a list ("items") as rows, an object as one field a line; as `id` only the ids, one a line, for
/// the next command of a script. Text from the server cannot move the
/// cursor: control characters are shown escaped.
std::string render(const boost::json::value& value, Format format, const std::vector<Column>& columns);
/// "3.4 MB", "812 B".
std::string human_bytes(std::uint64_t bytes);
/// `text` without control characters.
std::string printable(std::string_view text);

/// A line on standard error that is rewritten in place while something takes time; plain lines when it is no terminal.
class Progress {
 public:
  explicit Progress(std::string label);
  ~Progress();
  /// `fraction` below 0: unknown.
  void update(double fraction, const std::string& detail);
  void finish(const std::string& detail);

 private:
  std::string label_;
  std::string last_;
  bool terminal_;
  bool done_ = false;
};

}  // namespace modelops::cli
