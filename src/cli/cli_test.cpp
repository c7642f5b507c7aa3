#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/id.hpp"
#include "cli/api.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/profile.hpp"
#include "cli/uploads.hpp"
#include "platform/http/test_peer.hpp"
#include "reflect/json.hpp"

namespace modelops::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const boost::json::value list = reflect::parse_json_value(
    R"({"items":[{"name":"a","at":"2026-11-23T19:55:20.000001Z","tags":{"k":"v"}},{"name":"long-name","at":null}],)"
    R"("next_page_token":"x"})");
const std::vector<Column> columns = {{"NAME", "name"}, {"AT", "at"}, {"TAGS", "tags"}};

TEST(Output, TablesAlignAndTellThatThereIsMore) {
  EXPECT_EQ(render(list, Format::table, columns),
            "NAME       AT                   TAGS\n"
            "a          2026-11-23 19:55:20  k=v\n"
            "long-name  -                    -\n"
            "(more: raise --limit, or narrow with --filter)\n");
  EXPECT_EQ(render(reflect::parse_json_value(R"({"items":[]})"), Format::table, columns), "(none)\n");
}

TEST(Output, JsonAndYamlKeepEverything) {
  EXPECT_EQ(reflect::parse_json_value(render(list, Format::json, columns)), list);
  EXPECT_THAT(render(list, Format::yaml, columns), HasSubstr("\"name\": \"long-name\""));
}

TEST(Output, IdsAreForTheNextCommand) {
  const auto two = reflect::parse_json_value(R"({"items":[{"id":"a","name":"x"},{"id":"b"}]})");
  EXPECT_EQ(render(two, Format::id, columns), "a\nb\n");
  EXPECT_EQ(render(two.at("items").at(0), Format::id, columns), "a\n");
  EXPECT_EQ(render(reflect::parse_json_value(R"({"items":[]})"), Format::id, columns), "");
}

TEST(Output, TextOfTheServerCannotMoveTheCursor) {
  const boost::json::value hostile = boost::json::object{{"name", "a\x1b[2Jb\nc"}};
  EXPECT_THAT(render(hostile, Format::table, {}), ::testing::AllOf(Not(HasSubstr("\x1b")), HasSubstr("\\x1b")));
  EXPECT_EQ(printable("\xff"), "(not UTF-8)");
}

TEST(Output, NumbersReadWellInTables) {
  const auto value = boost::json::value{{"items", {{{"a", 0.14750001}, {"b", 4325.5}, {"c", 1.75}, {"d", 12345678}}}}};
  const std::string table = render(value, Format::table, {{"A", "a"}, {"B", "b"}, {"C", "c"}, {"D", "d"}});
  EXPECT_THAT(table, HasSubstr("0.148  4326  1.75  12345678"));
  EXPECT_THAT(render(value, Format::json, {}), HasSubstr("1.4750001E-1"));
}

TEST(Output, BytesReadWell) {
  EXPECT_EQ(human_bytes(812), "812 B");
  EXPECT_EQ(human_bytes(253'113'024), "253.1 MB");
}

TEST(Profile, IsKeptForItsOwnerOnly) {
  const auto folder = std::filesystem::temp_directory_path() / ("modelops-cli-" + new_uuid7());
  const auto path = folder / "sub" / "profiles.json";
  EXPECT_TRUE(load_profiles(path).profiles.empty());
  Profiles profiles;
  profiles.profiles["default"].token = "mo_api_x";
  save_profiles(path, profiles);
  EXPECT_EQ(load_profiles(path).profiles.at("default").token, "mo_api_x");
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  try {
    load_profiles(path);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.message, HasSubstr("chmod 600"));
  }
  EXPECT_THROW(choose_profile(profiles, "absent"), Error);
  std::filesystem::remove_all(folder);
}

/// All has arrived, and the server takes longer to look at it than the command line would wait for a lost one.
TEST(Upload, WaitsForAServerThatWorksOnIt) {
  const auto folder = std::filesystem::temp_directory_path() / ("modelops-cli-" + new_uuid7());
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "model.bin") << "12345";
  int asked = 0;
  http::Routes handler;
  const std::string address = "/api/v1/uploads/tus/trf_1";
  handler.routes["/api/v1/uploads"] = [](http::Request&) { return http::text(R"({"id": "upl_1"})", 201); };
  handler.routes["/api/v1/uploads/tus"] = [&](http::Request&) {
    http::Response response = http::text("", 201);
    response.headers.add("Location", address);
    return response;
  };
  handler.routes[address] = [&](http::Request& request) {
    if (request.method == http::Method::patch || ++asked < 3) return http::text("{}", 423);
    http::Response response = http::text("");
    response.headers.add("Upload-Offset", "5");
    return response;
  };
  events::Topics topics;
  http::Server server({}, handler, topics);
  Api api(Profile{.url = fmt::format("http://127.0.0.1:{}", server.port()), .token = "t"});
  EXPECT_EQ(upload_files(api, {(folder / "model.bin").string()},
                         {.memory = folder / "memory", .patience = std::chrono::seconds(0)}),
            "upl_1");
  EXPECT_EQ(asked, 3);
  std::filesystem::remove_all(folder);
}

TEST(Errors, SayWhatTheServerSaid) {
  http::Response refused{422, {}, R"({"detail":"No.","violations":[{"pointer":"/name","message":"is required"}]})"};
  const Error error = error_of(refused);
  EXPECT_EQ(error.message, "No.");
  EXPECT_EQ(error.violations, (std::vector<Violation>{{"/name", "is required"}}));
  EXPECT_EQ(error_of({503, {}, R"({"error":{"message":"no replica is ready"}})"}).message, "no replica is ready");
  EXPECT_THAT(error_of({502, {}, "<html>"}).message, HasSubstr("502"));
}

TEST(Commands, AreUniqueAndWellFormed) {
  std::set<std::string> seen;
  for (const Command& command : commands()) {
    EXPECT_TRUE(seen.insert(std::string(command.noun) + " " + std::string(command.verb)).second)
        << command.noun << command.verb;
    EXPECT_THAT(std::string(command.path), ::testing::StartsWith("/api/v1/"));
    for (const Flag& flag : command.flags) EXPECT_THAT(std::string(flag.name), ::testing::StartsWith("--"));
  }
}

}  // namespace
}  // namespace modelops::cli
