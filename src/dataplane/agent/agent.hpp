#pragma once
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/time.hpp"

namespace modelops::agent {

struct AgentOptions {
  std::string server;                                ///< URL
  std::string token;                                 ///< of enrolment; not needed once enrolled
  std::filesystem::path state;                       ///< keys, model files, logs and records of engines
  std::filesystem::path engines;                     ///< see inventory.hpp
  std::filesystem::path program = "/proc/self/exe";  ///< what {modelops} stands for
  std::string name;                                  ///< shown to people; empty: the host name
  std::string address = "127.0.0.1";                 ///< where engines listen
  std::int64_t memory_reserve_bytes = 0;
  bool stop_engines_on_exit = false;

  std::chrono::milliseconds report_interval{10'000};
  std::chrono::milliseconds scrape_interval{5'000};  ///< of each engine's metrics
  std::chrono::milliseconds restart_delay_first{1'000};
  std::chrono::milliseconds stable_after{60'000};
};

/// Runs engines beside it as its server wants, from `start` to destruction. Engines outlive it.
class Agent {
 public:
  /// Takes over `state` and the engines that run there. Throws Error(conflict) when another agent has it.
  /// `finished` is called once, from another thread, when the server wants nothing more to do with this machine: the
  /// message says why.
  Agent(AgentOptions options, const Clock& clock, std::function<void(std::string message)> finished);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Ends every engine of a state folder, each within its grace. Throws Error(conflict) while an agent runs there.
void stop_engines(const std::filesystem::path& state, const Clock& clock);

/// `modelops agent …`; returns the exit code.
int run_agent(int argc, char** argv);

}  // namespace modelops::agent
