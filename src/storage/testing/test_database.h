#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "storage/sql/database.h"
#include "storage/testing/postgresql_server.h"

namespace tenure::storage::testing {

/// Whether this run of the tests is on PostgreSQL: tests/run.py runs some programs once more with
/// TENURE_TEST_DATABASE=postgresql.
inline bool tests_postgresql() {
  const char* const backend = std::getenv("TENURE_TEST_DATABASE");
  return backend != nullptr && std::string(backend) == "postgresql";
}

/// The database a test works on, which belongs to the folder: a SQLite file in it, or a schema of
/// the program's PostgreSQL server. Never null; a failure ends the program.
inline std::unique_ptr<Database> open_test_database(const std::filesystem::path& folder) {
  auto opened = tests_postgresql()
                    ? (PostgresqlServer::shared() != nullptr
                           ? PostgresqlServer::shared()->open(folder)
                           : core::Error{core::ErrorCode::kNotFound, PostgresqlServer::kMissing})
                    : open_database("sqlite:///t.db", folder.string());
  if (!opened) {
    std::fputs((opened.error().message + "\n").c_str(), stderr);
    std::abort();
  }
  return std::move(*opened);
}

}  // namespace tenure::storage::testing
