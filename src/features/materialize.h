#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "data/engine.h"
#include "features/definition.h"
#include "features/online_store.h"
#include "storage/kv/kv_store.h"
#include "storage/sql/database.h"

namespace tenure::features {

/// Remembers which time windows of which view were materialized (table tenure_materializations).
class MaterializationLog {
 public:
  static core::Result<MaterializationLog> open(storage::Database& database, core::Micros now);
  core::Result<> record(std::string_view project, const MaterializeReport& report,
                        core::Micros now);
  struct Window {
    core::Micros until = 0;
    std::string source_sha256;  ///< of the source's bytes then
    friend bool operator==(const Window&, const Window&) = default;
  };
  /// The last window that an incremental run finished: all of the source until its end was online.
  /// `definition` is the view's schema_fingerprint: a changed view starts anew.
  core::Result<std::optional<Window>> last_window(std::string_view project, std::string_view view,
                                                  std::uint32_t definition);

 private:
  explicit MaterializationLog(storage::Database& database) : database_(&database) {}
  storage::Database* database_;
};

/// Told after each page of rows: the view, rows done, rows in all.
using MaterializeProgress =
    std::function<void(std::string_view view, std::int64_t done, std::int64_t total)>;

/// Moves each online view's newest row per key with from <= event_time <= until into the store;
/// bulk work is SQL, the store is written in batches, each atomic. A stored row of equal times is
/// replaced if its values differ: what training sees is served. Idempotent; safe to repeat after a
/// crash. `views` empty = all online views. `progress` may be empty. Errors:
/// kInvalidArgument (from > until, null key in the source), kNotFound (unknown view, source), store
/// errors.
core::Result<std::vector<MaterializeReport>> materialize(
    data::Engine& engine, storage::KvStore& store, MaterializationLog& log,
    const Definitions& definitions, std::span<const std::string> views, core::Micros from,
    core::Micros until, core::Micros now, const MaterializeProgress& progress = {});

/// As materialize, each view from its last window's end less `lookback`. A view never materialized
/// so, or whose source has other bytes than then, starts at its source's oldest row: new and
/// corrected rows may be of any time. Errors: also kInvalidArgument when `until` lies before a
/// view's last end.
core::Result<std::vector<MaterializeReport>> materialize_incremental(
    data::Engine& engine, storage::KvStore& store, MaterializationLog& log,
    const Definitions& definitions, std::span<const std::string> views, core::Micros until,
    core::Micros lookback, core::Micros now, const MaterializeProgress& progress = {});

}  // namespace tenure::features
