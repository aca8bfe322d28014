#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

#include "core/result.h"
#include "storage/sql/database.h"

namespace tenure::tracking {

/// Which rows belong to the items of a page: SELECT columns FROM table t WHERE condition, where the
/// key of an item is written page.k0, page.k1, ...
struct PageRows {
  std::string_view columns;          ///< "key, value"
  std::string_view table;            ///< "params"
  std::string_view condition;        ///< "t.run_uuid = page.k0"
  std::string_view key_types = "t";  ///< of k0, k1, ...: t is a text, i an integer
};

/// Reads the rows of all items, one statement per 1,000 items. `keys` has key_types.size() values
/// per item. `on_row` gets the item's position and a row of the asked columns, in place; items come
/// in order.
core::Result<> read_page_rows(
    storage::SqlExecutor& sql, const PageRows& wanted, std::span<const storage::SqlValue> keys,
    const std::function<void(std::size_t item, const storage::SqlRowView& row)>& on_row);

}  // namespace tenure::tracking
