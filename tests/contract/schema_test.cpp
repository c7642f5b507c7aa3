// migrations/schema.sql is what the migrations make of an empty SQLite database, and PostgreSQL ends with the same.
#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <sstream>

#include "migrations/migrations.hpp"
#include "tests/support/database.hpp"

namespace modelops {
namespace {

/// Lines of a table's definition in one order, and its named indexes.
struct Table {
  std::vector<std::string> columns;
  std::set<std::string> constraints;
  std::set<std::string> indexes;
};
using Schema = std::map<std::string, Table>;

using Row = std::vector<std::optional<std::string>>;

std::vector<Row> rows(db::Tx& tx, std::string_view sql, std::size_t columns) {
  std::vector<Row> out;
  tx.query(sql, {}, columns,
           [&](const std::vector<db::SqlCell>& cells) { out.emplace_back(cells.begin(), cells.end()); });
  return out;
}

/// Table, column, type, "1" when it may not be NULL, default.
constexpr std::string_view sqlite_columns =
    "SELECT t.name, c.name, upper(c.type), CASE WHEN c.\"notnull\" = 1 OR c.pk > 0 THEN '1' ELSE '0' END, c.dflt_value "
    "FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' "
    "ESCAPE "
    "'!' ORDER BY t.name, c.cid";
constexpr std::string_view postgres_columns =
    "SELECT table_name, column_name, upper(data_type), CASE is_nullable WHEN 'NO' THEN '1' ELSE '0' END, "
    "replace(column_default, '::text', '') FROM information_schema.columns WHERE table_schema = 'public' ORDER BY "
    "table_name, ordinal_position";

/// Table, pk (primary key), u (unique) or c (an index of its own), name, "1" when it is unique, columns, condition.
constexpr std::string_view sqlite_keys =
    "SELECT t.name, i.origin, i.name, CAST(i.\"unique\" AS TEXT), (SELECT group_concat(k.name, ', ') FROM (SELECT name "
    "FROM pragma_index_info(i.name) ORDER BY seqno) k), CASE i.partial WHEN 1 THEN substr(x.sql, instr(x.sql, ' WHERE "
    "') "
    "+ 7) END FROM sqlite_master t JOIN pragma_index_list(t.name) i JOIN sqlite_master x ON x.name = i.name WHERE "
    "t.type "
    "= 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!'";
constexpr std::string_view postgres_keys =
    "SELECT t.relname, CASE n.contype WHEN 'p' THEN 'pk' WHEN 'u' THEN 'u' ELSE 'c' END, x.relname, CASE WHEN "
    "i.indisunique THEN '1' ELSE '0' END, (SELECT string_agg(a.attname, ', ' ORDER BY k.place) FROM "
    "unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, place) JOIN pg_attribute a ON a.attrelid = i.indrelid AND "
    "a.attnum = k.attnum), pg_get_expr(i.indpred, i.indrelid) FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid "
    "JOIN "
    "pg_class x ON x.oid = i.indexrelid LEFT JOIN pg_constraint n ON n.conindid = i.indexrelid AND n.contype IN ('p', "
    "'u') WHERE t.relnamespace = 'public'::regnamespace";

/// Table, columns, the table that they refer to, its columns.
constexpr std::string_view sqlite_references =
    "SELECT name, group_concat(here, ', '), target, group_concat(there, ', ') FROM (SELECT t.name AS name, f.id AS id, "
    "f.\"from\" AS here, f.\"table\" AS target, f.\"to\" AS there FROM sqlite_master t JOIN "
    "pragma_foreign_key_list(t.name) f WHERE t.type = 'table' ORDER BY t.name, f.id, f.seq) GROUP BY name, id, target";
constexpr std::string_view postgres_references =
    "SELECT n.conrelid::regclass::text, string_agg(a.attname, ', ' ORDER BY k.place), n.confrelid::regclass::text, "
    "string_agg(b.attname, ', ' ORDER BY k.place) FROM pg_constraint n CROSS JOIN LATERAL unnest(n.conkey, n.confkey) "
    "WITH ORDINALITY k (here, there, place) JOIN pg_attribute a ON a.attrelid = n.conrelid AND a.attnum = k.here JOIN "
    "pg_attribute b ON b.attrelid = n.confrelid AND b.attnum = k.there WHERE n.contype = 'f' GROUP BY n.oid, "
    "n.conrelid, "
    "n.confrelid";

/// `with_conditions`: those of partial indexes, which each database words in its own way; else only that there is one.
Schema schema_of(db::Database& database, bool with_conditions) {
  const bool sqlite = database.dialect() == db::Dialect::sqlite;
  return database.read([&](db::Tx& tx) {
    Schema out;
    for (const Row& row : rows(tx, sqlite ? sqlite_columns : postgres_columns, 5))
      out[*row[0]].columns.push_back(fmt::format("{} {}{}{}", *row[1], *row[2], *row[3] == "1" ? " NOT NULL" : "",
                                                 row[4] ? " DEFAULT " + *row[4] : ""));
    for (const Row& row : rows(tx, sqlite ? sqlite_keys : postgres_keys, 6)) {
      Table& table = out.at(*row[0]);
      if (row[1] != "c") {
        table.constraints.insert(fmt::format("{} ({})", row[1] == "pk" ? "PRIMARY KEY" : "UNIQUE", *row[4]));
      } else {
        const std::string condition = row[5] ? " WHERE " + (with_conditions ? *row[5] : std::string("…")) : "";
        table.indexes.insert(fmt::format("CREATE {}INDEX {} ON {} ({}){};", *row[3] == "1" ? "UNIQUE " : "", *row[2],
                                         *row[0], *row[4], condition));
      }
    }
    for (const Row& row : rows(tx, sqlite ? sqlite_references : postgres_references, 4))
      out.at(*row[0]).constraints.insert(fmt::format("FOREIGN KEY ({}) REFERENCES {} ({})", *row[1], *row[2], *row[3]));
    return out;
  });
}

std::string text_of(const Schema& schema) {
  std::string out;
  for (const auto& [name, table] : schema) {
    std::vector<std::string> lines = table.columns;
    lines.insert(lines.end(), table.constraints.begin(), table.constraints.end());
    out += fmt::format("CREATE TABLE {} (\n  {}\n);\n", name, fmt::join(lines, ",\n  "));
    for (const std::string& index : table.indexes) out += index + "\n";
  }
  return out;
}

class SchemaTest : public ::testing::Test {
 protected:
  static std::string migrated(db::Dialect dialect, bool with_conditions) {
    testing::TestDatabase database(dialect);
    database->migrate(all_migrations());
    return text_of(schema_of(*database, with_conditions));
  }
};

TEST_F(SchemaTest, WhatTheMigrationsMakeIsWrittenDown) {
  const std::string made = "-- The whole schema after all migrations, for readers. Generated: make openapi\n" +
                           migrated(db::Dialect::sqlite, true);
  const std::string golden = std::string(MODELOPS_SOURCE_DIR) + "/migrations/schema.sql";
  if (std::getenv("MODELOPS_WRITE_GOLDEN") != nullptr) std::ofstream(golden) << made;  // NOLINT(concurrency-mt-unsafe)
  std::stringstream committed;
  committed << std::ifstream(golden).rdbuf();
  EXPECT_EQ(committed.str(), made) << "Run: make openapi";
}

TEST_F(SchemaTest, BothDatabasesEndAlike) {
  EXPECT_EQ(migrated(db::Dialect::postgres, false), migrated(db::Dialect::sqlite, false));
}

}  // namespace
}  // namespace modelops
