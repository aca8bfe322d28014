#include "app/label_tasks.h"

#include <algorithm>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "app/model_store.h"
#include "core/metric.h"
#include "core/time_format.h"
#include "data/parquet_file.h"
#include "monitoring/label_eraser.h"
#include "monitoring/label_joiner.h"
#include "monitoring/label_store.h"

namespace tenure::app {
namespace {

using monitoring::OutcomeLabel;

constexpr std::int64_t kRowsAtOnce = 100'000;

/// Which columns of the file say what.
struct LabelColumns {
  std::string subject, label, time;  ///< no column with times: ""
  bool has_predictions = false;      ///< `subject` names predictions, not customers
};

core::Result<std::string> pick_column(const std::vector<std::string>& columns,
                                      const std::string& wanted,
                                      std::initializer_list<std::string> usual,
                                      std::string_view option) {
  const auto has = [&](const std::string& name) {
    return !name.empty() && std::ranges::find(columns, name) != columns.end();
  };
  if (has(wanted)) return wanted;
  if (wanted.empty())
    for (const std::string& name : usual)
      if (has(name)) return name;
  return core::Error{core::ErrorCode::kNotFound,
                     fmt::format("there is no column {}; the file has {}. Name one with {}",
                                 wanted.empty() ? fmt::format("{}", fmt::join(usual, " or "))
                                                : fmt::format("'{}'", wanted),
                                 fmt::join(columns, ", "), option)};
}

core::Result<LabelColumns> choose_columns(const core::Config& config,
                                          const LabelFileRequest& request,
                                          const std::vector<std::string>& columns) {
  LabelColumns chosen;
  const std::string id = config.text("data.id");
  auto subject = pick_column(columns, request.customer,
                             {"prediction_id", id.empty() ? "customer_id" : id, "customer_id"},
                             "--customer COLUMN");
  if (!subject) return std::move(subject).error();
  auto label = pick_column(columns, request.label, {config.text("data.label.column"), "label"},
                           "--label COLUMN");
  if (!label) return std::move(label).error();
  chosen.subject = *std::move(subject);
  chosen.label = *std::move(label);
  chosen.has_predictions = chosen.subject == "prediction_id";
  const auto time = pick_column(columns, request.time, {"time"}, "--time COLUMN");
  if (!time && !request.time.empty()) return time.error();
  chosen.time = time.value_or("");
  return chosen;
}

/// Opens the file as a table `told` of texts and times.
core::Result<LabelColumns> read_file(data::Engine& engine, const core::Config& config,
                                     const LabelFileRequest& request) {
  std::error_code error;
  if (!std::filesystem::exists(request.file, error))
    return core::Error{core::ErrorCode::kNotFound,
                       fmt::format("{}: no such file", request.file.string())};
  const std::string reader = data::file_table(request.file, ", header=true, all_varchar=true");
  auto described =
      engine.query(fmt::format("SELECT column_name FROM (DESCRIBE SELECT * FROM {})", reader));
  if (!described) return std::move(described).error().within(request.file.string());
  std::vector<std::string> names;
  for (std::size_t row = 0; row < described->row_count(); ++row)
    names.emplace_back(described->columns[0].text(row));
  auto columns = choose_columns(config, request, names);
  if (!columns) return std::move(columns).error().within(request.file.string());
  const auto text = [](const std::string& column) {
    return fmt::format("trim(CAST({} AS VARCHAR))", data::quote_identifier(column));
  };
  const std::string time =
      columns->time.empty()
          ? std::string("NULL")
          : fmt::format("CAST({} AS VARCHAR)", data::quote_identifier(columns->time));
  auto made = engine.execute(
      fmt::format("CREATE TABLE told AS SELECT coalesce({}, '') AS subject, coalesce({}, '') AS "
                  "label, {} AS time, CAST(TRY_CAST({} AS TIMESTAMPTZ) AS TIMESTAMP) AS parsed "
                  "FROM {}",
                  text(columns->subject), text(columns->label), time, time, reader));
  if (!made) return std::move(made).error().within(request.file.string());
  return columns;
}

/// Makes labels of rows.
class RowReader {
 public:
  RowReader(const core::Config& config, std::string model, bool has_predictions, core::Micros now)
      : positive_(config.text("data.label.positive")),
        model_(std::move(model)),
        has_predictions_(has_predictions),
        now_(now) {}

  std::int64_t without_label = 0;

  /// `first`: what row of the file the table begins with, from 1.
  core::Result<std::vector<OutcomeLabel>> read(const data::Table& rows, std::int64_t first) {
    std::vector<OutcomeLabel> labels;
    for (std::size_t row = 0; row < rows.row_count(); ++row) {
      const auto mistake = [&](std::string what) {
        return core::Error{core::ErrorCode::kInvalidArgument,
                           fmt::format("row {}: {}", first + static_cast<std::int64_t>(row), what)};
      };
      const std::string_view subject = rows.columns[0].text(row);
      const std::string_view text = rows.columns[1].text(row);
      if (text.empty()) {
        ++without_label;
        continue;
      }
      if (subject.empty()) return mistake("it names neither a customer nor a prediction");
      const auto outcome = monitoring::read_outcome(text, positive_, {});
      if (!outcome)
        return mistake(fmt::format("'{}' is no label; expected 1 or 0, true or false, yes or no{}",
                                   text,
                                   positive_.empty() ? "" : fmt::format(", or '{}'", positive_)));
      OutcomeLabel label;
      label.model = model_;
      (has_predictions_ ? label.prediction_id : label.entity_id) = subject;
      label.has_happened = *outcome;
      label.time = now_;
      if (!rows.columns[2].is_null(row)) {
        if (rows.columns[3].is_null(row))
          return mistake(fmt::format("'{}' is no time; expected one as in ISO 8601",
                                     rows.columns[2].text(row)));
        label.time = std::get<std::vector<std::int64_t>>(rows.columns[3].values)[row];
      }
      labels.push_back(std::move(label));
    }
    return labels;
  }

