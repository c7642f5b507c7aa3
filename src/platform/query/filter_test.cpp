#include "platform/query/filter.hpp"

#include <gmock/gmock.h>

#include <functional>

#include "base/text.hpp"
#include "platform/query/sample_test.hpp"

namespace modelops::query {
namespace {

using sample::Dice;
using sample::Mood;
using sample::Thing;
using sample::things;
using sample::ThingTag;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

SqlFragment compiled(std::string_view text, std::string_view org_id = {}) {
  return filter_sql(things(), parse_filter(things(), text), org_id);
}

std::string refusal(std::string_view text) {
  try {
    compiled(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::invalid);
    EXPECT_EQ(error.violations.size(), 1u);
    return error.message;
  }
  return "accepted";
}

TEST(Filter, MakesSqlWithPlaceholdersOnly) {
  EXPECT_EQ(compiled("").sql, "1 = 1");
  EXPECT_EQ(compiled(" \t\n").sql, "1 = 1");
  const SqlFragment made = compiled(R"(name = 'x' and (size >= -3 Or NOT score<1.5e1) AND `done` = TRUE)");
  EXPECT_EQ(made.sql, "(m.name = ? AND (m.size >= ? OR NOT (m.score < ?)) AND m.done = ?)");
  EXPECT_THAT(made.args, ElementsAre(reflect::SqlValue("x"), std::int64_t{-3}, 15.0, std::int64_t{1}));
  EXPECT_EQ(compiled("made_at > '1970-01-01T00:00:01Z'").args,
            (std::vector<reflect::SqlValue>{std::int64_t{1'000'000}}));
  EXPECT_EQ(compiled("mood not in ('wild', \"lost\")").sql, "NOT (m.mood IN (?, ?))");
  EXPECT_EQ(compiled("note != 'x'").sql, "NOT ((m.note IS NOT NULL AND m.note = ?))");
  const SqlFragment tag = compiled("tags.team/a-b.c LIKE 'X%'");
  EXPECT_EQ(
      tag.sql,
      "EXISTS (SELECT 1 FROM thing_tags filter_tag WHERE filter_tag.org_id = m.org_id AND filter_tag.thing_id = m.id "
      "AND filter_tag.key = ? AND lower(filter_tag.value) LIKE ? ESCAPE '\\')");
  EXPECT_THAT(tag.args, ElementsAre(reflect::SqlValue("team/a-b.c"), reflect::SqlValue("x%")));
  const SqlFragment confined = compiled("NOT tags.team = 'x'", "org_a");
  EXPECT_EQ(confined.sql,
            "NOT (m.id IN (SELECT filter_tag.thing_id FROM thing_tags filter_tag WHERE filter_tag.org_id = ? AND "
            "filter_tag.key = ? AND filter_tag.value = ?))");
  EXPECT_THAT(confined.args,
              ElementsAre(reflect::SqlValue("org_a"), reflect::SqlValue("team"), reflect::SqlValue("x")));
}

TEST(Filter, ReadsStringsAndKeys) {
  const auto value = [](std::string_view text) { return std::get<std::string>(compiled(text).args.back()); };
  EXPECT_EQ(value(R"(name = 'it''s')"), "it's");
  EXPECT_EQ(value(R"(name = 'it\'s')"), "it's");
  EXPECT_EQ(value(R"(name = "say ""hi"" 'x'")"), R"(say "hi" 'x')");
  EXPECT_EQ(value(R"(name = 'a\\b\%')"), R"(a\b\%)");
  EXPECT_EQ(value(R"(name = '?; DROP TABLE things --')"), "?; DROP TABLE things --");
  for (const std::string_view text : {R"(tags."a b" = 'x')", "tags.`a b` = 'x'", "tags.'a b' = 'x'"})
    EXPECT_EQ(std::get<std::string>(compiled(text).args.front()), "a b") << text;
}

TEST(Filter, RefusalsNameColumnExpectationAndFields) {
  constexpr std::string_view known = "Known fields: name, size, score, done, made_at, mood, note, tags.<key>.";
  EXPECT_EQ(refusal("nam = 'x'"),
            "The filter is refused at column 1: expected NOT, '(' or a known field. " + std::string(known));
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"name = 'é' AND siz = 1", "column 16: expected NOT"},
      {"name", "column 5: expected =, !=, <, <=, >, >=, LIKE or IN"},
      {"name =", "column 7: expected a text in quotes"},
      {"name = x", "column 8: expected a text in quotes"},
      {"name = 5", "column 8: expected a text in quotes"},
      {"name = 'x", "column 8: this ' is never closed"},
      {"name = 'x' name", "column 12: expected AND, OR or the end"},
      {"name = 'x')", "column 11: expected AND, OR or the end"},
      {"(name = 'x'", "column 12: expected AND, OR or ')'"},
      {"name = 'x' AND", "column 15: expected NOT"},
      {"name NOT = 'x'", "column 10: expected LIKE or IN"},
      {"name ! 'x'", "column 6: expected a field"},
      {"name = 'x'; DROP", "column 11: expected a field"},
      {"size = '5'", "column 8: expected an integer"},
      {"size = 5.0", "column 8: expected an integer"},
      {"size = 9223372036854775808", "column 8: expected an integer"},
      {"size = 5x", "column 8: expected a number"},
      {"size = 1.2.3", "column 8: expected a number"},
      {"size LIKE '5'", "column 6: 'size' cannot be matched with LIKE"},
      {"score = 1e999", "column 9: expected a number"},
      {"done = 1", "column 8: expected true or false"},
      {"done > true", "column 6: 'done' has no order"},
      {"mood = 'angry'", "column 8: expected one of 'calm', 'wild', 'lost'"},
      {"mood < 'wild'", "column 6: 'mood' has no order"},
      {"made_at > 'yesterday'", "column 11: expected a time such as"},
      {"name IN ()", "column 10: expected a text"},
      {"name IN ('a' 'b')", "column 14: expected ',' or ')'"},
      {"name LIKE '%\\\\'", "must not end with a single backslash"},
      {"name LIKE '\\'", "column 11: this ' is never closed"},
      {"name LIKE 'a\\\\\\\\\\\\'", "must not end with a single backslash"},
      {"tags. = 'x'", "column 6: expected the key of a tag"},
      {"tags.a = 5", "column 10: expected a text in quotes"},
      {"tags = 'x'", "column 1: expected NOT"},
      {"name = 'a\x01'", "holds a control character"},
      {std::string_view("name = '\0'", 10), "holds a control character"},
      {"name = '\xff'", "is not UTF-8"},
  };
  for (const auto& [text, message] : cases)
    EXPECT_THAT(refusal(text), AllOf(HasSubstr(message), HasSubstr(known))) << text;
}

