#include "tests/support/database.hpp"

#include <libpq-fe.h>

#include <cstdlib>
#include <filesystem>

#include "base/error.hpp"
#include "base/id.hpp"

namespace modelops::testing {
namespace {

std::string server_url() {
  const char* url = std::getenv("MODELOPS_TEST_POSTGRES");  // NOLINT(concurrency-mt-unsafe): set before main
  if (url == nullptr) fail(ErrorCode::internal, "MODELOPS_TEST_POSTGRES is not set; run the tests with `make test`.");
  return url;
}

void run_on_server(const std::string& sql) {
  PGconn* connection = PQconnectdb(server_url().c_str());
  PGresult* result = PQexec(connection, sql.c_str());
  const std::string problem = PQresultStatus(result) == PGRES_COMMAND_OK ? "" : PQerrorMessage(connection);
  PQclear(result);
  PQfinish(connection);
  if (!problem.empty()) fail(ErrorCode::internal, "PostgreSQL refused to prepare a test database.", problem);
}

/// The server's URL with another database: the path between the host and '?'.
std::string url_of(const std::string& name) {
  const std::string url = server_url();
  const std::size_t path = std::min(url.find('/', url.find("://") + 3), url.size());
  const std::size_t query = std::min(url.find('?'), url.size());
  return url.substr(0, std::min(path, query)) + "/" + name + url.substr(query);
}

}  // namespace

TestDatabase::TestDatabase(db::Dialect dialect) : dialect_(dialect), name_("modelops_test_" + new_uuid7()) {
  if (dialect_ == db::Dialect::sqlite) {
    const auto folder = std::filesystem::temp_directory_path() / name_;
    std::filesystem::create_directory(folder);
    url_ = "sqlite:" + (folder / "modelops.db").string();
  } else {
    run_on_server("CREATE DATABASE " + name_);
    url_ = url_of(name_);
  }
  reopen();
}

TestDatabase::~TestDatabase() {
  database_.reset();
  if (dialect_ == db::Dialect::sqlite)
    std::filesystem::remove_all(std::filesystem::temp_directory_path() / name_);
  else
    run_on_server("DROP DATABASE " + name_ + " WITH (FORCE)");
}

void TestDatabase::reopen() {
  database_.reset();
  database_ = db::Database::open({.url = url_});
}

}  // namespace modelops::testing
