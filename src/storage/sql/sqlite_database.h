#pragma once

#include <filesystem>
#include <memory>

#include "core/result.h"
#include "storage/sql/database.h"

namespace tenure::storage {

/// SQLite behind the Database interface: one writing connection and a few reading ones. An empty
/// path means a database in memory, which has the writing connection only. Errors as open_database.
core::Result<std::unique_ptr<Database>> open_sqlite_database(const std::filesystem::path& file,
                                                             Access access = Access::kReadWrite);

}  // namespace tenure::storage
