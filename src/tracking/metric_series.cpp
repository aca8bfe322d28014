#include "tracking/metric_series.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <tuple>

#include <fmt/format.h>

#include "tracking/search/page_token.h"

namespace tenure::tracking {
namespace {

using storage::Database;
using storage::SqlRowView;
using storage::SqlValue;

// SQLite, which knows nothing of the data, would take the primary key for the sake of an order by
// time, and with it the points of all runs: so all possible steps are named, which only an index
// that begins with the run has.
constexpr std::string_view kSeries =
    "SELECT value, timestamp, step, is_nan FROM metrics WHERE run_uuid = :run AND key = :key AND "
    "step BETWEEN :first AND :last";
constexpr std::string_view kBySteps = " ORDER BY step, timestamp, value, is_nan";
constexpr std::string_view kByTimes =
    " ORDER BY metrics.timestamp + 0, step, value, is_nan LIMIT :limit OFFSET :offset";
constexpr std::int64_t kFirstStep = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kLastStep = std::numeric_limits<std::int64_t>::max();

std::vector<SqlValue> series_parameters(const std::string& run, const std::string& key) {
  return {run, key, kFirstStep, kLastStep};
}

/// The table keeps NaN as 0 with a flag.
double stored_value(const MetricPoint& point) {
  return std::isnan(point.value) ? 0.0 : point.value;
}

bool by_time(const MetricPoint& a, const MetricPoint& b) {
  if (a.timestamp_ms != b.timestamp_ms) return a.timestamp_ms < b.timestamp_ms;
  if (a.step != b.step) return a.step < b.step;
  return std::make_tuple(stored_value(a), std::isnan(a.value)) <
         std::make_tuple(stored_value(b), std::isnan(b.value));
}

struct Position {
  std::int64_t offset = 0;
  std::optional<MetricPoint> after;  ///< the point before, of a series whose steps follow its times
};

/// The point's value is written as its bits, which no reader of JSON rounds.
std::string position_token(std::int64_t offset, const MetricPoint& after) {
  return encode_token(fmt::format("{{\"offset\": {}, \"after\": [{}, {}, {}]}}", offset, after.step,
                                  after.timestamp_ms, std::bit_cast<std::int64_t>(after.value)));
}

/// Offsets are what clients say, so their sum may be too large.
std::int64_t offset_after(std::int64_t offset, std::int64_t count) {
  return offset > std::numeric_limits<std::int64_t>::max() - count ? offset : offset + count;
}

core::Result<Position> read_position(std::string_view token) {
  auto offset = read_page_token(token);
  if (!offset) return std::move(offset).error();
  Position position{*offset, std::nullopt};
  if (token.empty()) return position;
  auto json = decode_token(token);
  if (!json) return std::move(json).error();
  const core::Json* const after = json->as_object().if_contains("after");
  const auto* const numbers = after == nullptr ? nullptr : after->if_array();
  if (numbers == nullptr || numbers->size() != 3) return position;
  const auto* const step = (*numbers)[0].if_int64();
  const auto* const timestamp = (*numbers)[1].if_int64();
  const auto* const bits = (*numbers)[2].if_int64();
  if (step != nullptr && timestamp != nullptr && bits != nullptr)
    position.after = MetricPoint{std::bit_cast<double>(*bits), *timestamp, *step};
  return position;
}

core::Result<SeriesPage> read_all(Database& database, const std::string& run,
                                  const std::string& key) {
  SeriesPage page;
  auto done = database.for_each(fmt::format("{}{}", kSeries, kBySteps), series_parameters(run, key),
                                [&](const SqlRowView& row) {
                                  page.points.push_back(point_from_row(row));
                                  return true;
                                });
  if (!done) return std::move(done).error();
  if (!std::is_sorted(page.points.begin(), page.points.end(), by_time))
    std::sort(page.points.begin(), page.points.end(), by_time);
  return page;
}

core::Result<SeriesPage> read_by_offset(Database& database, const std::string& run,
                                        const std::string& key, std::int64_t limit,
                                        std::int64_t offset) {
  SeriesPage page;
  auto parameters = series_parameters(run, key);
  parameters.emplace_back(limit + 1);
  parameters.emplace_back(offset);
  auto done = database.for_each(fmt::format("{}{}", kSeries, kByTimes), parameters,
                                [&](const SqlRowView& row) {
                                  page.points.push_back(point_from_row(row));
                                  return true;
                                });
  if (!done) return std::move(done).error();
  if (static_cast<std::int64_t>(page.points.size()) > limit) {
    page.points.pop_back();
    page.next_page_token = tracking::page_token(offset_after(offset, limit));
  }
  return page;
}

/// Reads in the order of the steps and sees whether the times follow them, to the end of the
/// series. std::nullopt when they do not.
core::Result<std::optional<SeriesPage>> read_first_by_steps(Database& database,
                                                            const std::string& run,
                                                            const std::string& key,
                                                            std::int64_t limit) {
  SeriesPage page;
  std::optional<MetricPoint> last;
  bool is_sorted = true;
  bool has_more = false;
  auto done = database.for_each(fmt::format("{}{}", kSeries, kBySteps), series_parameters(run, key),
                                [&](const SqlRowView& row) {
                                  const MetricPoint point = point_from_row(row);
                                  is_sorted = !last || !by_time(point, *last);
                                  last = point;
                                  has_more = static_cast<std::int64_t>(page.points.size()) == limit;
                                  if (!has_more) page.points.push_back(point);
                                  return is_sorted;
                                });
  if (!done) return std::move(done).error();
  if (!is_sorted) return std::optional<SeriesPage>();
  if (has_more) page.next_page_token = position_token(limit, page.points.back());
  return std::optional(std::move(page));
}

core::Result<SeriesPage> read_next_by_steps(Database& database, const std::string& run,
                                            const std::string& key, std::int64_t limit,
                                            std::int64_t offset, const MetricPoint& after) {
  SeriesPage page;
  auto parameters = series_parameters(run, key);
  parameters[2] = after.step;
  parameters.emplace_back(after.step);
  parameters.emplace_back(after.timestamp_ms);
  parameters.emplace_back(stored_value(after));
  parameters.emplace_back(std::int64_t{std::isnan(after.value)});
  parameters.emplace_back(limit + 1);
  bool has_more = false;
  auto done = database.for_each(
      fmt::format("{} AND (step, timestamp, value, is_nan) > (:step, :time, :value, :nan){} LIMIT "
                  ":limit",
                  kSeries, kBySteps),
      parameters, [&](const SqlRowView& row) {
        has_more = static_cast<std::int64_t>(page.points.size()) == limit;
        if (!has_more) page.points.push_back(point_from_row(row));
        return !has_more;
      });
  if (!done) return std::move(done).error();
  if (has_more)
    page.next_page_token = position_token(offset_after(offset, limit), page.points.back());
  return page;
}

/// Whether the times of a series follow its steps.
core::Result<bool> is_sorted_by_time(Database& database, const std::string& run,
                                     const std::string& key) {
  auto rows = database.query(
      "SELECT COUNT(*) FROM (SELECT 1 FROM (SELECT timestamp AS now, LAG(timestamp) OVER (ORDER BY "
      "step, timestamp, value, is_nan) AS before FROM metrics WHERE run_uuid = :run AND key = "
      ":key) AS steps WHERE before > now LIMIT 1) AS found",
      {run, key});
  if (!rows) return std::move(rows).error();
  return rows->front().integer(0) == 0;
}

/// The first page where a database hands over all rows of a statement before the first is seen: the
/// rest of the series is looked at where it lies. std::nullopt when times do not follow steps.
core::Result<std::optional<SeriesPage>> read_first_by_limit(Database& database,
                                                            const std::string& run,
                                                            const std::string& key,
                                                            std::int64_t limit) {
  SeriesPage page;
  auto parameters = series_parameters(run, key);
  parameters.emplace_back(limit + 1);
  auto done = database.for_each(fmt::format("{}{} LIMIT :limit", kSeries, kBySteps), parameters,
                                [&](const SqlRowView& row) {
                                  page.points.push_back(point_from_row(row));
                                  return true;
                                });
  if (!done) return std::move(done).error();
  const bool is_sorted = std::is_sorted(page.points.begin(), page.points.end(), by_time);
  if (static_cast<std::int64_t>(page.points.size()) <= limit) {
    if (!is_sorted) std::sort(page.points.begin(), page.points.end(), by_time);
    return std::optional(std::move(page));
  }
  if (!is_sorted) return std::optional<SeriesPage>();
  auto all_are_sorted = is_sorted_by_time(database, run, key);
  if (!all_are_sorted) return std::move(all_are_sorted).error();
  if (!*all_are_sorted) return std::optional<SeriesPage>();
  page.points.pop_back();
  page.next_page_token = position_token(limit, page.points.back());
  return std::optional(std::move(page));
}

}  // namespace

MetricPoint point_from_row(const SqlRowView& row) {
  return {row.integer(3) != 0 ? std::numeric_limits<double>::quiet_NaN() : row.number(0),
          row.integer(1), row.integer(2)};
}

core::Result<SeriesPage> read_series(Database& database, const std::string& run,
                                     const std::string& key,
                                     std::optional<std::int64_t> max_results,
                                     std::string_view page_token) {
  auto position = read_position(page_token);
  if (!position) return std::move(position).error();
  if (!max_results && position->offset == 0) return read_all(database, run, key);
  constexpr std::int64_t kAll = std::int64_t{1} << 60;
  const std::int64_t limit = std::min(max_results.value_or(kAll), kAll);
  if (position->after)
    return read_next_by_steps(database, run, key, limit, position->offset, *position->after);
  if (position->offset == 0) {
    auto page = database.backend() == "sqlite" ? read_first_by_steps(database, run, key, limit)
                                               : read_first_by_limit(database, run, key, limit);
    if (!page) return std::move(page).error();
    if (*page) return **std::move(page);
  }
  return read_by_offset(database, run, key, limit, position->offset);
}

}  // namespace tenure::tracking
