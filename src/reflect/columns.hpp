#pragma once
// The SQL form of described structs: a member is a column of its name. Texts, ids, enums and digests are text,
// times and counts 64-bit integers, documents (structs, vectors, maps) JSON text.
#include <string>
#include <string_view>
#include <variant>

#include "reflect/json.hpp"

namespace modelops::reflect {

/// A value on its way to the database; nullptr is NULL.
using SqlValue = std::variant<std::nullptr_t, std::int64_t, double, std::string>;
/// A value on its way back, as the database's text; nothing is NULL.
using SqlCell = std::optional<std::string_view>;

std::int64_t cell_integer(std::string_view cell);  ///< throws Error(internal) for what is none
double cell_number(std::string_view cell);
bool cell_bool(std::string_view cell);

template <class M>
SqlValue to_sql(const M& value) {
  if constexpr (std::is_same_v<M, std::nullptr_t>)
    return nullptr;
  else if constexpr (std::is_same_v<M, bool>)
    return std::int64_t{value};
  else if constexpr (std::is_integral_v<M>)
    return static_cast<std::int64_t>(value);
  else if constexpr (std::is_floating_point_v<M>)
    return static_cast<double>(value);
  else if constexpr (std::is_convertible_v<const M&, std::string_view>)
    return std::string(std::string_view(value));
  else if constexpr (std::is_same_v<M, Time>)
    return value.us;
  else if constexpr (DescribedEnum<M>)
    return std::string(enum_name(value));
  else if constexpr (TextValue<M>) {
    if (is_unset(value)) return nullptr;
    return std::string(value.str());
  } else if constexpr (IntegerValue<M>) {
    if (is_unset(value)) return nullptr;
    return value.number();
  } else if constexpr (is_optional<M>) {
    if (!value) return nullptr;
    return to_sql(*value);
  } else {
    return to_json(value);
  }
}

template <class M>
M from_sql(SqlCell cell) {
  if constexpr (is_optional<M>) {
    if (!cell) return std::nullopt;
    return from_sql<typename M::value_type>(cell);
  } else {
    if constexpr (TextValue<M> || IntegerValue<M>) {
      if (!cell) return M{};
    }
    if (!cell) fail(ErrorCode::internal, "The database holds an unexpected NULL.", std::string(type_name<M>()));
    if constexpr (std::is_same_v<M, bool>)
      return cell_bool(*cell);
    else if constexpr (std::is_integral_v<M>)
      return static_cast<M>(cell_integer(*cell));
    else if constexpr (std::is_floating_point_v<M>)
      return static_cast<M>(cell_number(*cell));
    else if constexpr (std::is_same_v<M, std::string>)
      return std::string(*cell);
    else if constexpr (std::is_same_v<M, Time>)
      return Time{cell_integer(*cell)};
    else if constexpr (DescribedEnum<M> || TextValue<M>) {
      std::optional<M> parsed;
      if constexpr (DescribedEnum<M>)
        parsed = parse_enum<M>(*cell);
      else
        parsed = M::parse(*cell);
      if (!parsed) fail(ErrorCode::internal, "The database holds an unexpected value.", std::string(*cell));
      return *parsed;
    } else if constexpr (IntegerValue<M>) {
      const auto parsed = M::parse(cell_integer(*cell));
      if (!parsed) fail(ErrorCode::internal, "The database holds an unexpected number.", std::string(*cell));
      return *parsed;
    } else if constexpr (std::is_same_v<M, boost::json::value>) {
      return parse_json_value(*cell);
    } else {
      return from_stored_json<M>(*cell);
    }
  }
}

/// "id, name, created_at"; with an alias "m.id, m.name, m.created_at".
template <Described T>
std::string columns(std::string_view alias = {}) {
  std::string out;
  boost::mp11::mp_for_each<Members<T>>([&](auto m) {
    if (!out.empty()) out += ", ";
    if (!alias.empty()) out += std::string(alias) + ".";
    out += wire_name(m.name);
  });
  return out;
}

template <Described T>
constexpr std::size_t column_count() {
  return boost::mp11::mp_size<Members<T>>::value;
}

/// Builds T from the cells of one row, in the order of `columns<T>()`.
template <Described T>
T from_cells(const std::vector<SqlCell>& cells) {
  T out{};
  std::size_t index = 0;
  visit_members(out, [&](std::string_view, auto& member) {
    member = from_sql<std::remove_cvref_t<decltype(member)>>(cells[index++]);
  });
  return out;
}

}  // namespace modelops::reflect