TEST(Filter, IsBounded) {
  const auto repeated = [](std::string_view text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
  };
  EXPECT_EQ(refusal(repeated("(", 32) + "size = 1" + repeated(")", 32)), "accepted");
  EXPECT_THAT(refusal(repeated("(", 33) + "size = 1" + repeated(")", 33)), HasSubstr("nested 32 deep"));
  EXPECT_EQ(refusal(repeated("not ", 32) + "size = 1"), "accepted");
  EXPECT_THAT(refusal(repeated("not(", 17) + "size = 1"), HasSubstr("nested 32 deep"));
  EXPECT_THAT(refusal(repeated("(", 4000)), HasSubstr("nested 32 deep"));
  EXPECT_EQ(refusal(repeated("size = 1 or ", 63) + "size = 1"), "accepted");
  EXPECT_THAT(refusal(repeated("size = 1 or ", 64) + "size = 1"), HasSubstr("at most 64"));
  EXPECT_EQ(refusal("size in (1" + repeated(", 1", 63) + ")"), "accepted");
  EXPECT_THAT(refusal("size in (1" + repeated(", 1", 64) + ")"), HasSubstr("at most 64"));
  EXPECT_EQ(refusal("name = '" + std::string(4096 - 9, 'x') + "'"), "accepted");
  EXPECT_THAT(refusal("name = '" + std::string(4096 - 8, 'x') + "'"), HasSubstr("longer than 4096 bytes"));
}

TEST(Filter, WithoutTagsKnowsNoTags) {
  FieldTable table = things();
  table.tags.reset();
  EXPECT_THROW(parse_filter(table, "tags.a = 'x'"), Error);
}

TEST(Filter, SurvivesRandomMutations) {
  Dice dice(20);
  const std::string_view seeds[] = {
      "name = 'x' and (size >= -3 Or NOT score<1.5e1) AND `done` = TRUE",
      R"(tags."a ""b" LIKE 'x\%%' OR tags.k NOT IN ('a', "b") AND made_at < '2026-11-23T19:55:20+01:00')",
      "mood != 'calm' OR note IN ('é', '\\'')"};
  const std::string_view pieces[] = {"(",     ")",          "'", "\"",   "`",    "\\",   "not ",  " and ", " or ",
                                     "tags.", "name",       "=", "!=",   "<",    "in (", "like ", ",",     "-",
                                     "1e",    "9999999999", ".", "\xc3", "\xa9", "?",    "%"};
  int accepted = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string text(dice.pick(seeds));
    for (int changes = 1 + dice.below(3); changes > 0; --changes) {
      const auto at = static_cast<std::size_t>(dice.below(static_cast<int>(text.size()) + 1));
      switch (dice.below(3)) {
        case 0: text.insert(at, dice.pick(pieces)); break;
        case 1: text.erase(at, static_cast<std::size_t>(dice.below(6))); break;
        default:
          if (at < text.size()) text[at] = static_cast<char>(dice.below(256));
      }
    }
    try {
      const SqlFragment made = compiled(text);
      ++accepted;
      ASSERT_EQ(std::ranges::count(made.sql, '?'), static_cast<std::ptrdiff_t>(made.args.size())) << text;
    } catch (const Error& error) {
      ASSERT_EQ(error.code, ErrorCode::invalid) << text;
    }
  }
  EXPECT_GT(accepted, 1000);
  EXPECT_LT(accepted, 99'000);
}

