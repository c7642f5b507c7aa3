#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/context.hpp"
#include "reflect/columns.hpp"

namespace modelops::db {

enum class Dialect { sqlite, postgres };

using reflect::SqlCell;
using reflect::SqlValue;

/// One transaction, on one thread. Placeholders are `?`, in both dialects.
class Tx {
 public:
  virtual ~Tx() = default;
  virtual Dialect dialect() const = 0;

  /// Rows of T. The select list must be `columns<T>()`, in its order.
  template <reflect::Described T, class... A>
  std::vector<T> all(std::string_view sql, const A&... args) {
    return all_with<T>(sql, {reflect::to_sql(args)...});
  }
  template <reflect::Described T>
  std::vector<T> all_with(std::string_view sql, const std::vector<SqlValue>& args) {
    std::vector<T> out;
    query(sql, args, reflect::column_count<T>(),
          [&](const std::vector<SqlCell>& cells) { out.push_back(reflect::from_cells<T>(cells)); });
    return out;
  }
  /// The first row, or nothing.
  template <reflect::Described T, class... A>
  std::optional<T> find(std::string_view sql, const A&... args) {
    auto rows = all<T>(sql, args...);
    if (rows.empty()) return std::nullopt;
    return std::move(rows.front());
  }
  /// The first column of every row.
  template <class T, class... A>
  std::vector<T> values(std::string_view sql, const A&... args) {
    std::vector<T> out;
    query(sql, {reflect::to_sql(args)...}, 1,
          [&](const std::vector<SqlCell>& cells) { out.push_back(reflect::from_sql<T>(cells[0])); });
    return out;
  }
  /// The first column of the first row, or nothing. A NULL there is nothing too.
  template <class T, class... A>
  std::optional<T> value(std::string_view sql, const A&... args) {
    auto rows = values<std::optional<T>>(sql, args...);
    if (rows.empty()) return std::nullopt;
    return std::move(rows.front());
  }
  /// A statement without a result. Returns how many rows it changed.
  template <class... A>
  std::int64_t run(std::string_view sql, const A&... args) {
    return execute(sql, {reflect::to_sql(args)...});
  }
  template <reflect::Described T>
  void insert(std::string_view table, const T& row) {
    std::vector<SqlValue> args;
    reflect::visit_members(row, [&](std::string_view, const auto& member) { args.push_back(reflect::to_sql(member)); });
    execute(insert_sql(table, reflect::columns<T>(), args.size()), args);
  }
  /// `f` runs once, after the commit is durable; never when the transaction fails. It must not throw.
  void after_commit(std::function<void()> f) { hooks_.push_back(std::move(f)); }

  /// Calls `row` with `columns` cells for each row; the cells are valid during the call only.
  virtual void query(std::string_view sql, const std::vector<SqlValue>& args, std::size_t columns,
                     const std::function<void(const std::vector<SqlCell>&)>& row) = 0;
  virtual std::int64_t execute(std::string_view sql, const std::vector<SqlValue>& args) = 0;

 protected:
  static std::string insert_sql(std::string_view table, std::string_view columns, std::size_t count);
  std::vector<std::function<void()>> hooks_;
};

/// A forward-only change of the schema. Never edited once released: its digest is checked at every start.
struct Migration {
  int version = 0;
  std::string_view name;
  std::string_view sql;  ///< statements separated by ";\n". TEXT becomes TEXT COLLATE "C" on PostgreSQL
};

struct Options {
  /// "sqlite:/path/to/file.db" or "postgresql://user@host/name?…" (libpq).
  std::string url;
  int readers = 8;                     ///< SQLite: connections that read; PostgreSQL: connections in all
  std::size_t write_queue_max = 1024;  ///< more waiting writers get 503
  /// PostgreSQL: after this a statement is given up; a server that then is silent for as long again, or for 5 s, is
  /// taken for dead.
  std::chrono::milliseconds statement_timeout{30'000};
};

/// Thrown by `write(ctx, f)` when the request's Idempotency-Key was used before: the stored answer.
struct Replayed {
  int status = 200;
  std::string sealed_body;
};

class Database {
 public:
  static std::unique_ptr<Database> open(const Options& options);
  virtual ~Database() = default;
  virtual Dialect dialect() const = 0;
  /// Whether a read would begin now, without a word to another process.
  virtual bool reads_at_once() const { return false; }

  /// A consistent snapshot; may run twice when the connection was lost.
  template <class F>
  auto read(F&& f) {
    return capture<F>([this](const std::function<void(Tx&)>& body) { run_read(body); }, f);
  }
  /// `f` may run more than once. When this returns the change survives `kill -9` and power loss.
  template <class F>
  auto write(F&& f) {
    return capture<F>([this](const std::function<void(Tx&)>& body) { run_write(body); }, f);
  }
  /// The write of a request: with an Idempotency-Key its answer is kept in the same transaction.
  template <class F>
  auto write(const Context& ctx, F&& f) {
    return write([&](Tx& tx) {
      if (ctx.idempotency != nullptr) check_idempotency(tx, ctx);
      using R = std::invoke_result_t<F&, Tx&>;
      if constexpr (std::is_void_v<R>) {
        f(tx);
        if (ctx.idempotency != nullptr) keep_answer(tx, ctx, "");
      } else {
        R result = f(tx);
        if (ctx.idempotency != nullptr) keep_answer(tx, ctx, reflect::to_json(result));
        return result;
      }
    });
  }

  /// Brings the schema to the newest version. Refuses a database that a newer program has changed.
  void migrate(std::span<const Migration> migrations);

  /// The version of the last migration; nothing in a database without any.
  std::optional<int> schema_version();

  virtual void run_read(const std::function<void(Tx&)>& body) = 0;
  virtual void run_write(const std::function<void(Tx&)>& body) = 0;

 protected:
  virtual void forget_statements() = 0;
  /// As `run_write`, but it may take as long as it takes.
  virtual void run_migration(const std::function<void(Tx&)>& body) { run_write(body); }

 private:
  template <class F, class Run>
  static auto capture(Run&& run, F& f) {
    using R = std::invoke_result_t<F&, Tx&>;
    if constexpr (std::is_void_v<R>) {
      run([&](Tx& tx) { f(tx); });
    } else {
      std::optional<R> result;
      run([&](Tx& tx) { result.reset(), result.emplace(f(tx)); });
      return std::move(*result);
    }
  }
  static void check_idempotency(Tx& tx, const Context& ctx);
  static void keep_answer(Tx& tx, const Context& ctx, std::string body);
};

}  // namespace modelops::db
