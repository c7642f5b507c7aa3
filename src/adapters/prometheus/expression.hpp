#pragma once
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace modelops::adapters::prometheus {

/// `label` is a name of ours; `value` may be any text.
struct Matcher {
  std::string label;
  std::string value;
};
using Matchers = std::vector<Matcher>;
using LabelNames = std::vector<std::string>;

/// A PromQL expression. Only the functions below make one, so that nothing in a value can become a part of its syntax.
class Expression {
 public:
  const std::string& text() const { return text_; }

  friend Expression per_second(const std::string& metric, const Matchers& matchers, std::chrono::seconds window);
  friend Expression increase(const std::string& metric, const Matchers& matchers, std::chrono::seconds window);
  friend Expression average(const std::string& metric, const Matchers& matchers, std::chrono::seconds window);
  friend Expression sum_by(const LabelNames& labels, const Expression& of);
  friend Expression quantile(double quantile, const Expression& buckets);
  friend Expression divided(const Expression& left, const Expression& right);
  friend Expression sum(const Expression& left, const Expression& right);
  friend Expression times(const Expression& left, double factor);
  friend Expression either(const Expression& left, const Expression& right);

 private:
  explicit Expression(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// rate(), increase() and avg_over_time() of the series `metric` over `window`.
Expression per_second(const std::string& metric, const Matchers& matchers, std::chrono::seconds window);
Expression increase(const std::string& metric, const Matchers& matchers, std::chrono::seconds window);
Expression average(const std::string& metric, const Matchers& matchers, std::chrono::seconds window);
Expression sum_by(const LabelNames& labels, const Expression& of);
/// `buckets`: rates of a histogram's buckets that have kept their label `le`.
Expression quantile(double quantile, const Expression& buckets);
Expression divided(const Expression& left, const Expression& right);
Expression sum(const Expression& left, const Expression& right);
Expression times(const Expression& left, double factor);
/// `left`, and of `right` those series that `left` has not.
Expression either(const Expression& left, const Expression& right);

}  // namespace modelops::adapters::prometheus
