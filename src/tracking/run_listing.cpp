#include "tracking/run_listing.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include "tracking/page_rows.h"
#include "tracking/run_log.h"
#include "tracking/run_rows.h"

namespace tenure::tracking {
namespace {

using storage::SqlRowView;

/// Where the rows of each item of a page end, as items come in order.
class Ends {
 public:
  explicit Ends(std::size_t items) : ends_(items, 0) {}
  void add(std::size_t item) { ++ends_[item]; }
  void sum_up() {
    std::size_t sum = 0;
    for (std::size_t& end : ends_) end = sum += end;
  }
  /// The item's rows, by key.
  template <class Row>
  std::span<const Row> rows_of(std::vector<Row>& rows, std::size_t item) const {
    const std::size_t begin = item == 0 ? 0 : ends_[item - 1];
    const auto own = std::span(rows).subspan(begin, ends_[item] - begin);
    const auto before = [](const Row& a, const Row& b) { return a.key < b.key; };
    // They mostly are in order, as they were written.
    if (!std::is_sorted(own.begin(), own.end(), before)) std::sort(own.begin(), own.end(), before);
    return own;
  }

 private:
  std::vector<std::size_t> ends_;  ///< how many rows, until they are summed up
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

  const auto read_pairs = [&](std::string_view table, std::vector<ListedPair>& pairs, Ends& ends) {
    auto done = each("key, value", table, [&](std::size_t item, const SqlRowView& row) {
      pairs.push_back({listing.texts.keep(row.text(0)), listing.texts.keep(row.text_or(1, ""))});
      ends.add(item);
    });
    ends.sum_up();
    return done;
  };
  Ends params(ids.size());
  Ends tags(ids.size());
  Ends metrics(ids.size());
  if (auto done = read_pairs("params", listing.params, params); !done)
    return std::move(done).error();
  if (auto done = read_pairs("tags", listing.tags, tags); !done) return std::move(done).error();
  read = each(kMetricColumns, "latest_metrics", [&](std::size_t item, const SqlRowView& row) {
    const bool is_nan = row.integer(4) != 0;
    listing.metrics.push_back({listing.texts.keep(row.text(0)),
                               is_nan ? std::numeric_limits<double>::quiet_NaN() : row.number(1),
                               row.integer_if(2).value_or(0), row.integer(3)});
    metrics.add(item);
  });
  if (!read) return std::move(read).error();
  metrics.sum_up();
  auto inputs = read_run_inputs(sql, ids);
  if (!inputs) return std::move(inputs).error();

  listing.runs.reserve(ids.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i]) continue;
    listing.runs.push_back({.run = *std::move(found[i]),
                            .params = params.rows_of(listing.params, i),
                            .tags = tags.rows_of(listing.tags, i),
                            .metrics = metrics.rows_of(listing.metrics, i)});
    Run& run = listing.runs.back().run;
    if (const auto edges = inputs->find(run.id); edges != inputs->end())
      run.inputs = std::move(edges->second);
  }
  return listing;
}

}  // namespace tenure::tracking
