#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <thread>

#include "apps/backup.hpp"
#include "apps/doctor.hpp"
#include "apps/rotation.hpp"
#include "apps/up.hpp"
#include "audit/verify.hpp"
#include "cli/main.hpp"
#include "cli/output.hpp"
#include "cli/profile.hpp"
#include "dataplane/agent/agent.hpp"
#include "dataplane/loadgen/main.hpp"
#include "dataplane/proxy/main.hpp"
#include "dataplane/runtime/main.hpp"
#include "reflect/json.hpp"

extern char** environ;  // NOLINT: POSIX

namespace modelops::apps {
namespace {

/// Blocks the signals that are for a server, so that one thread can wait for them.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

bool asks_for_help(const std::vector<std::string>& arguments) {
  return !arguments.empty() && (arguments[0] == "--help" || arguments[0] == "-h");
}

void stop_before_migration(http::Predecessor& predecessor) {
  predecessor.say(http::Farewell::stop);
  if (!predecessor.await_end(std::chrono::minutes(2)))
    fail(ErrorCode::conflict, "The ModelOps that runs on this folder does not end: stop it, then start this one.");
}

int serve(const std::vector<std::string>& arguments) {
  if (asks_for_help(arguments)) {
    fmt::print("modelops serve [--config FILE] [--section.field=value …]\n\n{}", config::reference<ServeConfig>());
    return 0;
  }
  const sigset_t signals = block_signals();
  const auto config = config::load<ServeConfig>(config::Sources::of_process(arguments, environ));
  http::Listeners given = http::Listeners::of_process();
  std::optional<http::Predecessor> predecessor = http::Predecessor::find(hand_over_path(config));
  if (predecessor) given = predecessor->take_listeners();
  std::optional<http::HandOver> next;  // outlives the control plane: its end is the end of all
  // Old code must not meet a new schema. Meanwhile clients wait in the queue of the listening sockets.
  ControlPlane plane(config, std::move(given), [&] {
    if (predecessor) stop_before_migration(*predecessor);
  });
  next.emplace(hand_over_path(config), plane.listeners(), [] { ::kill(::getpid(), SIGTERM); });
  fmt::print("the API listens on port {}\n", plane.port());
  if (plane.web_port() != 0) fmt::print("the web app listens on port {}\n", plane.web_port());
  if (const auto link = plane.first_sign_in_link()) fmt::print("sign in once at {}\n", *link);
  std::fflush(stdout);
  std::jthread watch;
  if (predecessor) {
    predecessor->say(http::Farewell::finish);
    watch = std::jthread([&](const std::stop_token& stop) {
      // What it still does on SQLite, this process is not told.
      while (!stop.stop_requested() && !predecessor->await_end(std::chrono::seconds(1))) plane.look_for_news();
      plane.look_for_news();
    });
  }
  int received = 0;
  while (sigwait(&signals, &received) == 0 && received == SIGHUP) plane.reload();
  watch = {};
  const auto farewell = next->farewell();
  if (!farewell) next.reset();
  // While this one finishes at leisure the next signal ends it, as when the next process has ended.
  if (farewell) pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  plane.drain(farewell.value_or(http::Farewell::stop));
  return 0;
}

int sign_in_link(const std::vector<std::string>& arguments) {
  if (asks_for_help(arguments)) {
    fmt::print(
        "modelops sign-in-link [--config FILE] [--section.field=value …]\n\n"
        "Prints a new one-time link for the administrator of the installation, for whoever can read its database\n"
        "and keys; the one before it stops working. The server may be running. Settings as for `modelops serve`:\n"
        "data.folder, data.database, data.key_file and web.public_url matter here.\n");
    return 0;
  }
  fmt::print("{}\n", new_sign_in_link(config::load<ServeConfig>(config::Sources::of_process(arguments, environ))));
  return 0;
}

/// Takes "--name VALUE" out of the arguments: the rest are settings.
std::optional<std::string> take_option(std::vector<std::string>& arguments, std::string_view name) {
  const auto at = std::ranges::find(arguments, name);
  if (at == arguments.end()) return std::nullopt;
  if (at + 1 == arguments.end()) fail(ErrorCode::invalid, fmt::format("{} needs a value.", name));
  std::string value = *(at + 1);
  arguments.erase(at, at + 2);
  return value;
}

bool take_flag(std::vector<std::string>& arguments, std::string_view name) { return std::erase(arguments, name) != 0; }

ServeConfig config_of(const std::vector<std::string>& arguments) {
  return config::load<ServeConfig>(config::Sources::of_process(arguments, environ));
}

ProgressOf progress_line(cli::Progress& line) {
  return [&line](const std::string& what, double fraction) { line.update(fraction, what); };
}

void print_backup(const Backup& backup, const std::string& what) {
  fmt::print("{} {}: {} database at schema version {}, {} artifacts, {}\n", what, backup.folder.string(),
             backup.manifest.database, backup.manifest.schema_version, backup.manifest.artifacts,
             cli::human_bytes(static_cast<std::uint64_t>(backup.manifest.artifact_bytes)));
}

int backup(std::vector<std::string> arguments) {
  const auto to = take_option(arguments, "--to");
  const auto keep = take_option(arguments, "--keep");
  if (!to || asks_for_help(arguments)) {
    fmt::print(
        "modelops backup --to FOLDER [--keep N] [--config FILE] [--section.field=value …]\n\n"
        "Copies database and artifacts while the server runs, each file checked against its digest. Backups in one\n"
        "folder share their artifacts; --keep N removes all but the N newest. The master keys are not in it: keep\n"
        "that file (data.key_file) somewhere else. Settings as for `modelops serve`.\n");
    return to ? 0 : 2;
  }
  const auto count = parse_int(keep.value_or("0"));
  if (!count || *count < 0 || *count > 10'000) fail(ErrorCode::invalid, "--keep takes a number from 0 to 10000.");
  cli::Progress line("backup");
  const Backup made = make_backup(config_of(arguments), *to, static_cast<int>(*count), progress_line(line));
  line.finish(fmt::format("{} new", cli::human_bytes(static_cast<std::uint64_t>(made.bytes_copied))));
  print_backup(made, "made");
  return 0;
}

int restore(std::vector<std::string> arguments) {
  const auto from = take_option(arguments, "--from");
  const bool verify_only = take_flag(arguments, "--verify-only");
  if (!from || asks_for_help(arguments)) {
    fmt::print(
        "modelops restore --from FOLDER [--verify-only] [--config FILE] [--section.field=value …]\n\n"
        "Makes an installation from a backup, or from the newest of a folder of backups. There must be no database\n"
        "where the settings say, and the file of master keys must be there already. --verify-only reads the backup\n"
        "and compares every file with its digest. Settings as for `modelops serve`.\n");
    return from ? 0 : 2;
  }
  cli::Progress line("restore");
  const ServeConfig config = config_of(arguments);
  const Backup found =
      verify_only ? verify_backup(*from, progress_line(line)) : restore_backup(config, *from, progress_line(line));
  line.finish("complete");
  print_backup(found, verify_only ? "intact" : "restored");
  if (!verify_only) fmt::print("start it with `modelops serve` and the same settings\n");
  return 0;
}

int doctor(std::vector<std::string> arguments) {
  if (asks_for_help(arguments)) {
    fmt::print(
        "modelops doctor [--read-artifacts] [--json] [--config FILE] [--section.field=value …]\n\n"
        "Says what is wrong with an installation and how to mend it, whether it runs or not. Changes nothing.\n"
        "--read-artifacts compares every artifact with its digest. Ends with 1 when a check failed.\n");
    return 0;
  }
  const bool read_artifacts = take_flag(arguments, "--read-artifacts");
  const bool json = take_flag(arguments, "--json");
  const Diagnosis diagnosis = diagnose(config_of(arguments), read_artifacts);
  if (json) {
    fmt::print("{}\n", reflect::to_json(diagnosis));
  } else {
    for (const Check& check : diagnosis.checks) {
      fmt::print("{:<8} {:<16} {}\n", reflect::enum_name(check.state), check.name, check.finding);
      if (!check.remedy.empty()) fmt::print("{:>26}{}\n", "-> ", check.remedy);
    }
  }
  return diagnosis.state == CheckState::failed ? 1 : 0;
}

int rotate_master_key(const std::vector<std::string>& arguments) {
  if (asks_for_help(arguments)) {
    fmt::print(
        "modelops rotate-master-key [--config FILE] [--section.field=value …]\n\n"
        "Adds a master key to the file of keys and seals everything with it; the server may run. Copy the file to\n"
        "where you keep it: backups made from now on need the new key, those made before the old ones.\n");
    return 0;
  }
  const Rotation rotation = apps::rotate_master_key(config_of(arguments));
  fmt::print("active key {}, {} data keys sealed with it\n", rotation.key_id, rotation.rewrapped);
  return 0;
}

int verify_audit(const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments[0].starts_with("-")) {
    fmt::print(
        "modelops audit verify FILE [--trust KEY_ID=PUBLIC_KEY …]\n\n"
        "Checks an export of the audit log (GET /api/v1/audit/export) without a server: every leaf, every\n"
        "signed head, and that nothing was changed, left out, reordered or cut off. --trust names keys that\n"
        "you have from elsewhere; without it the export's own are believed.\n");
    return arguments.empty() ? 2 : 0;
  }
  std::ifstream file(arguments[0], std::ios::binary);
  if (!file) fail(ErrorCode::invalid, fmt::format("{} cannot be read.", arguments[0]));
  audit::VerifyOptions options;
  for (std::size_t i = 1; i + 1 < arguments.size(); i += 2) {
    const std::size_t equals = arguments[i + 1].find('=');
    if (arguments[i] != "--trust" || equals == std::string::npos)
      fail(ErrorCode::invalid, "Use --trust KEY_ID=PUBLIC_KEY.");
    options.trusted_keys[arguments[i + 1].substr(0, equals)] = arguments[i + 1].substr(equals + 1);
  }
  const audit::VerifyReport report = audit::verify_export(file, options);
  fmt::print("{}: {} records of {}, {} payloads and {} personal parts erased, {} signed heads\n",
             report.ok ? "intact" : "NOT INTACT", report.records, report.organisation, report.payloads_erased,
             report.personal_erased, report.heads);
  fmt::print("root hash {}\n", report.root_hash);
  if (report.keys_from_export) fmt::print("the keys are the export's own; give --trust for those you know\n");
  for (const audit::VerifyProblem& problem : report.problems)
    fmt::print("line {}{}: {}\n", problem.line, problem.record_id.empty() ? "" : ", record " + problem.record_id,
               problem.message);
  return report.ok ? 0 : 1;
}

loadgen::Profile profile_for_bench(const std::string& name) {
  const cli::Profile profile = cli::choose_profile(cli::load_profiles(cli::profiles_path()), name);
  return {profile.url, profile.gateway_url, profile.token};
}

int run(const std::vector<std::string>& arguments) {
  const std::string command = arguments.empty() ? "" : arguments[0];
  const std::vector<std::string> rest(arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end());
  if (command == "serve") return serve(rest);
  if (command == "up") return up(rest);
  if (command == "down") return down(rest);
  if (command == "openapi") {
    fmt::print("{}\n", openapi_document());
    return 0;
  }
  if (command == "backup") return backup(rest);
  if (command == "restore") return restore(rest);
  if (command == "doctor") return doctor(rest);
  if (command == "rotate-master-key") return rotate_master_key(rest);
  if (command == "sign-in-link") return sign_in_link(rest);
  if (command == "audit" && !rest.empty() && rest[0] == "verify") return verify_audit({rest.begin() + 1, rest.end()});
  return cli::run_command_line(arguments);
}

}  // namespace
}  // namespace modelops::apps

int main(int argc, char** argv) {
  try {
    const std::string_view command = argc > 1 ? argv[1] : "";
    if (command == "agent") return modelops::agent::run_agent(argc - 1, argv + 1);
    if (command == "bench") return modelops::loadgen::run_bench(argc - 1, argv + 1, modelops::apps::profile_for_bench);
    if (command == "gateway") return modelops::proxy::run_gateway(argc - 1, argv + 1);
    if (command == "runtime") return modelops::runtime::run_runtime(argc - 1, argv + 1);
    return modelops::apps::run({argv + 1, argv + argc});
  } catch (const modelops::Error& error) {
    fmt::print(stderr, "error: {}\n", error.message);
    for (const modelops::Violation& violation : error.violations)
      if (error.message.find(violation.message) == std::string::npos)
        fmt::print(stderr, "  {}: {}\n", violation.pointer, violation.message);
    if (!error.detail.empty()) fmt::print(stderr, "  ({})\n", error.detail);
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
  }
  return 1;
}
