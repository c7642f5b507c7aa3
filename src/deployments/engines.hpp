#pragma once
// The engine catalogue: what the product knows about inference engines is data (engines.json), not code.
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "reflect/schema.hpp"
#include "reflect/values.hpp"
#include "targets/types.hpp"

namespace modelops::deployments {

enum class EngineDriver { process, container };
MODELOPS_DESCRIBE_ENUM(EngineDriver, process, container)

enum class EngineFlagType { integer, number, boolean, text, choice };
MODELOPS_DESCRIBE_ENUM(EngineFlagType, integer, number, boolean, text, choice)

/// One option of an engine's command line.
struct EngineFlag {
  reflect::Required<std::string> name;
  reflect::Required<EngineFlagType> type;
  reflect::Required<std::string> argument;
  std::string doc;
  std::optional<double> min;
  std::optional<double> max;
  std::vector<std::string> choices;
  std::optional<boost::json::value> default_;
  static constexpr reflect::Doc docs[] = {{"argument", "What stands on the command line, before the value"},
                                          {"default", "Given to the engine unless a deployment says otherwise"}};
};
MODELOPS_DESCRIBE(EngineFlag, name, type, argument, doc, min, max, choices, default_);

struct Engine {
  reflect::Required<std::string> id;
  reflect::Required<std::string> name;
  std::string description;
  bool legacy = false;
  std::optional<std::string> image;
  std::vector<EngineDriver> drivers;
  reflect::Port port;
  std::vector<std::string> command;
  std::vector<std::string> model_files;
  targets::Probe readiness;
  targets::Probe liveness;
  std::optional<std::string> metrics_path;
  std::optional<reflect::Port> metrics_port;
  std::vector<std::string> interfaces;
  std::vector<std::string> formats;
  std::int64_t startup_ms_max = 600'000;
  std::vector<EngineFlag> flags;
  static constexpr reflect::Doc docs[] = {
      {"legacy", "Its makers have given it up; kept for what runs already"},
      {"drivers", "How it can run: as a process on a host, or in a container"},
      {"port", "Its own default port"},
      {"command", "Its command line before the flags; in a container, what follows the image's entry point"},
      {"model_files", "Patterns, the best first, that find the file or folder it is started with"},
      {"metrics_port", "Where metrics are on a port of their own"}};
};
MODELOPS_DESCRIBE(Engine, id, name, description, legacy, image, drivers, port, command, model_files, readiness,
                  liveness, metrics_path, metrics_port, interfaces, formats, startup_ms_max, flags);

struct EngineList {
  std::vector<Engine> items;
};
MODELOPS_DESCRIBE(EngineList, items);

/// Values of an engine's flags by name, as JSON integers, numbers, booleans and texts.
using EngineFlags = std::map<std::string, boost::json::value>;

class EngineCatalogue {
 public:
  /// Parses a catalogue. Throws Error(invalid | unprocessable) that names each mistake.
  explicit EngineCatalogue(std::string_view json);
  /// The one inside the program, unless `path` names an operator's own.
  static EngineCatalogue load(const std::optional<std::filesystem::path>& path = std::nullopt);

  const std::vector<Engine>& engines() const { return engines_; }
  const Engine* find(std::string_view id) const;

 private:
  std::vector<Engine> engines_;
};

/// The catalogue that CMake embeds.
extern const std::string_view engines_json;

/// `given` checked against the engine's flags, with its defaults. Throws Error(unprocessable) that lists every
/// violation below "/flags".
EngineFlags checked_flags(const Engine& engine, const EngineFlags& given);
/// The file that the engine is started with; nothing when the version has none that fits.
std::optional<std::string> model_file(const Engine& engine, const std::vector<targets::ArtifactFile>& files);
/// "*" is any text, '/' included.
bool matches(std::string_view pattern, std::string_view text);
/// The argument vector: the command with {model_name} and {model_file} filled in, then the flags. The other
/// placeholders are the agent's (targets/wire.hpp).
std::vector<std::string> command_line(const Engine& engine, const EngineFlags& flags, std::string_view model_name,
                                      std::string_view model_file);

}  // namespace modelops::deployments
