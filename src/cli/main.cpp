#include "cli/main.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <deque>
#include <fstream>
#include <iostream>
#include <sstream>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/flows.hpp"
#include "cli/output.hpp"
#include "cli/uploads.hpp"
#include "reflect/json.hpp"

namespace modelops::cli {
namespace {

struct Options {
  std::string profile;
  std::string format = "table";
  bool wait = true;
  int wait_seconds = 600;

  Format output() const {
    return format == "json"   ? Format::json
           : format == "yaml" ? Format::yaml
           : format == "id"   ? Format::id
                              : Format::table;
  }
};

/// What the parser fills for one row of the table.
struct Filled {
  const Command* command = nullptr;
  std::deque<std::string> positionals;
  std::deque<std::vector<std::string>> flags;
  std::int64_t limit = 100;
  bool no_wait = false;
};

std::vector<std::string> path_parameters(std::string_view path) {
  std::vector<std::string> out;
  for (const std::string_view part : split(path, '/'))
    if (part.starts_with('{')) out.emplace_back(part.substr(1, part.size() - 2));
  return out;
}

boost::json::value flag_value(const Flag& flag, const std::vector<std::string>& given) {
  const std::string& last = given.back();
  switch (flag.kind) {
    case FlagKind::text: return boost::json::value(last);
    case FlagKind::integer: {
      const auto number = parse_int(last);
      if (!number) fail(ErrorCode::invalid, fmt::format("{} takes an integer, not \"{}\".", flag.name, last));
      return *number;
    }
    case FlagKind::number: {
      const auto number = reflect::parse_number_text(last);
      if (!number) fail(ErrorCode::invalid, fmt::format("{} takes a number, not \"{}\".", flag.name, last));
      return *number;
    }
    case FlagKind::boolean:
      if (last != "true" && last != "false")
        fail(ErrorCode::invalid, fmt::format("{} takes true or false.", flag.name));
      return last == "true";
    case FlagKind::list: {
      boost::json::array out;
      for (const std::string& item : given) out.emplace_back(item);
      return out;
    }
    case FlagKind::map:
    case FlagKind::values: {
      boost::json::object out;
      for (const std::string& item : given) {
        const std::size_t equals = item.find('=');
        if (equals == std::string::npos)
          fail(ErrorCode::invalid, fmt::format("{} takes name=value, not \"{}\".", flag.name, item));
        const std::string value = item.substr(equals + 1);
        boost::json::value& member = out[item.substr(0, equals)];
        if (flag.kind == FlagKind::map)
          member = value;
        else if (value == "true" || value == "false")
          member = value == "true";
        else if (const auto integer = parse_int(value))
          member = *integer;
        else if (const auto number = reflect::parse_number_text(value))
          member = *number;
        else
          member = value;
      }
      return out;
    }
    case FlagKind::variables: {
      boost::json::array out;
      const boost::json::value pairs = flag_value({flag.name, flag.field, FlagKind::map, {}, false}, given);
      for (const auto& [name, value] : pairs.get_object())
        out.push_back(boost::json::object{{"type", "literal"}, {"name", name}, {"value", value}});
      return out;
    }
    case FlagKind::json: return reflect::parse_json_value(last);
  }
  return nullptr;
}

void print(const boost::json::value& value, const Options& options, const std::vector<Column>& columns = {}) {
  std::fputs(render(value, options.output(), columns).c_str(), stdout);
}

/// A list, page after page, up to `limit` rows.
boost::json::value list_all(Api& api, const std::string& path, std::string query, std::int64_t limit) {
  boost::json::value all;
  std::string token;
  for (;;) {
    const std::string page_query =
        query + (token.empty() ? "" : (query.empty() ? "" : "&") + ("page_token=" + http::percent_encode(token)));
    boost::json::value page = api.get(path + (page_query.empty() ? "" : "?" + page_query));
    boost::json::value* items = page.is_object() ? page.get_object().if_contains("items") : nullptr;
    if (items == nullptr || !items->is_array()) return page;
    if (all.is_null()) {
      all = page;
    } else {
      for (auto& item : items->get_array()) all.get_object()["items"].get_array().push_back(item);
    }
    token = text_member(page, "next_page_token");
    boost::json::array& kept = all.get_object()["items"].get_array();
    if (static_cast<std::int64_t>(kept.size()) >= limit) {
      const bool more = static_cast<std::int64_t>(kept.size()) > limit || !token.empty();
      kept.resize(static_cast<std::size_t>(std::min<std::int64_t>(limit, static_cast<std::int64_t>(kept.size()))));
      if (more && token.empty()) all.get_object()["next_page_token"] = "more";
      return all;
    }
    if (token.empty()) {
      all.get_object().erase("next_page_token");
      return all;
    }
  }
}

void run_row(Api& api, const Filled& filled, const Options& options) {
  const Command& command = *filled.command;
  std::string path(command.path);
  const auto names = path_parameters(command.path);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string placeholder = "{" + names[i] + "}";
    path.replace(path.find(placeholder), placeholder.size(), http::percent_encode(filled.positionals[i]));
  }
  const bool has_body = command.method == http::Method::post || command.method == http::Method::patch;
  boost::json::object body;
  std::string query;
  for (std::size_t i = 0; i < command.flags.size(); ++i) {
    if (filled.flags[i].empty()) continue;
    const Flag& flag = command.flags[i];
    if (has_body)
      body[flag.field] = flag_value(flag, filled.flags[i]);
    else
      query +=
          fmt::format("{}{}={}", query.empty() ? "" : "&", flag.field, http::percent_encode(filled.flags[i].back()));
  }
  if (command.method == http::Method::get) {
    print(list_all(api, path, query, filled.limit), options, command.columns);
    return;
  }
  http::Headers headers;
  if (command.method == http::Method::patch) headers.set("If-Match", api.call(http::Method::get, path).etag);
  const boost::json::value sent = body;
  boost::json::value answer = api.call(command.method, path, has_body ? &sent : nullptr, headers).body;
  if (command.waits_for_deployment && !filled.no_wait) {
    const std::string wanted = command.verb == "stop" ? "stopped" : "healthy";
    answer = wait_for_deployment(api, text_member(answer, "id"), wanted, options.wait_seconds);
  }
  if (command.waits_for_operation && !filled.no_wait)
    answer = wait_for_operation(api, text_member(answer, "id"), std::string(command.verb));
  print(answer, options, command.columns);
}

// ------------------------------------------------------------------------------ commands of several calls

struct Register {
  std::string name;
  std::string display_name;
  std::string description;
  std::string visibility;
  std::string interface;
  std::string engine;
  std::vector<std::string> tags;
  std::vector<std::string> files;
};

boost::json::object tags_object(const std::vector<std::string>& tags) {
  return flag_value({"--tag", "tags", FlagKind::map, ""}, tags).get_object();
}

void register_model(Api& api, const Register& given, const Options& options) {
  const std::string upload = upload_files(api, given.files);
  const auto operation = api.post("/api/v1/models/analyze", boost::json::object{{"upload_id", upload}});
  const auto analysis = wait_for_operation(api, text_member(operation, "id"), "analysis");
  boost::json::object model{{"name", given.name}, {"analysis_operation_id", text_member(operation, "id")}};
  for (const auto& [field, value] :
       {std::pair("display_name", given.display_name), std::pair("description", given.description),
        std::pair("visibility", given.visibility), std::pair("interface", given.interface),
        std::pair("engine", given.engine)})
    if (!value.empty()) model[field] = value;
  if (!given.tags.empty()) model["tags"] = tags_object(given.tags);
  const auto made = api.post("/api/v1/models", model);
  const auto version = api.post(fmt::format("/api/v1/models/{}/versions", text_member(made, "id")),
                                boost::json::object{{"upload_id", upload}});
  print(boost::json::object{{"model", api.get("/api/v1/models/" + text_member(made, "id"))},
                            {"analysis", analysis.get_object().at("result").get_object().at("analysis")},
                            {"version", version}},
        options);
}

void follow_log(Api& api, const std::string& path) {
  api.follow(path, [](const std::string&, const std::string& data) {
    const boost::json::value line = reflect::parse_json_value(data);
    fmt::print("{} {}\n", text_member(line, "time").substr(0, 19), printable(text_member(line, "line")));
    std::fflush(stdout);
    return true;
  });
}

void print_log(Api& api, const std::string& path) {
  const boost::json::value page = api.get(path);
  for (const auto& line : page.get_object().at("items").get_array())
    fmt::print("{} {}\n", text_member(line, "time").substr(0, 19), printable(text_member(line, "line")));
}

std::string read_input(const std::string& given) {
  if (given != "-" && !given.starts_with('@')) return given;
  std::stringstream text;
  if (given == "-") {
    text << std::cin.rdbuf();
  } else {
    std::ifstream file(given.substr(1));
    if (!file) fail(ErrorCode::invalid, fmt::format("{} cannot be read.", given.substr(1)));
    text << file.rdbuf();
  }
  return text.str();
}

/// A completion script made of the table: nouns, verbs, flags.
std::string completion(const CLI::App& app, const std::string& shell) {
  std::string cases;
  std::string nouns;
  for (const CLI::App* noun : app.get_subcommands([](const CLI::App*) { return true; })) {
    nouns += " " + noun->get_name();
    std::string verbs;
    for (const CLI::App* verb : noun->get_subcommands([](const CLI::App*) { return true; })) {
      verbs += " " + verb->get_name();
      std::string flags;
      for (const CLI::Option* option : verb->get_options()) {
        if (!option->get_lnames().empty()) flags += " --" + option->get_lnames().front();
      }
      cases += fmt::format("    '{} {}') words='{}' ;;\n", noun->get_name(), verb->get_name(), flags);
    }
    cases += fmt::format("    '{} ') words='{}' ;;\n", noun->get_name(), verbs);
  }
  std::string out = shell == "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : "";
  out +=
      "_modelops() {\n  local words=''\n  local key=\"${COMP_WORDS[1]} \"\n"
      "  if [ \"$COMP_CWORD\" -gt 2 ]; then key=\"${COMP_WORDS[1]} ${COMP_WORDS[2]}\"; fi\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then words='" +
      nouns + "'; else case \"$key\" in\n" + cases +
      "  esac; fi\n  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n"
      "complete -o default -F _modelops modelops\n";
  return out;
}

void report(const Error& error) {
  // An engine's last words are several lines; each is shown as one, with nothing in it that moves the cursor.
  std::string_view indent = "error: ";
  for (const std::string_view line : split(error.message, '\n')) {
    fmt::print(stderr, "{}{}\n", indent, printable(line));
    indent = "  ";
  }
  for (const Violation& violation : error.violations)
    fmt::print(stderr, "  {}: {}\n", printable(violation.pointer), printable(violation.message));
  if (error.retry_after_seconds) fmt::print(stderr, "  try again in {} s\n", *error.retry_after_seconds);
}

}  // namespace

