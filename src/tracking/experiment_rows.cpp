#include "tracking/experiment_rows.h"

#include <charconv>

#include <fmt/format.h>

namespace tenure::tracking {

core::Result<std::int64_t> parse_experiment_id(std::string_view id) {
  std::int64_t number = 0;
  const auto [end, status] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (!id.empty() && status == std::errc() && end == id.data() + id.size()) return number;
  return core::Error{
      core::ErrorCode::kInvalidArgument,
      fmt::format("Invalid experiment ID '{}'. Experiment ID must be a valid integer.", id)};
}

core::Error experiment_not_found(std::string_view id) {
  return core::Error{core::ErrorCode::kNotFound,
                     fmt::format("No Experiment with id={} exists", id)};
}

Experiment experiment_from_row(const storage::SqlRow& row) {
  Experiment experiment;
  experiment.id = std::to_string(row.integer(0));
  experiment.name = row.text(1);
  experiment.artifact_location = row.text_or(2, "");
  experiment.lifecycle_stage = row.text_or(3, "active");
  experiment.created_ms = row.integer_if(4).value_or(0);
  experiment.updated_ms = row.integer_if(5).value_or(0);
  return experiment;
}

core::Result<std::string> active_experiment_location(storage::SqlExecutor& sql, std::int64_t id) {
  auto rows = sql.query(
      "SELECT lifecycle_stage, artifact_location FROM experiments WHERE experiment_id = :id", {id});
  if (!rows) return std::move(rows).error();
  if (rows->empty()) return experiment_not_found(std::to_string(id));
  const std::string stage = rows->front().text_or(0, "active");
  if (stage == "active") return rows->front().text_or(1, "");
  return core::Error{
      core::ErrorCode::kInvalidArgument,
      fmt::format("The experiment {} must be in the 'active' state. Current state is {}.", id,
                  stage)};
}

}  // namespace tenure::tracking
