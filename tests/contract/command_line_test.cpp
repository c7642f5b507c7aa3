#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "reflect/json.hpp"

namespace modelops {
namespace {

/// Every command of the table is an operation of the API, and each of its flags one of its fields.
TEST(CommandLine, SpeaksTheApi) {
  std::ifstream file(std::string(MODELOPS_SOURCE_DIR) + "/openapi.json");
  std::stringstream text;
  text << file.rdbuf();
  const auto document = reflect::parse_json_value(text.str(), {.depth_max = 64});
  for (const cli::Command& command : cli::commands()) {
    const auto* methods = document.at("paths").as_object().if_contains(command.path);
    ASSERT_NE(methods, nullptr) << command.path;
    const auto* operation = methods->as_object().if_contains(to_lower_ascii(http::method_name(command.method)));
    ASSERT_NE(operation, nullptr) << command.noun << " " << command.verb;
    const std::string described = reflect::to_json(*operation);
    for (const cli::Flag& flag : command.flags)
      EXPECT_NE(described.find("\"" + std::string(flag.field) + "\""), std::string::npos)
          << command.noun << " " << command.verb << " " << flag.name;
  }
}

}  // namespace
}  // namespace modelops
