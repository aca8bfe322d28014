#include "tracking/metric_sampling.h"

#include <algorithm>
#include <limits>
#include <map>

#include "tracking/sql_rows.h"

namespace tenure::tracking {
namespace {

using storage::SqlExecutor;
using storage::SqlRow;
using storage::SqlValue;

std::uint64_t distance(std::int64_t from, std::int64_t to) {
  return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
}

/// Adds the distinct steps of a run that satisfy `condition`, whose parameters come after run and
/// key.
core::Result<> add_steps(SqlExecutor& sql, const std::string& run, const std::string& key,
                         std::string_view condition, std::initializer_list<std::int64_t> parameters,
                         std::vector<std::int64_t>& steps) {
  std::string text = "SELECT step FROM metrics WHERE run_uuid = :run AND key = :key";
  text += condition;
  text += " ORDER BY step";
  std::vector<SqlValue> values = {run, key};
  values.insert(values.end(), parameters.begin(), parameters.end());
  // The index gives them in order, so repeats are neighbours.
  const std::size_t first = steps.size();
  return sql.for_each(text, values, [&](const storage::SqlRowView& row) {
    const std::int64_t step = row.integer(0);
    if (steps.size() == first || steps.back() != step) steps.push_back(step);
    return true;
  });
}

/// The steps of a run that are not in the pattern.
core::Result<> add_others(SqlExecutor& sql, const RunSteps& run, const std::string& key,
                          const StepPattern& pattern, std::vector<std::int64_t>& steps) {
  if (run.extent.begin < pattern.first) {
    if (auto added = add_steps(sql, run.run_id, key, " AND step < :first", {pattern.first}, steps);
        !added) {
      return added;
    }
  }
  if (run.extent.end > pattern.last) {
    if (auto added = add_steps(sql, run.run_id, key, " AND step > :last", {pattern.last}, steps);
        !added) {
      return added;
    }
  }
  if (pattern.stride == 1) return {};
  return add_steps(sql, run.run_id, key,
                   " AND step BETWEEN :first AND :last AND (step - :first) % :stride <> 0",
                   {pattern.first, pattern.last, pattern.stride}, steps);
}

void sort_unique(std::vector<std::int64_t>& steps) {
  std::sort(steps.begin(), steps.end());
  steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
}

}  // namespace

bool by_run(const RunSteps& a, const RunSteps& b) {
  return a.run_id < b.run_id;
}

core::Result<std::vector<RunSteps>> read_step_extents(SqlExecutor& sql,
                                                      std::span<const std::string> run_ids,
                                                      const std::string& key) {
  const std::vector<SqlValue> runs = distinct_values(run_ids);
  // Each subquery is one look at an end of the index.
  auto rows = query_by_list(
      sql,
      "SELECT r.run_uuid, (SELECT MIN(step) FROM metrics AS m WHERE m.run_uuid = r.run_uuid AND "
      "m.key = :key), (SELECT MAX(step) FROM metrics AS m WHERE m.run_uuid = r.run_uuid AND m.key "
      "= :key) FROM runs AS r WHERE r.run_uuid IN ({list}) ORDER BY r.run_uuid",
      {key}, runs);
  if (!rows) return std::move(rows).error();
  std::vector<RunSteps> extents;
  for (const SqlRow& row : *rows)
    if (!row.is_null(1)) extents.push_back({row.text(0), {row.integer(1), row.integer(2)}});
  return extents;
}

StepPattern leading_pattern(std::span<const std::int64_t> steps) {
  StepPattern pattern{steps.front(), steps.front(), 1};
  if (steps.size() < 2) return pattern;
  // Differences from the first must fit, since the database computes them too.
  constexpr auto kLongest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const std::uint64_t stride = distance(steps[0], steps[1]);
  if (stride > kLongest) return pattern;
  pattern.stride = static_cast<std::int64_t>(stride);
  for (std::size_t i = 1; i < steps.size(); ++i) {
    if (distance(steps[i - 1], steps[i]) != stride || distance(steps[0], steps[i]) > kLongest)
      break;
    pattern.last = steps[i];
  }
  return pattern;
}

core::Result<std::vector<std::int64_t>> read_distinct_steps(SqlExecutor& sql,
                                                            std::span<const RunSteps> runs,
                                                            const std::string& key) {
  std::vector<std::int64_t> steps;
  if (runs.empty()) return steps;
  const auto longest =
      std::max_element(runs.begin(), runs.end(), [](const RunSteps& a, const RunSteps& b) {
        return distance(a.extent.begin, a.extent.end) < distance(b.extent.begin, b.extent.end);
      });
  if (auto read = add_steps(sql, longest->run_id, key, "", {}, steps); !read)
    return std::move(read).error();
  if (steps.empty()) return steps;
  const StepPattern pattern = leading_pattern(steps);
  for (auto run = runs.begin(); run != runs.end(); ++run) {
    if (run == longest) continue;
    if (auto read = add_others(sql, *run, key, pattern, steps); !read)
      return std::move(read).error();
  }
  sort_unique(steps);
  return steps;
}

SampledSteps sample_steps(std::span<const std::int64_t> steps, std::span<const RunSteps> runs,
                          StepRange range, std::int64_t max_results) {
  const auto begin = std::lower_bound(steps.begin(), steps.end(), range.begin);
  const auto end = std::max(begin, std::upper_bound(steps.begin(), steps.end(), range.end));
  const std::int64_t count = end - begin;
  if (count <= max_results) return {true, {}};
  SampledSteps sampled;
  const double interval = static_cast<double>(count) / static_cast<double>(max_results);
  for (std::int64_t i = 0; i < max_results; ++i)
    sampled.steps.push_back(begin[static_cast<std::ptrdiff_t>(static_cast<double>(i) * interval)]);
  sampled.steps.push_back(*(end - 1));
  for (const RunSteps& run : runs) {
    for (const std::int64_t step : {run.extent.begin, run.extent.end})
      if (step >= range.begin && step <= range.end) sampled.steps.push_back(step);
  }
  sort_unique(sampled.steps);
  return sampled;
}

}  // namespace tenure::tracking
