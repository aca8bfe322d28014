#include "tracking/run_listing.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>

#include "tracking/page_rows.h"
#include "tracking/run_log.h"
#include "tracking/run_rows.h"

namespace tenure::tracking {
namespace {

using storage::SqlRowView;

/// Rows of the items of a page, in whatever order the database gives them.
template <class Row>
class ItemRows {
 public:
  ItemRows(std::vector<Row>& rows, std::size_t items) : rows_(rows), ends_(items + 1, 0) {}

  void add(std::size_t item, Row row) {
    rows_.push_back(row);
    items_.push_back(item);
    ++ends_[item + 1];
  }

  /// Item by item, after the last row. SQLite looks up one item after the other, PostgreSQL does
  /// not.
  void arrange() {
    std::partial_sum(ends_.begin(), ends_.end(), ends_.begin());
    if (std::is_sorted(items_.begin(), items_.end())) return;
    std::vector<std::size_t> next(ends_.begin(), ends_.end() - 1);
    std::vector<Row> arranged(rows_.size());
    for (std::size_t i = 0; i < rows_.size(); ++i) arranged[next[items_[i]]++] = rows_[i];
    rows_ = std::move(arranged);
  }

  /// The item's rows, by key.
  std::span<const Row> of(std::size_t item) {
    const auto own = std::span(rows_).subspan(ends_[item], ends_[item + 1] - ends_[item]);
    const auto before = [](const Row& a, const Row& b) { return a.key < b.key; };
    // They mostly are in order, as they were written.
    if (!std::is_sorted(own.begin(), own.end(), before)) std::sort(own.begin(), own.end(), before);
    return own;
  }

 private:
  std::vector<Row>& rows_;
  std::vector<std::size_t> items_;  ///< of each row
  std::vector<std::size_t> ends_;   ///< where the rows of the items before end, once arranged
};

}  // namespace

std::string_view TextPool::keep(std::string_view text) {
  constexpr std::size_t kBlock = std::size_t{64} << 10;
  if (text.empty()) return {};
  if (text.size() > left_) {
    left_ = std::max(kBlock, text.size());
    next_ = blocks_.emplace_back(std::make_unique_for_overwrite<char[]>(left_)).get();
  }
  char* const kept = next_;
  std::memcpy(kept, text.data(), text.size());
  next_ += text.size();
  left_ -= text.size();
  return {kept, text.size()};
}

core::Result<RunListing> read_run_listing(storage::SqlExecutor& sql,
                                          std::span<const std::string> ids) {
  const std::vector<storage::SqlValue> keys(ids.begin(), ids.end());
  RunListing listing;
  const auto each = [&](std::string_view columns, std::string_view table, const auto& on_row) {
    return read_page_rows(sql,
                          {.columns = columns, .table = table, .condition = "t.run_uuid = page.k0"},
                          keys, on_row);
  };
  std::vector<std::optional<Run>> found(ids.size());
  auto read = each(kRunColumns, "runs", [&](std::size_t item, const SqlRowView& row) {
    found[item] = run_from_row(row);
  });
  if (!read) return std::move(read).error();

  const auto read_pairs = [&](std::string_view table, ItemRows<ListedPair>& pairs) {
    auto done = each("key, value", table, [&](std::size_t item, const SqlRowView& row) {
      pairs.add(item, {listing.texts.keep(row.text(0)), listing.texts.keep(row.text_or(1, ""))});
    });
    pairs.arrange();
    return done;
  };
  ItemRows<ListedPair> params(listing.params, ids.size());
  ItemRows<ListedPair> tags(listing.tags, ids.size());
  ItemRows<ListedMetric> metrics(listing.metrics, ids.size());
  if (auto done = read_pairs("params", params); !done) return std::move(done).error();
  if (auto done = read_pairs("tags", tags); !done) return std::move(done).error();
  read = each(kMetricColumns, "latest_metrics", [&](std::size_t item, const SqlRowView& row) {
    const bool is_nan = row.integer(4) != 0;
    metrics.add(item, {listing.texts.keep(row.text(0)),
                       is_nan ? std::numeric_limits<double>::quiet_NaN() : row.number(1),
                       row.integer_if(2).value_or(0), row.integer(3)});
  });
  if (!read) return std::move(read).error();
  metrics.arrange();
  auto inputs = read_run_inputs(sql, ids);
  if (!inputs) return std::move(inputs).error();

  listing.runs.reserve(ids.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i]) continue;
    listing.runs.push_back({.run = *std::move(found[i]),
                            .params = params.of(i),
                            .tags = tags.of(i),
                            .metrics = metrics.of(i)});
    Run& run = listing.runs.back().run;
    if (const auto edges = inputs->find(run.id); edges != inputs->end())
      run.inputs = std::move(edges->second);
  }
  return listing;
}

}  // namespace tenure::tracking
