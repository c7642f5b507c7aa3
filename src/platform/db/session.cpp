#include "platform/db/session.hpp"

#include <soci/postgresql/soci-postgresql.h>
#include <soci/sqlite3/soci-sqlite3.h>

namespace modelops::db {
namespace {

constexpr std::size_t statements_max = 256;

struct Parameter {
  char kind = 'n';
  long long integer = 0;
  double number = 0;
  std::string text;
  soci::indicator indicator = soci::i_ok;
};

struct Output {
  std::string text;
  soci::indicator indicator = soci::i_ok;
};

char kind_of(const SqlValue& value) { return "nids"[value.index()]; }

/// `?` outside quotes becomes SOCI's `:p1`, `:p2`…
std::string numbered(std::string_view sql) {
  std::string out;
  out.reserve(sql.size() + 16);
  char quote = 0;
  int count = 0;
  for (const char c : sql) {
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '?') {
      out += ":p" + std::to_string(++count);
      continue;
    }
    out += c;
  }
  return out;
}

}  // namespace

struct Session::Statement {
  // The buffers must not move: SOCI keeps their addresses.
  std::deque<Parameter> parameters;
  std::deque<Output> outputs;
  std::unique_ptr<soci::statement> statement;
  std::string key;

  void attach() {
    for (Parameter& parameter : parameters) {
      if (parameter.kind == 'i')
        statement->exchange(soci::use(parameter.integer, parameter.indicator));
      else if (parameter.kind == 'd')
        statement->exchange(soci::use(parameter.number, parameter.indicator));
      else
        statement->exchange(soci::use(parameter.text, parameter.indicator));
    }
    for (Output& output : outputs) statement->exchange(soci::into(output.text, output.indicator));
  }
};

Session::Session(Dialect dialect, const std::string& connection)
    : dialect_(dialect),
      session_(dialect == Dialect::sqlite ? static_cast<const soci::backend_factory&>(*soci::factory_sqlite3())
                                          : static_cast<const soci::backend_factory&>(*soci::factory_postgresql()),
               connection) {}

Session::~Session() { forget_statements(); }

void Session::forget_statements() {
  statements_.clear();
  order_.clear();
}

Session::Statement& Session::prepare(std::string_view sql, const std::vector<SqlValue>& args, std::size_t columns) {
  std::string key;
  key.reserve(sql.size() + args.size() + 1);
  for (const SqlValue& arg : args) key += kind_of(arg);
  key += ' ';
  key += sql;
  if (const auto found = statements_.find(key); found != statements_.end()) {
    order_.splice(order_.begin(), order_, found->second);
    return order_.front();
  }
  if (statements_.size() >= statements_max) forget(order_.back());
  Statement& made = order_.emplace_front();
  try {
    made.key = key;
    made.statement = std::make_unique<soci::statement>(session_);
    for (const SqlValue& arg : args) made.parameters.emplace_back().kind = kind_of(arg);
    made.outputs.resize(columns);
    made.attach();
    made.statement->alloc();
    made.statement->prepare(numbered(sql));
    made.statement->define_and_bind();
  } catch (...) {
    order_.pop_front();
    throw;
  }
  statements_.emplace(std::move(key), order_.begin());
  return made;
}

void Session::forget(Statement& statement) {
  const auto found = statements_.find(statement.key);
  const auto at = found->second;
  statements_.erase(found);
  order_.erase(at);
}

void Session::give_up(Statement& statement) {
  // SQLite's backend has finalised the statement. PostgreSQL's is still good, and could not be deallocated inside
  // a failed transaction anyway; but the buffers that the library filled for this run are freed with its bindings only.
  if (dialect_ == Dialect::sqlite) return forget(statement);
  statement.statement->bind_clean_up();
  statement.attach();
  statement.statement->define_and_bind();
}

namespace {

void bind(std::deque<Parameter>& parameters, const std::vector<SqlValue>& args) {
  for (std::size_t i = 0; i < args.size(); ++i) {
    Parameter& parameter = parameters[i];
    parameter.indicator = parameter.kind == 'n' ? soci::i_null : soci::i_ok;
    if (parameter.kind == 'i')
      parameter.integer = std::get<std::int64_t>(args[i]);
    else if (parameter.kind == 'd')
      parameter.number = std::get<double>(args[i]);
    else if (parameter.kind == 's')
      parameter.text = std::get<std::string>(args[i]);
  }
}

}  // namespace

