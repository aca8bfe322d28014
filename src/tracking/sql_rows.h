#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "storage/sql/database.h"

// Many rows in few statements. The texts come in a few sizes only, so that databases keep them
// prepared.
namespace tenure::tracking {

/// An INSERT whose VALUES repeat. In `row` each '?' is a parameter of the row's own; parameters by
/// name (":run") are the same in all rows.
struct RowInsert {
  std::string_view head;  ///< "INSERT INTO params (key, run_uuid) VALUES "
  std::string_view row;   ///< "(?, :run)"
  std::string_view tail;  ///< " ON CONFLICT DO NOTHING"
};

/// Appends the statements that insert `rows` rows; `fill` appends the values of one. `shared` are
/// the values of named parameters: the row starts with them, in their order, before its first '?'.
void append_inserts(std::vector<storage::SqlStatement>& statements, const RowInsert& insert,
                    const std::vector<storage::SqlValue>& shared, std::size_t rows,
                    const std::function<void(std::size_t, std::vector<storage::SqlValue>&)>& fill);

/// Inserts such rows; returns how many rows changed. Errors: those of the database.
core::Result<std::int64_t> insert_rows(
    storage::SqlExecutor& sql, const RowInsert& insert,
    const std::vector<storage::SqlValue>& shared, std::size_t rows,
    const std::function<void(std::size_t, std::vector<storage::SqlValue>&)>& fill);

/// How many rows these changed, after they were run.
std::int64_t changed_rows(std::span<const storage::SqlStatement> statements);

/// Runs a query for any number of values: "{list}" in `text` becomes a list of parameters, as in
/// "WHERE run_uuid IN ({list})". Parameters before it are `shared`; there are none after it.
/// Rows come grouped by parts of `values`, which hold no repeats.
core::Result<std::vector<storage::SqlRow>> query_by_list(
    storage::SqlExecutor& sql, std::string_view text, const std::vector<storage::SqlValue>& shared,
    const std::vector<storage::SqlValue>& values);

/// The same, with each row shown in place. False of `on_row` ends all of it.
core::Result<> for_each_by_list(storage::SqlExecutor& sql, std::string_view text,
                                const std::vector<storage::SqlValue>& shared,
                                const std::vector<storage::SqlValue>& values,
                                const storage::SqlExecutor::OnRow& on_row);

/// Runs a statement that changes rows for any number of values, likewise. Returns how many rows
/// changed.
core::Result<std::int64_t> execute_by_list(storage::SqlExecutor& sql, std::string_view text,
                                           const std::vector<storage::SqlValue>& values);

/// The texts as such values, sorted and without repeats.
std::vector<storage::SqlValue> distinct_values(std::span<const std::string> texts);

}  // namespace tenure::tracking
