#include "storage/sql/postgresql_parameters.h"

#include <algorithm>
#include <unordered_map>

namespace tenure::storage {
namespace {

bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool continues_name(char c) {
  return begins_name(c) || (c >= '0' && c <= '9');
}

/// The position behind a quoted text or name that begins at `at`. A doubled quote does not end it,
/// nor does one after a backslash in E'...'.
std::size_t end_of_quotes(std::string_view sql, std::size_t at) {
  const char quote = sql[at];
  const bool has_escapes = quote == '\'' && at > 0 && (sql[at - 1] == 'E' || sql[at - 1] == 'e') &&
                           (at == 1 || !continues_name(sql[at - 2]));
  for (++at; at < sql.size(); ++at) {
    if (has_escapes && sql[at] == '\\') {
      ++at;
    } else if (sql[at] == quote) {
      if (at + 1 < sql.size() && sql[at + 1] == quote) {
        ++at;
      } else {
        return at + 1;
      }
    }
  }
  return sql.size();
}

/// The position behind a comment between "/*" and "*/", which may hold others.
std::size_t end_of_comment(std::string_view sql, std::size_t at) {
  int depth = 0;
  while (at < sql.size()) {
    if (sql.substr(at).starts_with("/*")) {
      ++depth;
      at += 2;
    } else if (sql.substr(at).starts_with("*/")) {
      --depth;
      at += 2;
      if (depth == 0) return at;
    } else {
      ++at;
    }
  }
  return sql.size();
}

/// The position behind a text in dollar quotes, or `at` when there is none.
std::size_t end_of_dollar_quotes(std::string_view sql, std::size_t at) {
  if (at > 0 && continues_name(sql[at - 1])) return at;
  std::size_t end = at + 1;
  if (end < sql.size() && begins_name(sql[end])) {
    while (end < sql.size() && continues_name(sql[end])) ++end;
  }
  if (end >= sql.size() || sql[end] != '$') return at;
  const std::string_view tag = sql.substr(at, end + 1 - at);
  const std::size_t closing = sql.find(tag, end + 1);
  return closing == std::string_view::npos ? sql.size() : closing + tag.size();
}

/// The position behind what is no code and begins at `at`, or `at` itself.
std::size_t skip_quoted(std::string_view sql, std::size_t at) {
  const std::string_view rest = sql.substr(at);
  if (rest.front() == '\'' || rest.front() == '"') return end_of_quotes(sql, at);
  if (rest.front() == '$') return end_of_dollar_quotes(sql, at);
  if (rest.starts_with("--")) return std::min(sql.find('\n', at), sql.size());
  if (rest.starts_with("/*")) return end_of_comment(sql, at);
  if (rest.starts_with("::")) return at + 2;
  return at;
}

}  // namespace

PostgresqlStatement number_parameters(std::string_view sql) {
  PostgresqlStatement statement;
  std::unordered_map<std::string_view, std::size_t> numbers;
  std::size_t at = 0;
  while (at < sql.size()) {
    if (const std::size_t end = skip_quoted(sql, at); end != at) {
      statement.text += sql.substr(at, end - at);
      at = end;
      continue;
    }
    if (sql[at] == '?') {
      statement.text += '$';
      statement.text += std::to_string(++statement.parameter_count);
      ++at;
      continue;
    }
    if (sql[at] != ':' || at + 1 >= sql.size() || !begins_name(sql[at + 1])) {
      statement.text += sql[at++];
      continue;
    }
    std::size_t end = at + 1;
    while (end < sql.size() && continues_name(sql[end])) ++end;
    const std::string_view name = sql.substr(at + 1, end - at - 1);
    const auto known = numbers.try_emplace(name, statement.parameter_count + 1);
    if (known.second) ++statement.parameter_count;
    statement.text += '$';
    statement.text += std::to_string(known.first->second);
    at = end;
  }
  return statement;
}

}  // namespace tenure::storage
