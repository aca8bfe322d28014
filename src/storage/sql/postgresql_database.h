#pragma once

#include <memory>
#include <string_view>

#include "core/result.h"
#include "storage/sql/database.h"

namespace tenure::storage {

/// PostgreSQL behind the Database interface: one connection that writes and up to eight that read.
///
/// Write transactions exclude each other by an advisory lock, as SQLite's do, so that what a body
/// reads stays true until it commits; programs other than this one do not take that lock. A
/// deadlock or a serialization error with those is kUnavailable and not tried again here.
///
/// When the server was gone, the next call connects again. A statement that reads is then tried
/// once more, one that writes only if it was not sent; a transaction whose connection is lost
/// inside it is kUnavailable. Errors as open_database; kNotFound when the server has no such
/// database.
core::Result<std::unique_ptr<Database>> open_postgresql_database(
    std::string_view url, Access access = Access::kReadWrite);

}  // namespace tenure::storage
