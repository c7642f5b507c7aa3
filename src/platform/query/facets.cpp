#include "platform/query/facets.hpp"

#include <algorithm>

namespace modelops::query {

std::string facet_sql(const FieldTable& table, std::span<const std::string_view> fields, std::string_view from) {
  std::string columns, ordinals, parts;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Field* field = table.find(fields[i]);
    if (field == nullptr || (field->type != FieldType::text && field->type != FieldType::enumeration))
      fail(ErrorCode::internal, "The list cannot be counted.", fmt::format("{} is no text", fields[i]));
    columns += fmt::format("{} AS f{}, ", field->column, i);
    ordinals += fmt::format("{}{}", i == 0 ? "" : ", ", i + 1);
    parts +=
        fmt::format(" UNION ALL SELECT '{0}', f{1}, CAST(sum(n) AS BIGINT) FROM g WHERE f{1} IS NOT NULL GROUP BY f{1}",
                    fields[i], i);
  }
  return fmt::format(
      "WITH g AS MATERIALIZED (SELECT {}count(*) AS n FROM {} GROUP BY {}) SELECT '', '', "
      "CAST(COALESCE(sum(n), 0) AS BIGINT) FROM g{}",
      columns, from, ordinals, parts);
}

Facet facet_of(std::string_view field, std::vector<FacetValue> values) {
  std::ranges::sort(values, [](const FacetValue& a, const FacetValue& b) {
    return a.count != b.count ? a.count > b.count : a.value < b.value;
  });
  Facet out;
  out.field = field;
  for (std::size_t i = facet_values_max; i < values.size(); ++i) out.other += values[i].count;
  values.resize(std::min(values.size(), facet_values_max));
  out.values = std::move(values);
  return out;
}

Facets facets_of(std::span<const std::string_view> fields, std::vector<FacetRow> rows) {
  Facets out;
  std::map<std::string, std::vector<FacetValue>, std::less<>> by_field;
  for (FacetRow& row : rows) {
    if (row.field.empty())
      out.total = row.count;
    else
      by_field[row.field].push_back({std::move(row.value), row.count});
  }
  for (const std::string_view field : fields) {
    const auto found = by_field.find(field);
    out.facets.push_back(
        facet_of(field, found == by_field.end() ? std::vector<FacetValue>() : std::move(found->second)));
  }
  return out;
}

}  // namespace modelops::query
