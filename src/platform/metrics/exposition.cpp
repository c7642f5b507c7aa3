#include "platform/metrics/exposition.hpp"

#include <charconv>

namespace modelops::metrics {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// What is left of a line. Each `take_` moves on only when it returns something.
class Line {
 public:
  explicit Line(std::string_view text) : rest_(text) {}

  std::string_view take_name() {
    std::size_t size = 0;
    while (size < rest_.size() && (is_letter(rest_[size]) || (size > 0 && is_digit(rest_[size])))) ++size;
    return take(size);
  }
  bool take(char c) {
    skip_blanks();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<std::string> take_quoted() {
    if (!take('"')) return std::nullopt;
    std::string out;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return out;
      if (c != '\\') {
        out += c;
        continue;
      }
      if (rest_.empty()) break;
      out += rest_.front() == 'n' ? '\n' : rest_.front();
      rest_.remove_prefix(1);
    }
    return std::nullopt;
  }
  std::optional<double> take_number() {
    skip_blanks();
    std::size_t size = 0;
    while (size < rest_.size() && !is_blank(rest_[size])) ++size;
    std::string_view word = take(size);
    if (word.starts_with('+')) word.remove_prefix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
    return value;
  }
  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
  }

 private:
  std::string_view take(std::size_t size) {
    const std::string_view out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }
  std::string_view rest_;
};

/// `{name="value",…}`, with or without a comma at the end.
bool read_labels(Line& line, Labels& labels) {
  for (;;) {
    if (line.take('}')) return true;
    const std::string_view name = line.take_name();
    if (name.empty() || !line.take('=')) return false;
    auto value = line.take_quoted();
    if (!value) return false;
    labels.insert_or_assign(std::string(name), std::move(*value));
    if (!line.take(',')) return line.take('}');
  }
}

}  // namespace

std::vector<ExposedSample> read_exposition(std::string_view text, const std::set<std::string, std::less<>>& wanted) {
  std::vector<ExposedSample> out;
  while (!text.empty() && out.size() < exposed_samples_max) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view whole = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (whole.ends_with('\r')) whole.remove_suffix(1);
    if (whole.size() > exposed_line_bytes_max) continue;
    Line line(whole);
    line.skip_blanks();
    const std::string_view name = line.take_name();
    if (!wanted.contains(name)) continue;
    ExposedSample sample{std::string(name), {}, 0};
    if (line.take('{') && !read_labels(line, sample.labels)) continue;
    // A time and an exemplar may follow: neither matters here.
    const auto value = line.take_number();
    if (!value) continue;
    sample.value = *value;
    out.push_back(std::move(sample));
  }
  return out;
}

}  // namespace modelops::metrics
