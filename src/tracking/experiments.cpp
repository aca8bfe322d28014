#include "tracking/experiments.h"

#include <optional>

#include <fmt/format.h>

#include "tracking/artifact_uri.h"
#include "tracking/experiment_rows.h"
#include "tracking/validation.h"

namespace tenure::tracking {
namespace {

using storage::SqlExecutor;
using storage::SqlRow;

constexpr std::string_view kSelect =
    "SELECT experiment_id, name, artifact_location, lifecycle_stage, creation_time, "
    "last_update_time FROM experiments ";

core::Result<> read_tags(SqlExecutor& sql, Experiment& experiment) {
  auto rows = sql.query("SELECT key, value FROM experiment_tags WHERE experiment_id = :id",
                        {std::int64_t{std::stoll(experiment.id)}});
  if (!rows) return std::move(rows).error();
  for (const SqlRow& row : *rows) experiment.tags[row.text(0)] = row.text_or(1, "");
  return {};
}

core::Result<std::optional<Experiment>> read_one(SqlExecutor& sql, std::string_view where,
                                                 storage::SqlValue value) {
  auto rows = sql.query(fmt::format("{}{}", kSelect, where), {std::move(value)});
  if (!rows) return std::move(rows).error();
  if (rows->empty()) return std::optional<Experiment>();
  Experiment experiment = experiment_from_row(rows->front());
  if (auto read = read_tags(sql, experiment); !read) return std::move(read).error();
  return std::optional(std::move(experiment));
}

core::Result<> write_tags(SqlExecutor& sql, const Experiment& experiment) {
  for (const auto& [key, value] : experiment.tags) {
    auto written = sql.execute(
        "INSERT INTO experiment_tags (key, value, experiment_id) VALUES (:key, :value, :id)",
        {key, value, std::int64_t{std::stoll(experiment.id)}});
    if (!written) return std::move(written).error();
  }
  return {};
}

/// MLflow's server makes experiment 0 when it starts; the first one to look makes it here.
core::Result<> make_default(SqlExecutor& sql, const std::string& artifact_root,
                            std::int64_t now_ms) {
  auto made = sql.execute(
      "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, "
      "creation_time, last_update_time) VALUES (0, 'Default', :location, 'active', :created, "
      ":updated) ON CONFLICT DO NOTHING",
      {artifact_root + "/0", now_ms, now_ms});
  if (!made) return std::move(made).error();
  return {};
}

core::Result<> make_default_if_missing(SqlExecutor& sql, const std::string& artifact_root,
                                       std::int64_t now_ms) {
  auto rows = sql.query("SELECT COUNT(*) FROM experiments WHERE experiment_id = 0");
  if (!rows) return std::move(rows).error();
  if (rows->front().integer(0) > 0) return {};
  return make_default(sql, artifact_root, now_ms);
}

core::Result<> check_name(std::string_view name, std::string_view parameter) {
  if (!name.empty()) return check_text(name, kExperimentNameMax, parameter);
  return core::Error{core::ErrorCode::kInvalidArgument,
                     fmt::format("Missing value for required parameter '{}'.", parameter)};
}

core::Result<> check_tag(std::string_view key, std::string_view value) {
  if (auto checked = check_key(key, "key", "key"); !checked) return checked;
  return check_text(value, kExperimentTagValueMax, "value");
}

core::Result<> check_new(std::string_view name, const std::map<std::string, std::string>& tags) {
  if (auto checked = check_name(name, "name"); !checked) return checked;
  for (const auto& [key, value] : tags) {
    if (auto checked = check_tag(key, value); !checked) return checked;
  }
  return {};
}

core::Error name_is_taken(std::string_view name) {
  return core::Error{core::ErrorCode::kAlreadyExists,
                     fmt::format("Experiment(name={}) already exists.", name)};
}

/// The last parts of a URI's path, at most `count`, each led by '/'.
std::string_view path_end(std::string_view uri, int count) {
  const std::size_t scheme = uri.find("://");
  const std::size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  std::size_t at = uri.size();
  for (int i = 0; i < count; ++i) {
    const std::size_t slash = uri.substr(begin, at - begin).rfind('/');
    if (slash == std::string_view::npos) break;
    at = begin + slash;
  }
  return uri.substr(at);
}

/// Whether an experiment's local artifacts lay below a folder like `root`, elsewhere: the project
/// was moved or copied, and its artifacts with it.
bool is_below_former_root(const Experiment& experiment, const std::string& root) {
  constexpr std::string_view kLocal = "file://";
  const std::string now = root + "/" + experiment.id;
  return root.starts_with(kLocal) && experiment.artifact_location.starts_with(kLocal) &&
         experiment.artifact_location != now &&
         experiment.artifact_location.ends_with(
             fmt::format("{}/{}", path_end(root, 2), experiment.id));
}

}  // namespace

ExperimentStore::ExperimentStore(storage::Database& database, const core::Clock& clock,
                                 std::string artifact_root)
    : database_(&database), clock_(&clock), artifact_root_(std::move(artifact_root)) {
  while (artifact_root_.ends_with('/')) artifact_root_.pop_back();
}

core::Result<Experiment> ExperimentStore::create(std::string_view name,
                                                 const std::map<std::string, std::string>& tags,
                                                 std::string_view artifact_location) {
  std::string location;
  if (!artifact_location.empty()) {
    auto checked = checked_artifact_location(artifact_location);
    if (!checked) return std::move(checked).error();
    location = std::move(*checked);
  }
  if (auto checked = check_new(name, tags); !checked) return std::move(checked).error();
  Experiment experiment;
  experiment.name = name;
  experiment.tags = tags;
  experiment.created_ms = experiment.updated_ms = clock_->now() / 1000;
  auto made = database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto ready = make_default_if_missing(sql, artifact_root_, experiment.created_ms); !ready)
      return ready;
    // The database gives the id: the highest one plus 1.
    auto rows = sql.query(
        "INSERT INTO experiments (name, lifecycle_stage, creation_time, last_update_time) VALUES "
        "(:name, 'active', :created, :updated) RETURNING experiment_id",
        {experiment.name, experiment.created_ms, experiment.updated_ms});
    if (!rows) return std::move(rows).error();
    const std::int64_t id = rows->front().integer(0);
    experiment.id = std::to_string(id);
    experiment.artifact_location =
        location.empty() ? artifact_root_ + "/" + experiment.id : location;
    auto placed = sql.execute(
        "UPDATE experiments SET artifact_location = :location WHERE experiment_id = :id",
        {experiment.artifact_location, id});
    if (!placed) return std::move(placed).error();
    return write_tags(sql, experiment);
  });
  if (!made && made.error().code == core::ErrorCode::kAlreadyExists) return name_is_taken(name);
  if (!made) return std::move(made).error();
  return experiment;
}

