#include "platform/config/config.hpp"

#include <fstream>

#include "base/text.hpp"

namespace modelops::config {
namespace {

constexpr std::size_t secret_bytes_max = 64 << 10;

/// At most `bytes_max` bytes; nothing when it cannot be read or is longer.
std::optional<std::string> read_file(const std::filesystem::path& path, std::size_t bytes_max) {
  std::ifstream in(path, std::ios::binary);
  std::string out(bytes_max + 1, '\0');
  in.read(out.data(), static_cast<std::streamsize>(out.size()));
  if (in.bad() || (in.fail() && !in.eof())) return std::nullopt;
  out.resize(static_cast<std::size_t>(in.gcount()));
  if (out.size() > bytes_max) return std::nullopt;
  return out;
}

std::string pointer_of(std::string_view name) {
  std::string out = "/";
  for (const char c : name) out += c == '.' ? '/' : c;
  return out;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row.back();
}

void replay_value(reflect::Decoding& decoding, reflect::Sink& sink, const Value& value) {
  switch (value.kind) {
    case Value::Kind::null: return sink.on_null(decoding);
    case Value::Kind::text: return sink.on_text(decoding, value.text);
    case Value::Kind::list: {
      if (!sink.begin_array(decoding)) return;
      std::size_t index = 0;
      for (const Value& item : value.items) {
        decoding.push(std::to_string(index++));
        if (reflect::Sink* element = sink.element(decoding)) replay_value(decoding, *element, item);
        decoding.pop();
      }
      return sink.end(decoding);
    }
    case Value::Kind::map:
      if (!sink.begin_object(decoding)) return;
      for (const auto& [key, item] : value.members) {
        decoding.push(key);
        if (reflect::Sink* member = sink.key(decoding, key)) replay_value(decoding, *member, item);
        decoding.pop();
      }
      return sink.end(decoding);
  }
}

/// The value of a variable or flag.
Value text_value(const Setting& setting, std::string_view text, std::string origin) {
  Value out{.kind = Value::Kind::text, .text = std::string(text), .origin = std::move(origin)};
  if (setting.kind != Setting::Kind::list) return out;
  out.kind = Value::Kind::list;
  if (text.empty()) return out;
  for (const std::string_view part : split(text, ','))
    out.items.push_back({.kind = Value::Kind::text, .text = std::string(trim(part)), .origin = out.origin});
  return out;
}

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

}  // namespace

std::string Setting::name() const { return fmt::format("{}", fmt::join(path, ".")); }

std::string Setting::variable() const {
  std::string out = fmt::format("MODELOPS_{}", fmt::join(path, "_"));
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

Sources::~Sources() {
  for (auto& [name, text] : environment) wipe(text);
  for (std::string& text : overrides) wipe(text);
}

Sources Sources::of_process(std::span<const std::string> arguments, const char* const* environment) {
  Sources out;
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const std::string_view entry = *environment;
    const std::size_t equals = entry.find('=');
    if (entry.starts_with("MODELOPS_") && equals != std::string_view::npos)
      out.environment.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  if (const auto named = out.environment.find("MODELOPS_CONFIG"); named != out.environment.end())
    out.file = named->second;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument.starts_with("--config=")) {
      out.file = argument.substr(9);
    } else if (argument == "--config" && i + 1 < arguments.size()) {
      out.file = arguments[++i];
    } else if (argument.starts_with("--") && argument.find('=') != std::string::npos) {
      out.overrides.push_back(argument);
    } else {
      // Not repeated: it may be a secret that was meant as a value.
      fail(ErrorCode::invalid,
           fmt::format("Argument {} is not understood. Write --config FILE or --section.field=value.", i + 1));
    }
  }
  return out;
}

std::string reference_table(const Settings& settings) {
  std::string out = "| Setting | Type | Default | Variable | Meaning |\n|---|---|---|---|---|\n";
  for (const Setting& setting : settings) {
    std::string variable = "`" + setting.variable() + "`";
    if (setting.kind == Setting::Kind::secret) variable += " or `" + setting.variable() + "_FILE`";
    if (setting.kind == Setting::Kind::map) variable = fmt::format("`--{}.<key>=…`", setting.name());
    const bool literal = setting.default_value != "none" && setting.default_value != "required";
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", setting.name(), cell(setting.type),
                       literal ? "`" + cell(setting.default_value) + "`" : setting.default_value, variable,
                       cell(setting.doc));
  }
  return out;
}

