#pragma once
// OpenAPI 3.1 (JSON Schema 2020-12) schemas of described types.
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <typeindex>

#include "reflect/json.hpp"

namespace modelops::reflect {

/// What a described struct says about a field: `static constexpr reflect::Doc docs[] = {{"name", "…"}};`
struct Doc {
  std::string_view field;
  std::string_view text;
};

/// Collects the named schemas that a document refers to. Two types of one name are a programming error.
class Components {
 public:
  /// True when the type is new: the caller then fills the schema with `set`.
  bool claim(std::string_view name, std::type_index type);
  void set(std::string_view name, boost::json::object schema) { schemas_[name] = std::move(schema); }
  const boost::json::object& schemas() const { return schemas_; }
  /// From here on types are those of answers: every member that is not optional is always there.
  void begin_answers() { answers_ = true; }
  bool answers() const { return answers_; }

 private:
  bool answers_ = false;
  boost::json::object schemas_;
  std::map<std::string, std::type_index, std::less<>> types_;
};

template <class T>
boost::json::object schema_of(Components& components);

namespace detail {

template <class T>
boost::json::object struct_schema(Components& components) {
  boost::json::object properties;
  boost::json::array required;
  const T defaults{};
  visit_members(defaults, [&](std::string_view name, const auto& member) {
    using M = std::remove_cvref_t<decltype(member)>;
    boost::json::object property = schema_of<M>(components);
    if constexpr (requires { T::docs; }) {
      for (const Doc& doc : T::docs)
        if (doc.field == name) property["description"] = doc.text;
    }
    if (components.answers()) {
      if constexpr (!is_optional<M>) required.emplace_back(name);
    } else if (is_unset(member)) {
      required.emplace_back(name);
    } else if constexpr (!is_optional<M> && !is_patch<M> && !Described<M> && !is_vector<M> && !is_map<M> &&
                         !is_variant<M>) {
      property["default"] = parse_json_value(to_json(member));
    }
    properties[name] = std::move(property);
  });
  boost::json::object out{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) out["required"] = std::move(required);
  out["additionalProperties"] = false;
  return out;
}

/// `oneOf` with the discriminator "type", which each alternative states as a constant.
template <class... A>
boost::json::object variant_schema(Components& components, const std::variant<A...>*) {
  boost::json::array alternatives;
  const auto add = [&]<class T>(const T*) {
    boost::json::object tag{
        {"type", "object"}, {"properties", {{"type", {{"const", T::type}}}}}, {"required", boost::json::array{"type"}}};
    boost::json::object body = struct_schema<T>(components);
    body.erase("additionalProperties");
    alternatives.push_back(boost::json::object{{"title", type_name<T>()}, {"allOf", boost::json::array{tag, body}}});
  };
  (add(static_cast<const A*>(nullptr)), ...);
  return boost::json::object{{"oneOf", std::move(alternatives)}, {"discriminator", {{"propertyName", "type"}}}};
}

}  // namespace detail

template <class T>
boost::json::object schema_of(Components& components) {
  using boost::json::object;
  if constexpr (std::is_same_v<T, bool>) {
    return object{{"type", "boolean"}};
  } else if constexpr (std::is_integral_v<T>) {
    return object{{"type", "integer"}, {"format", sizeof(T) == 8 ? "int64" : "int32"}};
  } else if constexpr (std::is_floating_point_v<T>) {
    return object{{"type", "number"}};
  } else if constexpr (std::is_same_v<T, std::string>) {
    return object{{"type", "string"}};
  } else if constexpr (std::is_same_v<T, Time>) {
    return object{{"type", "string"}, {"format", "date-time"}};
  } else if constexpr (std::is_same_v<T, boost::json::value>) {
    return object{};
  } else if constexpr (DescribedEnum<T>) {
    boost::json::array names;
    for (const std::string_view name : enum_names<T>()) names.emplace_back(name);
    return object{{"type", "string"}, {"enum", std::move(names)}};
  } else if constexpr (TextValue<T>) {
    using Rule = TextRule<T>;
    object out{{"type", "string"}};
    if (const std::string_view pattern = Rule::pattern; !pattern.empty()) out["pattern"] = pattern;
    if (const std::string_view format = Rule::format; !format.empty()) out["format"] = format;
    if (Rule::min > 0) out["minLength"] = Rule::min;
    if (Rule::max > 0) out["maxLength"] = Rule::max;
    return out;
  } else if constexpr (IntegerValue<T>) {
    return object{{"type", "integer"}, {"format", "int64"}, {"minimum", T::min}, {"maximum", T::max}};
  } else if constexpr (is_optional<T>) {
    return schema_of<typename T::value_type>(components);
  } else if constexpr (is_patch<T> || is_required<T>) {
    return schema_of<typename decltype(T::value)::value_type>(components);
  } else if constexpr (is_variant<T>) {
    return detail::variant_schema(components, static_cast<const T*>(nullptr));
  } else if constexpr (is_vector<T>) {
    object items = schema_of<typename T::value_type>(components);
    // An absent member is left out, an absent element has a place and so is null.
    if constexpr (is_optional<typename T::value_type>) items["type"] = boost::json::array{items.at("type"), "null"};
    return object{{"type", "array"}, {"items", std::move(items)}};
  } else if constexpr (is_map<T>) {
    return object{{"type", "object"}, {"additionalProperties", schema_of<typename T::mapped_type>(components)}};
  } else {
    static_assert(Described<T>);
    const std::string_view name = type_name<T>();
    if (components.claim(name, typeid(T))) components.set(name, detail::struct_schema<T>(components));
    return object{{"$ref", "#/components/schemas/" + std::string(name)}};
  }
}

}  // namespace modelops::reflect
