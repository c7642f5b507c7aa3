#pragma once
#include <span>

#include "platform/db/database.hpp"

namespace modelops {

/// Every migration of the product, oldest first, embedded at build time.
std::span<const db::Migration> all_migrations();

}  // namespace modelops