core::Result<Experiment> ExperimentStore::get(std::string_view id) {
  const auto number = parse_experiment_id(id);
  if (!number) return number.error();
  for (const bool may_make_default : {*number == 0, false}) {
    auto found = read_one(*database_, "WHERE experiment_id = :id", *number);
    if (!found) return std::move(found).error();
    if (*found) return std::move(**found);
    if (!may_make_default) break;
    if (auto made = make_default(*database_, artifact_root_, clock_->now() / 1000); !made)
      return std::move(made).error();
  }
  return experiment_not_found(id);
}

core::Result<Experiment> ExperimentStore::find(std::string_view name) {
  for (const bool may_make_default : {name == "Default", false}) {
    auto found = read_one(*database_, "WHERE name = :name", std::string(name));
    if (!found) return std::move(found).error();
    if (*found) return std::move(**found);
    if (!may_make_default) break;
    if (auto made = make_default(*database_, artifact_root_, clock_->now() / 1000); !made)
      return std::move(made).error();
  }
  return core::Error{core::ErrorCode::kNotFound,
                     fmt::format("Could not find experiment with name '{}'", name)};
}

core::Result<Experiment> ExperimentStore::find_or_create(std::string_view name) {
  auto found = find(name);
  if (!found && found.error().code == core::ErrorCode::kNotFound) {
    auto made = create(name);
    if (made || made.error().code != core::ErrorCode::kAlreadyExists) return made;
    found = find(name);  // another process was faster
  }
  if (found && found->lifecycle_stage != "active") {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("The experiment {} must be in the 'active' state. Current state "
                                   "is {}.",
                                   found->id, found->lifecycle_stage)};
  }
  if (found && is_below_former_root(*found, artifact_root_)) {
    found->artifact_location = artifact_root_ + "/" + found->id;
    auto moved = database_->execute(
        "UPDATE experiments SET artifact_location = :location WHERE experiment_id = :id",
        {found->artifact_location, std::int64_t{std::stoll(found->id)}});
    if (!moved) return std::move(moved).error();
  }
  return found;
}