int run_command_line(const std::vector<std::string>& arguments) {
  CLI::App app("ModelOps: from a model file to a governed, healthy endpoint.", "modelops");
  app.require_subcommand(1);
  app.footer(
      "Programs of their own: modelops serve | gateway | agent | runtime | bench | up | down | backup | restore |\n"
      "doctor | rotate-master-key | sign-in-link, each with --help.");
  app.set_version_flag("--version", MODELOPS_VERSION);
  Options options;
  app.add_option("--profile", options.profile, "Which profile to use");
  app.add_option("-o,--output", options.format, "table, json, yaml, or id: only the ids")
      ->check(CLI::IsMember({"table", "json", "yaml", "id"}));
  app.add_option("--wait-seconds", options.wait_seconds, "How long to wait for deployments");
  app.fallthrough();

  std::function<void(Api&)> action;
  std::map<std::string, CLI::App*> nouns;
  const auto verb_of = [&](std::string_view noun, std::string_view verb, std::string_view summary) {
    CLI::App*& parent = nouns[std::string(noun)];
    if (parent == nullptr) {
      parent = app.add_subcommand(std::string(noun), "");
      parent->require_subcommand(1);
      parent->fallthrough();
    }
    CLI::App* made = parent->add_subcommand(std::string(verb), std::string(summary));
    made->fallthrough();
    return made;
  };

  std::deque<Filled> filled;
  for (const Command& command : commands()) {
    CLI::App* verb = verb_of(command.noun, command.verb, command.summary);
    Filled& row = filled.emplace_back();
    row.command = &command;
    for (const std::string& name : path_parameters(command.path)) {
      row.positionals.emplace_back();
      verb->add_option(name, row.positionals.back(), "Name or id")->required();
    }
    for (const Flag& flag : command.flags) {
      row.flags.emplace_back();
      CLI::Option* option =
          verb->add_option(std::string(flag.name), row.flags.back(), std::string(flag.help))->take_all();
      option->type_size(1)->expected(1, 1'000'000)->allow_extra_args(false);
      if (flag.required) option->required();
    }
    if (command.method == http::Method::get && !command.columns.empty())
      verb->add_option("--limit", row.limit, "At most so many rows")->check(CLI::Range(1, 1'000'000));
    if (command.waits_for_deployment || command.waits_for_operation)
      verb->add_flag("--no-wait", row.no_wait, "Return at once");
    verb->callback([&action, &row, &options] { action = [&row, &options](Api& api) { run_row(api, row, options); }; });
  }

  Register registration;
  CLI::App* make =
      verb_of("models", "register", "Upload files, analyse them, register the model and its first version");
  make->add_option("name", registration.name, "Name of the model")->required();
  make->add_option("files", registration.files, "Files or folders")->required();
  make->add_option("--display-name", registration.display_name, "Its name for people");
  make->add_option("--description", registration.description, "What it does");
  make->add_option("--visibility", registration.visibility, "private, team, organization or public");
  make->add_option("--interface", registration.interface, "chat, completion, embedding or custom");
  make->add_option("--engine", registration.engine, "Of the catalogue; default: what the analysis recommends");
  make->add_option("--tag", registration.tags, "key=value (repeat)");
  make->callback([&] { action = [&](Api& api) { register_model(api, registration, options); }; });

  std::vector<std::string> files;
  CLI::App* analyse = verb_of("models", "analyze", "Upload files and show what they are, without registering anything");
  analyse->add_option("files", files, "Files or folders")->required();
  analyse->callback([&] {
    action = [&](Api& api) {
      const std::string upload = upload_files(api, files);
      const auto operation = api.post("/api/v1/models/analyze", boost::json::object{{"upload_id", upload}});
      print(wait_for_operation(api, text_member(operation, "id"), "analysis")
                .get_object()
                .at("result")
                .get_object()
                .at("analysis"),
            options);
    };
  });

  std::string model;
  CLI::App* version = verb_of("versions", "create", "Upload files as a new version of a model");
  version->add_option("model", model, "Name or id")->required();
  version->add_option("files", files, "Files or folders")->required();
  version->callback([&] {
    action = [&](Api& api) {
      const std::string upload = upload_files(api, files);
      print(api.post(fmt::format("/api/v1/models/{}/versions", http::percent_encode(model)),
                     boost::json::object{{"upload_id", upload}}),
            options);
    };
  });

  std::string subject;
  bool follow = false;
  for (const std::string_view noun : {"deployments", "operations"}) {
    CLI::App* logs = verb_of(noun, "logs", "Read the log");
    logs->add_option("id", subject, "Name or id")->required();
    logs->add_flag("-f,--follow", follow, "Go on as it grows");
    logs->callback([&, noun = std::string(noun)] {
      action = [&, noun](Api& api) {
        const std::string path = fmt::format("/api/v1/{}/{}/logs", noun, http::percent_encode(subject));
        if (follow)
          follow_log(api, path + (noun == "deployments" ? "/follow" : "/stream"));
        else
          print_log(api, path);
      };
    });
  }

  std::string after;
  CLI::App* events = verb_of("events", "follow", "What happens, as it happens");
  events->add_option("--after", after, "An event's id to go on from");
  events->callback([&] {
    action = [&](Api& api) {
      api.follow("/api/v1/events" + (after.empty() ? "" : "?after=" + http::percent_encode(after)),
                 [](const std::string& id, const std::string& data) {
                   fmt::print("{} {}\n", id, printable(data));
                   std::fflush(stdout);
                   return true;
                 });
    };
  });

  CLI::App* exported = verb_of("audit", "export", "Print the whole log as JSON Lines, for `modelops audit verify`");
  exported->callback([&] {
    action = [](Api& api) {
      api.stream("/api/v1/audit/export", [](std::string_view piece) {
        if (std::fwrite(piece.data(), 1, piece.size(), stdout) != piece.size())
          fail(ErrorCode::internal, "The log cannot be written.");
      });
    };
  });

  std::string input;
  CLI::App* predict = verb_of("inference", "predict", "Send a request to a deployment through the gateway");
  predict->add_option("deployment", subject, "Its name")->required();
  predict->add_option("path", model, "Of the engine's API, for example /v2/models/digits/infer")->required();
  predict->add_option("body", input, "JSON; @file or - for standard input")->required();
  predict->callback(
      [&] { action = [&](Api& api) { fmt::print("{}\n", call_deployment(api, subject, model, read_input(input))); }; });
  std::int64_t tokens_max = 256;
  CLI::App* talk = verb_of("inference", "chat", "Send one message to a chat model and stream the answer");
  talk->add_option("model", model, "Name, or name@alias")->required();
  talk->add_option("message", input, "Text; @file or - for standard input")->required();
  talk->add_option("--max-tokens", tokens_max, "At most so many");
  talk->callback([&] {
    action = [&](Api& api) {
      const ChatResult result = chat(api, model, read_input(input), tokens_max, [](std::string_view piece) {
        std::fwrite(piece.data(), 1, piece.size(), stdout);
        std::fflush(stdout);
      });
      fmt::print(stderr, "\n[{} tokens, first after {:.0f} ms, {:.1f} tokens/s]\n", result.tokens,
                 result.first_token_ms, result.tokens_per_second);
    };
  });

  Profile profile;
  std::string profile_name = "default";
  CLI::App* sign_in = verb_of("profiles", "set", "Keep a server's address and a token for later commands");
  sign_in->add_option("name", profile_name, "Of the profile");
  sign_in->add_option("--url", profile.url, "Of the API");
  sign_in->add_option("--gateway-url", profile.gateway_url, "Of the gateway");
  sign_in->add_option("--token-file", input, "A file with the API token; - for standard input")->required();
  bool offline = false;
  sign_in->callback([&] {
    offline = true;
    Profiles profiles = load_profiles(profiles_path());
    profile.token = std::string(trim(read_input(input == "-" ? input : "@" + input)));
    profiles.profiles[profile_name] = profile;
    profiles.current = profile_name;
    save_profiles(profiles_path(), profiles);
    fmt::print("profile {} is kept in {}\n", profile_name, profiles_path().string());
  });

  std::string shell;
  CLI::App* complete =
      app.add_subcommand("completion", "Print a completion script: source <(modelops completion bash)");
  complete->add_option("shell", shell, "bash or zsh")->required()->check(CLI::IsMember({"bash", "zsh"}));
  complete->callback([&] {
    offline = true;
    std::fputs(completion(app, shell).c_str(), stdout);
  });

  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const Error& error) {
    report(error);
    return 1;
  }
  if (offline || !action) return 0;
  try {
    Api api(choose_profile(load_profiles(profiles_path()), options.profile));
    action(api);
    return 0;
  } catch (const Error& error) {
    report(error);
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", printable(error.what()));
  }
  return 1;
}

}  // namespace modelops::cli
