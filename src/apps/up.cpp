#include "apps/up.hpp"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "adapters/prometheus/configuration.hpp"
#include "apps/processes.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/flows.hpp"
#include "cli/output.hpp"
#include "cli/uploads.hpp"
#include "platform/http/hand_over.hpp"
#include "reflect/json.hpp"

namespace modelops::apps {
namespace {

using Clock = std::chrono::steady_clock;

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  return value == nullptr ? "" : value;
}

/// Where everything of a local installation is kept.
struct Places {
  std::filesystem::path home;
  std::filesystem::path cache;
  std::filesystem::path examples = "examples";
  std::filesystem::path profiles = cli::profiles_path();
  int api_port = 18087;
  int web_port = 3000;
  int gateway_port = 18088;
  int prometheus_port = 19090;  ///< 0: none is started
  std::string prometheus_url;   ///< of one that is there already
  std::string otlp_url;         ///< of a collector of traces; empty: none

  Places() {
    const std::filesystem::path user = variable("HOME");
    const std::string state = variable("XDG_STATE_HOME");
    home = variable("MODELOPS_HOME");
    if (home.empty()) home = (state.empty() ? user / ".local" / "state" : std::filesystem::path(state)) / "modelops";
    const std::string cached = variable("XDG_CACHE_HOME");
    cache = (cached.empty() ? user / ".cache" : std::filesystem::path(cached)) / "modelops";
  }
  /// The settings of the control plane that say where things are.
  std::vector<std::string> settings() const {
    const auto root = std::filesystem::absolute(home);
    return {"--web.public_url=" + web(), "--data.folder=" + (root / "data").string(),
            "--data.key_file=" + (root / "keys" / "master.key").string()};
  }
  /// Where they wait for their successors, once they listen.
  std::filesystem::path serve_socket() const { return home / "data" / "run" / fmt::format("serve-{}.sock", api_port); }
  std::filesystem::path gateway_socket() const {
    return home / "gateway" / "run" / fmt::format("gateway-{}.sock", gateway_port);
  }
  std::string api() const { return fmt::format("http://localhost:{}", api_port); }
  std::string web() const { return fmt::format("http://localhost:{}", web_port); }
  std::string gateway() const { return fmt::format("http://localhost:{}", gateway_port); }
  /// Where metrics are kept; empty: nowhere.
  std::string prometheus() const {
    if (!prometheus_url.empty()) return prometheus_url;
    if (prometheus_port == 0 || prometheus_program().empty()) return {};
    return fmt::format("http://localhost:{}", prometheus_port);
  }
  /// Empty when it is not installed.
  static std::filesystem::path prometheus_program() {
    const std::string path = variable("PATH");
    for (const std::string_view folder : split(path, ':'))
      if (const auto file = std::filesystem::path(folder) / "prometheus"; ::access(file.c_str(), X_OK) == 0)
        return file;
    return {};
  }
};

/// A word of a command for a POSIX shell.
std::string quoted(const std::string& word) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._=:-";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// A command that can be pasted anywhere: it names this program and this installation.
std::string sign_in_command(const Places& places) {
  std::string out = quoted(std::filesystem::read_symlink("/proc/self/exe").string()) + " sign-in-link";
  for (const std::string& setting : places.settings()) out += " " + quoted(setting);
  return out;
}

void say(const std::string& text) {
  fmt::print("{}\n", text);
  std::fflush(stdout);
}

class Step {
 public:
  explicit Step(std::string name) : name_(std::move(name)) {}
  void done(const std::string& what) const {
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    say(fmt::format("up      {:<18} {:6.1f} s  {}", name_, seconds, what));
  }

