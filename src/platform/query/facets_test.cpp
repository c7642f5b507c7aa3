#include "platform/query/facets.hpp"

#include <gmock/gmock.h>

#include "base/text.hpp"
#include "platform/query/filter.hpp"
#include "platform/query/sample_test.hpp"

namespace modelops::query {
namespace {

using sample::Thing;
using sample::things;

constexpr std::string_view fields[] = {"mood", "note", "name"};

class FacetsTest : public ::testing::TestWithParam<db::Dialect> {
 protected:
  FacetsTest() {
    database->migrate(sample::migrations);
    sample::Dice dice(7);
    database->write([&](db::Tx& tx) {
      for (int i = 0; i < 500; ++i) {
        all.push_back(sample::random_thing(dice, i % 5 == 0 ? "org_2" : "org_1", i));
        all.back().folded_name = to_lower_ascii(all.back().name);
        tx.insert("things", all.back());
      }
    });
  }
  Facets counted(const std::string& filter) {
    const SqlFragment condition = filter_sql(things(), parse_filter(things(), filter), "org_1");
    std::vector<reflect::SqlValue> args{std::string("org_1")};
    args.insert(args.end(), condition.args.begin(), condition.args.end());
    return database->read([&](db::Tx& tx) {
      return facets_of(
          fields,
          tx.all_with<FacetRow>(facet_sql(things(), fields, "things m WHERE m.org_id = ? AND " + condition.sql), args));
    });
  }
  /// By hand.
  template <class Matches>
  std::map<std::string, std::map<std::string, std::int64_t>> expected(Matches matches) {
    std::map<std::string, std::map<std::string, std::int64_t>> out;
    for (const Thing& thing : all) {
      if (thing.org_id != "org_1" || !matches(thing)) continue;
      ++out["mood"][std::string(reflect::enum_name(thing.mood))];
      ++out["name"][thing.name];
      if (thing.note) ++out["note"][*thing.note];
    }
    return out;
  }

  modelops::testing::TestDatabase database{GetParam()};
  std::vector<Thing> all;
};

TEST_P(FacetsTest, CountsWhatTheFilterLeaves) {
  const auto check = [&](const std::string& filter, auto matches) {
    const Facets found = counted(filter);
    const auto wanted = expected(matches);
    std::int64_t total = 0;
    for (const auto& [mood, count] : wanted.at("mood")) total += count;
    EXPECT_EQ(found.total, total) << filter;
    ASSERT_EQ(found.facets.size(), std::size(fields));
    for (const Facet& facet : found.facets) {
      if (!wanted.contains(facet.field)) continue;
      std::map<std::string, std::int64_t> values;
      for (const FacetValue& value : facet.values) values[value.value] = value.count;
      EXPECT_EQ(values, wanted.at(facet.field)) << facet.field << " of " << filter;
      EXPECT_TRUE(std::ranges::is_sorted(facet.values, std::greater(), &FacetValue::count));
      EXPECT_EQ(facet.other, 0);
    }
  };
  check("", [](const Thing&) { return true; });
  check("size > 0 AND mood != 'wild'", [](const Thing& t) { return t.size > 0 && t.mood != sample::Mood::wild; });
}

TEST_P(FacetsTest, NothingMatchesIsZeroOfEach) {
  const Facets found = counted("size > 100");
  EXPECT_EQ(found.total, 0);
  ASSERT_EQ(found.facets.size(), std::size(fields));
  EXPECT_TRUE(found.facets[0].values.empty());
}

TEST(FacetTest, TheRarestAreAddedUp) {
  std::vector<FacetValue> values;
  for (int i = 1; i <= 30; ++i) values.push_back({fmt::format("v{:02}", i), i});
  values.push_back({"a", 30});
  const Facet facet = facet_of("x", values);
  EXPECT_EQ(facet.values.size(), facet_values_max);
  EXPECT_EQ(facet.values[0].value, "a");  // equals by their name
  EXPECT_EQ(facet.values[1].value, "v30");
  EXPECT_EQ(facet.other, 11 * 12 / 2);
}

MODELOPS_ON_BOTH_DATABASES(FacetsTest);

}  // namespace
}  // namespace modelops::query