 private:
  std::string positive_, model_;
  bool has_predictions_;
  core::Micros now_;
};

core::Result<monitoring::LabelStore> open_labels(Project& project) {
  auto database = project.database();
  if (!database) return std::move(database).error();
  monitoring::LabelStore store(**database, project.clock());
  if (auto ready = store.prepare(); !ready) return std::move(ready).error();
  return store;
}

core::JsonArray aliases_of(Project& project, const std::string& model, std::int64_t version) {
  core::JsonArray aliases;
  auto registry = project.registry();
  if (!registry) return aliases;
  const auto found = (*registry)->get_version(model, version);
  if (found)
    for (const std::string& alias : found->aliases) aliases.emplace_back(alias);
  return aliases;
}

}  // namespace

core::Result<core::JsonObject> tell_label_file(Project& project, const LabelFileRequest& request) {
  const std::string model = request.model.empty() ? served_model(project) : request.model;
  auto store = open_labels(project);
  if (!store) return std::move(store).error();
  auto engine = project.engine();
  if (!engine) return std::move(engine).error();
  auto columns = read_file(**engine, project.config(), request);
  if (!columns) return std::move(columns).error();
  auto rows = (*engine)->query_integer("SELECT count(*) FROM told");
  if (!rows) return std::move(rows).error();
  RowReader reader(project.config(), model, columns->has_predictions, project.clock().now());
  std::vector<OutcomeLabel> labels;
  for (std::int64_t begin = 0; begin < *rows; begin += kRowsAtOnce) {
    auto some = (*engine)->query(
        fmt::format("SELECT subject, label, time, parsed FROM told WHERE rowid >= {} AND rowid < "
                    "{} ORDER BY rowid",
                    begin, begin + kRowsAtOnce));
    if (!some) return std::move(some).error();
    auto read = reader.read(*some, begin + 1);
    if (!read) return std::move(read).error().within(request.file.string());
    std::ranges::move(*read, std::back_inserter(labels));
  }
  auto added = store->add(labels, project.actor());
  if (!added) return std::move(added).error();
  return core::JsonObject{{"model", model},
                          {"file", request.file.string()},
                          {"received", labels.size()},
                          {"new", *added},
                          {"without_label", reader.without_label}};
}

core::Result<core::JsonObject> erase_labels(Project& project,
                                            const std::vector<std::string>& customers,
                                            const std::string& why) {
  if (std::ranges::any_of(customers, &std::string::empty))
    return core::Error{core::ErrorCode::kInvalidArgument, "the id of a customer is empty"};
  auto store = open_labels(project);
  if (!store) return std::move(store).error();
  const auto log =
      project.config().resolve(project.config().text("monitoring.prediction_log.path"));
  const auto erased = monitoring::erase_labels(
      *store, log, customers, {.actor = project.actor(), .reason = why, .evidence = nullptr});
  if (!erased) return erased.error();
  return core::JsonObject{
      {"customers", customers.size()}, {"labels", erased->labels}, {"outcomes", erased->outcomes}};
}

core::Result<core::JsonObject> show_performance(Project& project, const std::string& model) {
  auto store = open_labels(project);
  if (!store) return std::move(store).error();
  core::MetricRegistry metrics;
  const core::Config section = project.config().at("monitoring.labels");
  const core::Micros mature_after = section.duration("mature_after");
  monitoring::LabelJoiner joiner(
      {.folder = project.config().resolve(project.config().text("monitoring.prediction_log.path")),
       .horizon = section.duration("horizon"),
       .mature_after = mature_after,
       .keeps_place = false,
       .settle = 0},
      *store, project.clock(), metrics);
  auto joined = joiner.join_now();
  if (!joined) return std::move(joined).error();
  auto known = store->outcomes(project.clock().now() - mature_after);
  if (!known) return std::move(known).error();
  core::JsonArray versions;
  for (const monitoring::LabelStore::VersionOutcomes& one : *known) {
    if (!model.empty() && one.model != model) continue;
    const serving::OutcomeSums& sums = one.sums;
    versions.push_back(core::JsonObject{{"model", one.model},
                                        {"version", one.version},
                                        {"aliases", aliases_of(project, one.model, one.version)},
                                        {"customers", sums.customers},
                                        {"events", sums.events},
                                        {"expected", sums.expected},
                                        {"observed_to_expected", sums.observed_to_expected()},
                                        {"events_z", sums.events_z()},
                                        {"brier", sums.brier()},
                                        {"excess_brier", sums.excess_brier()},
                                        {"spiegelhalter_z", sums.spiegelhalter_z()},
                                        {"first_prediction", core::format_utc(one.first_predicted)},
                                        {"last_prediction", core::format_utc(one.last_predicted)}});
  }
  return core::JsonObject{{"versions", std::move(versions)}};
}

}  // namespace tenure::app
