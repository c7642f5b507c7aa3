#pragma once
#include <string_view>
#include <vector>

#include "cli/output.hpp"
#include "platform/http/types.hpp"

namespace modelops::cli {

/// How a flag's text becomes JSON (or a query parameter).
/// `values`: name=value pairs whose values are JSON numbers and booleans where they look like it.
/// `variables`: name=value pairs as an array of literal environment variables.
enum class FlagKind { text, integer, number, boolean, list, map, values, variables, json };

struct Flag {
  std::string_view name;   ///< "--display-name"
  std::string_view field;  ///< "display_name"
  FlagKind kind = FlagKind::text;
  std::string_view help;
  bool required = false;
};

/// A command that is one call of the API. The path's parameters are positional arguments, in order.
struct Command {
  std::string_view noun;
  std::string_view verb;
  http::Method method;
  std::string_view path;
  std::string_view summary;
  std::vector<Flag> flags = {};
  std::vector<Column> columns = {};
  bool waits_for_operation = false;   ///< the answer is an operation: follow it, unless --no-wait
  bool waits_for_deployment = false;  ///< with --wait: until it is healthy, failed or gone
};

const std::vector<Command>& commands();

}  // namespace modelops::cli
