#include <memory>

#include <fmt/format.h>
#include <postgresql/libpq-fe.h>

#include "storage/sql/postgresql_connection.h"

namespace tenure::storage {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

struct FreeText {
  void operator()(char* text) const { PQfreemem(text); }
};

/// "postgresql+psycopg2://..." as "postgresql://...".
std::string without_driver(std::string_view url) {
  const std::size_t colon = url.find("://");
  const std::size_t plus = url.substr(0, colon).find('+');
  if (plus == std::string_view::npos) return std::string(url);
  return fmt::format("{}{}", url.substr(0, plus), url.substr(colon));
}

bool names_a_password(std::string_view url) {
  return url.find('@') != std::string_view::npos || url.find("password") != std::string_view::npos;
}

}  // namespace

core::Result<PostgresqlAddress> parse_postgresql_url(std::string_view url) {
  PostgresqlAddress address;
  address.url = without_driver(url);
  char* why = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(
      PQconninfoParse(address.url.c_str(), &why));
  const std::unique_ptr<char, FreeText> message(why);
  if (options == nullptr || url.find('\0') != std::string_view::npos) {
    // libpq quotes the part it stumbled over, which may be the password.
    std::string_view reason = message != nullptr && !names_a_password(url) ? message.get() : "";
    while (reason.ends_with('\n')) reason.remove_suffix(1);
    return core::Error{
        core::ErrorCode::kInvalidArgument,
        fmt::format("database URL: expected postgresql://user:password@host:port/database?options, "
                    "with '%' and two hexadecimal digits for characters such as '@' in a password"
                    "{}{}",
                    reason.empty() ? "" : ": ", reason)};
  }
  std::string host = "this machine";
  std::string name;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view keyword = option->keyword;
    if (keyword == "host") host = option->val;
    if (keyword == "dbname") name = option->val;
    if (keyword == "password") address.password = option->val;
  }
  address.shown = name.empty() ? fmt::format("PostgreSQL on {}", host)
                               : fmt::format("PostgreSQL database {} on {}", name, host);
  return address;
}

}  // namespace tenure::storage
