#pragma once
// The filter of list endpoints:
//
//   filter     = [ any ]                                  an empty filter matches everything
//   any        = all { OR all }
//   all        = not { AND not }
//   not        = NOT not | "(" any ")" | comparison
//   comparison = field ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
//              | field [NOT] LIKE string | field [NOT] IN "(" value { "," value } ")"
//   field      = a declared name, also in backticks | tags.key | tags."any key" | tags.`any key`
//   value      = string | integer | decimal | true | false
//
// Keywords are case-insensitive. A string stands in ' or "; the quote is doubled or follows a backslash, `\\` is a
// backslash, any other backslash stays (so that `\%` reaches LIKE). Times are strings (RFC 3339). In LIKE `%` is any
// text, `_` one character, a backslash takes the next character as it is; ASCII letters match in either case.
#include "platform/query/fields.hpp"

namespace modelops::query {

inline constexpr std::size_t filter_bytes_max = 4096;
inline constexpr int filter_depth_max = 32;  ///< of parentheses and NOT
inline constexpr int filter_terms_max = 64;  ///< comparisons; each value of an IN counts

enum class Operator { equal, less, less_equal, greater, greater_equal, like, in };

/// A checked comparison: the values have the field's type.
struct Comparison {
  const Field* field = nullptr;  ///< in the FieldTable; null: a tag
  std::string tag_key;
  Operator op = Operator::equal;
  std::vector<reflect::SqlValue> values;  ///< one; of `in` one or more. The pattern of `like` is in lower case
};

/// A checked filter. `!=`, NOT LIKE and NOT IN are negations.
struct Filter {
  enum class Kind { comparison, all_of, any_of, negation };
  Kind kind = Kind::all_of;  ///< of nothing: true
  Comparison comparison = {};
  std::vector<Filter> children = {};
};

/// Throws Error(invalid) that names the column (from 1, in characters), what was expected, and the known fields.
/// The result points into `table`.
Filter parse_filter(const FieldTable& table, std::string_view text);
/// A condition that is never NULL, in need of no parentheses. `org_id` is the organisation that the query is confined
/// to, so that tags are looked up by their index; empty: there is none.
SqlFragment filter_sql(const FieldTable& table, const Filter& filter, std::string_view org_id);

}  // namespace modelops::query
