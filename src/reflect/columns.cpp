#include "reflect/columns.hpp"

namespace modelops::reflect {

std::int64_t cell_integer(std::string_view cell) {
  const auto value = parse_integer_text(cell);
  if (!value) fail(ErrorCode::internal, "The database holds an unexpected value.", std::string(cell));
  return *value;
}

double cell_number(std::string_view cell) {
  const auto value = parse_number_text(cell);
  if (!value) fail(ErrorCode::internal, "The database holds an unexpected value.", std::string(cell));
  return *value;
}

bool cell_bool(std::string_view cell) {
  // SQLite keeps booleans as integers, PostgreSQL prints them as letters.
  if (cell == "1" || cell == "t" || cell == "true") return true;
  if (cell == "0" || cell == "f" || cell == "false") return false;
  fail(ErrorCode::internal, "The database holds an unexpected value.", std::string(cell));
}

}  // namespace modelops::reflect
