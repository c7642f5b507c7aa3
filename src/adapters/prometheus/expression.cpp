#include "adapters/prometheus/expression.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace modelops::adapters::prometheus {
namespace {

/// A string literal of PromQL (Go's): everything that could end it, and every control character, is escaped.
std::string literal(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string selector(const std::string& metric, const Matchers& matchers, std::chrono::seconds window) {
  std::string labels;
  for (const Matcher& matcher : matchers)
    labels += fmt::format("{}{}={}", labels.empty() ? "" : ",", matcher.label, literal(matcher.value));
  return fmt::format("{}{{{}}}[{}s]", metric, labels, window.count());
}

}  // namespace

Expression per_second(const std::string& metric, const Matchers& matchers, std::chrono::seconds window) {
  return Expression(fmt::format("rate({})", selector(metric, matchers, window)));
}

Expression increase(const std::string& metric, const Matchers& matchers, std::chrono::seconds window) {
  return Expression(fmt::format("increase({})", selector(metric, matchers, window)));
}

Expression average(const std::string& metric, const Matchers& matchers, std::chrono::seconds window) {
  return Expression(fmt::format("avg_over_time({})", selector(metric, matchers, window)));
}

Expression sum_by(const LabelNames& labels, const Expression& of) {
  return Expression(fmt::format("sum by ({}) ({})", fmt::join(labels, ", "), of.text_));
}

Expression quantile(double quantile, const Expression& buckets) {
  return Expression(fmt::format("histogram_quantile({}, {})", quantile, buckets.text_));
}

Expression divided(const Expression& left, const Expression& right) {
  return Expression(fmt::format("({}) / ({})", left.text_, right.text_));
}

Expression sum(const Expression& left, const Expression& right) {
  return Expression(fmt::format("({}) + ({})", left.text_, right.text_));
}

Expression times(const Expression& left, double factor) {
  return Expression(fmt::format("({}) * {}", left.text_, factor));
}

Expression either(const Expression& left, const Expression& right) {
  return Expression(fmt::format("({}) or ({})", left.text_, right.text_));
}

}  // namespace modelops::adapters::prometheus