 private:
  std::string name_;
  Clock::time_point start_ = Clock::now();
};

bool answers(const std::string& url) {
  try {
    http::Client client({.addresses = http::AddressPolicy::any, .total_timeout = std::chrono::seconds(2)});
    return client.send({.url = url}).status == 200;
  } catch (const Error&) {
    return false;
  }
}

/// `socket`: where it waits for its successor once it listens. Another installation may answer at the same port.
void wait_until_ready(const Processes& processes, const std::string& name, const std::string& url,
                      const std::filesystem::path& socket = {}) {
  const auto deadline = Clock::now() + std::chrono::seconds(60);
  while ((!socket.empty() && !http::pid_at(socket)) || !answers(url)) {
    if (!processes.is_running(name))
      fail(ErrorCode::unavailable, fmt::format("{} ended at once. Its last words ({}):\n{}", name,
                                               processes.log_path(name).string(), processes.last_words(name)));
    if (Clock::now() > deadline)
      fail(ErrorCode::timeout,
           fmt::format("{} is not ready after a minute; see {}.", name, processes.log_path(name).string()));
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
  }
}

/// The value at `path` of the API, or nothing when it is not there.
std::optional<boost::json::value> find(cli::Api& api, const std::string& path) {
  try {
    return api.get(path);
  } catch (const Error& error) {
    if (error.code == ErrorCode::not_found) return std::nullopt;
    throw;
  }
}

/// Starts a process, or puts this program into the place of an older one that runs: by a hand-over at the socket
/// `path`, or, where the running one does not know of that, once it has ended.
void start_or_replace(Processes& processes, const std::string& name, const std::vector<std::string>& arguments,
                      std::vector<std::string> variables, const std::filesystem::path& path) {
  if (processes.is_running(name) && !path.empty() && http::pid_at(path)) {
    // When the next one listens there, it serves.
    processes.replace(name, arguments, [path](int pid) { return http::pid_at(path) == pid; });
    return;
  }
  processes.stop(name, std::chrono::seconds(30));
  processes.start(name, arguments, std::move(variables));
}

void start_control_plane(Processes& processes, const Places& places) {
  const Step step("control plane");
  const bool running = processes.is_running("serve");
  const bool newer = running && processes.is_another_program("serve");
  if (!running || newer) {
    std::vector<std::string> arguments{"serve",
                                       fmt::format("--api.port={}", places.api_port),
                                       "--api.public_url=" + places.api(),
                                       fmt::format("--web.port={}", places.web_port),
                                       "--gateway.public_url=" + places.gateway(),
                                       "--first_start.profile=" + places.profiles.string()};
    for (std::string& setting : places.settings()) arguments.push_back(std::move(setting));
    if (const std::string url = places.prometheus(); !url.empty()) arguments.push_back("--prometheus.url=" + url);
    if (!places.otlp_url.empty()) arguments.push_back("--telemetry.otlp_url=" + places.otlp_url);
    start_or_replace(processes, "serve", arguments, {}, places.serve_socket());
  }
  wait_until_ready(processes, "serve", places.api() + "/readyz", places.serve_socket());
  wait_until_ready(processes, "serve", places.web() + "/healthz");
  step.done(newer     ? "the new program took over"
            : running ? "was running"
                      : fmt::format("{}, web app {}/modelops", places.api(), places.web()));
}

/// Starts an agent or a gateway; the first time with a new enrolment token. An agent has no `socket` for a successor:
/// its engines go on while it is away, and the next one finds them.
void start_machine(Processes& processes, cli::Api& api, const Places& places, const std::string& name,
                   std::vector<std::string> arguments, const std::string& collection,
                   const std::filesystem::path& socket) {
  const std::filesystem::path state = places.home / name;
  if (processes.is_running(name) && !processes.is_another_program(name)) return;
  std::filesystem::create_directories(state);
  arguments.insert(arguments.end(), {"--server", places.api(), "--state", state.string()});
  std::vector<std::string> variables;
  if (!std::filesystem::exists(state / "identity.json")) {
    std::string token;
    const auto known = find(api, fmt::format("/api/v1/{}/local", collection));
    if (known)
      token = cli::text_member(
          api.post(fmt::format("/api/v1/{}/local/enrollment-token", collection), boost::json::object()), "token");
    else
      token = cli::text_member(api.post("/api/v1/" + collection, boost::json::object{{"name", "local"}}), "token");
    variables.push_back("MODELOPS_ENROLLMENT_TOKEN=" + token);
  }
  start_or_replace(processes, name, arguments, std::move(variables), socket);
}

/// A file that only its owner may read.
void write_private(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file, std::ios::trunc);
  std::filesystem::permissions(file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::ofstream(file) << text;
}

/// An API key that finds what Prometheus scrapes, and may nothing else; made anew when it is not taken any more.
void ensure_discovery_token(cli::Api& api, const Places& places, const std::filesystem::path& file) {
  cli::Profile discoverer{places.api(), "", {}};
  std::ifstream(file) >> discoverer.token;
  try {
    if (!discoverer.token.empty()) {
      cli::Api(discoverer).get("/api/v1/monitoring/targets");
      return;
    }
  } catch (const Error& error) {
    if (error.code != ErrorCode::unauthenticated) throw;
  }
  const boost::json::value request =
      boost::json::object{{"name", "prometheus"}, {"scopes", boost::json::array{"monitoring:discover"}}};
  write_private(file, cli::text_member(api.post("/api/v1/api-keys", request), "token"));
}

/// Starts a Prometheus that keeps the history of metrics. Without one everything else works: what is missing is said.
void start_prometheus(Processes& processes, cli::Api& api, const Places& places) {
  const Step step("history");
  const std::filesystem::path folder = std::filesystem::absolute(places.home) / "prometheus";
  try {
    std::filesystem::create_directories(folder);
    const std::filesystem::path token = folder / "token";
    const std::filesystem::path rules = folder / "rules.yml";
    const std::filesystem::path configuration = folder / "prometheus.yml";
    ensure_discovery_token(api, places, token);
    const auto yaml = [](const boost::json::value& value) { return cli::render(value, cli::Format::yaml, {}); };
    write_private(rules, yaml(adapters::prometheus::recording_rules()));
    write_private(
        configuration,
        yaml(adapters::prometheus::configuration(
            {.server = places.api(), .token_file = token.string(), .local = "local", .rules_file = rules.string()})));
    if (!places.prometheus_url.empty())
      return step.done(fmt::format("{}; it should scrape what {} says", places.prometheus_url, configuration.string()));
    if (places.prometheus().empty())
      return step.done("none: Prometheus is not installed (tools/setup run does it), so charts end after 24 hours");
    const bool running = processes.is_running("prometheus");
    if (!running) {
      processes.start("prometheus",
                      {"--config.file=" + configuration.string(), "--storage.tsdb.path=" + (folder / "data").string(),
                       "--storage.tsdb.retention.time=15d",
                       fmt::format("--web.listen-address=127.0.0.1:{}", places.prometheus_port), "--log.level=warn"},
                      {}, Places::prometheus_program());
    }
    wait_until_ready(processes, "prometheus", places.prometheus() + "/-/ready");
    step.done(running ? "was running" : places.prometheus() + ", kept for 15 days");
  } catch (const Error& error) {
    step.done(fmt::format("none: {} (--prometheus-port chooses another port)", error.message));
  }
}

void wait_for_target(cli::Api& api, const Processes& processes) {
  const auto deadline = Clock::now() + std::chrono::seconds(60);
  while (cli::text_member(api.get("/api/v1/targets/local"), "state") != "online") {
    if (!processes.is_running("agent"))
      fail(ErrorCode::unavailable, fmt::format("agent ended. Its last words ({}):\n{}",
                                               processes.log_path("agent").string(), processes.last_words("agent")));
    if (Clock::now() > deadline) fail(ErrorCode::timeout, "The local agent is not online after a minute.");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

struct Wanted {
  std::string name;
  std::string file;
  std::string display_name;
  std::string description;
  std::string interface;
  boost::json::object tags;
};

void show_analysis(const boost::json::value& analysis) {
  const auto field = [&](const char* name) { return cli::printable(cli::text_member(analysis, name)); };
  say(fmt::format("          {} {} {}, {} parameters ({}), engine {}, licence {}", field("format"),
                  field("architecture"), field("quantization"), field("parameter_count"), field("size_class"),
                  field("recommended_engine"), field("license")));
  if (const auto* warnings = analysis.get_object().if_contains("warnings");
      warnings != nullptr && warnings->is_array()) {
    for (const auto& warning : warnings->get_array())
      say(fmt::format("          {}: {}", cli::printable(cli::text_member(warning, "severity")),
                      cli::printable(cli::text_member(warning, "message"))));
  }
}

/// Registers the model and its first version, approved and aliased `production`; only what is missing.
void ensure_model(cli::Api& api, const Wanted& wanted) {
  const Step step("model " + wanted.name);
  const std::string base = "/api/v1/models/" + wanted.name;
  bool changed = false;
  if (!find(api, base)) {
    const std::string upload = cli::upload_files(api, {wanted.file});
    const auto operation = api.post("/api/v1/models/analyze", boost::json::object{{"upload_id", upload}});
    const auto analysis = cli::wait_for_operation(api, cli::text_member(operation, "id"), "analysis");
    show_analysis(analysis.get_object().at("result").get_object().at("analysis"));
    api.post("/api/v1/models", boost::json::object{{"name", wanted.name},
                                                   {"display_name", wanted.display_name},
                                                   {"description", wanted.description},
                                                   {"visibility", "organization"},
                                                   {"interface", wanted.interface},
                                                   {"tags", wanted.tags},
                                                   {"analysis_operation_id", cli::text_member(operation, "id")}});
    api.post(base + "/versions", boost::json::object{{"upload_id", upload}});
    changed = true;
  }
  const auto versions = api.get(base + "/versions");
  if (versions.get_object().at("items").get_array().empty()) {
    api.post(base + "/versions", boost::json::object{{"upload_id", cli::upload_files(api, {wanted.file})}});
    changed = true;
  }
  const auto version = api.get(base + "/versions/1");
  if (cli::text_member(version, "approval_state") != "approved") {
    const auto approval = api.post(base + "/versions/1/approval-request", boost::json::object());
    api.post(
        fmt::format("/api/v1/approvals/{}/decision", cli::text_member(approval, "id")),
        boost::json::object{{"decision", "approve"}, {"comment", "first start: the only person of the organization"}});
    changed = true;
  }
  bool aliased = false;
  const auto aliases = api.get(base + "/aliases");
  for (const auto& alias : aliases.get_object().at("items").get_array())
    aliased = aliased || cli::text_member(alias, "alias") == "production";
  if (!aliased) api.post(base + "/aliases", boost::json::object{{"alias", "production"}, {"version", 1}});
  step.done(changed ? "registered, version 1 approved, alias production" : "was registered");
}

void ensure_deployment(cli::Api& api, const std::string& name) {
  const Step step("deployment " + name);
  const auto known = find(api, "/api/v1/deployments/" + name);
  if (!known) {
    api.post("/api/v1/deployments", boost::json::object{{"name", name},
                                                        {"model", name + "@production"},
                                                        {"target", "local"},
                                                        {"environment", "development"},
                                                        {"visibility", "organization"},
                                                        {"replicas", 1}});
  } else if (cli::text_member(*known, "state") == "failed") {
    api.post("/api/v1/deployments/" + name + "/restart", boost::json::object());
  }
  cli::wait_for_deployment(api, name, "healthy", 300);
  step.done("healthy");
}

template <class F>
auto until_routed(F&& f) {
  // A gateway hears of a new replica within moments; until then it says 503 or 404.
  const auto deadline = Clock::now() + std::chrono::seconds(30);
  for (;;) {
    try {
      return f();
    } catch (const Error& error) {
      const bool soon = error.code == ErrorCode::unavailable || error.code == ErrorCode::not_found ||
                        error.code == ErrorCode::unauthenticated || error.code == ErrorCode::bad_gateway;
      if (!soon || Clock::now() > deadline) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
}

void show_digits(cli::Api& api, const Places& places, const std::string& organization) {
  std::ifstream file(places.examples / "digits" / "test_set.json");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto tests = reflect::parse_json_value(text);
  const auto& row = tests.get_object().at("rows").get_array().at(0).get_object();
  const auto& pixels = row.at("pixels").get_array();
  constexpr std::string_view shades = " .:-=+*#%@";
  for (std::size_t y = 0; y < 8; ++y) {
    std::string line = "          ";
    for (std::size_t x = 0; x < 8; ++x) {
      const auto shade = static_cast<std::size_t>(pixels.at(y * 8 + x).to_number<int>() * 9 / 16);
      line += std::string(2, shades[shade]);
    }
    say(line);
  }
  const boost::json::value request = boost::json::object{
      {"inputs",
       boost::json::array{boost::json::object{
           {"name", "pixels"}, {"shape", boost::json::array{1, 64}}, {"datatype", "FP32"}, {"data", pixels}}}}};
  const std::string body = reflect::to_json(request);
  const std::string path = fmt::format("/serve/{}/digits/v2/models/digits/infer", organization);
  const auto call = [&] { return api.gateway(http::Method::post, path, body); };
  until_routed(call);
  const auto start = Clock::now();
  const auto answer = reflect::parse_json_value(call().body);
  const double ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  const auto& probabilities = answer.get_object().at("outputs").get_array().at(0).get_object().at("data").get_array();
  std::size_t best = 0;
  for (std::size_t i = 1; i < probabilities.size(); ++i)
    if (probabilities[i].to_number<double>() > probabilities[best].to_number<double>()) best = i;
  say(fmt::format("digits    this is a {} (probability {:.3f}; the label says {}), answered in {:.1f} ms", best,
                  probabilities[best].to_number<double>(), cli::text_member(row, "label"), ms));
}

void show_chat(cli::Api& api, const std::string& model) {
  const std::string question = "Write two sentences about the city of Paris.";
  const auto call = [&] { return cli::chat(api, model, question, 48, {}); };
  until_routed(call);
  const cli::ChatResult result = call();
  say(fmt::format("chat      {} -> {}", question, cli::printable(trim(result.text))));
  say(fmt::format("          first token after {:.0f} ms, {} tokens at {:.1f} tokens/s, {:.0f} ms in all",
                  result.first_token_ms, result.tokens, result.tokens_per_second, result.total_ms));
}

void stop_all(Processes& processes, const Places& places, bool engines) {
  processes.stop("prometheus", std::chrono::seconds(30));
  processes.stop("gateway", std::chrono::seconds(30));
  processes.stop("agent", std::chrono::seconds(30));
  if (engines) {
    processes.start("engines", {"agent", "--state", (places.home / "agent").string(), "stop-engines"});
    const auto deadline = Clock::now() + std::chrono::seconds(40);
    while (processes.is_running("engines") && Clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    processes.stop("engines", std::chrono::seconds(1));
  }
  processes.stop("serve", std::chrono::seconds(30));
}

}  // namespace

int up(const std::vector<std::string>& arguments) {
  CLI::App app("Starts a local installation and shows two models answering.", "modelops up");
  bool detach = false;
  Places places;
  std::string examples = places.examples.string();
  app.add_flag("--detach", detach, "Leave it running and return");
  app.add_option("--api-port", places.api_port, "Of the API")->check(CLI::Range(1, 65535));
  app.add_option("--web-port", places.web_port, "Of the web app")->check(CLI::Range(1, 65535));
  app.add_option("--gateway-port", places.gateway_port, "Of the gateway")->check(CLI::Range(1, 65535));
  app.add_option("--prometheus-port", places.prometheus_port,
                 "Of the Prometheus that keeps the history of metrics; 0: start none")
      ->check(CLI::Range(0, 65535));
  app.add_option("--prometheus-url", places.prometheus_url, "Of a Prometheus that is there already: start none");
  app.add_option("--otlp-url", places.otlp_url,
                 "Of an OpenTelemetry collector that takes OTLP over HTTP, as http://localhost:4318: traces go there");
  app.add_option("--examples", examples, "The folder of the example models");
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  places.examples = examples;
  signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  std::filesystem::create_directories(places.home / "keys");
  std::filesystem::permissions(places.home, std::filesystem::perms::owner_all);
  const bool first_start = !std::filesystem::exists(places.home / "data" / "modelops.db");
  Processes processes(places.home / "run");
  start_control_plane(processes, places);

  cli::Profile profile = cli::choose_profile(cli::load_profiles(places.profiles), "");
  profile.url = places.api();
  profile.gateway_url = places.gateway();
  if (first_start) {
    // The command line finds the gateway too.
    cli::Profiles profiles = cli::load_profiles(places.profiles);
    profiles.profiles[profiles.current] = profile;
    cli::save_profiles(places.profiles, profiles);
  }
  cli::Api api(profile);
  const auto session = api.get("/api/v1/session");
  const std::string organization = cli::text_member(session, "organization");
  {
    const Step step("agent, gateway");
    start_machine(processes, api, places, "agent", {"agent", "--engines", (places.cache / "engines").string()},
                  "targets", {});
    std::vector<std::string> gateway{"gateway", "--port", std::to_string(places.gateway_port)};
    if (!places.otlp_url.empty()) gateway.insert(gateway.end(), {"--otlp-url", places.otlp_url});
    start_machine(processes, api, places, "gateway", gateway, "gateways", places.gateway_socket());
    wait_for_target(api, processes);
    wait_until_ready(processes, "gateway", places.gateway() + "/healthz", places.gateway_socket());
    step.done(places.gateway());
  }
  start_prometheus(processes, api, places);
  if (first_start) {
    // One person cannot be checked by another: the organization says so openly, and each approval records it.
    const auto found = api.call(http::Method::get, "/api/v1/organization");
    const boost::json::value change = boost::json::object{{"self_approval", true}};
    http::Headers headers;
    headers.set("If-Match", found.etag);
    api.call(http::Method::patch, "/api/v1/organization", &change, headers);
  }

  const std::filesystem::path gguf = places.cache / "models" / "gemma-3-270m" / "current" / "gemma-3-270m-q4_k_m.gguf";
  const bool language_model =
      std::filesystem::exists(gguf) &&
      std::filesystem::exists(places.cache / "engines" / "llama.cpp" / "current" / "llama-server");
  ensure_model(api, {"digits",
                     (places.examples / "digits" / "digits.onnx").string(),
                     "Handwritten digits",
                     "Classifies 8x8 images of handwritten digits (UCI, CC BY 4.0). Input: 64 pixels from 0 to 16.",
                     "custom",
                     {{"framework", "onnx"}, {"task", "image-classification"}}});
  if (language_model) {
    ensure_model(api,
                 {"gemma-3-270m",
                  gguf.string(),
                  "Gemma 3 270M (Q4_K_M)",
                  "A small language model of Google, under the Gemma Terms of Use. A base model: it continues text.",
                  "chat",
                  {{"framework", "gguf"}, {"task", "text-generation"}}});
  } else {
    say("up      the language model or its engine is not installed (tools/setup engines); going on with digits");
  }
  ensure_deployment(api, "digits");
  if (language_model) ensure_deployment(api, "gemma-3-270m");
  show_digits(api, places, organization);
  if (language_model) show_chat(api, "gemma-3-270m");

  if (first_start) {
    std::ifstream log(processes.log_path("serve"));
    std::string link;
    for (std::string line; std::getline(log, line);)
      if (line.starts_with("sign in once at ")) link = line.substr(16);
    if (!link.empty()) say(fmt::format("\nsign in once (administrator, no password yet): {}", link));
  } else {
    say("\nsign in " + sign_in_command(places));
  }
  say(fmt::format(
      "\nopen    {}/modelops\nAPI     {}/docs\ntry     modelops models list\n        modelops deployments list\n"
      "        modelops inference chat gemma-3-270m \"Name three colours.\"\nstop    make down",
      places.web(), places.api()));
  if (detach) return 0;
  say("running until Ctrl-C");
  int received = 0;
  sigwait(&signals, &received);
  say("stopping");
  stop_all(processes, places, true);
  return 0;
}

int down(const std::vector<std::string>&) {
  const Places places;
  Processes processes(places.home / "run");
  stop_all(processes, places, std::filesystem::exists(places.home / "agent"));
  say("stopped");
  return 0;
}

}  // namespace modelops::apps
