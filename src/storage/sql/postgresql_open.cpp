#include <algorithm>
#include <array>
#include <memory>

#include <fmt/format.h>
#include <postgresql/libpq-fe.h>

#include "storage/sql/postgresql_connection.h"

// How a connection to PostgreSQL begins and ends, and what its errors mean.
namespace tenure::storage {
namespace {

/// What libpq says of a failed connection, in one line and without the password.
std::string reason_of(pg_conn* connection, const std::string& password) {
  std::string text = connection == nullptr ? "out of memory" : PQerrorMessage(connection);
  while (!password.empty() && text.find(password) != std::string::npos)
    text.replace(text.find(password), password.size(), "");
  while (text.ends_with('\n')) text.pop_back();
  std::ranges::replace(text, '\n', ' ');
  std::erase(text, '\t');  // libpq indents its second line
  return text;
}

/// libpq gives no SQLSTATE for a connection that was refused.
core::ErrorCode code_of_refusal(std::string_view reason) {
  const auto says = [&](std::string_view part) {
    return reason.find(part) != std::string_view::npos;
  };
  if (says("authentication failed") || says("no password supplied") || says("pg_hba.conf") ||
      says("permission denied") || (says("role \"") && says("does not exist"))) {
    return core::ErrorCode::kPermissionDenied;
  }
  if (says("database \"") && says("does not exist")) return core::ErrorCode::kNotFound;
  if (says("invalid") && says("value")) return core::ErrorCode::kInvalidArgument;
  return core::ErrorCode::kUnavailable;
}

// Limits for those the URL and the server leave open: nothing waits for ever. The lock time-out is
// SQLite's busy time-out.
constexpr const char* kSettings =
    "SELECT set_config('lock_timeout', CASE current_setting('lock_timeout') WHEN '0' THEN '20s' "
    "ELSE current_setting('lock_timeout') END, false), set_config('statement_timeout', CASE "
    "current_setting('statement_timeout') WHEN '0' THEN '120s' ELSE "
    "current_setting('statement_timeout') END, false)";

}  // namespace

core::ErrorCode postgresql_error_code(std::string_view state) {
  const std::string_view kind = state.substr(0, 2);
  if (state == "23505" || state == "23P01") return core::ErrorCode::kAlreadyExists;
  if (state == "42501" || state == "25006" || kind == "28")
    return core::ErrorCode::kPermissionDenied;
  if (state == "53100" || state == "53200") return core::ErrorCode::kResourceExhausted;
  if (state == "3D000") return core::ErrorCode::kNotFound;
  if (kind == "XX") {
    return state == "XX000" ? core::ErrorCode::kInternal : core::ErrorCode::kCorruption;
  }
  constexpr auto kMistakes =
      std::to_array<std::string_view>({"0A", "21", "22", "23", "26", "34", "3F", "42", "44", "54"});
  if (std::find(kMistakes.begin(), kMistakes.end(), kind) != kMistakes.end())
    return core::ErrorCode::kInvalidArgument;
  // 08 connection, 25 a transaction that failed, 40 serialization and deadlocks, 53 too many
  // connections, 55 locks, 57 cancelled or shutting down, 58 system errors.
  return core::ErrorCode::kUnavailable;
}

core::Result<std::unique_ptr<PostgresqlConnection>> PostgresqlConnection::open(
    const PostgresqlAddress& address, Access access) {
  // Later ones win, so the URL may set these too.
  const auto keywords =
      std::to_array<const char*>({"connect_timeout", "tcp_user_timeout", "application_name",
                                  "client_encoding", "dbname", nullptr});
  const auto values =
      std::to_array<const char*>({"10", "30000", "tenure", "UTF8", address.url.c_str(), nullptr});
  pg_conn* const raw = PQconnectdbParams(keywords.data(), values.data(), 1);
  auto connection = std::make_unique<PostgresqlConnection>(raw, address.shown);
  if (PQstatus(raw) != CONNECTION_OK) {
    const std::string reason = reason_of(raw, address.password);
    return core::Error{code_of_refusal(reason),
                       fmt::format("cannot open {}: {}", address.shown, reason)};
  }
  PQsetNoticeProcessor(
      raw, [](void*, const char*) {}, nullptr);  // libpq would print them
  if (auto set = connection->command(kSettings); !set)
    return std::move(set).error().within(address.shown);
  if (access == Access::kRead) {
    if (auto set = connection->command("SET default_transaction_read_only = on"); !set)
      return std::move(set).error().within(address.shown);
  }
  return connection;
}

PostgresqlConnection::~PostgresqlConnection() {
  PQfinish(connection_);
}

}  // namespace tenure::storage
