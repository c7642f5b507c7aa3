// What people and their programs may ask.
#include "deployments/fixture_test.hpp"

namespace modelops::deployments {
namespace {

using fixture::FakeAgent;
using targets::ReplicaState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using enum DeploymentState;

class DeploymentsTest : public fixture::DeploymentsFixture {};

TEST_P(DeploymentsTest, EventsAreKeptWithinBounds) {
  const Deployment made = service.create(admin, request());
  service.create(admin, request("second"));
  const auto kept = [&](const DeploymentId& id) {
    return database->read([&](db::Tx& tx) {
      return tx.values<std::string>("SELECT message FROM deployment_events WHERE deployment_id = ? ORDER BY id", id);
    });
  };
  const auto keep_within_retention = [&] {
    jobs::LeaseKeeper keeper(*database);
    EventRetention(*database, clock).reconcile(keeper.try_hold("reconciler/deployments.retention")->fence());
  };
  database->write([&](db::Tx& tx) {
    const auto row = store::find_deployment(tx, admin.org_id, made.id.str()).value();
    for (int i = 0; i < events_per_deployment_max + 1'200; ++i) controller.note(tx, admin, row, "tested", "");
    controller.note(tx, admin, row, "tested", "the newest");
  });
  const std::size_t of_second = kept(service.get(admin, ref("second")).id).size();
  keep_within_retention();
  EXPECT_THAT(kept(made.id), SizeIs(events_per_deployment_max));
  EXPECT_EQ(kept(made.id).back(), "the newest");
  EXPECT_THAT(kept(service.get(admin, ref("second")).id), SizeIs(of_second));

  service.remove(admin, ref());
  settle();
  EXPECT_EQ(code_of([&] { get(); }), ErrorCode::not_found);
  clock.advance(events_age_max_of_deleted - std::chrono::hours(1));
  keep_within_retention();
  EXPECT_THAT(kept(made.id), SizeIs(events_per_deployment_max));
  clock.advance(std::chrono::hours(1));
  keep_within_retention();
  EXPECT_THAT(kept(made.id), SizeIs(0));
  EXPECT_THAT(kept(service.get(admin, ref("second")).id), ::testing::Not(SizeIs(0)));
}

TEST_P(DeploymentsTest, EveryPlanIsAdmittedOrChangesNothing) {
  service.create(admin, request());
  scale(2);
  service.restart(admin, ref());
  update_to_version(2);
  roll_back(1);
  service.stop(admin, ref());
  service.start(admin, ref());
  const Deployment before = get();
  admission.refuse = true;
  EXPECT_EQ(code_of([&] { scale(3); }), ErrorCode::conflict);
  EXPECT_EQ(code_of([&] { update_to_version(3); }), ErrorCode::conflict);
  EXPECT_EQ(code_of([&] { roll_back(2); }), ErrorCode::conflict);
  EXPECT_EQ(code_of([&] { service.remove(admin, ref()); }), ErrorCode::conflict);
  EXPECT_EQ(code_of([&] { service.create(admin, request("second")); }), ErrorCode::conflict);
  EXPECT_EQ(code_of([&] { get("second"); }), ErrorCode::not_found);
  EXPECT_EQ(reflect::to_json(get()), reflect::to_json(before));
  EXPECT_THAT(service.list_revisions(admin, ref()).items, SizeIs(2));
  admission.refuse = false;
  service.remove(admin, ref());
  EXPECT_THAT(admission.kinds,
              ElementsAre("create", "scale", "restart", "update", "roll_back", "stop", "start", "delete"));
  EXPECT_EQ(admission.last.version_digest, std::string(64, 'd'));
}

TEST_P(DeploymentsTest, BadRequestsNameTheFieldAndChangeNothing) {
  const auto pointer_of = [&](const CreateDeployment& bad) -> std::string {
    try {
      service.create(admin, bad);
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::unprocessable) << error.message;
      return error.violations.empty() ? "none" : error.violations.front().pointer;
    }
    return "accepted";
  };
  CreateDeployment bad = request();
  bad.model = *Reference::parse("nothing@production");
  EXPECT_EQ(pointer_of(bad), "/model");
  bad = request();
  bad.target = *Reference::parse("nowhere");
  EXPECT_EQ(pointer_of(bad), "/target");
  bad = request();
  bad.environment = *Reference::parse("moon");
  EXPECT_EQ(pointer_of(bad), "/environment");
  bad = request();
  bad.engine = Slug::parse("vllm");
  EXPECT_EQ(pointer_of(bad), "/engine");
  bad = request();
  bad.flags = {{"ctx_size", 1}};
  EXPECT_EQ(pointer_of(bad), "/flags/ctx_size");
  bad = request();
  bad.visibility = Visibility::team;
  EXPECT_EQ(pointer_of(bad), "/team_id");
  bad = request();
  bad.environment_variables = {SecretReference{*VariableName::parse("A"), {}, {}}};
  EXPECT_EQ(pointer_of(bad), "/environment_variables/0");
  bad.environment_variables = {LiteralVariable{*VariableName::parse("A"), *VariableValue::parse("")},
                               LiteralVariable{*VariableName::parse("A"), *VariableValue::parse("")}};
  EXPECT_EQ(pointer_of(bad), "/environment_variables/1/name");
  EXPECT_THAT(service.list(admin, {}).items, SizeIs(0));
  EXPECT_THAT(desired_ids(), SizeIs(0));

  service.create(admin, request());
  Context ctx = admin;
  ctx.if_match = get().row_version - 1;
  EXPECT_EQ(
      code_of([&] { service.update(ctx, {*Reference::parse("digits"), {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}); }),
      ErrorCode::precondition_failed);
  EXPECT_EQ(update({}).revision, 1) << "nothing differs";
}

TEST_P(DeploymentsTest, TwoOrganisationsSeeOnlyTheirOwnButWhatIsPublic) {
  CreateDeployment open = request("open");
  open.visibility = Visibility::public_;
  const Deployment open_one = service.create(admin, open);
  const Deployment closed = service.create(admin, request());
  CreateDeployment secret = request("mine");
  secret.visibility = Visibility::private_;
  service.create(admin, secret);

  EXPECT_THAT(service.list(other, {}).items, SizeIs(0));
  for (const std::string& reference : {std::string("digits"), closed.id.str()}) {
    EXPECT_EQ(code_of([&] { service.get(other, ref(reference)); }), ErrorCode::not_found);
    EXPECT_EQ(code_of([&] { service.remove(other, ref(reference)); }), ErrorCode::not_found);
    EXPECT_EQ(
        code_of([&] { service.read_logs(other, {*Reference::parse(reference), {}, {}, query::default_page_size()}); }),
        ErrorCode::not_found);
  }
  EXPECT_EQ(service.get(other, ref(open_one.id.str())).name, "open");
  EXPECT_EQ(code_of([&] { service.remove(other, ref(open_one.id.str())); }), ErrorCode::forbidden);
  EXPECT_EQ(code_of([&] { service.create(other, request()); }), ErrorCode::unprocessable) << "not their target";

  Context colleague = admin;
  colleague.actor.id = "usr_colleague";
  colleague.actor.permissions = {"deployments:read"};
  EXPECT_THAT(service.list(colleague, {}).items, SizeIs(2));
  EXPECT_EQ(code_of([&] { service.get(colleague, ref("mine")); }), ErrorCode::not_found);
  ListDeployments filtered;
  filtered.filter = "environment = 'development' AND model = 'digits' AND name LIKE 'DIG%'";
  EXPECT_THAT(service.list(admin, filtered).items, SizeIs(1));
}

TEST_P(DeploymentsTest, AnotherTargetsAgentChangesNothing) {
  service.create(admin, request());
  const auto ids = desired_ids();
  FakeAgent stranger;
  stranger.enrolled =
      machines.enroll({}, stranger.enrollment(target_service.create(admin, {*Slug::parse("two"), {}}).token));
  targets::ReportObserved said{{1}, 99, {{}}, {}};
  said.replicas[0].replica_id = ids[0];
  said.replicas[0].state = ReplicaState::ready;
  http::Request raw = stranger.request(http::Method::post, "/api/v1/machines/observed", clock.now());
  machines.observed({}, said, raw);
  EXPECT_EQ(get().replicas_ready, 0);
  database->read([&](db::Tx& tx) { EXPECT_THAT(controller.desired(tx, stranger.machine()), SizeIs(0)); });
}

TEST_P(DeploymentsTest, LogsAreARingThatIsReadByCursorAndFollowed) {
  service.create(admin, request());
  const std::string replica = desired_ids()[0];
  const auto follow = std::get<http::Stream>(service.follow_logs(admin, {*Reference::parse("digits"), {}, {}}));
  EXPECT_EQ(follow.poll().bytes, "");
  const std::uint64_t seen = topics.version(follow.topic);
  log(1, {{replica, clock.now(), "stdout", "one"},
          {"rep_unknown", clock.now(), "stdout", "x"},
          {replica, clock.now(), "stderr", "two"}});
  EXPECT_NE(topics.version(follow.topic), seen);
  EXPECT_THAT(follow.poll().bytes, ::testing::AllOf(HasSubstr("id: 1\n"), HasSubstr("\"two\"")));
  EXPECT_EQ(follow.poll().bytes, "");

  ReadDeploymentLogs read{*Reference::parse("digits"), jobs::Cursor::parse("1"), {}, query::default_page_size()};
  auto page = service.read_logs(admin, read);
  ASSERT_THAT(page.items, SizeIs(1));
  EXPECT_EQ(page.items[0].line, "two");
  EXPECT_EQ(page.next_after, "2");

  std::vector<targets::ReplicaLogLine> many(1000, {replica, clock.now(), "stdout", "more"});
  for (std::int64_t batch = 2; batch <= 7; ++batch) log(batch, many);
  read.after = jobs::Cursor::parse("0");
  read.page_size = query::PageSize::of<1000>();
  EXPECT_EQ(service.read_logs(admin, read).items.front().seq, 6002 - 5000 + 1);
  read.after.reset();
  EXPECT_EQ(service.read_logs(admin, read).items.back().seq, 6002);
}

TEST_P(DeploymentsTest, WhoRoutesLearnsWhatIsReady) {
  service.create(admin, request());
  EXPECT_THAT(endpoints().at(0).ready, SizeIs(0));
  EXPECT_NE(endpoints().at(0).unavailable_reason, "");
  const std::uint64_t seen = topics.version(endpoints_topic);
  settle();
  EXPECT_NE(topics.version(endpoints_topic), seen);
  ASSERT_THAT(endpoints().at(0).ready, SizeIs(1));
  EXPECT_EQ(endpoints().at(0).ready[0].address, "127.0.0.1:41234");
  EXPECT_EQ(endpoints().at(0).engine_model, "digits");
  service.stop(admin, ref());
  EXPECT_THAT(endpoints(), SizeIs(0));
  const auto uses = database->read([&](db::Tx& tx) { return service.uses(tx, admin.org_id, "mdl_1"); });
  ASSERT_THAT(uses, SizeIs(1));
  EXPECT_EQ(uses[0].version_id, "ver_1");
}

TEST_P(DeploymentsTest, EnvironmentsAreSeededAndOnesOwn) {
  std::vector<std::string> names;
  for (const auto& environment : service.list_environments(admin, {}).items) names.push_back(environment.name);
  EXPECT_THAT(names, ElementsAre("development", "staging", "production"));
  EXPECT_TRUE(service.get_environment(admin, {*Reference::parse("production")}).production);
  service.create_environment(other, {*Slug::parse("lab")});
  EXPECT_THAT(service.list_environments(other, {}).items, SizeIs(4));
  EXPECT_EQ(code_of([&] { service.get_environment(admin, {*Reference::parse("lab")}); }), ErrorCode::not_found);
  service.create(admin, request());
  EXPECT_EQ(code_of([&] { service.remove_environment(admin, {*Reference::parse("development")}); }),
            ErrorCode::conflict);
  service.remove_environment(admin, {*Reference::parse("staging")});
  EXPECT_THAT(service.list_environments(admin, {}).items, SizeIs(2));
}

TEST_P(DeploymentsTest, RoutesAndTheirDocument) {
  api::Router router(routes(service), identity_access);
  const auto document = reflect::parse_json_value(api::openapi(router.routes(), "1"), {.depth_max = 64});
  const auto& paths = document.at("paths").as_object();
  EXPECT_EQ(paths.at("/api/v1/deployments-wizard").at("post").at("x-permission"), "deployments:write");
  EXPECT_EQ(paths.at("/api/v1/deployments/{deployment}").at("delete").at("x-permission"), "deployments:delete");
  EXPECT_GT(service.engines(admin, {}).items.size(), 6u);
}

TEST_P(DeploymentsTest, FacetsCountWhatTheListShows) {
  service.create(admin, request("one"));
  CreateDeployment hidden = request("two");
  hidden.environment = *Reference::parse("production");
  hidden.visibility = Visibility::private_;
  service.create(admin, hidden);
  Context colleague = admin;
  colleague.actor.id = "usr_colleague";
  colleague.actor.permissions = {"deployments:read"};
  const auto values = [&](const Context& ctx, const std::string& field, const std::string& filter = "") {
    std::vector<std::string> out;
    for (const query::Facet& facet : service.facets(ctx, {filter}).facets)
      if (facet.field == field)
        for (const auto& value : facet.values) out.push_back(fmt::format("{} {}", value.value, value.count));
    return out;
  };
  EXPECT_EQ(service.facets(admin, {}).total, 2);
  EXPECT_THAT(values(admin, "environment"), ElementsAre("development 1", "production 1"));
  EXPECT_THAT(values(admin, "target"), ElementsAre("local 2"));
  EXPECT_THAT(values(admin, "state"), ElementsAre("pending 2"));
  EXPECT_THAT(values(admin, "engine", "environment = 'production'"), ElementsAre("onnxruntime 1"));
  EXPECT_EQ(service.facets(colleague, {}).total, 1);
  EXPECT_THAT(values(colleague, "environment"), ElementsAre("development 1"));
  EXPECT_THAT(values(colleague, "interface", "interface = 'custom'"), ElementsAre("custom 1"));
  EXPECT_EQ(service.facets(other, {}).total, 0);
  EXPECT_EQ(code_of([&] { service.create(admin, request("facets")); }), ErrorCode::unprocessable);
}

MODELOPS_ON_BOTH_DATABASES(DeploymentsTest);

}  // namespace
}  // namespace modelops::deployments
