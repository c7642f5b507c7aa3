#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>

#include "apps/control_plane.hpp"
#include "apps/up.hpp"
#include "audit/verify.hpp"
#include "cli/main.hpp"
#include "dataplane/agent/agent.hpp"
#include "dataplane/proxy/main.hpp"
#include "dataplane/runtime/main.hpp"
#include "reflect/json.hpp"

extern char** environ;  // NOLINT: POSIX

namespace modelops::apps {
namespace {

/// Blocks the signals that end a server, so that one thread can wait for them.
sigset_t block_end_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

bool asks_for_help(const std::vector<std::string>& arguments) {
  return !arguments.empty() && (arguments[0] == "--help" || arguments[0] == "-h");
}

int serve(const std::vector<std::string>& arguments) {
  if (asks_for_help(arguments)) {
    fmt::print("modelops serve [--config FILE] [--section.field=value …]\n\n{}", config::reference<ServeConfig>());
    return 0;
  }
  const sigset_t signals = block_end_signals();
  ControlPlane plane(config::load<ServeConfig>(config::Sources::of_process(arguments, environ)));
  fmt::print("the API listens on port {}\n", plane.port());
  if (plane.web_port() != 0) fmt::print("the web app listens on port {}\n", plane.web_port());
  if (const auto link = plane.first_sign_in_link()) fmt::print("sign in once at {}\n", *link);
  std::fflush(stdout);
  int received = 0;
  sigwait(&signals, &received);
  plane.drain();
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
    if (command == "gateway") return modelops::proxy::run_gateway(argc - 1, argv + 1);
    if (command == "runtime") return modelops::runtime::run_runtime(argc - 1, argv + 1);
    return modelops::apps::run({argv + 1, argv + argc});
  } catch (const modelops::Error& error) {
    fmt::print(stderr, "error: {}\n", error.message);
    for (const modelops::Violation& violation : error.violations)
      fmt::print(stderr, "  {}: {}\n", violation.pointer, violation.message);
    if (!error.detail.empty()) fmt::print(stderr, "  ({})\n", error.detail);
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
  }
  return 1;
}
