#include "features/materialize.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include <fmt/core.h>

#include "core/id.h"
#include "core/log.h"
#include "core/sha256.h"
#include "core/time_format.h"
#include "features/online_row.h"
#include "features/online_writer.h"
#include "features/source_schema.h"
#include "features/source_sql.h"
#include "storage/sql/migration.h"

namespace tenure::features {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

constexpr storage::Migration kMigrations[] = {
    {1, "materialized windows",
     "CREATE TABLE tenure_materializations ("
     "project VARCHAR(256) NOT NULL, view_name VARCHAR(256) NOT NULL, "
     "from_us BIGINT NOT NULL, until_us BIGINT NOT NULL, "
     "rows_read BIGINT NOT NULL, rows_written BIGINT NOT NULL, recorded_us BIGINT NOT NULL);"
     "CREATE INDEX tenure_materializations_view ON tenure_materializations "
     "(project, view_name, until_us);"},
    {2, "windows by the view's definition",
     "ALTER TABLE tenure_materializations ADD COLUMN definition BIGINT NOT NULL DEFAULT 0;"},
    {3, "windows by the source's content",
     "ALTER TABLE tenure_materializations ADD COLUMN source_sha256 VARCHAR(64) NOT NULL DEFAULT "
     "'';"},
};

constexpr std::int64_t kPageRows = 100'000;

/// The newest rows of one view's window, as a temporary table, dropped at the end.
class NewestRows {
 public:
  explicit NewestRows(data::Engine& engine)
      : engine_(&engine), name_(data::quote_identifier("tenure_newest_" + core::random_hex_id())) {}
  ~NewestRows() {
    if (auto dropped = engine_->execute("DROP TABLE IF EXISTS " + name_); !dropped) {
      core::log_warn("features", dropped.error().message);
    }
  }
  NewestRows(const NewestRows&) = delete;
  NewestRows& operator=(const NewestRows&) = delete;

  Result<std::int64_t> collect(const Definitions& definitions, const FeatureView& view,
                               core::Micros from, core::Micros until);
  Result<data::Table> page(std::int64_t first) const {
    return engine_->query(fmt::format("SELECT * FROM {} WHERE rowid >= {} AND rowid < {}", name_,
                                      first, first + kPageRows));
  }

 private:
  data::Engine* engine_;
  std::string name_;
};

Result<std::int64_t> NewestRows::collect(const Definitions& definitions, const FeatureView& view,
                                         core::Micros from, core::Micros until) {
  const auto features = all_features(view);
  const std::string source = source_query(definitions, view, features);
  const std::string window = fmt::format("__time BETWEEN {} AND {}", from, until);
  auto keyless = engine_->query_integer(
      fmt::format("SELECT count(*) FROM ({}) WHERE __key IS NULL AND {}", source, window));
  if (!keyless) return std::move(keyless).error();
  if (*keyless > 0) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{} rows of {} have no key in column '{}'", *keyless, view.source,
                             definitions.entity_of(view).key)};
  }
  const std::string_view created = view.created_column.empty() ? "" : "__created DESC NULLS LAST, ";
  // In the order of the store's keys, which begin with the length, a batch touches few pages of it.
  const bool is_text = definitions.entity_of(view).key_type == data::ColumnType::kText;
  const std::string_view order =
      is_text ? " ORDER BY strlen(CAST(__key AS VARCHAR)), CAST(__key AS VARCHAR)" : "";
  auto made = engine_->execute(
      fmt::format("CREATE TEMP TABLE {} AS SELECT * EXCLUDE (__order) FROM ({}) WHERE {} "
                  "QUALIFY row_number() OVER (PARTITION BY __key ORDER BY __time DESC, {}__order "
                  "DESC) = 1{}",
                  name_, source, window, created, order));
  if (!made) return std::move(made).error();
  return engine_->query_integer("SELECT count(*) FROM " + name_);
}

Result<OnlineColumns> columns_of(data::Table& page, const FeatureView& view) {
  for (data::Column& column : page.columns) {
    // The query gives times as plain numbers of microseconds.
    const bool is_time = column.name == "__time" || column.name == "__created";
    if (is_time) column.type = data::ColumnType::kTimestamp;
  }
  OnlineColumns columns;
  auto key = page.column("__key");
  if (!key) return std::move(key).error();
  auto time = page.column("__time");
  if (!time) return std::move(time).error();
  columns.key = *key;
  columns.time = *time;
  columns.created = page.find("__created");
  for (std::size_t i = 0; i < view.features.size(); ++i) {
    auto feature = page.column(fmt::format("__f{}", i));
    if (!feature) return std::move(feature).error();
    columns.features.push_back(*feature);
  }
  return columns;
}

