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

  std::size_t feature_count() const { return slots_.size(); }

  /// Buffers reused from call to call, so that a warm read allocates nothing. One per thread.
  struct Scratch {
    std::string bytes;  ///< keys, then copied values; cells point into it until the next read
    std::vector<std::string_view> keys;
    std::vector<std::uint32_t> offsets;
  };

  struct EntityInfo {
    bool is_found = false;    ///< some view has a row for the entity
    core::Micros oldest = 0;  ///< event time of the stalest view row read; 0 = none
  };

  /// Fills cells[i*feature_count() + j] with feature j of entity i: kNumber, kText, or kNull when
  /// the value is null, the entity is unknown, or the row is older than the view's ttl at `now`.
  /// Texts live in `scratch`. Errors: kUnavailable when the store fails; kCorruption when a row
  /// does not decode, naming the view.
  core::Result<> read(std::span<const std::string_view> entity_keys, core::Micros now,
                      Scratch& scratch, std::span<data::Cell> cells,
                      std::span<EntityInfo> info) const;

 private:
  struct ViewPlan {
    std::string key_prefix;
    core::Micros ttl;
    std::size_t feature_count;  ///< stored in a row
  };
  struct Slot {
    std::uint32_t view;      ///< index into views_
    std::uint32_t position;  ///< of the feature in the view's row
  };
  OnlineReader() = default;
  storage::KvStore* store_ = nullptr;
  data::ColumnType key_type_ = data::ColumnType::kText;
  std::vector<ViewPlan> views_;
  std::vector<Slot> slots_;
};

struct MaterializeReport {
  std::string view;
  core::Micros from = 0;
  core::Micros until = 0;
  std::int64_t rows_read = 0;     ///< newest row per key within the window
  std::int64_t rows_written = 0;  ///< newer than what the store had
};

/// Writes rows of a view (key column, feature columns, event times) into the store; a row only
/// replaces one of an earlier event time, so repeating a write, or writing late, is harmless. Null
/// keys are refused.
core::Result<std::int64_t> write_online(storage::KvStore& store, const Definitions& definitions,
                                        const FeatureView& view, const data::Table& rows);

}  // namespace tenure::features
