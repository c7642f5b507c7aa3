#include "dataplane/loadgen/main.hpp"

#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>

#include "base/error.hpp"
#include "base/text.hpp"
#include "dataplane/loadgen/load.hpp"
#include "reflect/json.hpp"

namespace modelops::loadgen {
namespace {

constexpr std::size_t file_bytes_max = 64 << 20;
constexpr unsigned connections_max = 20'000;

struct Settings {
  std::string url;
  std::string method;
  std::vector<std::string> headers;
  std::string body;
  std::string targets_file;
  std::optional<std::string> profile;
  bool gateway = false;
  std::string token_variable;
  std::string format = "table";
  double rate = 0;
  bool poisson = false;
  unsigned concurrency = 0;
  double warm_up_s = 1;
  double duration_s = 10;
  double timeout_s = 30;
  LoadOptions load;
};

void declare(CLI::App& app, Settings& settings) {
  app.add_option("url", settings.url, "http://host:port/path, or a path alone: of the profile's server, with its token")
      ->required();
  app.add_flag("--gateway", settings.gateway, "The path is one of the profile's gateway");
  app.add_option("-X,--method", settings.method, "Default: GET, or POST with a body");
  app.add_option("-H,--header", settings.headers, "\"Name: value\" (repeat)")->allow_extra_args(false);
  app.add_option("-d,--body", settings.body, "Text, or @file");
  app.add_option("--targets", settings.targets_file, "A file of paths, one a line, that are asked one after another");
  auto* profile = app.add_option("--profile", settings.profile,
                                 "Which profile; to a whole URL its token is sent only when it is named");
  app.add_option("--token-env", settings.token_variable, "Send the API token in this environment variable")
      ->excludes(profile);
  auto* rate = app.add_option("--rate", settings.rate,
                              "Open loop: so many requests per second, however slow the server is. Latency counts from "
                              "when a request should have been sent")
                   ->check(CLI::Range(0.001, 1e6));
  app.add_flag("--poisson", settings.poisson, "Open loop with random gaps, as from many callers")->needs(rate);
  app.add_option("--concurrency", settings.concurrency,
                 "Closed loop: so many connections, each sends again when it has its answer. Default: 16")
      ->check(CLI::Range(1u, connections_max))
      ->excludes(rate);
  app.add_option("--connections", settings.load.connections, "Open loop: at most so many connections")
      ->check(CLI::Range(1u, connections_max))
      ->capture_default_str();
  app.add_option("--duration", settings.duration_s, "Seconds that are measured")
      ->check(CLI::Range(0.01, 86'400.0))
      ->capture_default_str();
  app.add_option("--warmup", settings.warm_up_s, "Seconds before them")
      ->check(CLI::Range(0.0, 3'600.0))
      ->capture_default_str();
  app.add_option("--timeout", settings.timeout_s,
                 "Seconds from when a request should have been sent until it is given up")
      ->check(CLI::Range(0.01, 3'600.0))
      ->capture_default_str();
  app.add_option("--threads", settings.load.threads, "Threads that send")
      ->check(CLI::Range(1u, 64u))
      ->capture_default_str();
  app.add_flag("--stream", settings.load.stream,
               "Answers are streams of events: measure the first one, and the time between them");
  app.add_option("--seed", settings.load.seed, "Of the random gaps")->capture_default_str();
  app.add_option("-o,--output", settings.format, "table or json")->check(CLI::IsMember({"table", "json"}));
}

std::string read_file(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  if (!file) fail(ErrorCode::invalid, fmt::format("{} cannot be read.", name));
  std::string text(file_bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > file_bytes_max)
    fail(ErrorCode::invalid, fmt::format("{} is larger than {} bytes.", name, file_bytes_max));
  return text;
}

std::vector<std::string> targets_of(const std::string& file) {
  std::vector<std::string> targets;
  if (file.empty()) return targets;
  const std::string text = read_file(file);
  for (const std::string_view line : split(text, '\n'))
    if (!trim(line).empty()) targets.emplace_back(trim(line));
  if (targets.empty()) fail(ErrorCode::invalid, fmt::format("{} has no paths.", file));
  return targets;
}

RequestText::Fields fields_of(const std::vector<std::string>& headers, const std::string& token) {
  RequestText::Fields fields;
  for (const std::string& header : headers) {
    const std::size_t colon = header.find(':');
    if (colon == header.npos) fail(ErrorCode::invalid, "A header is written as \"Name: value\".");
    fields.emplace_back(header.substr(0, colon), trim(std::string_view(header).substr(colon + 1)));
  }
  if (!token.empty()) fields.emplace_back("Authorization", "Bearer " + token);
  return fields;
}

std::string variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) fail(ErrorCode::invalid, fmt::format("{} is not set.", name));
  return value;
}

std::chrono::nanoseconds seconds(double count) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(count * 1e9));
}

int bench(Settings& settings, const std::function<Profile(const std::string& name)>& profile_of) {
  LoadOptions& load = settings.load;
  load.warm_up = seconds(settings.warm_up_s);
  load.duration = seconds(settings.duration_s);
  load.timeout = seconds(settings.timeout_s);
  if (settings.rate > 0) {
    load.rate = settings.rate;
    if (settings.poisson) load.arrivals = Arrivals::poisson;
  } else {
    load.connections = settings.concurrency == 0 ? 16 : settings.concurrency;
  }
  load.threads = std::min(load.threads, load.connections);
  const std::string body = settings.body.starts_with('@') ? read_file(settings.body.substr(1)) : settings.body;
  if (settings.method.empty()) settings.method = body.empty() ? "GET" : "POST";
  // A token goes where its profile says, or where the caller asks for it by name; never to any address.
  std::string token;
  const bool of_profile = settings.url.starts_with('/');
  if (of_profile || settings.profile) {
    const Profile profile = profile_of(settings.profile.value_or(""));
    if (of_profile) settings.url.insert(0, settings.gateway ? profile.gateway_url : profile.url);
    token = profile.token;
  }
  if (!settings.token_variable.empty()) token = variable(settings.token_variable);
  const Url url = parse_url(settings.url);
  const RequestText request(settings.method, url, targets_of(settings.targets_file), fields_of(settings.headers, token),
                            body);

  const Report report = run_load(load, url, request);
  if (settings.format == "json")
    fmt::print("{}\n", reflect::to_json(report));
  else
    std::fputs(as_table(report).c_str(), stdout);
  const bool all_well = report.errors.empty() && std::ranges::all_of(report.statuses, [](const auto& entry) {
                          return entry.first.starts_with('2');
                        });
  return all_well ? 0 : 1;
}

}  // namespace

int run_bench(int argc, char** argv, const std::function<Profile(const std::string& name)>& profile_of) {
  Settings settings;
  CLI::App app("Sends requests to an HTTP server and tells how quick the answers are.", "modelops bench");
  declare(app, settings);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  ::signal(SIGPIPE, SIG_IGN);
  return bench(settings, profile_of);
}

}  // namespace modelops::loadgen
