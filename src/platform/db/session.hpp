#pragma once
// One SOCI session with its cache of prepared statements. Included by this folder's sources only.
#include <soci/soci.h>

#include <deque>
#include <list>

#include "platform/db/database.hpp"

namespace modelops::db {

class Session final : public Tx {
 public:
  Session(Dialect dialect, const std::string& connection);
  ~Session() override;

  Dialect dialect() const override { return dialect_; }
  void query(std::string_view sql, const std::vector<SqlValue>& args, std::size_t columns,
             const std::function<void(const std::vector<SqlCell>&)>& row) override;
  std::int64_t execute(std::string_view sql, const std::vector<SqlValue>& args) override;

  void forget_statements();
  std::vector<std::function<void()>> take_hooks() { return std::exchange(hooks_, {}); }
  soci::session& soci() { return session_; }

 private:
  struct Statement;
  Statement& prepare(std::string_view sql, const std::vector<SqlValue>& args, std::size_t columns);
  void forget(Statement& statement);
  void give_up(Statement& statement);

  Dialect dialect_;
  soci::session session_;
  std::list<Statement> order_;  // most recently used first
  std::map<std::string, std::list<Statement>::iterator, std::less<>> statements_;
};

/// True when the database asks to run the transaction again: serialisation failure, deadlock.
bool is_retryable(const std::exception& error);
/// True when the connection is gone.
bool is_disconnected(const std::exception& error);
/// Turns the library's exception that is being handled into an Error; ours pass unchanged.
[[noreturn]] void rethrow_translated();

}  // namespace modelops::db