// What is written is safe whether or not it can be brought to a better place.
void settle(storage::KvStore& store, storage::KvStore::Pause pause) {
  if (auto settled = store.settle(pause); !settled) {
    core::log_warn("features", "the online store stays as it is, reads may be slower: " +
                                   settled.error().message);
  }
}

Result<MaterializeReport> materialize_view(data::Engine& engine, storage::KvStore& store,
                                           const Definitions& definitions, const FeatureView& view,
                                           core::Micros from, core::Micros until,
                                           const MaterializeProgress& progress) {
  MaterializeReport report;
  report.view = view.name;
  report.from = from;
  report.until = until;
  report.definition = schema_fingerprint(view);
  NewestRows newest(engine);
  auto rows = newest.collect(definitions, view, from, until);
  if (!rows) return std::move(rows).error();
  report.rows_read = *rows;
  for (std::int64_t first = 0; first < *rows; first += kPageRows) {
    auto page = newest.page(first);
    if (!page) return std::move(page).error();
    auto columns = columns_of(*page, view);
    if (!columns) return std::move(columns).error();
    auto written = write_online_columns(store, definitions, view, *columns, EqualRows::kReplace);
    if (!written) return std::move(written).error();
    report.rows_written += *written;
    settle(store, storage::KvStore::Pause::kBetweenBatches);
    if (progress) progress(view.name, std::min(first + kPageRows, *rows), *rows);
  }
  return report;
}

/// Keys once began with the project and the view. Nobody reads such rows any more: what was
/// materialized since lies under other keys, and a definition's fingerprint says which it is. They
/// go a bounded step at a time, each atomic, so that a store in use is never held up for long.
Result<> remove_former_rows(storage::KvStore& store, std::string_view project,
                            std::string_view view) {
  constexpr std::size_t kStep = 10'000;
  std::string prefix(project);
  prefix.append(1, '\0').append(view).append(1, '\0');
  std::vector<std::string> found;
  do {
    found.clear();
    auto scanned = store.scan(prefix, [&](const storage::KvEntry& entry) {
      found.emplace_back(entry.key);
      return found.size() < kStep;
    });
    if (!scanned) return scanned;
    if (found.empty()) return {};
    const std::vector<std::string_view> keys(found.begin(), found.end());
    if (auto erased = store.erase(keys); !erased) return erased;
  } while (found.size() == kStep);
  return {};
}

/// The online views of that name, or all of them.
Result<std::vector<const FeatureView*>> choose_views(const Definitions& definitions,
                                                     std::span<const std::string> names) {
  std::vector<const FeatureView*> views;
  for (const FeatureView& view : definitions.views) {
    if (names.empty() && view.is_online) views.push_back(&view);
  }
  for (const std::string& name : names) {
    const FeatureView* view = definitions.view(name);
    if (view == nullptr) {
      return definitions.unknown_view(name);
    }
    if (!view->is_online) {
      return Error{
          ErrorCode::kInvalidArgument,
          fmt::format("feature view {} is not online (features.views.{}.online)", name, name)};
    }
    views.push_back(view);
  }
  for (const FeatureView* view : views) {
    if (auto checked = check_source(*view); !checked) return std::move(checked).error();
  }
  return views;
}

Result<MaterializeReport> materialize_and_record(
    data::Engine& engine, storage::KvStore& store, MaterializationLog& log,
    const Definitions& definitions, const FeatureView& view, core::Micros from, core::Micros until,
    core::Micros now, std::string source_sha256, const MaterializeProgress& progress) {
  const std::string context = "feature view " + view.name;
  auto report = materialize_view(engine, store, definitions, view, from, until, progress);
  if (!report) return std::move(report).error().within(context);
  if (auto removed = remove_former_rows(store, definitions.project, view.name); !removed)
    return std::move(removed).error().within(context);
  report->source_sha256 = std::move(source_sha256);
  // Last: a crash before this line only makes the next run repeat harmless work.
  auto recorded = log.record(definitions.project, *report, now);
  if (!recorded) return std::move(recorded).error().within(context);
  return report;
}