core::Result<std::vector<Experiment>> ExperimentStore::list() {
  if (auto ready = make_default_if_missing(*database_, artifact_root_, clock_->now() / 1000);
      !ready) {
    return std::move(ready).error();
  }
  auto rows = database_->query(fmt::format(
      "{}WHERE lifecycle_stage = 'active' ORDER BY creation_time DESC, experiment_id", kSelect));
  if (!rows) return std::move(rows).error();
  std::vector<Experiment> experiments;
  for (const SqlRow& row : *rows) experiments.push_back(experiment_from_row(row));
  for (Experiment& experiment : experiments) {
    if (auto read = read_tags(*database_, experiment); !read) return std::move(read).error();
  }
  return experiments;
}

namespace {

/// Moves an experiment with all its runs from one lifecycle stage to the other.
core::Result<> move_experiment(storage::Database& database, std::string_view id,
                               std::string_view from, std::string_view to, std::int64_t now_ms) {
  auto number = parse_experiment_id(id);
  if (!number) return std::move(number).error();
  return database.transaction([&](SqlExecutor& sql) -> core::Result<> {
    auto moved = sql.execute(
        "UPDATE experiments SET lifecycle_stage = :to, last_update_time = :now WHERE "
        "experiment_id = :id AND lifecycle_stage = :from",
        {std::string(to), now_ms, *number, std::string(from)});
    if (!moved) return std::move(moved).error();
    if (*moved == 0) return experiment_not_found(id);
    storage::SqlValue deleted = nullptr;
    if (to == "deleted") deleted = now_ms;
    auto runs = sql.execute(
        "UPDATE runs SET lifecycle_stage = :to, deleted_time = CAST(:deleted AS BIGINT) WHERE "
        "experiment_id = :id",
        {std::string(to), std::move(deleted), *number});
    if (!runs) return std::move(runs).error();
    return {};
  });
}

}  // namespace

core::Result<> ExperimentStore::remove(std::string_view id) {
  return move_experiment(*database_, id, "active", "deleted", clock_->now() / 1000);
}

core::Result<> ExperimentStore::restore(std::string_view id) {
  return move_experiment(*database_, id, "deleted", "active", clock_->now() / 1000);
}

core::Result<> ExperimentStore::rename(std::string_view id, std::string_view name) {
  auto number = parse_experiment_id(id);
  if (!number) return std::move(number).error();
  if (auto checked = check_name(name, "new_name"); !checked) return checked;
  auto renamed = database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    auto rows =
        sql.query("SELECT lifecycle_stage FROM experiments WHERE experiment_id = :id", {*number});
    if (!rows) return std::move(rows).error();
    if (rows->empty()) return experiment_not_found(id);
    if (rows->front().text_or(0, "active") != "active") {
      return core::Error{core::ErrorCode::kInvalidArgument,
                         "Cannot rename a non-active experiment."};
    }
    auto done = sql.execute(
        "UPDATE experiments SET name = :name, last_update_time = :now WHERE experiment_id = :id",
        {std::string(name), clock_->now() / 1000, *number});
    if (!done) return std::move(done).error();
    return {};
  });
  if (!renamed && renamed.error().code == core::ErrorCode::kAlreadyExists)
    return name_is_taken(name);
  return renamed;
}

core::Result<> ExperimentStore::set_tag(std::string_view id, std::string_view key,
                                        std::string_view value) {
  auto number = parse_experiment_id(id);
  if (!number) return std::move(number).error();
  if (auto checked = check_tag(key, value); !checked) return checked;
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto active = active_experiment_location(sql, *number); !active)
      return std::move(active).error();
    auto set = sql.execute(
        "INSERT INTO experiment_tags (key, value, experiment_id) VALUES (:key, :value, :id) ON "
        "CONFLICT (key, experiment_id) DO UPDATE SET value = excluded.value",
        {std::string(key), std::string(value), *number});
    if (!set) return std::move(set).error();
    return {};
  });
}

core::Result<> ExperimentStore::delete_tag(std::string_view id, std::string_view key) {
  auto number = parse_experiment_id(id);
  if (!number) return std::move(number).error();
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto active = active_experiment_location(sql, *number); !active)
      return std::move(active).error();
    auto removed =
        sql.execute("DELETE FROM experiment_tags WHERE key = :key AND experiment_id = :id",
                    {std::string(key), *number});
    if (!removed) return std::move(removed).error();
    if (*removed > 0) return {};
    return core::Error{core::ErrorCode::kNotFound,
                       fmt::format("No tag with name: {} in experiment with id {}", key, id)};
  });
}

}  // namespace tenure::tracking
