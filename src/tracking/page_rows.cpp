#include "tracking/page_rows.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/assert.h"

namespace tenure::tracking {
namespace {

// Few sizes make few distinct statements, which stay prepared. What is over is NULL, which no row
// equals.
constexpr auto kSizes =
    std::to_array<std::size_t>({1, 2, 5, 10, 20, 50, 100, 200, 350, 500, 700, 1000});

std::string statement_for(const PageRows& wanted, std::size_t items) {
  std::string text = "WITH page (";
  for (std::size_t k = 0; k < wanted.key_types.size(); ++k)
    fmt::format_to(std::back_inserter(text), "k{}, ", k);
  text += "n) AS (VALUES ";
  std::size_t parameter = 0;
  for (std::size_t item = 0; item < items; ++item) {
    text += item == 0 ? "(" : ", (";
    for (const char type : wanted.key_types) {
      if (type == 'i')
        fmt::format_to(std::back_inserter(text), "CAST(:k{} AS BIGINT), ", parameter++);
      else
        fmt::format_to(std::back_inserter(text), ":k{}, ", parameter++);
    }
    fmt::format_to(std::back_inserter(text), "{})", item);
  }
  // A cross join keeps SQLite from visiting the table first.
  fmt::format_to(std::back_inserter(text), ") SELECT {}, page.n FROM page CROSS JOIN {} t WHERE {}",
                 wanted.columns, wanted.table, wanted.condition);
  return text;
}

}  // namespace

core::Result<> read_page_rows(
    storage::SqlExecutor& sql, const PageRows& wanted, std::span<const storage::SqlValue> keys,
    const std::function<void(std::size_t item, const storage::SqlRowView& row)>& on_row) {
  const std::size_t width = wanted.key_types.size();
  TENURE_ASSERT(width > 0 && keys.size() % width == 0);
  const std::size_t items = keys.size() / width;
  for (std::size_t begin = 0; begin < items;) {
    const std::size_t count = std::min(items - begin, kSizes.back());
    const std::size_t size = *std::lower_bound(kSizes.begin(), kSizes.end(), count);
    std::vector<storage::SqlValue> parameters(size * width, nullptr);
    std::copy_n(keys.begin() + static_cast<std::ptrdiff_t>(begin * width), count * width,
                parameters.begin());
    auto done =
        sql.for_each(statement_for(wanted, size), parameters, [&](const storage::SqlRowView& row) {
          const std::int64_t item = row.integer(row.size() - 1);
          on_row(begin + static_cast<std::size_t>(item), row);
          return true;
        });
    if (!done) return done;
    begin += count;
  }
  return {};
}

}  // namespace tenure::tracking
