#pragma once
// What a capability declares about its lists. A table is a constant of the program: the texts are SQL.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reflect/columns.hpp"

namespace modelops::query {

/// SQL with `?` placeholders, the same for SQLite and PostgreSQL, and what they stand for.
struct SqlFragment {
  std::string sql;
  std::vector<reflect::SqlValue> args;
};

enum class FieldType { text, integer, number, boolean, time, enumeration };

struct Field {
  std::string_view name;    ///< on the wire
  std::string_view column;  ///< SQL expression: "m.name"
  FieldType type = FieldType::text;
  std::vector<std::string_view> names = {};  ///< of an enumeration
  std::string_view folded = {};              ///< the column in lower case (ASCII), for LIKE; none: LIKE is refused
  /// May stand in order_by. Must not be nullable (NULL has no place in a comparison) nor a number: a floating point
  /// value read as text is rounded, and the next page would begin at another row.
  bool sortable = false;
  bool nullable = false;  ///< the column may be NULL
};

/// Tags are rows (org_id, <owner>, key, value) of `table`.
struct TagTable {
  std::string_view table;  ///< "model_tags"
  std::string_view owner;  ///< the column with the resource's id: "model_id"
};

struct FieldTable {
  std::string_view alias;  ///< of the resource's table in the query: "m". It has the columns org_id and id
  std::vector<Field> fields;
  std::optional<TagTable> tags = std::nullopt;
  std::string_view default_order = {};  ///< an order_by: "created_at desc"; none: by id

  const Field* find(std::string_view name) const {
    for (const Field& field : fields)
      if (field.name == name) return &field;
    return nullptr;
  }
};

/// A field whose values are the enumerators of E.
template <reflect::DescribedEnum E>
Field enumeration(std::string_view name, std::string_view column) {
  return {.name = name, .column = column, .type = FieldType::enumeration, .names = reflect::enum_names<E>()};
}

}  // namespace modelops::query
