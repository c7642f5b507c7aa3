#pragma once
#include "adapters/prometheus/expression.hpp"

namespace modelops::adapters::prometheus {

/// Over what an expression is made.
struct Scope {
  Matchers matchers;
  LabelNames by;                ///< the labels that the result keeps
  std::chrono::seconds window;  ///< each value looks back so far
};

/// The expression for a metric of the product by its name (monitoring's common_metrics(), or the vocabulary of engines,
/// or `requests` and `errors`, which count over the window). A name that is none of the first is taken for an engine's.
Expression expression_of(const std::string& metric, const Scope& scope);

/// Whether the metric is one of a whole deployment; else there is one of each replica.
bool is_of_deployment(const std::string& metric);

}  // namespace modelops::adapters::prometheus
