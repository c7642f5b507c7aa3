#pragma once
// What every use of a described struct needs: its members, their names on the wire, its own name.
#include <boost/describe.hpp>
#include <boost/mp11.hpp>
#include <boost/pfr/tuple_size.hpp>
#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

/// Describes an aggregate, at namespace scope after it. A forgotten member is a compile error.
#define MODELOPS_DESCRIBE(Type, ...)                                                                                   \
  BOOST_DESCRIBE_STRUCT(Type, (), (__VA_ARGS__))                                                                       \
  static_assert(boost::pfr::tuple_size_v<Type> ==                                                                      \
                    boost::mp11::mp_size<boost::describe::describe_members<Type, boost::describe::mod_public>>::value, \
                #Type ": MODELOPS_DESCRIBE must name every member")
/// The same for a struct without members.
#define MODELOPS_DESCRIBE_EMPTY(Type) BOOST_DESCRIBE_STRUCT(Type, (), ())
#define MODELOPS_DESCRIBE_ENUM(Type, ...) BOOST_DESCRIBE_ENUM(Type, __VA_ARGS__)

namespace modelops::reflect {

template <class T>
using Members = boost::describe::describe_members<T, boost::describe::mod_public>;

template <class T>
concept Described = std::is_class_v<T> && boost::describe::has_describe_members<T>::value;
template <class T>
concept DescribedEnum = std::is_enum_v<T> && boost::describe::has_describe_enumerators<T>::value;

/// A type that is written as one JSON string and checks it: `static std::optional<T> parse(string_view)` and
/// `str()`. `TextRule<T>` adds what its schema and its violations say.
template <class T>
concept TextValue = requires(const T& value, std::string_view text) {
  { T::parse(text) } -> std::same_as<std::optional<T>>;
  { value.str() } -> std::convertible_to<std::string>;
};
/// A type that is written as one JSON integer and checks it.
template <class T>
concept IntegerValue = requires(const T& value, std::int64_t number) {
  { T::parse(number) } -> std::same_as<std::optional<T>>;
  { value.number() } -> std::convertible_to<std::int64_t>;
};

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_map = false;
template <class K, class V>
inline constexpr bool is_map<std::map<K, V>> = true;
template <class T>
inline constexpr bool is_variant = false;
template <class... T>
inline constexpr bool is_variant<std::variant<T...>> = true;

/// Member and enumerator names are wire names; one trailing underscore (`private_`) is dropped.
constexpr std::string_view wire_name(std::string_view name) {
  if (name.ends_with('_')) name.remove_suffix(1);
  return name;
}

/// The name of T without its namespaces: "CreateModel". Template arguments are not supported.
template <class T>
constexpr std::string_view type_name() {
  std::string_view name = __PRETTY_FUNCTION__;
  name.remove_prefix(name.find("T = ") + 4);
  name = name.substr(0, name.find(']'));
  if (const std::size_t at = name.rfind("::"); at != std::string_view::npos) name.remove_prefix(at + 2);
  return name;
}

template <DescribedEnum E>
std::string_view enum_name(E value) {
  return wire_name(boost::describe::enum_to_string(value, "unknown"));
}

template <DescribedEnum E>
std::optional<E> parse_enum(std::string_view text) {
  std::optional<E> out;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>([&](auto d) {
    if (wire_name(d.name) == text) out = d.value;
  });
  return out;
}

template <DescribedEnum E>
std::vector<std::string_view> enum_names() {
  std::vector<std::string_view> out;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>([&](auto d) { out.push_back(wire_name(d.name)); });
  return out;
}

/// Calls `f(name, member reference)` for each member, in order.
template <Described T, class F>
void for_each_member(T&& object, F&& f) {
  boost::mp11::mp_for_each<Members<std::remove_cvref_t<T>>>([&](auto d) { f(wire_name(d.name), object.*d.pointer); });
}
template <class T, class F>
  requires Described<std::remove_cvref_t<T>>
void visit_members(T& object, F&& f) {
  boost::mp11::mp_for_each<Members<std::remove_const_t<T>>>([&](auto d) { f(wire_name(d.name), object.*d.pointer); });
}

/// True for a value of a checked type that was never given one: what makes a member required.
template <class T>
bool is_unset(const T& value) {
  if constexpr (requires { value.is_set(); })
    return !value.is_set();
  else
    return false;
}

/// A member that must be given although its type has no unset state: `Required<bool>`.
template <class T>
struct Required {
  std::optional<T> value;
  bool is_set() const { return value.has_value(); }
  const T& operator*() const { return *value; }
  operator const T&() const { return *value; }  // NOLINT: reads as its value
  bool operator==(const Required&) const = default;
};
template <class T>
inline constexpr bool is_required = false;
template <class T>
inline constexpr bool is_required<Required<T>> = true;

/// A member of a merge patch (RFC 7396): absent leaves the field, null clears it, a value sets it.
template <class T>
struct Patch {
  bool present = false;
  std::optional<T> value;
  /// Applies it to a field that has no "nothing": null is then refused by the decoder (`Patch` of a checked type).
  void apply(T& field) const {
    if (present && value) field = *value;
  }
  void apply(std::optional<T>& field) const {
    if (present) field = value;
  }
  bool operator==(const Patch&) const = default;
};
template <class T>
inline constexpr bool is_patch = false;
template <class T>
inline constexpr bool is_patch<Patch<T>> = true;

}  // namespace modelops::reflect