// Where an incremental run begins.
Result<core::Micros> first_time(data::Engine& engine, MaterializationLog& log,
                                const Definitions& definitions, const FeatureView& view,
                                core::Micros until, core::Micros lookback,
                                const std::string& source_sha256) {
  auto last = log.last_window(definitions.project, view.name, schema_fingerprint(view));
  if (!last) return std::move(last).error();
  if (*last && until < (*last)->until) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("it is materialized until {} already, later than {}",
                             core::format_utc((*last)->until), core::format_utc(until))};
  }
  if (*last && (*last)->source_sha256 == source_sha256) return (*last)->until - lookback;
  auto oldest = engine.query_integer(fmt::format("SELECT coalesce(min(__time), {}) FROM ({})",
                                                 until, source_query(definitions, view, {})));
  if (!oldest) return std::move(oldest).error();
  return std::min(*oldest, until);
}

}  // namespace

Result<MaterializationLog> MaterializationLog::open(storage::Database& database, core::Micros now) {
  if (auto migrated = storage::migrate(database, "features", kMigrations, now); !migrated) {
    return std::move(migrated).error();
  }
  return MaterializationLog(database);
}

Result<> MaterializationLog::record(std::string_view project, const MaterializeReport& report,
                                    core::Micros now) {
  auto inserted = database_->execute(
      "INSERT INTO tenure_materializations (project, view_name, from_us, until_us, rows_read, "
      "rows_written, recorded_us, definition, source_sha256) VALUES (:project, :view, :from, "
      ":until, :read, :written, :now, :definition, :source)",
      {std::string(project), report.view, report.from, report.until, report.rows_read,
       report.rows_written, now, static_cast<std::int64_t>(report.definition),
       report.source_sha256});
  if (!inserted) return std::move(inserted).error();
  return {};
}

Result<std::optional<MaterializationLog::Window>> MaterializationLog::last_window(
    std::string_view project, std::string_view view, std::uint32_t definition) {
  auto rows = database_->query(
      "SELECT until_us, source_sha256 FROM tenure_materializations WHERE project = :project AND "
      "view_name = :view AND definition = :definition AND source_sha256 <> '' ORDER BY until_us "
      "DESC, recorded_us DESC LIMIT 1",
      {std::string(project), std::string(view), static_cast<std::int64_t>(definition)});
  if (!rows) return std::move(rows).error();
  if (rows->empty()) return std::optional<Window>();
  return std::optional(Window{rows->front().integer(0), rows->front().text(1)});
}

Result<std::vector<MaterializeReport>> materialize(
    data::Engine& engine, storage::KvStore& store, MaterializationLog& log,
    const Definitions& definitions, std::span<const std::string> views, core::Micros from,
    core::Micros until, core::Micros now, const MaterializeProgress& progress) {
  if (from > until) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("the window to materialize starts at {}, after its end {}",
                             core::format_utc(from), core::format_utc(until))};
  }
  auto chosen = choose_views(definitions, views);
  if (!chosen) return std::move(chosen).error();
  std::vector<MaterializeReport> reports;
  for (const FeatureView* view : *chosen) {
    auto report = materialize_and_record(engine, store, log, definitions, *view, from, until, now,
                                         {}, progress);
    if (!report) return std::move(report).error();
    reports.push_back(std::move(*report));
  }
  settle(store, storage::KvStore::Pause::kAtTheEnd);
  return reports;
}

Result<std::vector<MaterializeReport>> materialize_incremental(
    data::Engine& engine, storage::KvStore& store, MaterializationLog& log,
    const Definitions& definitions, std::span<const std::string> views, core::Micros until,
    core::Micros lookback, core::Micros now, const MaterializeProgress& progress) {
  auto chosen = choose_views(definitions, views);
  if (!chosen) return std::move(chosen).error();
  std::vector<MaterializeReport> reports;
  std::map<std::string, std::string> digests;  // several views may read one source
  for (const FeatureView* view : *chosen) {
    std::string& digest = digests[view->source];
    if (digest.empty()) {
      // Before it is read: rows written meanwhile make the next run start anew.
      auto computed = core::sha256_file(view->source);
      if (!computed) return std::move(computed).error().within("feature view " + view->name);
      digest = *std::move(computed);
    }
    auto from = first_time(engine, log, definitions, *view, until, lookback, digest);
    if (!from) return std::move(from).error().within("feature view " + view->name);
    auto report = materialize_and_record(engine, store, log, definitions, *view, *from, until, now,
                                         digest, progress);
    if (!report) return std::move(report).error();
    reports.push_back(std::move(*report));
  }
  settle(store, storage::KvStore::Pause::kAtTheEnd);
  return reports;
}

}  // namespace tenure::features