namespace detail {

std::string words_of(std::string expectation) {
  constexpr std::string_view lead = "must be ";
  return expectation.starts_with(lead) ? expectation.substr(lead.size()) : expectation;
}

std::string unquoted(std::string json) {
  return json.size() >= 2 && json.front() == '"' ? json.substr(1, json.size() - 2) : json;
}

void check_settings(const Settings& settings) {
  std::set<std::string> variables{"MODELOPS_CONFIG"};
  for (const Setting& setting : settings) {
    const auto claim = [&](const std::string& variable) {
      if (!variables.insert(variable).second)
        fail(ErrorCode::internal, "The program's settings are ambiguous.", variable);
    };
    claim(setting.variable());
    if (setting.kind == Setting::Kind::secret) claim(setting.variable() + "_FILE");
  }
}

Collected::Collected(const Settings& settings, const Sources& sources, reflect::Decoding& decoding)
    : settings_(settings), decoding_(decoding) {
  if (!sources.file.empty()) {
    auto text = read_file(sources.file, document_bytes_max);
    if (!text)
      fail(ErrorCode::invalid, fmt::format("The configuration file {} cannot be read, or is larger than {} bytes.",
                                           sources.file.string(), document_bytes_max));
    Layer layer;
    const Value document = parse_document(*text, sources.file.string());
    wipe(*text);
    read_section(layer, document, "");
    merge(layer);
  }
  Layer variables;
  read_environment(variables, sources);
  merge(variables);
  Layer flags;
  read_overrides(flags, sources);
  merge(flags);
  open_secret_files();
  build_tree();
}

void Collected::read_section(Layer& layer, const Value& section, const std::string& prefix) {
  for (const auto& [key, value] : section.members) {
    const std::string name = prefix.empty() ? key : prefix + "." + key;
    const bool dotted = key.find('.') != std::string::npos;
    const Named named = dotted ? Named{} : find(name);
    if (named.setting != nullptr) {
      put(layer, named, value);
    } else if (dotted || !is_section(name)) {
      violation(name, unknown(name), value.origin);
    } else if (value.kind == Value::Kind::map) {
      read_section(layer, value, name);
    } else if (value.kind != Value::Kind::null) {
      violation(name, "must be a section with settings below it", value.origin);
    }
  }
}

void Collected::read_environment(Layer& layer, const Sources& sources) {
  for (const Setting& setting : settings_) {
    if (setting.kind == Setting::Kind::map) continue;
    for (const bool names_file : {false, true}) {
      if (names_file && setting.kind != Setting::Kind::secret) continue;
      const std::string variable = setting.variable() + (names_file ? "_FILE" : "");
      const auto found = sources.environment.find(variable);
      if (found == sources.environment.end() || found->second.empty()) continue;
      put(layer, {&setting, names_file}, text_value(setting, found->second, "variable " + variable));
    }
  }
}

void Collected::read_overrides(Layer& layer, const Sources& sources) {
  for (const std::string& override : sources.overrides) {
    const std::size_t equals = override.find('=');
    const std::string flag = override.substr(0, equals);
    const std::string_view name = std::string_view(flag).substr(std::min<std::size_t>(2, flag.size()));
    const std::string origin = "flag " + flag;
    if (!flag.starts_with("--") || equals == std::string::npos) {
      violation(name, "must be written as --section.field=value", origin);
      continue;
    }
    const std::string_view text = std::string_view(override).substr(equals + 1);
    if (const Named named = find(name); named.setting != nullptr && named.setting->kind != Setting::Kind::map) {
      if (named.setting->kind == Setting::Kind::secret && !named.names_file) {
        violation(named.setting->name(),
                  fmt::format("is a secret, and everybody on this machine sees arguments: set it in {0}, or name a "
                              "file that has it in {0}_FILE",
                              named.setting->variable()),
                  origin);
        continue;
      }
      put(layer, named, text_value(*named.setting, text, origin));
      continue;
    }
    // "--labels.team=x" adds to the map `labels`.
    const auto map = std::ranges::find_if(settings_, [&](const Setting& setting) {
      return setting.kind == Setting::Kind::map && name.size() > setting.name().size() + 1 &&
             name.starts_with(setting.name() + ".");
    });
    if (map == settings_.end()) {
      violation(name, unknown(name), origin);
      continue;
    }
    if (!layer.contains(map->name()) && given_.contains(map->name())) layer[map->name()] = given_[map->name()];
    Value& value = layer[map->name()];
    value.kind = Value::Kind::map;
    value.member(name.substr(map->name().size() + 1)) = text_value(*map, text, origin);
  }
}

void Collected::put(Layer& layer, Named named, Value value) {
  const std::string name = named.setting->name();
  value.names_file = named.names_file;
  if (const auto before = layer.find(name); before != layer.end() && before->second.names_file != named.names_file)
    violation(name, "is given both itself and as a file; keep one", value.origin);
  layer[name] = value;
}

void Collected::merge(const Layer& layer) {
  for (const auto& [name, value] : layer) given_[name] = value;
}

void Collected::open_secret_files() {
  for (auto& [name, value] : given_) {
    if (!value.names_file) continue;
    auto text = value.kind == Value::Kind::text ? read_file(value.text, secret_bytes_max) : std::nullopt;
    if (!text) {
      violation(name, fmt::format("must name a readable file of at most {} bytes", secret_bytes_max), value.origin);
      text.emplace();
    }
    if (text->ends_with('\n')) text->pop_back();  // as editors and `echo` leave it
    if (text->ends_with('\r')) text->pop_back();
    value.kind = Value::Kind::text;
    value.text = *text;
    wipe(*text);
  }
}

void Collected::build_tree() {
  root_.kind = Value::Kind::map;
  for (const Setting& setting : settings_) {
    // Every section is made, so that what is required in it is asked for.
    Value* section = &root_;
    for (std::size_t i = 0; i + 1 < setting.path.size(); ++i) {
      section = &section->member(setting.path[i]);
      section->kind = Value::Kind::map;
    }
    const auto found = given_.find(setting.name());
    if (found == given_.end()) continue;
    remember_origins(found->second, pointer_of(setting.name()));
    section->member(setting.path.back()) = found->second;
  }
}

void Collected::replay(reflect::Decoding& decoding, reflect::Sink& sink) const { replay_value(decoding, sink, root_); }

void Collected::finish(const reflect::Decoding& decoding) const {
  try {
    decoding.finish("The configuration");
  } catch (Error& error) {
    error.code = ErrorCode::invalid;
    error.message = "The configuration is refused:";
    for (Violation& violation : error.violations) {
      // The nearest that has a source: an element of a list has its own line.
      std::string_view at = violation.pointer;
      auto origin = origins_.find(at);
      while (origin == origins_.end() && !at.empty()) {
        at = at.substr(0, at.rfind('/'));
        origin = origins_.find(at);
      }
      std::string name = violation.pointer.substr(std::min<std::size_t>(1, violation.pointer.size()));
      std::ranges::replace(name, '/', '.');
      if (origin != origins_.end())
        violation.message += fmt::format(" ({})", origin->second);
      else if (const Named named = find(name); named.setting != nullptr)
        violation.message +=
            fmt::format(" (set it in the configuration file, or {}, or --{})", named.setting->variable(), name);
      error.message += fmt::format("\n- {} {}", name, violation.message);
    }
    throw;
  }
}

Collected::Named Collected::find(std::string_view name) const {
  for (const Setting& setting : settings_) {
    const std::string own = setting.name();
    if (name == own) return {&setting, false};
    if (setting.kind == Setting::Kind::secret && name == own + "_file") return {&setting, true};
  }
  return {};
}

bool Collected::is_section(std::string_view name) const {
  return std::ranges::any_of(
      settings_, [&](const Setting& setting) { return setting.name().starts_with(std::string(name) + "."); });
}

std::string Collected::unknown(std::string_view name) const {
  std::string nearest;
  std::size_t distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  const std::string_view last = name.substr(name.rfind('.') + 1);
  for (const Setting& setting : settings_) {
    const std::string own = setting.name();
    if (name.size() > 2 * own.size() + 8) continue;
    const std::size_t edits = setting.path.back() == last ? 1 : edit_distance(name, own);
    if (edits < distance) distance = edits, nearest = own;
  }
  return nearest.empty() ? "is not a known setting" : fmt::format("is not a known setting; did you mean {}?", nearest);
}

void Collected::violation(std::string_view name, std::string message, std::string origin) {
  const std::string pointer = pointer_of(name);
  decoding_.violation_at(pointer, std::move(message));
  origins_[pointer] = std::move(origin);
}

void Collected::remember_origins(const Value& value, const std::string& pointer) {
  if (!value.origin.empty()) origins_[pointer] = value.origin;
  std::size_t index = 0;
  for (const Value& item : value.items) remember_origins(item, fmt::format("{}/{}", pointer, index++));
  for (const auto& [key, item] : value.members) remember_origins(item, pointer + "/" + key);
}

}  // namespace detail
}  // namespace modelops::config
