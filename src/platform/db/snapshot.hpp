#pragma once
#include <filesystem>

#include "platform/db/database.hpp"

namespace modelops::db {

/// Copies a whole database into the new file `to` while others write to it: as it was at one moment, on disk when this
/// returns, and checked. SQLite: a database file. PostgreSQL: an archive of `pg_dump`, which must be installed.
/// `inspect` reads that same moment. Throws Error with what to do.
void write_snapshot(const std::string& url, const std::filesystem::path& to, const std::function<void(Tx&)>& inspect);

/// Throws Error(conflict) unless there is no such file (SQLite) or no table (PostgreSQL).
void require_empty(const std::string& url);

/// Makes the empty database at `url` what it was in the snapshot `from`: all of it or nothing. PostgreSQL: `pg_restore`
/// must be installed.
void load_snapshot(const std::filesystem::path& from, const std::string& url);

}  // namespace modelops::db
