#pragma once
#include "platform/db/database.hpp"

namespace modelops::db {

std::unique_ptr<Database> open_sqlite(const std::string& path, const Options& options);
std::unique_ptr<Database> open_postgres(const std::string& url, const Options& options);

}  // namespace modelops::db
