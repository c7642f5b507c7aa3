#include "platform/db/database.hpp"

#include "base/time.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/db/backends.hpp"

namespace modelops::db {
namespace {

struct AppliedRow {
  int version = 0;
  std::string name;
  std::string sha256;
};
MODELOPS_DESCRIBE(AppliedRow, version, name, sha256);

struct AnswerRow {
  std::string request_hash;
  int status = 0;
  std::string body;
};
MODELOPS_DESCRIBE(AnswerRow, request_hash, status, body);

/// Text compares by bytes in both databases.
std::string for_postgres(std::string_view sql) {
  std::string out;
  for (std::size_t at = 0; at < sql.size();) {
    const bool word_starts = at == 0 || !std::isalnum(static_cast<unsigned char>(sql[at - 1]));
    if (word_starts && sql.substr(at, 4) == "TEXT" &&
        (at + 4 == sql.size() || !std::isalnum(static_cast<unsigned char>(sql[at + 4])))) {
      out += "TEXT COLLATE \"C\"";
      at += 4;
    } else {
      out += sql[at++];
    }
  }
  return out;
}

std::vector<std::string> statements(std::string_view sql) {
  std::vector<std::string> out;
  std::string current;
  for (std::size_t at = 0; at < sql.size();) {
    const std::size_t end = std::min(sql.find('\n', at), sql.size() - 1);
    std::string_view line = sql.substr(at, end - at + 1);
    at = end + 1;
    if (line.find_first_not_of(" \t\n") == std::string_view::npos || line.starts_with("--")) continue;
    current += line;
    if (line.ends_with(";\n") || line.ends_with(";")) {
      current.erase(current.rfind(';'));
      out.push_back(std::exchange(current, {}));
    }
  }
  if (!current.empty()) out.push_back(current);
  return out;
}

}  // namespace

std::unique_ptr<Database> Database::open(const Options& options) {
  const std::string_view url = options.url;
  if (url.starts_with("sqlite:")) return open_sqlite(std::string(url.substr(7)), options);
  if (url.starts_with("postgresql://") || url.starts_with("postgres://")) return open_postgres(options.url, options);
  fail(ErrorCode::invalid, "The database URL must start with sqlite: or postgresql://.");
}

std::string Tx::insert_sql(std::string_view table, std::string_view columns, std::size_t count) {
  std::string sql = fmt::format("INSERT INTO {} ({}) VALUES (", table, columns);
  for (std::size_t i = 0; i < count; ++i) sql += i == 0 ? "?" : ", ?";
  return sql + ")";
}

std::optional<int> Database::schema_version() {
  return read([](Tx& tx) -> std::optional<int> {
    const auto tables = tx.value<std::int64_t>(
        tx.dialect() == Dialect::sqlite
            ? "SELECT count(*) FROM sqlite_master WHERE name = 'schema_migrations'"
            : "SELECT count(*) FROM pg_tables WHERE tablename = 'schema_migrations' AND schemaname = current_schema()");
    if (tables.value_or(0) == 0) return std::nullopt;
    return tx.value<int>("SELECT max(version) FROM schema_migrations");
  });
}

void Database::migrate(std::span<const Migration> migrations) {
  const auto ensure = [&](Tx& tx) {
    // Replicas that start together take turns.
    if (dialect() == Dialect::postgres) tx.query("SELECT pg_advisory_xact_lock(7301001)", {}, 1, [](const auto&) {});
    tx.run(
        "CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL, "
        "sha256 TEXT NOT NULL, applied_at BIGINT NOT NULL)");
  };
  write(ensure);
  for (const Migration& migration : migrations) {
    const std::string digest = crypto::sha256_hex(migration.sql);
    run_migration([&](Tx& tx) {
      ensure(tx);
      const auto applied = tx.find<AppliedRow>("SELECT version, name, sha256 FROM schema_migrations WHERE version = ?",
                                               migration.version);
      if (applied) {
        if (applied->sha256 != digest)
          fail(ErrorCode::conflict, fmt::format("Migration {} of this program differs from the one that made this "
                                                "database; use the program that made it.",
                                                migration.version));
        return;
      }
      const std::string sql = dialect() == Dialect::postgres ? for_postgres(migration.sql) : std::string(migration.sql);
      for (const std::string& statement : statements(sql)) tx.run(statement);
      tx.run("INSERT INTO schema_migrations (version, name, sha256, applied_at) VALUES (?, ?, ?, ?)", migration.version,
             migration.name, digest, SystemClock().now());
    });
  }
  const int newest = migrations.empty() ? 0 : migrations.back().version;
  const auto found = read([](Tx& tx) { return tx.value<int>("SELECT max(version) FROM schema_migrations"); });
  if (found.value_or(0) > newest)
    fail(ErrorCode::conflict, fmt::format("This database is at schema version {}, this program knows {}. Use a newer "
                                          "program; a database cannot go back.",
                                          *found, newest));
  forget_statements();
}

void Database::check_idempotency(Tx& tx, const Context& ctx) {
  const auto earlier = tx.find<AnswerRow>(
      "SELECT request_hash, status, body FROM idempotency_keys WHERE principal_id = ? AND idempotency_key = ? AND "
      "created_at > ?",
      ctx.actor.id, ctx.idempotency->key, SystemClock().now() - std::chrono::hours(24));
  if (!earlier) return;
  if (earlier->request_hash != ctx.idempotency->request_hash)
    fail(ErrorCode::unprocessable,
         "This Idempotency-Key was used for another request. Use a new key for a new request.");
  throw Replayed{earlier->status, earlier->body};
}

void Database::keep_answer(Tx& tx, const Context& ctx, std::string body) {
  const Idempotency& use = *ctx.idempotency;
  if (use.protect) body = use.protect(body);
  tx.run("DELETE FROM idempotency_keys WHERE principal_id = ? AND idempotency_key = ?", ctx.actor.id, use.key);
  tx.run(
      "INSERT INTO idempotency_keys (principal_id, idempotency_key, request_hash, status, body, created_at) "
      "VALUES (?, ?, ?, ?, ?, ?)",
      ctx.actor.id, use.key, use.request_hash, use.status, body, SystemClock().now());
  use.stored = true;
}

}  // namespace modelops::db
