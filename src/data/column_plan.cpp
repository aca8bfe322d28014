#include "data/column_plan.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "data/clean_sql.h"
#include "data/column_name.h"

namespace tenure::data {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

Error invalid(std::string message) {
  return Error{ErrorCode::kInvalidArgument, std::move(message)};
}

}  // namespace

Result<ColumnPlan> ColumnPlan::make(const Source& source, const DataSpec& spec) {
  ColumnPlan plan(source, spec);
  if (auto filled = plan.fill(); !filled) return std::move(filled).error();
  return plan;
}

const PlannedColumn* ColumnPlan::find(ColumnRole role) const {
  for (const PlannedColumn& column : columns_)
    if (column.role == role) return &column;
  return nullptr;
}

std::string ColumnPlan::slot(char kind, const PlannedColumn& column) const {
  return fmt::format("{}{}", kind, &column - columns_.data());
}

/// The user's rule for a column, or one that leaves the type to be found.
ColumnRule ColumnPlan::rule_of(const SourceColumn& column) const {
  ColumnRule rule;
  rule.is_inferred = true;
  for (const ColumnRule& given : spec_->columns)
    if (given.name == column.name) rule = given;
  rule.name = column.name;
  if (rule.is_inferred && column.type) {
    rule.type = *column.type;
    rule.is_inferred = false;
  }
  return rule;
}

Result<> ColumnPlan::add(ColumnRole role, std::string_view name, std::string_view what) {
  const auto& columns = source_->columns();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name != name) continue;
    for (const PlannedColumn& other : columns_)
      if (other.source == i)
        return invalid(fmt::format("column '{}' cannot be the {} and something else", name, what));
    PlannedColumn planned{.role = role,
                          .source = i,
                          .rule = rule_of(columns[i]),
                          .was_inferred = false,
                          .null_value_sql = {}};
    if (role == ColumnRole::kTarget) planned.rule.type = ColumnType::kText;
    if (role == ColumnRole::kTime) planned.rule.type = ColumnType::kTimestamp;
    if (role != ColumnRole::kId) planned.rule.is_inferred = false;
    if (role == ColumnRole::kId && planned.rule.type != ColumnType::kText &&
        !planned.rule.is_inferred)
      planned.rule.type = ColumnType::kInteger;
    columns_.push_back(std::move(planned));
    return {};
  }
  return invalid(fmt::format("{} has no column '{}' for the {}{}", source_->path().string(), name,
                             what, suggest_name(name, source_->names())));
}

Result<> ColumnPlan::add_features() {
  std::set<std::size_t> used;
  for (const PlannedColumn& column : columns_) used.insert(column.source);
  std::set<std::string> reserved = {std::string(kEventTimestamp)};
  if (!spec_->label.empty()) reserved.insert(std::string(kLabel));
  if (spec_->id.empty()) reserved.insert(std::string(kRowId));
  const auto& columns = source_->columns();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string& name = columns[i].name;
    if (used.count(i) > 0 || spec_->ignored.count(name) > 0) continue;
    if (spec_->is_exact &&
        std::ranges::find(spec_->columns, name, &ColumnRule::name) == spec_->columns.end())
      continue;
    if (reserved.count(lower_case(name)) > 0)
      return invalid(
          fmt::format("column '{}' has a name that the cleaned table uses itself; rename "
                      "it, or list it in data.ignore",
                      name));
    columns_.push_back({.role = ColumnRole::kFeature,
                        .source = i,
                        .rule = rule_of(columns[i]),
                        .was_inferred = false,
                        .null_value_sql = {}});
  }
  return {};
}

Result<> ColumnPlan::fill() {
  const auto names = source_->names();
  const std::set<std::string> known(names.begin(), names.end());
  for (const ColumnRule& rule : spec_->columns)
    if (known.count(rule.name) == 0)
      return invalid(fmt::format(
          "{} has no column '{}', which {}{}", source_->path().string(), rule.name,
          rule.needed_by.empty() ? "data.columns describes" : rule.needed_by + " is read from",
          suggest_name(rule.name, names)));
  if (!spec_->id.empty())
    if (auto added = add(ColumnRole::kId, spec_->id, "id"); !added) return added;
  if (!spec_->time.empty())
    if (auto added = add(ColumnRole::kTime, spec_->time, "time"); !added) return added;
  if (!spec_->label.empty())
    if (auto added = add(ColumnRole::kTarget, spec_->label, "label"); !added) return added;
  if (auto added = add_features(); !added) return added;
  const PlannedColumn* id = find(ColumnRole::kId);
  const std::string id_name = lower_case(id == nullptr ? kRowId : std::string_view(id->rule.name));
  if (id_name == kEventTimestamp || (id_name == kLabel && !spec_->label.empty()))
    return invalid(
        fmt::format("the id cannot be named '{}': the cleaned table has a column of that "
                    "name; rename it",
                    id_name));
  return {};
}

/// The column as text, with what means missing taken out.
std::string ColumnPlan::source_text(const PlannedColumn& column) const {
  const SourceColumn& from = source_of(column);
  const auto markers = markers_of(column);
  if (!from.type) return text_sql(from.expression, markers);
  return text_sql(fmt::format("CAST({} AS VARCHAR)", from.expression),
                  column.role == ColumnRole::kTarget ? markers : std::vector<std::string>{});
}

std::vector<std::string> ColumnPlan::markers_of(const PlannedColumn& column) const {
  std::vector<std::string> markers = spec_->null_markers;
  markers.insert(markers.end(), column.rule.null_markers.begin(), column.rule.null_markers.end());
  return markers;
}

/// How a staged column is made of the source's.
ColumnPlan::Expressions ColumnPlan::expressions_of(const PlannedColumn& column) const {
  const SourceColumn& from = source_of(column);
  const std::string v = slot('v', column);
  if (from.is_native) {
    std::string value = native_value_sql(v, *from.type, column.rule.type);
    if (!value.empty()) return {from.expression, std::move(value), native_bad_sql(v, *from.type)};
  }
  return {source_text(column), value_sql(v, column.rule.type), bad_sql(v, column.rule.type)};
}

Result<> ColumnPlan::read_null_values(Engine& engine) {
  for (PlannedColumn& column : columns_) {
    if (!column.rule.null_value || column.role != ColumnRole::kFeature) continue;
    column.null_value_sql = value_sql(quote_text(*column.rule.null_value), column.rule.type);
    auto is_missing =
        engine.query_integer(fmt::format("SELECT ({}) IS NULL", column.null_value_sql));
    if (!is_missing) return std::move(is_missing).error();
    if (*is_missing != 0)
      return invalid(fmt::format("data.columns.{}.null_value: '{}' is not {}", column.rule.name,
                                 *column.rule.null_value, type_expectation(column.rule.type)));
  }
  return {};
}

}  // namespace tenure::data
