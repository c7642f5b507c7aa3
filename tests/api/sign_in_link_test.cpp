#include "tests/api/control_plane_test.hpp"

namespace modelops {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class SignInLinkTest : public ControlPlaneTest {
 protected:
  apps::ServeConfig config() const {
    apps::ServeConfig out;
    out.data.folder = (folder / "data").string();
    out.data.database = database.url();
    out.web.public_url = "http://models.example";
    return out;
  }
  static std::string token_of(const std::string& link) { return link.substr(link.find("#token=") + 7); }
  static std::string refusal(const apps::ServeConfig& config) {
    try {
      apps::new_sign_in_link(config);
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::not_found) << error.message;
      return error.message;
    }
    return "";
  }
};

TEST_P(SignInLinkTest, SignsTheAdministratorInWhileTheServerRuns) {
  const std::string first = apps::new_sign_in_link(config());
  EXPECT_THAT(first, StartsWith("http://models.example/modelops/sign-in#token=mo_signin_"));
  const std::string second = apps::new_sign_in_link(config());
  cli::Api again = api(key_of(token_of(second)));
  EXPECT_EQ(again.get("/api/v1/session").at("organization"), admin().get("/api/v1/session").at("organization"));
  http::ClientRequest redeem{.method = http::Method::post, .url = url() + "/api/v1/session/link"};
  redeem.headers.set("Content-Type", "application/json");
  redeem.body = reflect::to_json(boost::json::value(boost::json::object{{"token", token_of(first)}}));
  EXPECT_EQ(client.send(redeem).status, 401);  // the newer link took its place
  const auto records =
      admin().get("/api/v1/audit/records?filter=" + http::percent_encode("action = 'member.sign_in_link'"));
  EXPECT_EQ(records.at("items").as_array().size(), 2u);
}

TEST_P(SignInLinkTest, RefusesAndMakesNothingBeforeTheFirstStart) {
  const std::string hint = "Start `modelops serve` first";
  apps::ServeConfig elsewhere = config();
  elsewhere.data.folder = (folder / "elsewhere").string();
  EXPECT_THAT(refusal(elsewhere), HasSubstr(hint));  // no keys
  if (GetParam() == db::Dialect::sqlite) {
    elsewhere.data.database.clear();
    EXPECT_THAT(refusal(elsewhere), AllOf(HasSubstr("modelops.db"), HasSubstr(hint)));
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "elsewhere"));
  EXPECT_FALSE(std::filesystem::exists(folder / "elsewhere.master.key"));

  testing::TestDatabase empty(GetParam());
  apps::ServeConfig unused = config();
  unused.data.database = empty.url();
  EXPECT_THAT(refusal(unused), AllOf(HasSubstr("The database is empty"), HasSubstr(hint)));
  const auto tables = empty->read([](db::Tx& tx) {
    return tx.value<std::int64_t>(tx.dialect() == db::Dialect::sqlite
                                      ? "SELECT count(*) FROM sqlite_master"
                                      : "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'");
  });
  EXPECT_EQ(tables, 0);
}

MODELOPS_ON_BOTH_DATABASES(SignInLinkTest);

}  // namespace
}  // namespace modelops
