#include "tracking/search/statement.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/ascii_case.h"
#include "core/assert.h"
#include "tracking/mlflow_features.h"

namespace tenure::tracking {
namespace {

std::string_view operator_of(Comparator comparator) {
  switch (comparator) {
    case Comparator::kEqual:
      return "=";
    case Comparator::kNotEqual:
      return "<>";
    case Comparator::kLess:
      return "<";
    case Comparator::kLessEqual:
      return "<=";
    case Comparator::kGreater:
      return ">";
    case Comparator::kGreaterEqual:
      return ">=";
    default:
      break;
  }
  TENURE_ASSERT(false);
}

}  // namespace

Statement& Statement::bind_value(storage::SqlValue value) {
  fmt::format_to(std::back_inserter(text_), ":p{}", parameters_.size());
  parameters_.push_back(std::move(value));
  return *this;
}

Statement& Statement::bind(std::string value) {
  return bind_value(std::move(value));
}

Statement& Statement::bind(std::int64_t value) {
  return add("CAST(").bind_value(value).add(" AS BIGINT)");
}

Statement& Statement::bind(double value) {
  return add("CAST(").bind_value(value).add(" AS DOUBLE PRECISION)");
}

Statement& Statement::bind_list(const std::vector<std::string>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) add(i == 0 ? "(" : ", ").bind(values[i]);
  return add(")");
}

Statement& Statement::bind_list(const std::vector<std::int64_t>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) add(i == 0 ? "(" : ", ").bind(values[i]);
  return add(")");
}

Statement& Statement::compare(std::string_view column, const Condition& condition) {
  const bool is_attribute = condition.name.field == Field::kAttribute;
  if (const auto* integer = std::get_if<std::int64_t>(&condition.value)) {
    if (is_attribute) {
      compare_integer(column, condition.comparator, *integer);
      return *this;
    }
    return add(column).add(operator_of(condition.comparator)).bind(static_cast<double>(*integer));
  }
  if (const auto* number = std::get_if<double>(&condition.value)) {
    if (is_attribute) {
      compare_integer(column, condition.comparator, *number);
      return *this;
    }
    return add(column).add(operator_of(condition.comparator)).bind(*number);
  }
  compare_text(column, condition);
  return *this;
}

void Statement::compare_integer(std::string_view column, Comparator comparator,
                                std::int64_t value) {
  add(column).add(" ").add(operator_of(comparator)).add(" ").bind(value);
}

// A whole number beside a fraction, so that the column itself is compared and an index helps.
void Statement::compare_integer(std::string_view column, Comparator comparator, double value) {
  constexpr double kLimit = 9.2e18;
  const double whole = std::clamp(std::floor(value), -kLimit, kLimit);
  const auto below = static_cast<std::int64_t>(whole);
  const bool is_whole = whole == value;
  switch (comparator) {
    case Comparator::kEqual:
      if (!is_whole) {
        add("1 = 0");
        return;
      }
      break;
    case Comparator::kNotEqual:
      if (!is_whole) {
        add(column).add(" IS NOT NULL");
        return;
      }
      break;
    case Comparator::kLess:
    case Comparator::kLessEqual:
      if (!is_whole) comparator = Comparator::kLessEqual;
      break;
    default:
      if (!is_whole) comparator = Comparator::kGreater;
      break;
  }
  compare_integer(column, comparator, below);
}

void Statement::compare_text(std::string_view column, const Condition& condition) {
  if (const auto* values = std::get_if<std::vector<std::string>>(&condition.value)) {
    add(column).add(condition.comparator == Comparator::kIn ? " IN " : " NOT IN ");
    bind_list(*values);
    return;
  }
  const auto* text = std::get_if<std::string>(&condition.value);
  TENURE_ASSERT(text != nullptr);
  switch (condition.comparator) {
    case Comparator::kLike:
      // PostgreSQL has an escape character unless told otherwise.
      add(column).add(" LIKE ").bind(*text).add(is_sqlite_ ? "" : " ESCAPE ''");
      return;
    case Comparator::kILike: {
      if (!is_sqlite_) {
        add(column).add(" ILIKE ").bind(*text).add(" ESCAPE ''");
        return;
      }
      // lower() of SQLite knows ASCII, as MLflow's ILIKE does there.
      std::string pattern = *text;
      std::transform(pattern.begin(), pattern.end(), pattern.begin(), core::ascii_lower);
      add("lower(").add(column).add(") LIKE ").bind(std::move(pattern));
      return;
    }
    default:
      add(column).add(" ").add(operator_of(condition.comparator)).add(" ").bind(*text);
      return;
  }
}

Statement& Statement::compare_indexed(std::string_view column, const Condition& condition) {
  const auto* text = std::get_if<std::string>(&condition.value);
  if (is_sqlite_ || condition.comparator != Comparator::kEqual || text == nullptr)
    return compare(column, condition);
  add(fmt::format("left({}, {}) = left(", column, kIndexedBytes)).bind(*text);
  add(fmt::format(", {})", kIndexedBytes));
  // A shorter value is whole in the index, and two conditions would look rarer than one.
  if (text->size() >= kIndexedBytes) add(" AND ").compare(column, condition);
  return *this;
}

Statement& Statement::order(std::string_view column, bool is_ascending, bool is_text) {
  add(column);
  if (is_text && !is_sqlite_) add(" COLLATE \"C\"");
  return add(is_ascending ? " ASC NULLS LAST" : " DESC NULLS LAST");
}

Statement& Statement::order_by_id(std::string_view column) {
  return add(column).add(is_sqlite_ ? "" : " COLLATE \"C\"");
}

Statement& Statement::close_exists() {
  constexpr int kJoined = 8;  // join_collapse_limit of PostgreSQL: so many it orders with care
  // What has an offset is not made a join. SQLite never makes one.
  if (!is_sqlite_ && ++exists_ > kJoined) add(" OFFSET 0");
  return add(")");
}

std::string Statement::without_index(std::string_view column) const {
  return fmt::format("{}{}", is_sqlite_ ? "+" : "", column);
}

}  // namespace tenure::tracking
