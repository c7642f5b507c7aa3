#include "deployments/rules.hpp"

#include <gmock/gmock.h>

namespace modelops::deployments {
namespace {

using targets::MachineState;
using targets::ReplicaState;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

/// "+r" current and ready, "-r" of an older revision, "xr" retired; then p pending, f fetching, s starting, r ready,
/// u unhealthy, o stopping, e ended, F failed; "!" was ready before.
std::vector<ReplicaView> replicas(std::string_view text) {
  std::vector<ReplicaView> out;
  while (!text.empty()) {
    ReplicaView made;
    made.id = std::to_string(out.size() + 1);
    made.current = text[0] != '-';
    made.retired = text[0] == 'x';
    constexpr std::string_view letters = "pfsruoeF";
    made.state = static_cast<ReplicaState>(letters.find(text[1]));
    made.was_ready = made.state == ReplicaState::ready;
    text.remove_prefix(2);
    if (text.starts_with('!')) made.was_ready = true, text.remove_prefix(1);
    if (text.starts_with(' ')) text.remove_prefix(1);
    if (made.state == ReplicaState::failed) made.reason = "engine_exited", made.message = "The engine ended: boom";
    out.push_back(made);
  }
  return out;
}

Situation wanting(std::int64_t count) {
  Situation out;
  out.replicas = count;
  out.revision = 2;
  return out;
}

struct StepCase {
  std::int64_t wanted;
  std::string_view replicas;
  std::int64_t create;
  std::vector<std::string> retire;
};

TEST(Rules, StepsReplaceOneByOneAndNeverStopWhatIsNeeded) {
  const StepCase cases[] = {
      {1, "", 1, {}},
      {3, "", 3, {}},
      {3, "+r", 2, {}},
      {1, "+p", 0, {}},
      {1, "+F", 0, {}},  // the agent has tried often enough
      {1, "-r", 1, {}},  // surge
      {1, "-r +s", 0, {}},
      {1, "-r +r", 0, {"1"}},
      {1, "-r +F", 0, {}},  // the old one serves on
      {1, "-F", 1, {"1"}},  // nothing to lose
      {1, "xr +r", 0, {}},
      {1, "xr", 1, {}},
      {2, "-r -r", 1, {}},
      {2, "-r -r +s", 0, {}},
      {2, "-r -r +r", 0, {"1"}},
      {2, "xr -r +r", 0, {}},  // what is being stopped takes room
      {2, "-r +r", 1, {}},
      {2, "-r +r +s", 0, {}},
      {2, "-r +r +r", 0, {"1"}},
      {2, "-u -r", 1, {"1"}},
      {1, "+r +r +r", 0, {"3", "2"}},  // scaling down: the newest first
      {1, "+s +r", 0, {"1"}},          // but rather one that is not ready
      {1, "xr xr xr", 0, {}},
  };
  for (const StepCase& c : cases) {
    const Steps steps = next_steps(wanting(c.wanted), replicas(c.replicas));
    EXPECT_EQ(steps.create, c.create) << c.wanted << " of " << c.replicas;
    EXPECT_EQ(steps.retire, c.retire) << c.wanted << " of " << c.replicas;
  }
}

TEST(Rules, WhatHasDrainedIsStoppedWhateverIsWanted) {
  for (const Intent intent : {Intent::run, Intent::stop, Intent::delete_}) {
    Situation situation = wanting(1);
    situation.intent = intent;
    auto some = replicas("+r xr xr");
    some[1].drained = true;
    EXPECT_THAT(next_steps(situation, some).stop, ElementsAre("2"));
  }
}

TEST(Rules, AFixedPortIsFreedFirst) {
  Situation situation = wanting(1);
  situation.one_at_a_time = true;
  EXPECT_THAT(next_steps(situation, replicas("-r")).retire, ElementsAre("1"));
  EXPECT_EQ(next_steps(situation, replicas("-r")).create, 0);
  EXPECT_TRUE(next_steps(situation, replicas("xr")).none());
  EXPECT_EQ(next_steps(situation, replicas("")).create, 1);
}

TEST(Rules, StoppingAndDeletingRetireEverything) {
  for (const Intent intent : {Intent::stop, Intent::delete_}) {
    Situation situation = wanting(2);
    situation.intent = intent;
    EXPECT_THAT(next_steps(situation, replicas("+r -r xr")).retire, ElementsAre("1", "2"));
    EXPECT_EQ(next_steps(situation, replicas("")).create, 0);
  }
}

TEST(Rules, StepsAlwaysEndInWhatIsWanted) {
  // Whatever is there: an agent that does what it is told ends with the wanted replicas, and no more than one beyond
  // the larger of both counts ever runs.
  constexpr std::string_view letters = "pfsruoeF";
  std::uint32_t seed = 7;
  const auto dice = [&](std::uint32_t end) { return (seed = seed * 1664525 + 1013904223) / 65536 % end; };
  for (int round = 0; round < 3000; ++round) {
    const auto wanted = static_cast<std::int64_t>(1 + dice(4));
    std::string text;
    const auto count = dice(6);
    for (std::uint32_t i = 0; i < count; ++i) {
      text += "+-x"[dice(3)];
      text += letters[dice(7)];  // none that failed for good
      text += ' ';
    }
    auto now = replicas(text);
    const auto most = std::max<std::size_t>(static_cast<std::size_t>(wanted), now.size()) + 1;
    for (int step = 0; step < 50; ++step) {
      const Steps steps = next_steps(wanting(wanted), now);
      for (auto& replica : now)
        replica.retired = replica.retired || std::ranges::find(steps.retire, replica.id) != steps.retire.end();
      for (std::int64_t i = 0; i < steps.create; ++i) {
        ReplicaView made;
        made.id = fmt::format("new{}.{}", step, i);
        now.push_back(made);
      }
      ASSERT_LE(now.size(), most) << text;
      std::erase_if(now, [](const auto& replica) { return replica.retired; });
      for (auto& replica : now) replica.state = ReplicaState::ready;
    }
    ASSERT_EQ(static_cast<std::int64_t>(now.size()), wanted) << text;
    ASSERT_TRUE(std::ranges::all_of(now, [](const auto& replica) { return replica.current; })) << text;
  }
}

struct StateCase {
  std::string_view replicas;
  std::int64_t wanted;
  DeploymentState state;
  std::string_view reason;
  DeploymentState before = DeploymentState::pending;
};

TEST(Rules, StatesSayWhatIsWrong) {
  using enum DeploymentState;
  const StateCase cases[] = {
      {"", 1, pending, "waiting_for_agent"},
      {"+p", 1, pending, "waiting_for_agent"},
      {"+f", 1, provisioning, "replicas_starting"},
      {"+s", 1, provisioning, "replicas_starting"},
      {"+r", 1, healthy, ""},
      {"+r +s", 2, provisioning, "replicas_starting"},
      {"+r +s", 2, healthy, "replicas_starting", healthy},  // scaled up
      {"+r +u!", 2, degraded, "replica_unhealthy"},
      {"+r +F", 2, degraded, "engine_exited"},
      {"+u!", 1, degraded, "no_replica_ready"},
      {"+s!", 1, degraded, "no_replica_ready"},  // it runs again after a crash
      {"+F", 1, failed, "engine_exited"},
      {"+F +F", 2, failed, "engine_exited"},
      {"+F +s", 2, provisioning, "engine_exited"},
      {"-r +s", 1, healthy, "rolling_out"},
      {"-r +F", 1, degraded, "engine_exited"},
      {"-r +r", 1, healthy, ""},
      {"xr +s", 1, provisioning, "replicas_starting"},
  };
  for (const StateCase& c : cases) {
    Situation situation = wanting(c.wanted);
    situation.before = c.before;
    const Assessment found = assess(situation, replicas(c.replicas));
    EXPECT_EQ(reflect::enum_name(found.state), reflect::enum_name(c.state)) << c.replicas;
    EXPECT_EQ(found.reason ? found.reason->code : "", c.reason) << c.replicas;
  }
}

TEST(Rules, ATargetThatDoesNotAnswerIsTheReason) {
  Situation situation = wanting(1);
  situation.target = MachineState::offline;
  EXPECT_EQ(assess(situation, replicas("+r")).state, DeploymentState::degraded);
  EXPECT_EQ(assess(situation, replicas("+r")).reason->code, "target_offline");
  EXPECT_EQ(assess(situation, replicas("+s")).state, DeploymentState::pending);
  situation.target = MachineState::pending;
  EXPECT_EQ(assess(situation, replicas("+p")).reason->code, "target_not_enrolled");
  situation.target = MachineState::revoked;
  situation.intent = Intent::delete_;
  EXPECT_EQ(assess(situation, replicas("xr")).state, DeploymentState::deleting);
  EXPECT_EQ(assess(situation, replicas("xr")).reason->code, "target_revoked");
  situation.intent = Intent::stop;
  EXPECT_EQ(assess(situation, replicas("")), (Assessment{DeploymentState::stopped, {}, 0}));
}

TEST(Rules, AFailureTellsTheEnginesLastWordsAndWhatToDo) {
  const Assessment found = assess(wanting(1), replicas("-r +F"));
  EXPECT_THAT(found.reason->message, StartsWith("The engine ended: boom. Read the logs;"));
  EXPECT_THAT(found.reason->message, ::testing::HasSubstr("roll back"));
  for (const char* reason : {"port_taken", "artifact_mismatch", "startup_timeout", "out_of_memory", "never heard of"})
    EXPECT_FALSE(advice(reason).empty());
}

}  // namespace
}  // namespace modelops::deployments
