#include "platform/query/page.hpp"

#include <gmock/gmock.h>

#include "base/text.hpp"
#include "platform/query/sample_test.hpp"

namespace modelops::query {
namespace {

using sample::Dice;
using sample::Thing;
using sample::things;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Request {
  PageSize page_size = default_page_size();
  std::string page_token = {};
  std::string filter = {};
  std::string order_by = {};
};

struct Answer {
  std::vector<Thing> items;
  std::optional<std::string> next_page_token;
};

PageSize size_of(std::int64_t number) { return *PageSize::parse(number); }

std::string refusal(std::string_view order_by, std::string_view token = {}, std::string_view filter = {}) {
  try {
    plan(things(), filter, order_by, token, size_of(2));
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::invalid);
    EXPECT_EQ(error.violations.size(), 1u);
    return error.message;
  }
  return "accepted";
}

TEST(Page, OrdersByTwoColumnsAndTheId) {
  EXPECT_EQ(plan(things(), Request{}).sql(), "1 = 1 ORDER BY m.made_at desc, m.id desc LIMIT ?");
  EXPECT_EQ(plan(things(), Request{}).args("org", std::int64_t{3}),
            (std::vector<reflect::SqlValue>{"org", std::int64_t{3}, std::int64_t{51}}));
  EXPECT_EQ(plan(things(), "size = 1", " name ,made_at  DESC", "", size_of(2)).sql(),
            "m.size = ? ORDER BY m.name, m.made_at desc, m.id desc LIMIT ?");
  EXPECT_EQ(plan(things(), "", "id desc", "", size_of(2)).sql(), "1 = 1 ORDER BY m.id desc LIMIT ?");
}

TEST(Page, UsesRowValuesUnlessDirectionsDiffer) {
  const auto second = [](std::string_view order_by) {
    const Keyset first = plan(things(), "", order_by, "", size_of(2));
    const std::string token = first.next_token({std::int64_t{7}, reflect::SqlValue("b"), reflect::SqlValue("thing_1")});
    return plan(things(), "", order_by, token, size_of(2));
  };
  EXPECT_EQ(second("size, name").sql(),
            "1 = 1 AND (m.size, m.name, m.id) > (?, ?, ?) ORDER BY m.size, m.name, m.id LIMIT ?");
  const Keyset mixed = second("size desc, name");
  EXPECT_EQ(mixed.sql(),
            "1 = 1 AND ((m.size < ?) OR (m.size = ? AND m.name > ?) OR (m.size = ? AND m.name = ? AND m.id > ?)) "
            "ORDER BY m.size desc, m.name, m.id LIMIT ?");
  EXPECT_THAT(mixed.args(), ElementsAre(std::int64_t{7}, std::int64_t{7}, reflect::SqlValue("b"), std::int64_t{7},
                                        reflect::SqlValue("b"), reflect::SqlValue("thing_1"), std::int64_t{3}));
}

TEST(Page, RefusesUnknownOrders) {
  EXPECT_EQ(
      refusal("colour"),
      "order_by is refused: it names a field that has no order. Write one or two of these fields, each with asc or "
      "desc after it if you like: name, size, done, made_at, mood.");
  for (const std::string_view order :
       {"note", "score", "name,", ",name", "name up", "name desc desc", "m.name", "name;", "id, note", "id, id"})
    EXPECT_THAT(refusal(order), HasSubstr("order_by is refused")) << order;
  EXPECT_THAT(refusal("name, name desc"), HasSubstr("'name' twice"));
  EXPECT_THAT(refusal("name, size, done"), HasSubstr("more than 2"));
}

TEST(Page, RefusesTokensOfOtherQueries) {
  const Keyset keyset = plan(things(), "size = 1", "size desc", "", size_of(2));
  const std::string token = keyset.next_token({std::int64_t{1}, reflect::SqlValue("thing_1")});
  EXPECT_EQ(refusal("size desc", token, " size = 1 "), "accepted");
  constexpr const char* message = "page_token does not belong to this query; start again without it";
  EXPECT_EQ(refusal("size", token, "size = 1"), message);
  EXPECT_EQ(refusal("size desc", token, "size = 2"), message);
  EXPECT_EQ(refusal("size desc, name desc", token, "size = 1"), message);

  const std::string json = *from_base64url(token);
  const auto altered = [&](std::string_view from, std::string_view to) {
    std::string out = json;
    const std::size_t at = out.find(from);
    EXPECT_NE(at, std::string::npos) << from << " in " << json;
    return to_base64url(out.replace(at, from.size(), to));
  };
  EXPECT_EQ(refusal("size desc", altered("[1,", "[5,"), "size = 1"), "accepted");  // only skips the forger's own rows
  for (const auto& [from, to] : {std::pair("[1,", "[\"1\","),
                                 {"[1,", "[1.5,"},
                                 {"[1,", "[null,"},
                                 {"[1,", "["},
                                 {"[1,", "[1,1,"},
                                 {"[1,", "[[1],"},
                                 {"[1,", "[18446744073709551615,"},
                                 {"\"thing_1\"", "7"},
                                 {"thing_1", "\\u0000"},
                                 {"\"version\":1", "\"version\":2"},
                                 {"\"order\"", "\"other\""}})
    EXPECT_EQ(refusal("size desc", altered(from, to), "size = 1"), message) << from << " -> " << to;
  for (const std::string& bad :
       {std::string("x"), token + "=", token.substr(1), std::string(8193, 'A'), to_base64url("{}"), to_base64url("[]"),
        to_base64url("null"), to_base64url("{\"last\":[[[[]]]]}")})
    EXPECT_EQ(refusal("size desc", bad, "size = 1"), message) << bad;
}

TEST(Page, SurvivesRandomTokens) {
  const Keyset keyset = plan(things(), "", "size desc, name", "", size_of(2));
  const std::string json =
      *from_base64url(keyset.next_token({std::int64_t{7}, reflect::SqlValue("é"), reflect::SqlValue("thing_1")}));
  Dice dice(3);
  for (int i = 0; i < 100'000; ++i) {
    std::string text = json;
    for (int changes = 1 + dice.below(3); changes > 0; --changes) {
      const auto at = static_cast<std::size_t>(dice.below(static_cast<int>(text.size())));
      if (dice.below(4) == 0)
        text.erase(at, static_cast<std::size_t>(dice.below(9)));
      else if (dice.below(2) == 0)
        text[at] = "[]{}\",:0e-\\"[dice.below(11)];
      else
        text[at] = static_cast<char>(dice.below(256));
      if (text.empty()) text = "x";
    }
    const std::string token = dice.below(8) == 0 ? text : to_base64url(text);
    try {
      const Keyset next = plan(things(), "", "size desc, name", token, size_of(2));
      const std::string sql = next.sql();
      ASSERT_EQ(std::ranges::count(sql, '?'), static_cast<std::ptrdiff_t>(next.args().size()));
    } catch (const Error& error) {
      ASSERT_EQ(error.code, ErrorCode::invalid);
    }
  }
}

TEST(Page, SortColumnsMayNotBeNullOrFloatingPoint) {
  FieldTable table = things();
  table.fields.push_back({.name = "maybe", .column = "m.maybe", .sortable = true, .nullable = true});
  table.fields.push_back({.name = "real", .column = "m.real", .type = FieldType::number, .sortable = true});
  EXPECT_THROW(plan(table, "", "maybe", "", size_of(2)), Error);
  EXPECT_THROW(plan(table, "", "real", "", size_of(2)), Error);
  EXPECT_THROW(plan(things(), "", "name", "", size_of(2)).next_token({nullptr, reflect::SqlValue("x")}), Error);
}

class PageOnDatabase : public ::testing::TestWithParam<db::Dialect> {
 protected:
  void SetUp() override { database->migrate(sample::migrations); }
  Answer list(const Request& request) {
    return database->read([&](db::Tx& tx) {
      const Keyset keyset = plan(things(), request);
      auto rows = tx.all_with<Thing>(
          "SELECT " + reflect::columns<Thing>("m") + " FROM things m WHERE m.org_id = ? AND " + keyset.sql(),
          keyset.args("org_a"));
      return page<Answer>(keyset, std::move(rows));
    });
  }
  void add(const Thing& thing) {
    database->write([&](db::Tx& tx) { tx.insert("things", thing); });
  }
  static std::vector<std::string> ids_of(const std::vector<Thing>& things_found) {
    std::vector<std::string> out;
    for (const Thing& thing : things_found) out.push_back(thing.id);
    return out;
  }
  static std::vector<std::string> all_orders() {
    std::vector<std::string> out{""};
    for (const Field& field : things().fields) {
      if (!field.sortable) continue;
      for (const std::string_view first : {"", " desc"}) {
        out.push_back(std::string(field.name) + std::string(first));
        for (const Field& other : things().fields)
          if (other.sortable && other.name != field.name)
            for (const std::string_view second : {"", " desc"})
              out.push_back(fmt::format("{}{}, {}{}", field.name, first, other.name, second));
      }
    }
    return out;
  }
  modelops::testing::TestDatabase database{GetParam()};
};

TEST_P(PageOnDatabase, EveryOrderGivesEachRowOnce) {
  Dice dice(5);
  database->write([&](db::Tx& tx) {
    for (int i = 0; i < 40; ++i) tx.insert("things", sample::random_thing(dice, i % 10 == 0 ? "org_b" : "org_a", i));
  });
  for (const std::string& order : all_orders()) {
    for (const std::string filter : {"", "size >= 0 OR NOT done = true"}) {
      Request request{.page_size = size_of(1000), .filter = filter, .order_by = order};
      const Answer whole = list(request);
      EXPECT_FALSE(whole.next_page_token);
      request.page_size = size_of(1 + dice.below(15));
      std::vector<Thing> paged;
      do {
        Answer answer = list(request);
        ASSERT_LE(answer.items.size(), static_cast<std::size_t>(request.page_size.number()));
        ASSERT_FALSE(answer.items.empty());
        paged.insert(paged.end(), answer.items.begin(), answer.items.end());
        request.page_token = answer.next_page_token.value_or("");
      } while (!request.page_token.empty());
      ASSERT_EQ(ids_of(paged), ids_of(whole.items)) << order;
      if (filter.empty()) ASSERT_EQ(paged.size(), 36u);
    }
  }
}

TEST_P(PageOnDatabase, RowsInsertedBetweenPagesMakeNoDoubles) {
  Dice dice(6);
  int next = 0;
  for (int i = 0; i < 20; ++i) add(sample::random_thing(dice, "org_a", next++));
  for (const std::string order : {"made_at desc", "name, size desc"}) {
    Request request{.page_size = size_of(4), .order_by = order};
    std::set<std::string> before;
    for (const Thing& thing : list({.page_size = size_of(1000)}).items) before.insert(thing.id);
    std::set<std::string> seen;
    do {
      const Answer answer = list(request);
      for (const Thing& thing : answer.items) EXPECT_TRUE(seen.insert(thing.id).second) << thing.id << " twice";
      request.page_token = answer.next_page_token.value_or("");
      if (next < 60) add(sample::random_thing(dice, "org_a", next++));
    } while (!request.page_token.empty());
    EXPECT_TRUE(std::ranges::includes(seen, before));
  }
}

TEST_P(PageOnDatabase, AnEmptyListHasNoNextPage) {
  const Answer answer = list({});
  EXPECT_TRUE(answer.items.empty());
  EXPECT_FALSE(answer.next_page_token);
}

MODELOPS_ON_BOTH_DATABASES(PageOnDatabase);

}  // namespace
}  // namespace modelops::query
