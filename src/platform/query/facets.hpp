#pragma once
// How often each value of a field occurs among the rows of a list.
#include <span>

#include "platform/query/fields.hpp"
#include "reflect/schema.hpp"

namespace modelops::query {

inline constexpr std::size_t facet_values_max = 20;

struct FacetValue {
  std::string value;
  std::int64_t count = 0;
};
MODELOPS_DESCRIBE(FacetValue, value, count);

struct Facet {
  std::string field;
  std::vector<FacetValue> values;
  std::int64_t other = 0;
  std::optional<std::int64_t> counted_max;
  static constexpr reflect::Doc docs[] = {
      {"field", "As in a filter"},
      {"values", "The 20 that occur most, the most frequent first. A row without a value is in none"},
      {"other", "How many rows have another value"},
      {"counted_max", "When it is there, only so many rows were counted, though more match"}};
};
MODELOPS_DESCRIBE(Facet, field, values, other, counted_max);

struct Facets {
  std::int64_t total = 0;
  std::vector<Facet> facets;
  static constexpr reflect::Doc docs[] = {{"total", "How many rows match, exactly"}};
};
MODELOPS_DESCRIBE(Facets, total, facets);

/// One row of the statement below.
struct FacetRow {
  std::string field;
  std::string value;
  std::int64_t count = 0;
};
MODELOPS_DESCRIBE(FacetRow, field, value, count);

/// Counts the values of `fields` (texts and enumerations) among the rows of `from` ("models m WHERE …"). One pass over
/// the rows: they are grouped by all fields together, and what is left is counted field by field.
std::string facet_sql(const FieldTable& table, std::span<const std::string_view> fields, std::string_view from);
/// The answer, with a facet for each of `fields`, also for one without values.
Facets facets_of(std::span<const std::string_view> fields, std::vector<FacetRow> rows);
/// The most frequent of `values`, and how many rows have another one.
Facet facet_of(std::string_view field, std::vector<FacetValue> values);

}  // namespace modelops::query
