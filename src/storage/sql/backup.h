#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/result.h"

namespace tenure::storage {

/// Writes a whole database, as it is at one instant, into a new file, while others go on reading
/// and writing. URLs as in open_database. SQLite: a database file. PostgreSQL: the current schema
/// in pg_dump's custom format. Errors: kNotFound when there is no database; kUnavailable when
/// pg_dump is not installed or fails; kResourceExhausted; those of reading the database.
core::Result<> back_up_database(std::string_view url, const std::string& base,
                                const std::filesystem::path& file);

/// Fills a database with what such a file holds, in one transaction: all of it or nothing. A new
/// SQLite database is made, PostgreSQL's must be there.
/// Errors: kConflict when it has tables already and `replaces` is false; kCorruption when the file
/// is damaged; as above, for pg_restore.
core::Result<> restore_database(std::string_view url, const std::string& base,
                                const std::filesystem::path& file, bool replaces);

/// Whether a database holds tables. One that is not there holds none, and none is made.
core::Result<bool> has_tables(std::string_view url, const std::string& base);

}  // namespace tenure::storage
