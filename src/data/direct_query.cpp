#include <algorithm>

#include <fmt/format.h>

#include "data/clean_sql.h"
#include "data/column_name.h"
#include "data/column_plan.h"
#include "data/dataset.h"
#include "data/parquet_file.h"

namespace tenure::data {
namespace {

std::optional<DirectQuery> query_over(const Source& source, const DataSpec& spec,
                                      const ColumnPlan& plan,
                                      const std::vector<std::string>& as_written) {
  if (source.is_csv()) return std::nullopt;  // a row of it cannot be gone to
  for (const std::string& name : source.names())
    if (lower_case(name) == kRowNumber) return std::nullopt;
  std::string inner(kRowNumber);
  std::string outer(kRowNumber);
  std::map<std::string, TextRule> written;
  for (const PlannedColumn& column : plan.columns()) {
    if (column.role != ColumnRole::kFeature || column.rule.is_inferred) return std::nullopt;
    const SourceColumn& from = plan.source_of(column);
    const bool is_checked = column.rule.is_required && column.null_value_sql.empty();
    if (column.rule.type == ColumnType::kText && !from.type && !is_checked &&
        std::ranges::find(as_written, column.rule.name) != as_written.end()) {
      inner += fmt::format(", {} AS {}", from.expression, plan.slot('v', column));
      outer +=
          fmt::format(", {} AS {}", plan.slot('v', column), quote_identifier(column.rule.name));
      written[column.rule.name] = {.null_markers = plan.markers_of(column),
                                   .null_value = column.rule.null_value};
      continue;
    }
    const ColumnPlan::Expressions made = plan.expressions_of(column);
    inner += fmt::format(", {} AS {}", made.source, plan.slot('v', column));
    std::string value = made.value;
    if (column.rule.type != ColumnType::kText && spec.bad_values == "error")
      value = checked_sql(plan.slot('v', column), made.value, made.bad);
    if (!column.null_value_sql.empty())
      value = fmt::format("coalesce({}, {})", value, column.null_value_sql);
    else if (column.rule.is_required)
      value = fmt::format("coalesce({}, error('no value'))", value);
    outer += fmt::format(", {} AS {}", value, quote_identifier(column.rule.name));
  }
  return DirectQuery{
      .sql = fmt::format("SELECT {} FROM (SELECT {} FROM read_parquet({}, file_row_number = true))",
                         outer, inner, quote_path(source.path())),
      .written = std::move(written)};
}

}  // namespace

core::Result<std::optional<DirectQuery>> direct_query(Engine& engine, const DataSpec& spec,
                                                      const std::vector<std::string>& as_written) {
  auto source = Source::open(engine, spec.source, spec.format, spec.delimiter);
  if (!source) return std::move(source).error();
  auto plan = ColumnPlan::make(*source, spec);
  if (!plan) return std::move(plan).error();
  if (auto read = plan->read_null_values(engine); !read) return std::move(read).error();
  return query_over(*source, spec, *plan, as_written);
}

}  // namespace tenure::data