void Session::query(std::string_view sql, const std::vector<SqlValue>& args, std::size_t columns,
                    const std::function<void(const std::vector<SqlCell>&)>& row) {
  Statement& statement = prepare(sql, args, columns);
  try {
    bind(statement.parameters, args);
    std::vector<SqlCell> cells(columns);
    statement.statement->execute(false);
    // Read to the end: a half-read statement would keep SQLite's snapshot open.
    while (statement.statement->fetch()) {
      for (std::size_t i = 0; i < columns; ++i) {
        const Output& output = statement.outputs[i];
        if (output.indicator == soci::i_null)
          cells[i] = std::nullopt;
        else
          cells[i] = output.text;
      }
      row(cells);
    }
  } catch (...) {
    give_up(statement);
    throw;
  }
}

std::int64_t Session::execute(std::string_view sql, const std::vector<SqlValue>& args) {
  Statement& statement = prepare(sql, args, 0);
  try {
    bind(statement.parameters, args);
    statement.statement->execute(true);
    return statement.statement->get_affected_rows();
  } catch (...) {
    give_up(statement);
    throw;
  }
}

bool is_retryable(const std::exception& error) {
  const auto* postgres = dynamic_cast<const soci::postgresql_soci_error*>(&error);
  if (postgres == nullptr) return false;
  const std::string state = postgres->sqlstate();
  return state == "40001" || state == "40P01";
}

bool is_disconnected(const std::exception& error) {
  if (const auto* postgres = dynamic_cast<const soci::postgresql_soci_error*>(&error)) {
    const std::string state = postgres->sqlstate();
    return state.starts_with("08") || state.starts_with("57P0") || state == "     " ||
           postgres->get_error_category() == soci::soci_error::connection_error;
  }
  if (const auto* any = dynamic_cast<const soci::soci_error*>(&error))
    return any->get_error_category() == soci::soci_error::connection_error;
  return false;
}

void rethrow_translated() {
  const auto translated = [](ErrorCode code, std::string message, const std::exception& cause) {
    std::throw_with_nested(Error(code, std::move(message), cause.what()));
  };
  constexpr const char* taken = "Something of this name or id exists already.";
  constexpr const char* full = "The disk of the database is full. Free space and try again; nothing was changed.";
  constexpr const char* away = "The database cannot be reached. Try again.";
  try {
    throw;
  } catch (const soci::sqlite3_soci_error& error) {
    // The library keeps only the primary result code (sqlite.org/rescode.html).
    const std::string_view text = error.what();
    switch (error.result() & 0xff) {
      case 13: translated(ErrorCode::insufficient_storage, full, error); break;
      case 8:
        translated(ErrorCode::insufficient_storage, "The database is read-only; nothing was changed.", error);
        break;
      case 5:
      case 6: translated(ErrorCode::unavailable, "The database is busy. Try again.", error); break;
      case 10: translated(ErrorCode::unavailable, "The disk of the database fails; nothing was changed.", error); break;
      case 19:
        if (text.find("UNIQUE") != std::string_view::npos || text.find("PRIMARY KEY") != std::string_view::npos)
          translated(ErrorCode::conflict, taken, error);
        break;
      default: break;
    }
    translated(ErrorCode::internal, "The database refused a statement.", error);
  } catch (const soci::postgresql_soci_error& error) {
    const std::string state = error.sqlstate();
    if (state == "23505") translated(ErrorCode::conflict, taken, error);
    if (state == "53100") translated(ErrorCode::insufficient_storage, full, error);
    if (state == "40001" || state == "40P01")
      translated(ErrorCode::unavailable, "Too many changes at the same time. Try again.", error);
    if (is_disconnected(error)) translated(ErrorCode::unavailable, away, error);
    if (state == "57014") translated(ErrorCode::unavailable, "The database took too long. Try again.", error);
    translated(ErrorCode::internal, "The database refused a statement.", error);
  } catch (const soci::soci_error& error) {
    if (is_disconnected(error)) translated(ErrorCode::unavailable, away, error);
    translated(ErrorCode::internal, "The database refused a statement.", error);
  }
  throw;  // NOLINT: unreachable but for what is ours
}

}  // namespace modelops::db
