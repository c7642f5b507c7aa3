#include "monitoring/vocabulary.hpp"

#include <array>

#include "base/error.hpp"
#include "base/text.hpp"
#include "reflect/json.hpp"

namespace modelops::monitoring {
namespace {

constexpr std::array<std::string_view, 9> columns = {"canonical", "unit",    "engine", "metric", "type",
                                                     "label",     "divisor", "scale",  "note"};

struct Row {
  std::string_view name, unit, engine, metric, type, label, divisor, scale;
};

/// Throws Error(invalid) with what is wrong.
Row row_of(std::string_view line) {
  const auto cells = split(line, ',');
  if (cells.size() != columns.size()) fail(ErrorCode::invalid, fmt::format("it has {} columns", cells.size()));
  return {cells[0], cells[1], cells[2], cells[3], cells[4], cells[5], cells[6], cells[7]};
}

targets::MetricRule rule_of(const Row& row) {
  targets::MetricRule rule;
  rule.name = row.name;
  rule.metric = row.metric;
  rule.divisor = row.divisor;
  rule.average = row.type == "gauge" && row.name.ends_with("_ratio");
  const auto scale = reflect::parse_number_text(row.scale);
  if (!scale || *scale <= 0) fail(ErrorCode::invalid, "its scale is no number above 0");
  rule.scale = *scale;
  if (!row.label.empty()) {
    const std::size_t equals = row.label.find('=');
    if (equals == std::string_view::npos) fail(ErrorCode::invalid, "its label is not name=value");
    rule.labels.emplace(row.label.substr(0, equals), row.label.substr(equals + 1));
  }
  if (row.type == "histogram") {
    rule.metric += "_sum";
    rule.divisor = std::string(row.metric) + "_count";
  } else if (row.type == "sum") {
    rule.metric += "_sum";
  }
  const bool counts = row.type != "gauge";
  if (rule.metric.empty() || counts == (engine_kind(rule.name, !rule.divisor.empty()) == EngineKind::level))
    fail(ErrorCode::invalid, "a gauge has no divisor and no name in _total, a counter has one of both");
  return rule;
}

}  // namespace

EngineKind engine_kind(std::string_view name, bool has_divisor) {
  if (has_divisor) return EngineKind::mean;
  return name.ends_with("_total") ? EngineKind::rate : EngineKind::level;
}

Vocabulary::Vocabulary(std::string_view csv) {
  int number = 0;
  for (std::string_view line : split(csv, '\n')) {
    ++number;
    line = trim(line);
    if (line.empty() || number == 1) continue;
    try {
      const Row row = row_of(line);
      units_.emplace(row.name, row.unit);
      if (row.type == "none") continue;
      if (row.type != "gauge" && row.type != "counter" && row.type != "histogram" && row.type != "sum")
        fail(ErrorCode::invalid, "its type is not known");
      auto& rules = rules_[std::string(row.engine)];
      rules.push_back(rule_of(row));
      if (rules.size() > targets::engine_samples_max) fail(ErrorCode::invalid, "its engine has too many metrics");
    } catch (const Error& error) {
      fail(ErrorCode::invalid, fmt::format("Line {} of engine_metrics.csv: {}.", number, error.message));
    }
  }
}

const Vocabulary& Vocabulary::embedded() {
  static const Vocabulary vocabulary(engine_metrics_csv);
  return vocabulary;
}

std::vector<targets::MetricRule> Vocabulary::rules(std::string_view engine) const {
  const auto found = rules_.find(engine);
  return found == rules_.end() ? std::vector<targets::MetricRule>() : found->second;
}

const std::string* Vocabulary::unit(std::string_view name) const {
  const auto found = units_.find(name);
  return found == units_.end() ? nullptr : &found->second;
}

}  // namespace modelops::monitoring
