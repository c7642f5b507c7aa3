#include <gmock/gmock.h>

#include <fstream>
#include <set>
#include <sstream>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "reflect/json.hpp"
#include "tests/support/process.hpp"

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

/// The lines below a heading of a help text, up to the next empty one.
std::vector<std::string> section(const std::string& help, const std::string& heading) {
  std::vector<std::string> out;
  bool inside = false;
  for (const std::string_view line : split(help, '\n')) {
    if (inside && line.empty()) break;
    if (inside) out.emplace_back(line);
    if (line == heading) inside = true;
  }
  return out;
}

/// Every flag and positional argument of a command and of those below it, as "models list --filter".
void collect_arguments(const std::vector<std::string>& command, std::set<std::string>& out) {
  std::vector<std::string> words{MODELOPS_PROGRAM};
  std::string name;
  for (const std::string& word : command) {
    words.push_back(word);
    name += word + " ";
  }
  words.emplace_back("--help");
  const testing::Ran ran = testing::run_program(words);
  ASSERT_EQ(ran.status, 0) << name << ran.output;
  for (const char* heading : {"Options:", "Positionals:"}) {
    for (const std::string& line : section(ran.output, heading)) {
      // "  -h,--help    Print…"; what begins further right goes on with the line before.
      if (!line.starts_with("  ") || line.starts_with("   ")) continue;
      const std::string words_of_line = line.substr(2, line.find(' ', 2) - 2);
      for (const std::string_view argument : split(words_of_line, ',')) out.insert(name + std::string(argument));
    }
  }
  for (const std::string& line : section(ran.output, "Subcommands:")) {
    if (!line.starts_with("  ") || line.starts_with("   ")) continue;
    auto below = command;
    below.push_back(line.substr(2, line.find(' ', 2) - 2));
    collect_arguments(below, out);
  }
}

/// Every user of the machine sees the arguments of a program (ps), and the shell keeps them: a secret is read from a
/// file or the environment.
TEST(CommandLine, NoArgumentIsASecret) {
  std::set<std::string> all;
  for (const std::vector<std::string>& program :
       {std::vector<std::string>{}, {"gateway"}, {"agent"}, {"runtime"}, {"bench"}, {"up"}})
    collect_arguments(program, all);
  EXPECT_GT(all.size(), 200u);
  EXPECT_TRUE(all.contains("models list --filter"));
  EXPECT_TRUE(all.contains("inference chat message"));
  std::set<std::string> suspicious;
  for (const std::string& argument : all) {
    const std::string last = argument.substr(argument.rfind(' ') + 1);
    for (const char* word : {"password", "passphrase", "secret", "token", "credential", "key", "auth"})
      if (to_lower_ascii(last).find(word) != std::string::npos) suspicious.insert(argument);
  }
  const std::set<std::string> harmless{
      "agent --token",                // works once, and may be in the environment
      "api-keys revoke key",          // its id
      "bench --token-env",            // a variable
      "gateway --tls-key",            // a file
      "gateway --token",              // as the agent's
      "inference chat --max-tokens",  // a number
      "profiles set --token-file",    // a file
  };
  EXPECT_EQ(suspicious, harmless);
  for (const char* program : {"agent", "gateway"})
    EXPECT_THAT(testing::run_program({MODELOPS_PROGRAM, program, "--help"}).output,
                ::testing::HasSubstr("--token TEXT (Env:MODELOPS_ENROLLMENT_TOKEN)"));
}

}  // namespace
}  // namespace modelops