// ------------------------------------------------------------------- random filters against plain evaluation

struct Row {
  Thing thing;
  std::map<std::string, std::string> tags;
};

/// A filter as text, and what it means.
struct Meaning {
  std::string text;
  std::function<bool(const Row&)> matches;
};

bool matches_like(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%')
    return matches_like(pattern.substr(1), text) || (!text.empty() && matches_like(pattern, text.substr(1)));
  if (text.empty()) return false;
  if (pattern[0] == '_') {
    std::size_t length = 1;  // of one character in UTF-8
    while (length < text.size() && (text[length] & 0xC0) == 0x80) ++length;
    return matches_like(pattern.substr(1), text.substr(length));
  }
  if (pattern[0] == '\\') pattern.remove_prefix(1);
  return pattern[0] == text[0] && matches_like(pattern.substr(1), text.substr(1));
}

class RandomFilter {
 public:
  explicit RandomFilter(std::uint32_t seed) : dice_(seed) {}

  Meaning make(int depth) {
    if (depth == 0 || dice_.below(4) == 0) return comparison();
    const int kind = dice_.below(3);
    const Meaning a = make(depth - 1);
    if (kind == 0) return {keyword("not ") + "(" + a.text + ")", [a](const Row& row) { return !a.matches(row); }};
    const Meaning b = make(depth - 1);
    if (kind == 1)
      return {"(" + a.text + keyword(" and ") + b.text + ")",
              [a, b](const Row& row) { return a.matches(row) && b.matches(row); }};
    return {"(" + a.text + keyword(" or ") + b.text + ")",
            [a, b](const Row& row) { return a.matches(row) || b.matches(row); }};
  }

 private:
  std::string keyword(std::string text) {
    for (char& c : text)
      if (c >= 'a' && c <= 'z' && dice_.below(2) == 0) c = static_cast<char>(c - 'a' + 'A');
    return text;
  }
  std::string blank() { return dice_.below(2) == 0 ? " " : ""; }
  std::string quoted(std::string_view text) {
    const char quote = dice_.below(2) == 0 ? '\'' : '"';
    std::string out(1, quote);
    for (const char c : text) {
      if (c == '\\')
        out += '\\';
      else if (c == quote)
        out += dice_.below(2) == 0 ? quote : '\\';
      out += c;
    }
    return out + quote;
  }

  /// `value_of` gives nothing for an absent value; `literals` are values with their spelling.
  template <class V>
  Meaning on(std::string field, std::function<std::optional<V>(const Row&)> value_of,
             std::vector<std::pair<std::string, V>> literals, bool ordered, bool like) {
    const bool negated = dice_.below(4) == 0;
    const int kind = dice_.below(like ? 4 : 3);
    const auto& [spelling, literal] = dice_.pick(literals);
    if (kind == 3) {
      if constexpr (std::is_same_v<V, std::string>) {
        constexpr std::string_view patterns[] = {"%",       "",  "a%",  "%B",      "A_b",    R"(a\_b)",
                                                 R"(%\%%)", "_", "%'%", R"(%\\%)", R"(\a\b)"};
        const std::string pattern(dice_.pick(patterns));
        return finish(field + keyword(negated ? " not like " : " like ") + quoted(pattern), negated,
                      [value_of, folded = to_lower_ascii(pattern)](const Row& row) {
                        const auto value = value_of(row);
                        return value && matches_like(folded, to_lower_ascii(*value));
                      });
      }
    }
    if (kind == 2) {
      const auto& [other_spelling, other] = dice_.pick(literals);
      return finish(field + keyword(negated ? " not in" : " in") + blank() + "(" + spelling + blank() + "," +
                        other_spelling + ")",
                    negated, [value_of, literal, other](const Row& row) {
                      const auto value = value_of(row);
                      return value && (*value == literal || *value == other);
                    });
    }
    constexpr std::string_view operators[] = {"=", "!=", "<", "<=", ">", ">="};
    const int op = dice_.below(ordered ? 6 : 2);
    return finish(field + blank() + std::string(operators[op]) + blank() + spelling, op == 1,
                  [value_of, literal, op](const Row& row) {
                    const auto value = value_of(row);
                    if (!value) return false;
                    switch (op) {
                      case 2: return *value < literal;
                      case 3: return *value <= literal;
                      case 4: return *value > literal;
                      case 5: return *value >= literal;
                      default: return *value == literal;
                    }
                  });
  }
  static Meaning finish(std::string text, bool negated, std::function<bool(const Row&)> matches) {
    if (negated) return {std::move(text), [matches](const Row& row) { return !matches(row); }};
    return {std::move(text), std::move(matches)};
  }

