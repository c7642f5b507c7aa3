#pragma once
// Writing JSON: straight into a string, no tree in between.
#include <fmt/format.h>

#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "base/time.hpp"
#include "reflect/describe.hpp"
#include "reflect/values.hpp"

namespace modelops::reflect {

void append_json_string(std::string& out, std::string_view text);
void append_json_value(std::string& out, const boost::json::value& value);
void append_json_number(std::string& out, double number);

template <class T>
void append_json(std::string& out, const T& value);

namespace detail {
template <class V>
void append_variant(std::string& out, const V& value);
}

template <class T>
void append_json(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_integral_v<T>) {
    fmt::format_to(std::back_inserter(out), "{}", value);
  } else if constexpr (std::is_floating_point_v<T>) {
    append_json_number(out, value);
  } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
    append_json_string(out, value);
  } else if constexpr (std::is_same_v<T, Time>) {
    append_json_string(out, format_rfc3339(value));
  } else if constexpr (std::is_same_v<T, boost::json::value>) {
    append_json_value(out, value);
  } else if constexpr (DescribedEnum<T>) {
    append_json_string(out, enum_name(value));
  } else if constexpr (TextValue<T>) {
    append_json_string(out, value.str());
  } else if constexpr (IntegerValue<T>) {
    fmt::format_to(std::back_inserter(out), "{}", value.number());
  } else if constexpr (is_optional<T>) {
    if (value)
      append_json(out, *value);
    else
      out += "null";
  } else if constexpr (is_required<T> || is_patch<T>) {
    append_json(out, value.value);
  } else if constexpr (is_vector<T>) {
    out += '[';
    bool first = true;
    for (const auto& item : value) {
      if (!std::exchange(first, false)) out += ',';
      append_json(out, item);
    }
    out += ']';
  } else if constexpr (is_map<T>) {
    out += '{';
    bool first = true;
    for (const auto& [key, item] : value) {
      if (!std::exchange(first, false)) out += ',';
      if constexpr (TextValue<typename T::key_type>)
        append_json_string(out, key.str());
      else
        append_json_string(out, key);
      out += ':';
      append_json(out, item);
    }
    out += '}';
  } else if constexpr (is_variant<T>) {
    detail::append_variant(out, value);
  } else {
    static_assert(Described<T>, "describe this type with MODELOPS_DESCRIBE");
    out += '{';
    bool first = true;
    visit_members(value, [&](std::string_view name, const auto& member) {
      using M = std::remove_cvref_t<decltype(member)>;
      if constexpr (is_optional<M>) {
        if (!member) return;  // absent is left out
      } else if constexpr (is_patch<M>) {
        if (!member.present) return;
      }
      if (!std::exchange(first, false)) out += ',';
      out += '"';
      out += name;
      out += "\":";
      append_json(out, member);
    });
    out += '}';
  }
}

namespace detail {
/// Each alternative has `static constexpr std::string_view type`; it is written as the member "type".
template <class V>
void append_variant(std::string& out, const V& value) {
  std::visit(
      [&](const auto& alternative) {
        using A = std::remove_cvref_t<decltype(alternative)>;
        std::string body;
        append_json(body, alternative);
        out += "{\"type\":";
        append_json_string(out, A::type);
        if (body != "{}") out += ',';
        out += std::string_view(body).substr(1);
      },
      value);
}
}  // namespace detail

template <class T>
std::string to_json(const T& value) {
  std::string out;
  out.reserve(256);
  append_json(out, value);
  return out;
}

}  // namespace modelops::reflect
