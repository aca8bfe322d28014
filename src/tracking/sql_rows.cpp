#include "tracking/sql_rows.h"

#include <algorithm>
#include <bit>
#include <iterator>

#include <fmt/format.h>

namespace tenure::tracking {
namespace {

using storage::SqlRow;
using storage::SqlStatement;
using storage::SqlValue;

constexpr std::size_t kRowsMax = 128;
constexpr std::size_t kListMax = 512;

/// The parameters of a row stay without names: preparing a statement takes time that grows with the
/// square of its named ones.
std::string insert_text(const RowInsert& insert, std::size_t rows) {
  std::string text;
  text.reserve(insert.head.size() + rows * (insert.row.size() + 2) + insert.tail.size());
  text += insert.head;
  for (std::size_t i = 0; i < rows; ++i) {
    if (i > 0) text += ", ";
    text += insert.row;
  }
  text += insert.tail;
  return text;
}

std::string list_text(std::string_view text, std::size_t values) {
  constexpr std::string_view kMarker = "{list}";
  const std::size_t at = text.find(kMarker);
  std::string result(text.substr(0, at));
  auto out = std::back_inserter(result);
  for (std::size_t i = 0; i < values; ++i) fmt::format_to(out, "{}:v{}", i > 0 ? ", " : "", i);
  result += text.substr(at + kMarker.size());
  return result;
}

struct ListPart {
  std::string text;
  std::vector<SqlValue> parameters;
};

/// The statement for the first kListMax of the values.
ListPart list_part(std::string_view text, const std::vector<SqlValue>& shared,
                   std::span<const SqlValue> values) {
  const auto some = values.first(std::min(kListMax, values.size()));
  // The last value fills the list up to one of its few sizes.
  const std::size_t size = std::bit_ceil(some.size());
  ListPart part{list_text(text, size), shared};
  part.parameters.insert(part.parameters.end(), some.begin(), some.end());
  part.parameters.resize(shared.size() + size, some.back());
  return part;
}

}  // namespace

void append_inserts(std::vector<SqlStatement>& statements, const RowInsert& insert,
                    const std::vector<SqlValue>& shared, std::size_t rows,
                    const std::function<void(std::size_t, std::vector<SqlValue>&)>& fill) {
  for (std::size_t begin = 0; begin < rows;) {
    const std::size_t count = std::min(kRowsMax, std::bit_floor(rows - begin));
    SqlStatement& statement = statements.emplace_back();
    statement.sql = insert_text(insert, count);
    const auto values = std::count(insert.row.begin(), insert.row.end(), '?');
    statement.parameters.reserve(shared.size() + count * static_cast<std::size_t>(values));
    statement.parameters.assign(shared.begin(), shared.end());
    for (std::size_t i = begin; i < begin + count; ++i) fill(i, statement.parameters);
    begin += count;
  }
}

std::int64_t changed_rows(std::span<const SqlStatement> statements) {
  std::int64_t changed = 0;
  for (const SqlStatement& statement : statements) changed += statement.changed;
  return changed;
}

core::Result<std::int64_t> insert_rows(
    storage::SqlExecutor& sql, const RowInsert& insert, const std::vector<SqlValue>& shared,
    std::size_t rows, const std::function<void(std::size_t, std::vector<SqlValue>&)>& fill) {
  std::vector<SqlStatement> statements;
  append_inserts(statements, insert, shared, rows, fill);
  if (auto done = sql.run_all(statements); !done) return std::move(done).error();
  return changed_rows(statements);
}

core::Result<> for_each_by_list(storage::SqlExecutor& sql, std::string_view text,
                                const std::vector<SqlValue>& shared,
                                const std::vector<SqlValue>& values,
                                const storage::SqlExecutor::OnRow& on_row) {
  bool goes_on = true;
  const storage::SqlExecutor::OnRow each = [&](const storage::SqlRowView& row) {
    return goes_on = on_row(row);
  };
  for (std::size_t begin = 0; begin < values.size() && goes_on; begin += kListMax) {
    const ListPart part = list_part(text, shared, std::span(values).subspan(begin));
    if (auto done = sql.for_each(part.text, part.parameters, each); !done) return done;
  }
  return {};
}

core::Result<std::vector<SqlRow>> query_by_list(storage::SqlExecutor& sql, std::string_view text,
                                                const std::vector<SqlValue>& shared,
                                                const std::vector<SqlValue>& values) {
  std::vector<SqlRow> rows;
  for (std::size_t begin = 0; begin < values.size(); begin += kListMax) {
    const ListPart part = list_part(text, shared, std::span(values).subspan(begin));
    auto found = sql.query(part.text, part.parameters);
    if (!found) return std::move(found).error();
    if (rows.empty()) {
      rows = std::move(*found);
    } else {
      std::move(found->begin(), found->end(), std::back_inserter(rows));
    }
  }
  return rows;
}

core::Result<std::int64_t> execute_by_list(storage::SqlExecutor& sql, std::string_view text,
                                           const std::vector<SqlValue>& values) {
  std::int64_t changed = 0;
  for (std::size_t begin = 0; begin < values.size(); begin += kListMax) {
    const ListPart part = list_part(text, {}, std::span(values).subspan(begin));
    auto done = sql.execute(part.text, part.parameters);
    if (!done) return std::move(done).error();
    changed += *done;
  }
  return changed;
}

std::vector<SqlValue> distinct_values(std::span<const std::string> texts) {
  std::vector<std::string_view> sorted(texts.begin(), texts.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::vector<SqlValue> values;
  values.reserve(sorted.size());
  for (const std::string_view text : sorted) values.emplace_back(std::string(text));
  return values;
}

}  // namespace tenure::tracking