  Meaning comparison() {
    std::vector<std::pair<std::string, std::string>> strings;
    for (const std::string_view text : sample::texts) strings.emplace_back(quoted(text), text);
    switch (dice_.below(8)) {
      case 0: return on<std::string>("name", [](const Row& row) { return row.thing.name; }, strings, true, true);
      case 1: return on<std::string>("note", [](const Row& row) { return row.thing.note; }, strings, true, true);
      case 2:
        return on<std::int64_t>(
            "size", [](const Row& row) { return row.thing.size; },
            {{"-1", -1}, {"0", 0}, {"2", 2}, {"-9223372036854775808", INT64_MIN}}, true, false);
      case 3:
        return on<double>(
            "score", [](const Row& row) { return row.thing.score; }, {{"0.1", 0.1}, {"-1e-1", -0.1}, {"0", 0}}, true,
            false);
      case 4:
        return on<bool>(
            "done", [](const Row& row) { return row.thing.done; }, {{keyword("true"), true}, {keyword("false"), false}},
            false, false);
      case 5:
        return on<std::int64_t>(
            "made_at", [](const Row& row) { return row.thing.made_at.us; },
            {{"'2027-01-15T08:00:00.000001Z'", 1'800'000'000'000'001},
             {"\"2027-01-15T09:00:00.000002+01:00\"", 1'800'000'000'000'002}},
            true, false);
      case 6:
        return on<Mood>(
            "mood", [](const Row& row) { return row.thing.mood; }, {{"'calm'", Mood::calm}, {"'wild'", Mood::wild}},
            false, false);
      default: {
        const std::pair<std::string, std::string> keys[] = {
            {"tags.team", "team"}, {"tags.\"a \"\"b\"", "a \"b"}, {"tags.`no`", "no"}};
        const auto& picked = dice_.pick(keys);
        return on<std::string>(
            picked.first,
            [key = picked.second](const Row& row) -> std::optional<std::string> {
              const auto found = row.tags.find(key);
              return found == row.tags.end() ? std::nullopt : std::optional(found->second);
            },
            strings, true, true);
      }
    }
  }

  Dice dice_;
};

class FilterOnDatabase : public ::testing::TestWithParam<db::Dialect> {
 protected:
  modelops::testing::TestDatabase database{GetParam()};
};

TEST_P(FilterOnDatabase, AgreesWithPlainEvaluation) {
  database->migrate(sample::migrations);
  Dice dice(7);
  std::vector<Row> rows;
  for (int i = 0; i < 80; ++i) {
    Row row{sample::random_thing(dice, "org_a", i), {}};
    row.thing.folded_name = to_lower_ascii(row.thing.name);
    if (dice.below(2) == 0) row.tags["team"] = dice.pick(sample::texts);
    if (dice.below(3) == 0) row.tags["a \"b"] = dice.pick(sample::texts);
    rows.push_back(row);
  }
  database->write([&](db::Tx& tx) {
    for (const Row& row : rows) {
      tx.insert("things", row.thing);
      for (const auto& [key, value] : row.tags) tx.insert("thing_tags", ThingTag{"org_a", row.thing.id, key, value});
      tx.insert("thing_tags", ThingTag{"org_b", row.thing.id, "no", "ab"});  // of another organisation
    }
  });

  RandomFilter random(11);
  for (int i = 0; i < 600; ++i) {
    const Meaning filter = random.make(dice.below(4));
    const SqlFragment made = compiled(filter.text, i % 2 == 0 ? "org_a" : "");
    std::vector<std::string> found;
    database->read([&](db::Tx& tx) {
      found.clear();
      tx.query("SELECT m.id FROM things m WHERE " + made.sql + " ORDER BY m.id", made.args, 1,
               [&](const std::vector<db::SqlCell>& cells) { found.emplace_back(*cells[0]); });
    });
    std::vector<std::string> wanted;
    for (const Row& row : rows)
      if (filter.matches(row)) wanted.push_back(row.thing.id);
    ASSERT_EQ(found, wanted) << filter.text << "\n" << made.sql;
  }
}

MODELOPS_ON_BOTH_DATABASES(FilterOnDatabase);

}  // namespace
}  // namespace modelops::query
