#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "data/cell.h"
#include "data/table.h"
#include "features/definition.h"
#include "features/entity_key.h"
#include "storage/kv/kv_store.h"

namespace tenure::features {

/// Reads the newest values of one service's features for entities, from the online store. Made once
/// per model snapshot; knows the byte layout of every view (docs/formats/online-store.md).
/// Immutable, thread-safe.
class OnlineReader {
 public:
  /// Errors: kInvalidArgument when a service's view is not online or its views have different
  /// entities.
  static core::Result<OnlineReader> make(storage::KvStore& store, const Definitions& definitions,
                                         const FeatureService& service);

  std::size_t feature_count() const { return feature_count_; }

  /// Buffers reused from call to call, so that a warm read allocates nothing. One per thread.
  struct Scratch {
    std::string entity_key;
    std::string bytes;   ///< keys
    std::string values;  ///< copied rows; cells point into it until the next read
    std::vector<std::string_view> keys;
    std::vector<std::size_t> offsets;  ///< of each key in bytes
    std::vector<std::size_t> places;   ///< entity and view of each key: i * views + v
    struct Span {
      std::size_t begin = 0;
      std::size_t size = 0;
      bool is_found = false;
    };
    std::vector<Span> rows;         ///< in values, by place
    std::vector<data::Cell> cells;  ///< of one row
  };

  struct EntityInfo {
    bool is_found = false;    ///< some view has a row for the entity
    core::Micros oldest = 0;  ///< event time of the stalest view row read; 0 = none
  };

  /// Fills cells[i*feature_count() + j] with feature j of entity i: kNumber, kText, or kNull when
  /// the value is null, the entity is unknown, or the row is older than the view's ttl at `now`. A
  /// row written under another definition of the view counts as unknown.
  /// Texts live in `scratch`. Errors: kUnavailable when the store fails; kCorruption when a row
  /// does not decode, naming the view.
  core::Result<> read(std::span<const std::string_view> entity_keys, core::Micros now,
                      Scratch& scratch, std::span<data::Cell> cells,
                      std::span<EntityInfo> info) const;

 private:
  struct Slot {
    std::size_t feature;   ///< of the service
    std::size_t position;  ///< in the view's row
  };
  struct ViewPlan {
    std::string name;
    OnlineKeyParts key_parts;
    core::Micros ttl;
    std::uint32_t schema;       ///< fingerprint of the definition
    std::size_t feature_count;  ///< stored in a row
    std::vector<Slot> slots;
  };
  OnlineReader() = default;
  void append_keys(std::string_view entity_key, std::size_t entity, Scratch& scratch) const;
  core::Result<> read_row(const ViewPlan& view, std::string_view entity_key, std::string_view bytes,
                          core::Micros now, Scratch& scratch, std::span<data::Cell> cells,
                          EntityInfo& info) const;
  storage::KvStore* store_ = nullptr;
  std::string join_column_;
  data::ColumnType key_type_ = data::ColumnType::kText;
  std::vector<ViewPlan> views_;  ///< in the order of their keys in the store
  std::size_t feature_count_ = 0;
};

struct MaterializeReport {
  std::string view;
  core::Micros from = 0;
  core::Micros until = 0;
  std::int64_t rows_read = 0;      ///< newest row per key within the window
  std::int64_t rows_written = 0;   ///< newer than what the store had
  std::uint32_t definition = 0;    ///< fingerprint of the view as it was materialized
  std::string source_sha256 = {};  ///< of the source, where all of it until `until` is now online
};

/// Writes rows of a view into the store. `rows` has the entity's key column, the view's timestamp
/// column, its created column if it likes, and a column named like each feature, in any order. A
/// row only replaces one of an earlier event time, or of the same event time and an earlier created
/// time, so repeating a write, or writing late, is harmless. Atomic per 20,000 rows.
/// Returns how many rows were stored. Errors: kInvalidArgument for a missing column, a value that
/// does not fit its feature's type, a null key or time; errors of the store.
core::Result<std::int64_t> write_online(storage::KvStore& store, const Definitions& definitions,
                                        const FeatureView& view, const data::Table& rows);

}  // namespace tenure::features
