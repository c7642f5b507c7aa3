#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "platform/db/database.hpp"

namespace modelops::testing {

/// A new, empty database of one test: a SQLite file in a folder of its own, or a PostgreSQL database in the
/// cluster that MODELOPS_TEST_POSTGRES names (a libpq URL of a superuser). Gone with the object.
class TestDatabase {
 public:
  explicit TestDatabase(db::Dialect dialect);
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;

  db::Database& operator*() { return *database_; }
  db::Database* operator->() { return database_.get(); }
  const std::string& url() const { return url_; }
  /// Closes and opens it again, as a restarted server would.
  void reopen();

 private:
  db::Dialect dialect_;
  std::string name_;
  std::string url_;
  std::unique_ptr<db::Database> database_;
};

inline std::string dialect_name(const ::testing::TestParamInfo<db::Dialect>& info) {
  return info.param == db::Dialect::sqlite ? "Sqlite" : "Postgres";
}

}  // namespace modelops::testing

/// Runs every test of a fixture derived from TestWithParam<db::Dialect> on both databases.
#define MODELOPS_ON_BOTH_DATABASES(Fixture)                                                                       \
  INSTANTIATE_TEST_SUITE_P(On, Fixture,                                                                           \
                           ::testing::Values(::modelops::db::Dialect::sqlite, ::modelops::db::Dialect::postgres), \
                           ::modelops::testing::dialect_name)
