#include "storage/sql/backup.h"

#include <array>

#include <fmt/format.h>
#include <sqlite3.h>

#include "core/file.h"
#include "storage/sql/database.h"
#include "storage/sql/postgresql_dump.h"
#include "storage/sql/sqlite_connection.h"
#include "storage/store_url.h"

namespace tenure::storage {
namespace {

bool is_postgresql(std::string_view url) {
  return url.starts_with("postgres:") || url.starts_with("postgresql:") ||
         url.starts_with("postgresql+");
}

core::Result<std::filesystem::path> sqlite_file(std::string_view url, const std::string& base) {
  constexpr auto kSchemes = std::to_array<std::string_view>({"sqlite", "postgresql"});
  auto where = parse_store_url(url, base, kSchemes, "database");
  if (!where) return std::move(where).error();
  if (where->in_memory) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       "a database in memory ends with its program: there is nothing to back up"};
  }
  return where->path;
}

/// Copies every page. The source is read in one transaction, the target changed in one.
core::Result<> copy_pages(SqliteConnection& from, SqliteConnection& to) {
  sqlite3_backup* const backup = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
  if (backup == nullptr) return sqlite_last_error(to.handle());
  sqlite3_backup_step(backup, -1);
  const int result = sqlite3_backup_finish(backup);
  if (result != SQLITE_OK) return sqlite_error(result, 0, sqlite3_errstr(result));
  return {};
}

core::Result<> check_pages(SqliteConnection& connection, const std::filesystem::path& file) {
  auto rows = connection.query("PRAGMA quick_check(1)", {});
  if (!rows) return std::move(rows).error().within(file.string());
  if (rows->size() == 1 && rows->front().text_or(0, "") == "ok") return {};
  return core::Error{core::ErrorCode::kCorruption,
                     fmt::format("{}: {}", file.string(),
                                 rows->empty() ? "no database" : rows->front().text_or(0, ""))};
}

core::Result<std::int64_t> count_tables(SqliteConnection& connection) {
  auto rows = connection.query("SELECT COUNT(*) FROM sqlite_master", {});
  if (!rows) return std::move(rows).error();
  return rows->front().integer(0);
}

core::Result<> back_up_sqlite(const std::filesystem::path& source,
                              const std::filesystem::path& file) {
  std::error_code status;
  if (!std::filesystem::exists(source, status))
    return core::Error{core::ErrorCode::kNotFound,
                       fmt::format("there is no database {}", source.string())};
  auto from = SqliteConnection::open(source, Access::kRead);
  if (!from) return std::move(from).error();
  // A name of its own until it is whole, and no log beside it.
  const std::filesystem::path unfinished = core::unfinished_path(file);
  {
    auto to = SqliteConnection::open(unfinished, Access::kReadWrite);
    if (!to) return std::move(to).error();
    if (auto copied = copy_pages(**from, **to); !copied)
      return std::move(copied).error().within(file.string());
    if (auto closed = (*to)->query("PRAGMA journal_mode=DELETE", {}); !closed)
      return std::move(closed).error().within(file.string());
    if (auto checked = check_pages(**to, file); !checked) return checked;
  }
  return core::publish_file(unfinished, file);
}

core::Result<> restore_sqlite(const std::filesystem::path& target,
                              const std::filesystem::path& file, bool replaces) {
  auto from = SqliteConnection::open(file, Access::kRead);
  if (!from) return std::move(from).error();
  if (auto checked = check_pages(**from, file); !checked) return checked;
  if (auto made = core::make_directories(target.parent_path()); !made) return made;
  auto to = SqliteConnection::open(target, Access::kReadWrite);
  if (!to) return std::move(to).error();
  auto tables = count_tables(**to);
  if (!tables) return std::move(tables).error();
  if (*tables > 0 && !replaces) {
    return core::Error{core::ErrorCode::kConflict,
                       fmt::format("the database {} holds something already", target.string())};
  }
  if (auto copied = copy_pages(**from, **to); !copied)
    return std::move(copied).error().within(target.string());
  return core::sync_directory(target.parent_path());
}

}  // namespace

core::Result<bool> has_tables(std::string_view url, const std::string& base) {
  auto database = open_database(url, base, Access::kRead);
  if (!database && database.error().code == core::ErrorCode::kNotFound && !is_postgresql(url))
    return false;
  if (!database) return std::move(database).error();
  auto rows = (*database)->query(
      is_postgresql(url) ? "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = "
                           "current_schema()"
                         : "SELECT COUNT(*) FROM sqlite_master");
  if (!rows) return std::move(rows).error();
  return rows->front().integer(0) > 0;
}

core::Result<> back_up_database(std::string_view url, const std::string& base,
                                const std::filesystem::path& file) {
  if (is_postgresql(url)) return dump_postgresql(url, file);
  auto source = sqlite_file(url, base);
  if (!source) return std::move(source).error();
  return back_up_sqlite(*source, file);
}

core::Result<> restore_database(std::string_view url, const std::string& base,
                                const std::filesystem::path& file, bool replaces) {
  std::error_code status;
  if (!std::filesystem::exists(file, status))
    return core::Error{core::ErrorCode::kNotFound, fmt::format("there is no {}", file.string())};
  if (is_postgresql(url)) return undump_postgresql(url, file, replaces);
  auto target = sqlite_file(url, base);
  if (!target) return std::move(target).error();
  return restore_sqlite(*target, file, replaces);
}

}  // namespace tenure::storage
