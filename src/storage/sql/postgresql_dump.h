#pragma once

#include <filesystem>
#include <string_view>

#include "core/result.h"

namespace tenure::storage {

/// Runs pg_dump and pg_restore (Debian package postgresql-client) for one schema of a database, as
/// back_up_database and restore_database say. The password goes to them in the environment, which
/// other users cannot read.
core::Result<> dump_postgresql(std::string_view url, const std::filesystem::path& file);
core::Result<> undump_postgresql(std::string_view url, const std::filesystem::path& file,
                                 bool replaces);

}  // namespace tenure::storage
