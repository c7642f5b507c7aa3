#pragma once
// The configuration of a process from a described struct. See README.md for the sources and their order.
#include <filesystem>
#include <map>
#include <span>

#include "base/secret.hpp"
#include "platform/config/document.hpp"
#include "platform/config/units.hpp"
#include "reflect/json.hpp"
#include "reflect/schema.hpp"

namespace modelops::reflect {

template <>
class Shadow<Secret> : public detail::ShadowBase<Secret> {
 public:
  std::string expected() const override { return "must be a text (kept secret)"; }
  void on_string(Decoding&, std::string_view v) override { value = Secret(std::string(v)), valid = true; }
};

}  // namespace modelops::reflect

namespace modelops::config {

/// What a process was told, from the weakest to the strongest.
struct Sources {
  std::filesystem::path file = {};  ///< empty: none
  std::map<std::string, std::string, std::less<>> environment = {};
  std::vector<std::string> overrides = {};  ///< "--section.field=value"

  ~Sources();  ///< overwrites the texts, which may be secrets

  /// `arguments`: what follows the subcommand; `environment`: as main() gets it, ended by null. Throws Error(invalid)
  /// for an argument that is neither --config FILE nor --section.field=value.
  static Sources of_process(std::span<const std::string> arguments, const char* const* environment);
};

/// One leaf of the struct.
struct Setting {
  enum class Kind { value, list, map, secret };
  std::vector<std::string> path;
  Kind kind = Kind::value;
  std::string type;           ///< in words: "an integer from 1 to 65535"
  std::string default_value;  ///< "required", "none", or as it would be written
  std::string doc;

  std::string name() const;      ///< "http.port"
  std::string variable() const;  ///< "MODELOPS_HTTP_PORT"
};
using Settings = std::vector<Setting>;

namespace detail {

template <class M>
struct Unwrapped {
  using type = M;
};
template <class M>
struct Unwrapped<std::optional<M>> : Unwrapped<M> {};
template <class M>
struct Unwrapped<reflect::Required<M>> : Unwrapped<M> {};

std::string words_of(std::string expectation);  ///< "must be a size" -> "a size"
std::string unquoted(std::string json);         ///< "\"x\"" -> "x"
void check_settings(const Settings& settings);

template <class M>
std::string default_text(const M& value) {
  if constexpr (reflect::is_optional<M>)
    return value ? default_text(*value) : "none";
  else if constexpr (std::is_same_v<M, Secret>)
    return "none";
  else if constexpr (reflect::is_required<M>)
    return value.is_set() ? default_text(*value) : "required";
  else if constexpr (requires { value.empty(); })
    return value.empty() ? "none" : unquoted(reflect::to_json(value));
  else
    return reflect::is_unset(value) ? "required" : unquoted(reflect::to_json(value));
}

template <reflect::Described T>
void append_settings(Settings& out, const std::vector<std::string>& prefix) {
  const T defaults{};
  reflect::visit_members(defaults, [&](std::string_view name, const auto& member) {
    using M = std::remove_cvref_t<decltype(member)>;
    using Plain = typename Unwrapped<M>::type;
    static_assert(!reflect::is_variant<Plain>, "a setting has one type");
    std::vector<std::string> path = prefix;
    path.emplace_back(name);
    if constexpr (reflect::Described<Plain> && !reflect::TextValue<Plain>) {
      static_assert(std::is_same_v<M, Plain>, "a section is always there; make its members optional");
      append_settings<M>(out, path);
    } else {
      Setting setting{.path = std::move(path), .type = {}, .default_value = default_text(member), .doc = {}};
      if constexpr (std::is_same_v<Plain, Secret>) setting.kind = Setting::Kind::secret;
      if constexpr (reflect::is_vector<Plain>) {
        setting.kind = Setting::Kind::list;
        setting.type = "a list; each " + reflect::Shadow<typename Plain::value_type>().expected();
      } else if constexpr (reflect::is_map<Plain>) {
        setting.kind = Setting::Kind::map;
        setting.type = "a mapping; each value " + reflect::Shadow<typename Plain::mapped_type>().expected();
      } else {
        setting.type = words_of(reflect::Shadow<Plain>().expected());
      }
      if constexpr (requires { T::docs; })
        for (const reflect::Doc& doc : T::docs)
          if (doc.field == name) setting.doc = doc.text;
      out.push_back(std::move(setting));
    }
  });
}

/// All sources merged, ready to be replayed into a shadow of the struct.
class Collected {
 public:
  /// What no shadow would notice (unknown names, unreadable files) becomes a violation in `decoding`.
  Collected(const Settings& settings, const Sources& sources, reflect::Decoding& decoding);
  void replay(reflect::Decoding& decoding, reflect::Sink& sink) const;
  /// Throws Error(invalid) with every violation and its source, when there are any.
  void finish(const reflect::Decoding& decoding) const;

 private:
  using Layer = std::map<std::string, Value, std::less<>>;  // what one source gives, by the setting's name
  struct Named {
    const Setting* setting = nullptr;
    bool names_file = false;  // by its name with _file
  };

  void read_section(Layer& layer, const Value& section, const std::string& prefix);
  void read_environment(Layer& layer, const Sources& sources);
  void read_overrides(Layer& layer, const Sources& sources);
  void put(Layer& layer, Named named, Value value);
  void merge(const Layer& layer);
  void open_secret_files();
  void build_tree();

  Named find(std::string_view name) const;
  bool is_section(std::string_view name) const;
  std::string unknown(std::string_view name) const;
  void violation(std::string_view name, std::string message, std::string origin);
  void remember_origins(const Value& value, const std::string& pointer);

  const Settings& settings_;
  reflect::Decoding& decoding_;
  Layer given_;
  std::map<std::string, std::string, std::less<>> origins_;  // by JSON pointer
  Value root_;
};

}  // namespace detail

/// The settings of T. Two that would share a variable are a programming error: Error(internal).
template <reflect::Described T>
Settings settings_of() {
  Settings out;
  detail::append_settings<T>(out, {});
  detail::check_settings(out);
  return out;
}

/// Throws Error(invalid) that lists everything that is wrong, each with its file and line, variable or flag.
template <reflect::Described T>
T load(const Sources& sources) {
  const Settings settings = settings_of<T>();
  reflect::Decoding decoding({.violations_max = 1000});
  const detail::Collected collected(settings, sources, decoding);
  reflect::Shadow<T> shadow;
  collected.replay(decoding, shadow);
  collected.finish(decoding);
  return reflect::shadow_take(shadow);
}

/// A Markdown table: name, type, default, variable, meaning.
std::string reference_table(const Settings& settings);
template <reflect::Described T>
std::string reference() {
  return reference_table(settings_of<T>());
}

}  // namespace modelops::config
