#pragma once
// A table with every type of column, for the tests of this folder.
#include <random>

#include "platform/query/page.hpp"
#include "tests/support/database.hpp"

namespace modelops::query::sample {

enum class Mood { calm, wild, lost };
MODELOPS_DESCRIBE_ENUM(Mood, calm, wild, lost)

struct Thing {
  std::string org_id;
  std::string id;
  std::string name;
  std::string folded_name;
  std::int64_t size = 0;
  double score = 0;
  bool done = false;
  Time made_at;
  Mood mood = Mood::calm;
  std::optional<std::string> note;
};
MODELOPS_DESCRIBE(Thing, org_id, id, name, folded_name, size, score, done, made_at, mood, note);

struct ThingTag {
  std::string org_id;
  std::string thing_id;
  std::string key;
  std::string value;
};
MODELOPS_DESCRIBE(ThingTag, org_id, thing_id, key, value);

inline constexpr db::Migration migrations[] = {
    {1, "things",
     "CREATE TABLE things (org_id TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, folded_name TEXT NOT NULL, size "
     "BIGINT NOT NULL, score DOUBLE PRECISION NOT NULL, done BOOLEAN NOT NULL, made_at BIGINT NOT NULL, mood TEXT NOT "
     "NULL, note TEXT, PRIMARY KEY (org_id, id));\n"
     "CREATE TABLE thing_tags (org_id TEXT NOT NULL, thing_id TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, "
     "PRIMARY KEY (org_id, thing_id, key));\n"}};

inline const FieldTable& things() {
  static const FieldTable table = [] {
    Field mood = enumeration<Mood>("mood", "m.mood");
    mood.sortable = true;
    return FieldTable{.alias = "m",
                      .fields = {{.name = "name", .column = "m.name", .folded = "m.folded_name", .sortable = true},
                                 {.name = "size", .column = "m.size", .type = FieldType::integer, .sortable = true},
                                 {.name = "score", .column = "m.score", .type = FieldType::number},
                                 {.name = "done", .column = "m.done", .type = FieldType::boolean, .sortable = true},
                                 {.name = "made_at", .column = "m.made_at", .type = FieldType::time, .sortable = true},
                                 mood,
                                 {.name = "note", .column = "m.note", .folded = "lower(m.note)", .nullable = true}},
                      .tags = TagTable{"thing_tags", "thing_id"},
                      .default_order = "made_at desc"};
  }();
  return table;
}

/// Draws from small sets, so that many rows are equal in most of their columns.
class Dice {
 public:
  explicit Dice(std::uint32_t seed) : random_(seed) {}
  int below(int end) { return static_cast<int>(random_() % static_cast<std::uint32_t>(end)); }
  template <class T, std::size_t N>
  const T& pick(const T (&from)[N]) {
    return from[below(static_cast<int>(N))];
  }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(below(static_cast<int>(from.size())))];
  }

 private:
  std::mt19937 random_;
};

inline constexpr std::string_view texts[] = {"",  "ab", "aB", "a_b", "a%b", "it's", "\"q\"", R"(back\slash)",
                                             "é", "É",  "b"};

inline Thing random_thing(Dice& dice, std::string org_id, int number) {
  Thing out;
  out.org_id = std::move(org_id);
  out.id = fmt::format("thing_{:05}", number);
  out.name = dice.pick(texts);
  out.size = dice.below(5) - 2;
  out.score = dice.below(5) * 0.1 - 0.2;
  out.done = dice.below(2) == 0;
  out.made_at = Time{1'800'000'000'000'000 + dice.below(4)};
  out.mood = static_cast<Mood>(dice.below(3));
  if (dice.below(3) != 0) out.note = dice.pick(texts);
  return out;
}

}  // namespace modelops::query::sample
