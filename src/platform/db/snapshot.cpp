#include "platform/db/snapshot.hpp"

#include <fcntl.h>
#include <libpq-fe.h>
#include <sqlite3.h>
#include <unistd.h>

#include <boost/process.hpp>
#include <cstring>

#include "base/descriptor.hpp"
#include "base/text.hpp"

namespace modelops::db {
namespace {

namespace fs = std::filesystem;
namespace process = boost::process;

constexpr std::string_view sqlite_prefix = "sqlite:";

void sync(const fs::path& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0)
    fail(ErrorCode::internal, fmt::format("{} cannot be written to the disk: {}", path.string(), ::strerror(errno)));
}

// ---- SQLite: its online backup, which waits for nobody and lets others write (sqlite.org/backup.html)

struct CloseSqlite {
  void operator()(sqlite3* handle) const { sqlite3_close(handle); }
};
using Sqlite = std::unique_ptr<sqlite3, CloseSqlite>;

[[noreturn]] void fail_sqlite(const fs::path& path, const char* reason) {
  fail(ErrorCode::unavailable, fmt::format("The database {} cannot be copied: {}.", path.string(), reason));
}

Sqlite open_file(const fs::path& path, int flags) {
  sqlite3* handle = nullptr;
  const int status = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  Sqlite out(handle);
  if (status != SQLITE_OK) fail_sqlite(path, sqlite3_errstr(status));
  sqlite3_busy_timeout(handle, 10'000);
  return out;
}

/// The first column of the first row, or the error's text.
std::string ask(sqlite3* handle, const char* sql) {
  sqlite3_stmt* statement = nullptr;
  std::string out;
  if (sqlite3_prepare_v2(handle, sql, -1, &statement, nullptr) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
    out = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
  else
    out = sqlite3_errmsg(handle);
  sqlite3_finalize(statement);
  return out;
}

void copy_sqlite(const fs::path& from, const fs::path& to) {
  const Sqlite source = open_file(from, SQLITE_OPEN_READONLY);
  const Sqlite target = open_file(to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  sqlite3_backup* backup = sqlite3_backup_init(target.get(), "main", source.get(), "main");
  if (backup == nullptr) fail_sqlite(from, sqlite3_errmsg(target.get()));
  // All pages in one step: one read transaction, so writers neither wait nor make it begin again.
  const int copied = sqlite3_backup_step(backup, -1);
  sqlite3_backup_finish(backup);
  if (copied != SQLITE_DONE) fail_sqlite(from, sqlite3_errstr(copied));
  if (const std::string verdict = ask(target.get(), "PRAGMA integrity_check"); verdict != "ok")
    fail_sqlite(from, ("its copy is damaged: " + verdict).c_str());
}

// ---- PostgreSQL: its own tools

/// This process's environment and the connection's parameters: arguments could be read by every user.
process::environment connection_environment(const std::string& url, std::string* name) {
  process::environment out = boost::this_process::environment();
  char* message = nullptr;
  PQconninfoOption* options = PQconninfoParse(url.c_str(), &message);
  if (options == nullptr) {
    PQfreemem(message);
    fail(ErrorCode::invalid, "data.database is not a PostgreSQL URL.");
  }
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
    if (option->val == nullptr || option->envvar == nullptr) continue;
    out[option->envvar] = option->val;
    if (std::string_view(option->keyword) == "dbname") *name = option->val;
  }
  PQconninfoFree(options);
  return out;
}

/// The program of that name on the PATH; empty when there is none.
std::string find_program(const std::string& name) {
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): nothing here sets a variable
  for (const std::string_view folder : split(path == nullptr ? "/usr/bin" : path, ':')) {
    const fs::path file = fs::path(folder) / name;
    if (::access(file.c_str(), X_OK) == 0) return file.string();
  }
  return "";
}

void run_tool(const std::string& tool, const std::vector<std::string>& arguments,
              const process::environment& environment) {
  const std::string program = find_program(tool);
  if (program.empty())
    fail(ErrorCode::unavailable, fmt::format("{} is not installed: install the package postgresql-client.", tool));
  process::ipstream output;
  process::child child(program, process::args = arguments, environment,
                       process::std_in<process::null, process::std_out> process::null, process::std_err > output);
  std::string words;
  for (std::string line; std::getline(output, line);)
    if (words.size() < 4000) words += "\n  " + line;
  child.wait();
  if (child.exit_code() != 0) fail(ErrorCode::unavailable, fmt::format("{} failed:{}", tool, words));
}

}  // namespace

void write_snapshot(const std::string& url, const fs::path& to, const std::function<void(Tx&)>& inspect) {
  if (url.starts_with(sqlite_prefix)) {
    copy_sqlite(url.substr(sqlite_prefix.size()), to);
    Database::open({.url = fmt::format("{}{}", sqlite_prefix, to.string()), .readers = 1})->read(inspect);
    // Without a log beside it, the one file is the whole database.
    ask(open_file(to, SQLITE_OPEN_READWRITE).get(), "PRAGMA journal_mode=DELETE");
  } else {
    std::string name;
    const process::environment environment = connection_environment(url, &name);
    Database::open({.url = url, .readers = 1})->read([&](Tx& tx) {
      const auto moment = tx.value<std::string>("SELECT pg_export_snapshot()");
      inspect(tx);
      run_tool(
          "pg_dump",
          {"--format=custom", "--no-owner", "--no-privileges", "--snapshot=" + moment.value(), "--file=" + to.string()},
          environment);
    });
    run_tool("pg_restore", {"--list", "--file=/dev/null", to.string()}, environment);
  }
  sync(to);
}

void require_empty(const std::string& url) {
  if (url.starts_with(sqlite_prefix)) {
    const fs::path file = url.substr(sqlite_prefix.size());
    if (fs::exists(file))
      fail(ErrorCode::conflict, fmt::format("There is a database {} already: move it away first.", file.string()));
    return;
  }
  const auto tables = Database::open({.url = url, .readers = 1})->read([](Tx& tx) {
    return tx.value<std::int64_t>("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()");
  });
  if (tables.value_or(0) != 0)
    fail(ErrorCode::conflict, "The database has tables already: name an empty one with --data.database.");
}

void load_snapshot(const fs::path& from, const std::string& url) {
  require_empty(url);
  if (url.starts_with(sqlite_prefix)) {
    const fs::path file = url.substr(sqlite_prefix.size());
    const fs::path partial = file.string() + ".restoring";
    fs::copy_file(from, partial, fs::copy_options::overwrite_existing);
    fs::permissions(partial, fs::perms::owner_read | fs::perms::owner_write);
    sync(partial);
    fs::rename(partial, file);
    sync(file.parent_path());
    return;
  }
  std::string name;
  const process::environment environment = connection_environment(url, &name);
  run_tool(
      "pg_restore",
      {"--dbname=" + name, "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", from.string()},
      environment);
}

}  // namespace modelops::db
