#include "storage/sql/statement_kind.h"

#include <algorithm>
#include <array>
#include <string>

namespace tenure::storage {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

char to_upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

/// The next word from `at` on, in upper case; `at` is moved behind it. Empty at the end.
std::string next_word(std::string_view sql, std::size_t& at) {
  while (at < sql.size() && !is_letter(sql[at])) ++at;
  std::string word;
  for (; at < sql.size() && (is_letter(sql[at]) || (sql[at] >= '0' && sql[at] <= '9')); ++at)
    word += to_upper(sql[at]);
  return word;
}

template <std::size_t size>
bool is_one_of(const std::string& word, const std::array<std::string_view, size>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr auto kReading = std::to_array<std::string_view>({"SELECT", "VALUES", "EXPLAIN", "SHOW"});
constexpr auto kChanging =
    std::to_array<std::string_view>({"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE"});
constexpr auto kDefining = std::to_array<std::string_view>({"CREATE", "ALTER", "DROP", "TRUNCATE"});

}  // namespace

StatementKind kind_of_statement(std::string_view sql) {
  std::size_t at = 0;
  const std::string first = next_word(sql, at);
  if (is_one_of(first, kReading)) return StatementKind::kReads;
  if (is_one_of(first, kChanging) || is_one_of(first, kDefining)) return StatementKind::kWrites;
  if (first != "WITH") return StatementKind::kStandsAlone;
  // A word inside a text may be taken for one that changes: no harm, the statement then waits for
  // its turn among the writers.
  for (std::string word = next_word(sql, at); !word.empty(); word = next_word(sql, at)) {
    if (is_one_of(word, kChanging)) return StatementKind::kWrites;
  }
  return StatementKind::kReads;
}

}  // namespace tenure::storage
