#include "deployments/engines.hpp"

#include <fstream>
#include <sstream>

#include "base/error.hpp"
#include "base/text.hpp"

namespace modelops::deployments {
namespace {

constexpr std::size_t flag_text_bytes_max = 1024;

struct EnginesDocument {
  std::vector<Engine> engines;
};
MODELOPS_DESCRIBE(EnginesDocument, engines);

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::optional<double> number_of(const boost::json::value& value) {
  if (value.is_int64()) return static_cast<double>(value.as_int64());
  if (value.is_uint64()) return static_cast<double>(value.as_uint64());
  if (value.is_double()) return value.as_double();
  return std::nullopt;
}

std::string range_of(const EngineFlag& flag) {
  if (flag.min && flag.max) return fmt::format(" from {} to {}", *flag.min, *flag.max);
  if (flag.min) return fmt::format(" of at least {}", *flag.min);
  if (flag.max) return fmt::format(" of at most {}", *flag.max);
  return {};
}

/// Why a value does not fit; empty when it does.
std::string refusal(const EngineFlag& flag, const boost::json::value& value) {
  const auto number = number_of(value);
  const bool in_range = number && (!flag.min || *number >= *flag.min) && (!flag.max || *number <= *flag.max);
  switch (*flag.type) {
    case EngineFlagType::integer:
      if (in_range && !value.is_double()) return {};
      return "must be an integer" + range_of(flag);
    case EngineFlagType::number: return in_range ? "" : "must be a number" + range_of(flag);
    case EngineFlagType::boolean: return value.is_bool() ? "" : "must be true or false";
    case EngineFlagType::text:
      if (value.is_string() && !value.as_string().empty() && value.as_string().size() <= flag_text_bytes_max &&
          !has_invisible_characters(std::string_view(value.as_string())))
        return {};
      return fmt::format("must be a text of 1 to {} bytes without control characters", flag_text_bytes_max);
    case EngineFlagType::choice:
      if (value.is_string() &&
          std::ranges::find(flag.choices, std::string_view(value.as_string())) != flag.choices.end())
        return {};
      return "must be one of " + join(flag.choices);
  }
  return {};
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

std::string value_text(const boost::json::value& value) {
  return value.is_string() ? std::string(value.as_string()) : reflect::to_json(value);
}

}  // namespace

EngineCatalogue::EngineCatalogue(std::string_view json) : engines_(reflect::from_json<EnginesDocument>(json).engines) {
  std::set<std::string> ids;
  for (const Engine& engine : engines_) {
    const std::string& id = *engine.id;
    if (!reflect::Slug::parse(id) || !ids.insert(id).second)
      fail(ErrorCode::invalid, fmt::format("The engine catalogue names '{}' twice, or it is no name.", id));
    if (engine.drivers.empty() || engine.command.empty() || engine.model_files.empty())
      fail(ErrorCode::invalid,
           fmt::format("The engine {} of the catalogue needs drivers, a command and model_files.", id));
    for (const EngineFlag& flag : engine.flags) {
      if (flag.default_ && !refusal(flag, *flag.default_).empty())
        fail(ErrorCode::invalid,
             fmt::format("The default of flag {} of engine {} {}.", *flag.name, id, refusal(flag, *flag.default_)));
    }
  }
}

EngineCatalogue EngineCatalogue::load(const std::optional<std::filesystem::path>& path) {
  if (!path) return EngineCatalogue(engines_json);
  std::ifstream file(*path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) fail(ErrorCode::invalid, fmt::format("The engine catalogue {} cannot be read.", path->string()));
  return EngineCatalogue(text.str());
}

const Engine* EngineCatalogue::find(std::string_view id) const {
  const auto found = std::ranges::find_if(engines_, [&](const Engine& engine) { return *engine.id == id; });
  return found == engines_.end() ? nullptr : &*found;
}

EngineFlags checked_flags(const Engine& engine, const EngineFlags& given) {
  std::vector<Violation> violations;
  EngineFlags out;
  for (const EngineFlag& flag : engine.flags)
    if (flag.default_) out[*flag.name] = *flag.default_;
  for (const auto& [name, value] : given) {
    const auto flag = std::ranges::find_if(engine.flags, [&](const EngineFlag& f) { return *f.name == name; });
    std::string why;
    if (flag == engine.flags.end()) {
      std::vector<std::string> names;
      for (const EngineFlag& known : engine.flags) names.push_back(*known.name);
      why = fmt::format("is no flag of {}; it has {}", *engine.id, names.empty() ? "none" : join(names));
    } else {
      why = refusal(*flag, value);
    }
    if (!why.empty()) violations.push_back({"/flags/" + replaced(replaced(name, "~", "~0"), "/", "~1"), why});
    out[name] = value;
  }
  if (!violations.empty())
    throw Error(ErrorCode::unprocessable, fmt::format("These flags do not fit the engine {}.", *engine.id), {},
                std::move(violations));
  return out;
}

bool matches(std::string_view pattern, std::string_view text) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  pattern.remove_prefix(star + 1);
  text.remove_prefix(star);
  for (std::size_t skip = 0; skip <= text.size(); ++skip)
    if (matches(pattern, text.substr(skip))) return true;
  return false;
}

std::optional<std::string> model_file(const Engine& engine, const std::vector<targets::ArtifactFile>& files) {
  for (const std::string& pattern : engine.model_files) {
    std::optional<std::string> best;
    for (const targets::ArtifactFile& file : files)
      if (matches(pattern, file.path) && (!best || file.path < *best)) best = file.path;
    if (best) return best;
  }
  return std::nullopt;
}

std::vector<std::string> command_line(const Engine& engine, const EngineFlags& flags, std::string_view model_name,
                                      std::string_view model_file) {
  std::vector<std::string> out;
  for (const std::string& word : engine.command)
    out.push_back(replaced(replaced(word, "{model_name}", model_name), "{model_file}", model_file));
  for (const EngineFlag& flag : engine.flags) {
    const auto found = flags.find(*flag.name);
    if (found == flags.end()) continue;
    if (*flag.type == EngineFlagType::boolean) {
      if (found->second.as_bool()) out.push_back(*flag.argument);
      continue;
    }
    out.push_back(*flag.argument);
    out.push_back(value_text(found->second));
  }
  return out;
}

}  // namespace modelops::deployments
