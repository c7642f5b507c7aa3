#include <signal.h>

#include <CLI/CLI.hpp>

#include "base/error.hpp"
#include "base/log.hpp"
#include "dataplane/agent/agent.hpp"

namespace modelops::agent {

int run_agent(int argc, char** argv) {
  AgentOptions options;
  CLI::App app("Runs inference engines on this machine as the control plane wants. Dials out only.", "modelops agent");
  app.add_option("--server", options.server, "URL of the control plane")->envname("MODELOPS_SERVER");
  app.add_option(
         "--token", options.token,
         "One-use enrollment token; a new one enrolls anew. Better in the environment, where others cannot see it")
      ->envname("MODELOPS_ENROLLMENT_TOKEN");
  app.add_option("--state", options.state, "Folder for keys, model files and logs")
      ->envname("MODELOPS_AGENT_STATE")
      ->required();
  app.add_option("--engines", options.engines, "Folder with the installed engines")->envname("MODELOPS_ENGINES");
  app.add_option("--name", options.name, "Shown to people instead of the host name");
  app.add_option("--address", options.address, "IPv4 address of this machine on which engines listen, for gateways")
      ->capture_default_str();
  app.add_option("--memory-reserve", options.memory_reserve_bytes, "Memory that engines may not count on (512MB, 2GB)")
      ->transform(CLI::AsSizeValue(false));
  app.add_flag("--stop-engines-on-exit", options.stop_engines_on_exit, "End the engines too when the agent is ended");
  CLI::App* stop = app.add_subcommand("stop-engines", "End all engines of a state folder whose agent has ended");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  const SystemClock clock;
  // Before any thread starts, so that all of them leave the signals to this one.
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT}) ::sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  try {
    options.state = std::filesystem::absolute(options.state);
    if (!options.engines.empty()) options.engines = std::filesystem::absolute(options.engines);
    if (stop->parsed()) {
      stop_engines(options.state, clock);
      return 0;
    }
    std::mutex mutex;
    std::string refusal;
    const Agent agent(options, clock, [&](std::string message) {
      std::lock_guard lock(mutex);
      refusal = std::move(message);
      ::kill(::getpid(), SIGTERM);
    });
    Log().info("agent runs", {{"state", options.state.string()}, {"engines", options.engines.string()}});
    int signal = 0;
    ::sigwait(&signals, &signal);
    std::lock_guard lock(mutex);
    if (refusal.empty()) return 0;
    fmt::print(stderr, "modelops agent: {} Its engines run on; 'modelops agent --state {} stop-engines' ends them.\n",
               refusal, options.state.string());
    return 1;
  } catch (const Error& error) {
    Log().error("agent cannot run", {{"reason", describe_exception(error)}});
    fmt::print(stderr, "modelops agent: {}\n", error.message);
    return 1;
  }
}

}  // namespace modelops::agent
